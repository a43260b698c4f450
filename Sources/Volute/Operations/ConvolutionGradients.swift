import VoluteEngine

/// The gradient of a convolution, or of a transposed one, by its input.
///
/// - Parameters:
///   - gradient: the gradient by the output, of the geometry's output shape.
///   - weight: of the geometry's weight shape.
/// - Returns: a tensor of the geometry's input shape.
/// - Throws: ``ShapeError`` when a shape or a type does not fit.
package func convolutionInputGradient(
  _ geometry: ConvolutionGeometry, _ gradient: Tensor, _ weight: Tensor,
  policy: ConvolutionPolicy = .automatic
) throws(ShapeError) -> Tensor {
  let operands = try GradientOperands(
    geometry, [("gradient", gradient, geometry.outputShape), ("weight", weight, geometry.weightShape)])
  let plan = try Engine.plan(geometry, .inputGradient, operands.dtype, policy: policy)
  return operands.result(geometry.inputShape) { gradient, factors, output in
    Engine.convolutionInputGradient(
      plan, outputGradient: gradient, weight: factors, weightOrigin: weight.origin, to: output)
  }.recorded(
    [gradient, weight],
    ConvolutionInputGradientBackward(geometry: geometry, gradient: gradient, weight: weight, policy: policy))
}

/// The gradient of a convolution, or of a transposed one, by its weight.
///
/// - Parameters:
///   - x: the input, of the geometry's input shape.
///   - gradient: the gradient by the output, of the geometry's output shape.
/// - Returns: a tensor of the geometry's weight shape.
/// - Throws: ``ShapeError`` when a shape or a type does not fit.
package func convolutionWeightGradient(
  _ geometry: ConvolutionGeometry, _ x: Tensor, _ gradient: Tensor, policy: ConvolutionPolicy = .automatic
) throws(ShapeError) -> Tensor {
  let operands = try GradientOperands(
    geometry, [("input", x, geometry.inputShape), ("gradient", gradient, geometry.outputShape)])
  let plan = try Engine.plan(geometry, .weightGradient, operands.dtype, policy: policy)
  return operands.result(geometry.weightShape) { input, gradient, output in
    Engine.convolutionWeightGradient(plan, input: input, outputGradient: gradient, to: output)
  }.recorded(
    [x, gradient],
    ConvolutionWeightGradientBackward(geometry: geometry, x: x, gradient: gradient, policy: policy))
}

// The convolution is linear in its input and in its weight, and so are its gradients: each of the three is
// differentiated by the other two.

/// The gradient of a convolution, or of a transposed one.
struct ConvolutionBackward: Backward {
  let geometry: ConvolutionGeometry
  /// Kept only where the other's gradient needs them.
  let x: Tensor?
  let weight: Tensor?
  let policy: ConvolutionPolicy

  init(geometry: ConvolutionGeometry, x: Tensor, weight: Tensor, policy: ConvolutionPolicy) {
    self.geometry = geometry
    self.x = weight.requiresGrad ? x : nil
    self.weight = x.requiresGrad ? weight : nil
    self.policy = policy
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    trapping { () throws(ShapeError) in
      var result: [Tensor?] = [nil, nil, nil]
      if context.needs(0), let weight {
        result[0] = try convolutionInputGradient(geometry, gradient, weight, policy: policy)
      }
      if context.needs(1), let x {
        result[1] = try convolutionWeightGradient(geometry, x, gradient, policy: policy)
      }
      if context.needs(2) {
        let channels = gradient.rank - 1 - geometry.rank
        result[2] = gradient.sum(gradient.shape.indices.filter { $0 != channels })
      }
      return result
    }
  }
}

struct ConvolutionInputGradientBackward: Backward {
  let geometry: ConvolutionGeometry
  let gradient: Tensor
  let weight: Tensor
  let policy: ConvolutionPolicy

  var name: String { "ConvolutionBackwardBackward" }

  func gradients(_ cotangent: Tensor, _ context: BackwardContext) -> [Tensor?] {
    trapping { () throws(ShapeError) in
      [
        context.needs(0) ? try convolve(geometry, cotangent, weight, nil, policy: policy) : nil,
        context.needs(1)
          ? try convolutionWeightGradient(geometry, cotangent, gradient, policy: policy) : nil,
      ]
    }
  }
}

struct ConvolutionWeightGradientBackward: Backward {
  let geometry: ConvolutionGeometry
  let x: Tensor
  let gradient: Tensor
  let policy: ConvolutionPolicy

  var name: String { "ConvolutionBackwardBackward" }

  func gradients(_ cotangent: Tensor, _ context: BackwardContext) -> [Tensor?] {
    trapping { () throws(ShapeError) in
      [
        context.needs(0)
          ? try convolutionInputGradient(geometry, gradient, cotangent, policy: policy) : nil,
        context.needs(1) ? try convolve(geometry, x, cotangent, nil, policy: policy) : nil,
      ]
    }
  }
}

/// The two arrays that a gradient is computed from, checked and laid out for the engine.
private struct GradientOperands {
  let type: DType
  /// The type of the computation: the 16-bit types are computed in 32 bits.
  let dtype: DType
  private let left: Tensor
  private let right: Tensor

  init(
    _ geometry: ConvolutionGeometry, _ arrays: [(name: String, tensor: Tensor, shape: [Int])]
  ) throws(ShapeError) {
    type = arrays[0].tensor.dtype
    for (name, tensor, shape) in arrays {
      if tensor.shape != shape {
        throw ShapeError(
          geometry.operation, parameter: name, "expected \(name) of shape \(shape), but got \(tensor.shape)",
          shapes: [tensor.shape])
      }
      if tensor.dtype != type || !type.isFloatingPoint {
        throw ShapeError(
          geometry.operation, parameter: name,
          "gradients need one floating-point type, but got \(type.rawValue) and \(tensor.dtype.rawValue)")
      }
    }
    dtype = type.size == 2 ? .float32 : type
    left = arrays[0].tensor.detached().to(dtype).contiguous()
    right = arrays[1].tensor.detached().to(dtype).contiguous()
  }

  func result(_ shape: [Int], _ body: (StridedArray, StridedArray, StridedArray) -> Void) -> Tensor {
    // Of an empty batch there is nothing to add up.
    if left.count == 0 || right.count == 0 { return .zeros(shape, dtype: type) }
    return Tensor(filling: shape, dtype) { output in
      left.withStrided { left in right.withStrided { right in body(left, right, output) } }
    }.to(type)
  }
}
