import VoluteEngine

/// The gradient of a sum, a product or an extreme.
struct ReductionBackward: Backward {
  let reduction: Reduction
  let shape: [Int]
  let dtype: DType
  /// Kept where the derivative needs them.
  let input: Tensor?
  let output: Tensor?
  let keptShape: [Int]
  let axes: [Int]

  init(reduction: Reduction, input: Tensor, output: Tensor, axes: [Int]) {
    self.reduction = reduction
    shape = input.shape
    dtype = input.dtype
    self.axes = axes
    keptShape = output.shape
    self.input = reduction == .sum ? nil : input
    self.output = reduction == .sum ? nil : output.detached()
  }

  var name: String {
    switch reduction {
    case .sum: "SumBackward"
    case .product: "ProdBackward"
    case .minimum: "AminBackward"
    case .maximum: "AmaxBackward"
    default: "NotDifferentiable"
    }
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let spread = gradient.to(dtype).reshaped(keptShape).expanded(shape)
    guard let input, let output else { return [spread] }
    switch reduction {
    case .product: return [spread * productOfOthers(input)]
    default:
      // Equals share evenly.
      let isBest = (input.detached() .== output) .| input.detached().isNaN()
      let best = isBest.to(dtype)
      return [spread * (best / best.sum(axes, keepsAxes: true))]
    }
  }

  /// For each element the product of the others that it is multiplied with.
  private func productOfOthers(_ input: Tensor) -> Tensor {
    if !(input.detached() .== 0).any(), let output {
      return input.product(axes, keepsAxes: true, sameAs: output) / input
    }
    // With zeros it has to be multiplied out: a matrix for each product, with ones in place of the element itself.
    let kept = shape.indices.filter { !axes.contains($0) }
    let order = kept + axes
    let line = input.permuted(order).reshaped(kept.map { shape[$0] } + [-1])
    let count = line.shape[line.rank - 1]
    let own = Tensor.eye(count, dtype: dtype)
    let others = (line.unsqueezed(-2) * (1 - own) + own).product([-1])
    var inverse = order
    for (place, axis) in order.enumerated() { inverse[axis] = place }
    return others.reshaped(order.map { shape[$0] }).permuted(inverse)
  }
}

extension Tensor {
  /// The product over `axes`; `known` is its value, which is used where nothing is recorded.
  fileprivate func product(_ axes: [Int], keepsAxes: Bool, sameAs known: Tensor) -> Tensor {
    if !isRecording { return known }
    return trapping { () throws(ShapeError) in
      try Volute.reduced(self, .product, axes, keepsAxes: keepsAxes, to: dtype)
    }
  }
}

struct MeanBackward: Backward {
  let shape: [Int]
  let keptShape: [Int]
  let dtype: DType
  let count: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [(gradient / Double(max(count, 1))).to(dtype).reshaped(keptShape).expanded(shape)]
  }
}

struct VarianceBackward: Backward {
  let input: Tensor
  let keptShape: [Int]
  let axes: [Int]
  let divisor: Double

  var name: String { "VarBackward" }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let centered = axes.isEmpty ? input * 0 : input - input.mean(axes, keepsAxes: true)
    return [centered * (gradient * (2 / divisor)).to(input.dtype).reshaped(keptShape)]
  }
}

struct SoftmaxBackward: Backward {
  let output: Tensor
  let axis: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    if !GradientMode.isEnabled, output.dtype.size > 2 {
      let place = axis < 0 ? axis + Swift.max(output.rank, 1) : axis
      let slope = gradient.contiguous()
      return [
        Tensor(filling: output.shape, output.dtype) { result in
          output.withStrided { y in
            slope.withStrided { Engine.softmaxGradient(y, gradient: $0, axis: place, to: result) }
          }
        }
      ]
    }
    let y = context.output(output)
    let product = gradient * y
    return [product - y * product.sum([axis], keepsAxes: true)]
  }
}

struct LogSoftmaxBackward: Backward {
  let output: Tensor
  let axis: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [gradient - context.output(output).exp() * gradient.sum([axis], keepsAxes: true)]
  }
}
