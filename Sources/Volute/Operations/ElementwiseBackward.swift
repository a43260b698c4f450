import VoluteEngine

extension Tensor {
  /// The gradient by something that was broadcast to this tensor's shape: summed over the axes that stretched.
  func summed(to shape: [Int]) -> Tensor {
    if shape == self.shape { return self }
    let lead = rank - shape.count
    let stretched = self.shape.indices.filter {
      $0 < lead || (shape[$0 - lead] == 1 && self.shape[$0] != 1)
    }
    let kept = stretched.isEmpty ? self : sum(stretched, keepsAxes: true)
    return lead == 0 ? kept : kept.reshaped(shape)
  }
}

/// The gradient of an operation on two operands that broadcast.
struct BinaryBackward: Backward {
  let operation: BinaryOperation
  let leftShape: [Int]
  let rightShape: [Int]
  /// Kept only where the operation's derivative needs them.
  let left: Tensor?
  let right: Tensor?

  init(_ operation: BinaryOperation, _ left: Tensor, _ right: Tensor) {
    self.operation = operation
    leftShape = left.shape
    rightShape = right.shape
    let isLinear = operation == .add || operation == .subtract
    let isProduct = operation == .multiply
    // A factor matters only to the other's gradient.
    self.left = isLinear || (isProduct && !right.requiresGrad) ? nil : left
    self.right = isLinear || (isProduct && !left.requiresGrad) ? nil : right
  }

  var name: String {
    switch operation {
    case .add: "AddBackward"
    case .subtract: "SubBackward"
    case .multiply: "MulBackward"
    case .divide: "DivBackward"
    case .power: "PowBackward"
    case .minimum: "MinimumBackward"
    case .maximum: "MaximumBackward"
    case .remainder: "RemainderBackward"
    case .truncatingRemainder: "FmodBackward"
    default: "NotDifferentiable"
    }
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [
      context.needs(0) ? byLeft(gradient).summed(to: leftShape) : nil,
      context.needs(1) ? byRight(gradient).summed(to: rightShape) : nil,
    ]
  }

  private func byLeft(_ gradient: Tensor) -> Tensor {
    guard let right else { return gradient }
    switch operation {
    case .multiply: return gradient * right
    case .divide: return gradient / right
    case .power:
      guard let left else { break }
      // An exponent of zero has slope zero, also where the power of the base would be infinite.
      return gradient * masked(right .!= 0, right * left.power(right - 1))
    case .minimum, .maximum: return shared(gradient, 0)
    default: break
    }
    return gradient
  }

  private func byRight(_ gradient: Tensor) -> Tensor {
    switch operation {
    case .subtract: return -gradient
    case .multiply: return left.map { gradient * $0 } ?? gradient
    default: break
    }
    guard let left, let right else { return gradient }
    switch operation {
    case .divide: return -gradient * (left / right / right)
    case .power:
      // PyTorch's rule: no slope at a base of zero with an exponent that is not negative.
      let isFlat = (left .== 0) .& (right .>= 0)
      let base = masked(.!isFlat, left) + isFlat.to(left.dtype)
      return gradient * masked(.!isFlat, left.power(right) * base.log())
    case .remainder: return -gradient * (left / right).floor().detached()
    case .truncatingRemainder: return -gradient * (left / right).truncated().detached()
    case .minimum, .maximum: return shared(gradient, 1)
    default: return gradient
    }
  }

  /// The share of the operand that was taken; equals share evenly.
  private func shared(_ gradient: Tensor, _ operand: Int) -> Tensor {
    guard let left, let right else { return gradient }
    let (mine, other) = operand == 0 ? (left, right) : (right, left)
    let wins = operation == .maximum ? mine .> other : mine .< other
    let isTaken = wins .| mine.isNaN()
    let half = (mine .== other).to(gradient.dtype) * 0.5
    return gradient * (isTaken.to(gradient.dtype) + half)
  }
}

/// `x` where `condition` holds and zero, not NaN times zero, elsewhere.
func masked(_ condition: Tensor, _ x: Tensor) -> Tensor {
  trapping { () throws(ShapeError) in
    try `where`(condition, x, Tensor(full: [], 0, dtype: x.dtype))
  }
}

/// The gradient of a function of each element, told from its input or from its result, whichever is simpler.
struct UnaryBackward: Backward {
  let operation: UnaryOperation
  let input: Tensor?
  let output: Tensor?

  init(_ operation: UnaryOperation, _ input: Tensor, _ output: Tensor) {
    self.operation = operation
    switch operation {
    case .exponential, .exponentialMinusOne, .tangent, .hyperbolicTangent, .sigmoid, .squareRoot,
      .reciprocalSquareRoot, .reciprocal:
      self.input = nil
      self.output = output
    case .negate, .floor, .ceil, .round, .truncate, .sign:
      self.input = nil
      self.output = nil
    default:
      self.input = input
      self.output = nil
    }
  }

  var name: String {
    let names: [UnaryOperation: String] = [
      .negate: "Neg", .absolute: "Abs", .squareRoot: "Sqrt", .reciprocalSquareRoot: "Rsqrt",
      .exponential: "Exp",
      .exponentialMinusOne: "Expm1", .logarithm: "Log", .logarithmOnePlus: "Log1P", .logarithm2: "Log2",
      .logarithm10: "Log10", .sine: "Sin", .cosine: "Cos", .tangent: "Tan", .arcTangent: "Atan",
      .hyperbolicTangent: "Tanh", .errorFunction: "Erf", .truncate: "Trunc", .silu: "Silu", .gelu: "Gelu",
      .geluByTanh: "Gelu",
    ]
    return (names[operation] ?? operation.rawValue.prefix(1).uppercased() + operation.rawValue.dropFirst())
      + "Backward"
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    if let output { return [byOutput(gradient, context.output(output))] }
    if let input { return [byInput(gradient, input)] }
    return [operation == .negate ? -gradient : gradient * 0]
  }

  private func byOutput(_ gradient: Tensor, _ y: Tensor) -> Tensor {
    switch operation {
    case .exponential: gradient * y
    case .exponentialMinusOne: gradient * (y + 1)
    case .tangent: gradient * (y * y + 1)
    case .hyperbolicTangent: gradient * (1 - y * y)
    case .sigmoid: gradient * ((1 - y) * y)
    case .squareRoot: gradient / (y * 2)
    case .reciprocalSquareRoot: gradient * (y * y * y) * -0.5
    default: -gradient * (y * y)
    }
  }

  private func byInput(_ gradient: Tensor, _ x: Tensor) -> Tensor {
    switch operation {
    case .absolute: return gradient * x.sign()
    case .square: return gradient * (x * 2)
    case .logarithm: return gradient / x
    case .logarithmOnePlus: return gradient / (x + 1)
    case .logarithm2: return gradient / (x * 0.693_147_180_559_945_3)
    case .logarithm10: return gradient / (x * 2.302_585_092_994_046)
    case .sine: return gradient * x.cos()
    case .cosine: return -gradient * x.sin()
    case .arcTangent: return gradient / (x * x + 1)
    case .errorFunction: return gradient * (-(x * x)).exp() * 1.128_379_167_095_512_6
    case .silu, .gelu, .geluByTanh: return activation(gradient, x)
    default: return gradient * 0
    }
  }

  /// In one pass, unless the gradient is to be differentiated again.
  private func activation(_ gradient: Tensor, _ x: Tensor) -> Tensor {
    if !gradient.isRecording && !x.isRecording {
      let slope = gradient.contiguous()
      return Tensor(filling: x.shape, x.dtype) { output in
        x.withStrided { x in
          slope.withStrided { Engine.activationGradient(operation, x, gradient: $0, to: output) }
        }
      }
    }
    switch operation {
    case .silu:
      let s = x.sigmoid()
      return gradient * (s * (x * (1 - s) + 1))
    case .gelu:
      let density = (x * x * -0.5).exp() * 0.398_942_280_401_432_7
      return gradient * (((x * 0.707_106_781_186_547_6).erf() + 1) * 0.5 + x * density)
    default:
      let scale = 0.797_884_560_802_865_4
      let t = ((x + x * x * x * 0.044715) * scale).tanh()
      return gradient
        * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * (x * x * (3 * 0.044715) + 1) * scale)
    }
  }
}

/// The gradient of clamping: that of the elements that were left as they are.
struct ClampBackward: Backward {
  let input: Tensor
  let lower: Scalar?
  let upper: Scalar?

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    var isInside = input.isNaN()
    let x = input.detached()
    if let lower, let upper {
      isInside = isInside .| ((x .>= lower.tensor(x.dtype)) .& (x .<= upper.tensor(x.dtype)))
    } else if let lower {
      isInside = isInside .| (x .>= lower.tensor(x.dtype))
    } else if let upper {
      isInside = isInside .| (x .<= upper.tensor(x.dtype))
    }
    return [masked(isInside, gradient)]
  }
}

extension Scalar {
  func tensor(_ dtype: DType) -> Tensor { Tensor(filling: [], dtype) { Engine.fill($0, with: self) } }
}

/// The gradient of `max(x, 0)`, told from the result: unlike a clamp's it is zero at zero.
struct ReluBackward: Backward {
  let output: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [masked(.!(output .<= 0), gradient)]
  }
}

/// The gradient of a choice between two operands.
struct WhereBackward: Backward {
  let condition: Tensor
  let leftShape: [Int]
  let rightShape: [Int]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [
      context.needs(0) ? masked(condition, gradient).summed(to: leftShape) : nil,
      context.needs(1) ? masked(.!condition, gradient).summed(to: rightShape) : nil,
    ]
  }
}

/// The gradient of a conversion: converted back.
struct ToCopyBackward: Backward {
  let dtype: DType

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient.to(dtype)] }
}
