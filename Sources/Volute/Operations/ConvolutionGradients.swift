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
  return operands.result(geometry.inputShape) { gradient, weight, output in
    Engine.convolutionInputGradient(plan, outputGradient: gradient, weight: weight, to: output)
  }
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
    left = arrays[0].tensor.to(dtype).contiguous()
    right = arrays[1].tensor.to(dtype).contiguous()
  }

  func result(_ shape: [Int], _ body: (StridedArray, StridedArray, StridedArray) -> Void) -> Tensor {
    Tensor(filling: shape, dtype) { output in
      left.withStrided { left in right.withStrided { right in body(left, right, output) } }
    }.to(type)
  }
}
