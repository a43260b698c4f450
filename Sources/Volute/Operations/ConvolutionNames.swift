import VoluteArithmetic
import VoluteEngine

/// ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)`` along one axis, by
/// PyTorch's name.
public let conv1d = RankedConvolution(rank: 1)
/// ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)`` along two axes, by
/// PyTorch's name.
public let conv2d = RankedConvolution(rank: 2)
/// ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)`` along three axes, by
/// PyTorch's name.
public let conv3d = RankedConvolution(rank: 3)

/// The transposed convolution along one axis, by PyTorch's name.
public let convTranspose1d = RankedTransposedConvolution(rank: 1)
/// The transposed convolution along two axes, by PyTorch's name.
public let convTranspose2d = RankedTransposedConvolution(rank: 2)
/// The transposed convolution along three axes, by PyTorch's name.
public let convTranspose3d = RankedTransposedConvolution(rank: 3)

/// A convolution that insists on its number of spatial axes; called like a function.
public struct RankedConvolution: Sendable {
  let rank: Int

  /// See ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)``.
  ///
  /// - Throws: ``ShapeError``, also when the weight is not of `rank + 2` dimensions.
  public func callAsFunction(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: PerAxis<Int> = 1, padding: Padding = 0,
    paddingMode: PerAxis<PaddingMode> = .zeros, dilation: PerAxis<Int> = 1, groups: Int = 1,
    isStrict: Bool = false, policy: ConvolutionPolicy = .automatic
  ) throws(ShapeError) -> Tensor {
    try checkRank(rank, weight, "conv\(rank)d")
    return try convolution(
      x, weight, bias: bias, stride: stride, padding: padding, paddingMode: paddingMode,
      dilation: dilation, groups: groups, isStrict: isStrict, policy: policy)
  }
}

/// A transposed convolution that insists on its number of spatial axes; called like a function.
public struct RankedTransposedConvolution: Sendable {
  let rank: Int

  /// See
  /// ``transposedConvolution(_:_:bias:stride:padding:paddingMode:outputPadding:outputSize:dilation:groups:policy:)``.
  ///
  /// - Throws: ``ShapeError``, also when the weight is not of `rank + 2` dimensions.
  public func callAsFunction(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: PerAxis<Int> = 1, padding: Padding = 0,
    paddingMode: PerAxis<PaddingMode> = .zeros, outputPadding: PerAxis<Int> = 0,
    outputSize: [Int]? = nil, dilation: PerAxis<Int> = 1, groups: Int = 1,
    policy: ConvolutionPolicy = .automatic
  ) throws(ShapeError) -> Tensor {
    try checkRank(rank, weight, "conv_transpose\(rank)d")
    return try transposedConvolution(
      x, weight, bias: bias, stride: stride, padding: padding, paddingMode: paddingMode,
      outputPadding: outputPadding, outputSize: outputSize, dilation: dilation, groups: groups, policy: policy
    )
  }
}

private func checkRank(_ rank: Int, _ weight: Tensor, _ operation: String) throws(ShapeError) {
  if weight.rank == rank + 2 { return }
  throw ShapeError(
    operation, parameter: "weight",
    "expected a \(rank + 2)-dimensional weight for \(operation), but got \(weight.rank)-dimensional size "
      + "\(weight.shape) instead", shapes: [weight.shape])
}
