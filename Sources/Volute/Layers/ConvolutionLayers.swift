import VoluteEngine

/// A convolution over `[batch, channels, length]`: PyTorch's `nn.Conv1d`.
public typealias Conv1d = Convolution<Rank1>
/// A convolution over `[batch, channels, height, width]`: PyTorch's `nn.Conv2d`.
public typealias Conv2d = Convolution<Rank2>
/// A convolution over `[batch, channels, depth, height, width]`: PyTorch's `nn.Conv3d`.
public typealias Conv3d = Convolution<Rank3>
/// A transposed convolution over `[batch, channels, length]`: PyTorch's `nn.ConvTranspose1d`.
public typealias ConvTranspose1d = ConvolutionTranspose<Rank1>
/// A transposed convolution over `[batch, channels, height, width]`: PyTorch's `nn.ConvTranspose2d`.
public typealias ConvTranspose2d = ConvolutionTranspose<Rank2>
/// A transposed convolution over `[batch, channels, depth, height, width]`: PyTorch's `nn.ConvTranspose3d`.
public typealias ConvTranspose3d = ConvolutionTranspose<Rank3>

/// A convolution with weights of its own. See
/// ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)`` for shapes.
///
/// State: `weight` `[outputs, inputs / groups, kernel...]`, `bias` `[outputs]`.
public final class Convolution<Rank: SpatialRank>: Layer {
  /// `[outputs, inputs / groups, kernel...]`.
  public let weight: Parameter
  /// `[outputs]`; `nil` without.
  public let bias: Parameter?
  /// Channels that come out.
  public let outChannels: Int
  /// Taps along each axis.
  public let kernelSize: [Int]
  /// Elements from one window to the next, along each axis.
  public let stride: PerAxis<Int>
  /// What is added around the input, along each axis.
  public let padding: Padding
  /// What stands in the padding, where the padding itself does not say.
  public let paddingMode: PerAxis<PaddingMode>
  /// Elements from one tap to the next, along each axis.
  public let dilation: PerAxis<Int>
  /// Parts into which the channels are divided; they do not see each other.
  public let groups: Int
  /// Which algorithms may compute it.
  public let policy: ConvolutionPolicy
  private let learned: LearnedWeights

  /// - Parameters:
  ///   - inChannels: `nil` takes them from the first input, and draws the weights then.
  ///   - outChannels: channels that come out.
  ///   - kernelSize: taps along each axis.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: as in
  ///     ``convolution(_:_:bias:stride:padding:paddingMode:dilation:groups:isStrict:policy:)``, where each
  ///     axis may have a mode of its own.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - paddingMode: what is read beyond the input, for the axes whose `padding` does not say.
  ///   - policy: which algorithms may be taken.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  /// - Precondition: channels, kernel and groups are positive, and the groups divide the channels.
  public init(
    inChannels: Int? = nil, outChannels: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int> = 1,
    padding: Padding = 0, dilation: PerAxis<Int> = 1, groups: Int = 1, bias: Bool = true,
    paddingMode: PerAxis<PaddingMode> = .zeros, policy: ConvolutionPolicy = .automatic,
    dtype: DType = .float32,
    generator: Generator = .default
  ) {
    let kernel = kernelSize.expanded(Rank.self, "conv\(Rank.rank)d", "kernelSize")
    checkChannels("conv\(Rank.rank)d", inChannels, outChannels, kernel, groups)
    self.outChannels = outChannels
    self.kernelSize = kernel
    self.stride = stride
    self.padding = padding
    self.paddingMode = paddingMode
    self.dilation = dilation
    self.groups = groups
    self.policy = policy
    learned = LearnedWeights(
      inputs: inChannels, outputs: outChannels, hasBias: bias, dtype: dtype, generator: generator
    ) { [outChannels, $0 / groups] + kernel }
    weight = learned.weight
    self.bias = learned.bias
  }

  public var typeName: String { "Conv\(Rank.rank)d" }

  /// Each output is a sum over the window.
  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int {
    output.reduce(1, *) * weight.shape.dropFirst().reduce(1, *)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, Rank.rank + 1...Rank.rank + 2, "conv\(Rank.rank)d")
    if !weight.isMaterialized {
      learned.draw(inputs: try inputChannels(of: x, rank: Rank.rank, groups, "conv\(Rank.rank)d"))
    }
    return try convolution(
      x, weight.value, bias: bias?.value, stride: stride, padding: padding, paddingMode: paddingMode,
      dilation: dilation, groups: groups, policy: policy)
  }
}

/// A transposed convolution with weights of its own. See
/// ``transposedConvolution(_:_:bias:stride:padding:paddingMode:outputPadding:outputSize:dilation:groups:policy:)`` for
/// shapes.
///
/// State: `weight` `[inputs, outputs / groups, kernel...]`, `bias` `[outputs]`.
public final class ConvolutionTranspose<Rank: SpatialRank>: Layer {
  /// `[inputs, outputs / groups, kernel...]`.
  public let weight: Parameter
  /// `[outputs]`; `nil` without.
  public let bias: Parameter?
  /// Channels that come out.
  public let outChannels: Int
  /// Taps along each axis.
  public let kernelSize: [Int]
  /// Elements from one window to the next, along each axis.
  public let stride: PerAxis<Int>
  /// What is added around the input, along each axis.
  public let padding: Padding
  /// What stands in the padding, where the padding itself does not say.
  public let paddingMode: PerAxis<PaddingMode>
  /// Elements added to the end of the output, along each axis.
  public let outputPadding: PerAxis<Int>
  /// Elements from one tap to the next, along each axis.
  public let dilation: PerAxis<Int>
  /// Parts into which the channels are divided; they do not see each other.
  public let groups: Int
  /// Which algorithms may compute it.
  public let policy: ConvolutionPolicy
  private let learned: LearnedWeights

  /// - Parameters:
  ///   - inChannels: `nil` takes them from the first input, and draws the weights then.
  ///   - outChannels: channels that come out.
  ///   - kernelSize: taps along each axis.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: elements added on either side of each axis.
  ///   - outputPadding: elements added to the end of the output, less than the stride.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - paddingMode: what is read beyond the input, for the axes whose `padding` does not say.
  ///   - policy: which algorithms may be taken.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  /// - Precondition: channels, kernel and groups are positive, and the groups divide the channels.
  public init(
    inChannels: Int? = nil, outChannels: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int> = 1,
    padding: Padding = 0, outputPadding: PerAxis<Int> = 0, groups: Int = 1, bias: Bool = true,
    dilation: PerAxis<Int> = 1, paddingMode: PerAxis<PaddingMode> = .zeros,
    policy: ConvolutionPolicy = .automatic, dtype: DType = .float32, generator: Generator = .default
  ) {
    let kernel = kernelSize.expanded(Rank.self, "conv_transpose\(Rank.rank)d", "kernelSize")
    checkChannels("conv_transpose\(Rank.rank)d", inChannels, outChannels, kernel, groups)
    self.outChannels = outChannels
    self.kernelSize = kernel
    self.stride = stride
    self.padding = padding
    self.paddingMode = paddingMode
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
    self.policy = policy
    learned = LearnedWeights(
      inputs: inChannels, outputs: outChannels, hasBias: bias, dtype: dtype, generator: generator
    ) { [$0, outChannels / groups] + kernel }
    weight = learned.weight
    self.bias = learned.bias
  }

  public var typeName: String { "ConvTranspose\(Rank.rank)d" }

  /// Each input is spread over a window.
  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int {
    inputs[0].reduce(1, *) * weight.shape.dropFirst().reduce(1, *)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try output(x, size: nil) }

  /// Runs the layer towards one of the sizes that the stride makes ambiguous.
  ///
  /// - Parameters:
  ///   - x: the input.
  ///   - outputSize: the spatial sizes of the result.
  /// - Throws: ``ShapeError``, also when no output padding gives that size.
  public func callAsFunction(_ x: Tensor, outputSize: [Int]) throws(ShapeError) -> Tensor {
    try called(with: [x]) { () throws(ShapeError) in try output(x, size: outputSize) }
  }

  private func output(_ x: Tensor, size: [Int]?) throws(ShapeError) -> Tensor {
    try checkRank(x, Rank.rank + 1...Rank.rank + 2, "conv_transpose\(Rank.rank)d")
    if !weight.isMaterialized {
      learned.draw(inputs: try inputChannels(of: x, rank: Rank.rank, groups, "conv_transpose\(Rank.rank)d"))
    }
    return try transposedConvolution(
      x, weight.value, bias: bias?.value, stride: stride, padding: padding, paddingMode: paddingMode,
      outputPadding: outputPadding, outputSize: size, dilation: dilation, groups: groups, policy: policy)
  }
}

/// The channels of an input, which a layer without weights takes for its own.
private func inputChannels(
  of x: Tensor, rank: Int, _ groups: Int, _ operation: String
) throws(ShapeError) -> Int {
  let channels = x.shape[x.rank - rank - 1]
  if channels == 0 || channels % groups != 0 {
    throw ShapeError(
      operation, parameter: "input", "\(channels) input channels are not divisible by groups \(groups)",
      shapes: [x.shape])
  }
  return channels
}

private func checkChannels(
  _ operation: String, _ inChannels: Int?, _ outChannels: Int, _ kernel: [Int], _ groups: Int
) {
  precondition(groups > 0, "\(operation): groups must be a positive integer, but got \(groups)")
  precondition(
    (inChannels ?? groups) > 0 && (inChannels ?? groups) % groups == 0,
    "\(operation): in_channels must be positive and divisible by groups, but got \(inChannels ?? 0) and \(groups)"
  )
  precondition(
    outChannels > 0 && outChannels % groups == 0,
    "\(operation): out_channels must be positive and divisible by groups, but got \(outChannels) and \(groups)"
  )
  precondition(
    kernel.allSatisfy { $0 > 0 }, "\(operation): kernel size must be positive, but got \(kernel)")
}
