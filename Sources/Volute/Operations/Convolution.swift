import VoluteEngine

/// N-dimensional convolution (cross-correlation), of any number of spatial axes.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`, or without the batch.
/// - `weight`: `[outputs, channels / groups, kernel...]`; its rank decides the number of spatial axes.
/// - `bias`: `[outputs]`.
/// - result: `[batch, outputs, floor((n + before + after - d (k - 1) - 1) / s) + 1 ...]`.
///
/// Integers give integers and wrap; the 16-bit types are accumulated in 32 bits and rounded once.
///
/// - Parameters:
///   - x: the input, batched or not.
///   - weight: the weights.
///   - bias: `[outputs]`, added to each output channel.
///   - stride: elements from one window to the next, along each axis.
///   - padding: amounts, or `.same` (with any stride), `.valid`, `.half`, `.full`.
///   - paddingMode: what is read beyond the input, for the axes whose `padding` does not say.
///   - dilation: elements from one tap to the next, along each axis.
///   - groups: parts into which the channels are divided; they do not see each other.
///   - isStrict: refuse sizes that the stride does not divide, instead of dropping the remainder.
///   - policy: which algorithms may be taken. `.automatic` keeps the error within 3e-6 of the output's root
///     mean square; `.exact` adds up the products of the definition, so that an infinity or a NaN reaches
///     the outputs whose windows it lies in and no others.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func convolution(
  _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: PerAxis<Int> = 1, padding: Padding = 0,
  paddingMode: PerAxis<PaddingMode> = .zeros, dilation: PerAxis<Int> = 1, groups: Int = 1,
  isStrict: Bool = false, policy: ConvolutionPolicy = .automatic
) throws(ShapeError) -> Tensor {
  let geometry = try ConvolutionGeometry(
    inputShape: x.shape, weightShape: weight.shape, stride: stride, padding: padding,
    paddingMode: paddingMode, dilation: dilation, groups: groups, isStrict: isStrict)
  return try convolve(geometry, x, weight, bias, policy: policy)
}

/// N-dimensional transposed convolution: the adjoint of ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)``
/// with the same parameters, in every padding mode.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`, or without the batch.
/// - `weight`: `[channels, outputs / groups, kernel...]`.
/// - `bias`: `[outputs]`.
/// - result: `[batch, outputs, (n - 1) s - before - after + d (k - 1) + outputPadding + 1 ...]`.
///
/// - Parameters:
///   - x: the input, batched or not.
///   - weight: the weights.
///   - bias: `[outputs]`, added to each output channel.
///   - stride: elements from one window to the next, along each axis.
///   - padding: elements added on either side of each axis.
///   - paddingMode: with `.zeros`, what falls on the padding is dropped, as PyTorch does; in the other modes
///     it is added to the elements that the padding stands for. A circular axis scatters onto a ring.
///   - outputPadding: elements added to the end of the output, less than the stride.
///   - outputSize: asks for one of the sizes that the stride makes ambiguous; replaces `outputPadding`.
///   - dilation: elements from one tap to the next, along each axis.
///   - groups: parts into which the channels are divided; they do not see each other.
///   - policy: which algorithms may be taken.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func transposedConvolution(
  _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: PerAxis<Int> = 1, padding: Padding = 0,
  paddingMode: PerAxis<PaddingMode> = .zeros, outputPadding: PerAxis<Int> = 0, outputSize: [Int]? = nil,
  dilation: PerAxis<Int> = 1, groups: Int = 1, policy: ConvolutionPolicy = .automatic
) throws(ShapeError) -> Tensor {
  let geometry = try ConvolutionGeometry(
    transposing: x.shape, weightShape: weight.shape, stride: stride, padding: padding,
    paddingMode: paddingMode, outputPadding: outputPadding, outputSize: outputSize, dilation: dilation,
    groups: groups)
  return try convolve(geometry, x, weight, bias, policy: policy)
}

/// Runs a validated geometry by an algorithm that the policy allows.
package func convolve(
  _ geometry: ConvolutionGeometry, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?,
  policy: ConvolutionPolicy = .automatic
) throws(ShapeError) -> Tensor {
  if weight.dtype != x.dtype || bias.map({ $0.dtype != x.dtype }) ?? false {
    let (name, dtype) =
      weight.dtype != x.dtype ? ("weight", weight.dtype) : ("bias", bias?.dtype ?? weight.dtype)
    throw ShapeError(
      geometry.operation, parameter: name,
      "expected input and \(name) to have one dtype, but got \(x.dtype.rawValue) and \(dtype.rawValue)",
      mend: "convert one of them")
  }
  if x.dtype == .bool {
    throw ShapeError(
      geometry.operation, parameter: "input", "\(geometry.operation) is not implemented for bool",
      mend: "convert to an integer or a floating-point type")
  }
  if let bias, bias.shape != [geometry.outputChannels] {
    throw ShapeError(
      geometry.operation, parameter: "bias",
      "given weight of size \(weight.shape), expected bias to be 1-dimensional with \(geometry.outputChannels) "
        + "elements, but got bias of size \(bias.shape) instead", shapes: [weight.shape, bias.shape])
  }
  // The 16-bit types are computed in 32 bits.
  let dtype: DType = x.dtype.isFloatingPoint && x.dtype.size == 2 ? .float32 : x.dtype
  let input = x.detached().to(dtype).contiguous()
  let factors = weight.detached().to(dtype).contiguous()
  let offsets = bias?.detached().to(dtype).contiguous()
  let plan = try Engine.plan(geometry, .forward, dtype, policy: policy)
  let result = Tensor(filling: geometry.outputShape, dtype) { output in
    input.withStrided { input in
      factors.withStrided { factors in
        let run = { (bias: StridedArray?) in
          Engine.convolution(
            plan, input: input, weight: factors, weightOrigin: weight.origin, bias: bias, to: output)
        }
        if let offsets { offsets.withStrided(run) } else { run(nil) }
      }
    }
  }
  return result.to(x.dtype).recorded(
    [x, weight, bias], ConvolutionBackward(geometry: geometry, x: x, weight: weight, policy: policy))
}
