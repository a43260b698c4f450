import Volute

/// A layer over video that can also be given the frames of a clip in pieces.
protocol VideoLayer: Layer {
  /// The output for the next frames of a stream.
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor
  /// Ends a stream: the next piece is the beginning of another clip.
  func resetStream()
  /// The rows or columns of the input that those of the output are made of, whatever norms see beside them.
  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int>
}

extension VideoLayer {
  func resetStream() {}
  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> { outputs }
}

extension CausalConv3d {
  /// One whose output varies as much as its input, and that adds nothing at first: dozens of such layers let through what
  /// those of the usual weights drown in their biases.
  static func steady(
    _ inputs: Int, _ outputs: Int, kernelSize: PerAxis<Int> = 3, stride: PerAxis<Int> = 1,
    timePadding: PaddingMode, generator: Generator
  ) -> CausalConv3d {
    let layer = CausalConv3d(
      inChannels: inputs, outChannels: outputs, kernelSize: kernelSize, stride: stride,
      paddingMode: timePadding, generator: generator)
    layer.conv.weight.value = .kaimingNormal(
      layer.conv.weight.value.shape, gain: .linear, generator: generator)
    layer.conv.bias?.value = .zeros([outputs])
    return layer
  }
}

extension CausalConv3d: VideoLayer {
  // Height and width are alike here, and dilated by nothing.
  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> {
    let (kernel, stride) = (conv.kernelSize[1], conv.stride.values[1])
    let before = kernel / 2
    return outputs.lowerBound * stride - before...outputs.upperBound * stride - before + kernel - 1
  }
}

/// What a norm of video takes the mean and the variance over.
public enum VideoNormalization: String, Hashable, Sendable, CaseIterable {
  /// Each group of channels, over a whole frame.
  case frame
  /// All channels of one place of one frame: nothing that is far away is seen, so that tiles give what the whole gives.
  case place
}

/// Normalises each frame, or each place of each frame, for itself, so that no frame sees another.
///
/// # Shapes
/// `[batch, channels, time, height, width]`. State: `norm.weight`, `norm.bias`.
final class VideoNorm: VideoLayer {
  let norm: GroupNorm
  private let scope: VideoNormalization

  init(_ scope: VideoNormalization, groups: Int, channels: Int) {
    self.scope = scope
    norm = GroupNorm(groups: scope == .place ? 1 : groups, channels: channels)
  }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    // A stream may have no frame yet.
    if x.count == 0 { return x }
    switch scope {
    case .frame:
      let frames = try rearrange(x, "b c t h w -> (b t) c h w")
      return try rearrange(norm(frames), "(b t) c h w -> b c t h w", ["b": x.shape[0]])
    case .place:
      // By hand: as rows of a few channels the same norm is several times slower.
      let centered = x - x.mean([1], keepsAxes: true)
      let scale = (centered.square().mean([1], keepsAxes: true) + norm.epsilon).rsqrt()
      var result = centered * scale
      if let weight = norm.weight { result = result * weight.value.reshaped(-1, 1, 1, 1) }
      if let bias = norm.bias { result = result + bias.value.reshaped(-1, 1, 1, 1) }
      return result
    }
  }

  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { try self(x) }
}

/// Twice the height and width: a convolution's channels are laid out as squares of 2 by 2.
final class SpatialUpsampling: VideoLayer {
  let conv: CausalConv3d

  init(channels: Int, timePadding: PaddingMode, generator: Generator) {
    conv = .steady(channels, 4 * channels, timePadding: timePadding, generator: generator)
  }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try spread(conv(x)) }
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { try spread(conv.stream(x)) }
  func resetStream() { conv.resetStream() }

  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> {
    // Rounded down, where rows lie before the first.
    conv.source(of: outputs.lowerBound >> 1...outputs.upperBound >> 1)
  }

  private func spread(_ x: Tensor) throws(ShapeError) -> Tensor {
    try rearrange(x, "b (c p q) t h w -> b c t (h p) (w q)", ["p": 2, "q": 2])
  }
}

/// Twice the frames, without the first, which no earlier one comes before: `t` become `2 t - 1`.
final class TemporalUpsampling: VideoLayer {
  let conv: CausalConv3d
  private let isUnderWay = Buffer(Tensor(false), isPersistent: false)

  init(channels: Int, timePadding: PaddingMode, generator: Generator) {
    conv = .steady(channels, 2 * channels, timePadding: timePadding, generator: generator)
  }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try spread(conv(x), dropsFirst: true) }

  func stream(_ x: Tensor) throws(ShapeError) -> Tensor {
    let frames = try conv.stream(x)
    if frames.shape[2] == 0 { return try spread(frames, dropsFirst: false) }
    let isFirst = !isUnderWay.value.item(as: Bool.self)
    isUnderWay.value = Tensor(true)
    return try spread(frames, dropsFirst: isFirst)
  }

  func resetStream() {
    conv.resetStream()
    isUnderWay.value = Tensor(false)
  }

  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> { conv.source(of: outputs) }

  private func spread(_ x: Tensor, dropsFirst: Bool) throws(ShapeError) -> Tensor {
    let frames = try rearrange(x, "b (c p) t h w -> b c (t p) h w", ["p": 2])
    return dropsFirst && frames.shape[2] > 0 ? frames.sliced(2, 1..<frames.shape[2]) : frames
  }
}

/// Two convolutions behind normalisations, and the input added. State: `norm1`, `conv1`, `norm2`, `conv2`, `skip`.
final class VideoBlock: VideoLayer {
  let norm1: VideoNorm
  let conv1: CausalConv3d
  let norm2: VideoNorm
  let conv2: CausalConv3d
  let skip: CausalConv3d?

  init(
    _ inputs: Int, _ outputs: Int, norm: (Int) -> VideoNorm, timePadding: PaddingMode, generator: Generator
  ) {
    func conv(_ inputs: Int, kernelSize: PerAxis<Int> = 3) -> CausalConv3d {
      CausalConv3d.steady(
        inputs, outputs, kernelSize: kernelSize, timePadding: timePadding, generator: generator)
    }
    norm1 = norm(inputs)
    conv1 = conv(inputs)
    norm2 = norm(outputs)
    conv2 = conv(outputs)
    skip = inputs == outputs ? nil : conv(inputs, kernelSize: 1)
  }

  // No layer in here changes the number of frames, so what is added has come as far.
  func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let h = try conv2(norm2(conv1(norm1(x).silu())).silu())
    return try h + (skip?(x) ?? x)
  }

  func stream(_ x: Tensor) throws(ShapeError) -> Tensor {
    let h = try conv2.stream(norm2(conv1.stream(norm1(x).silu())).silu())
    return try h + (skip?.stream(x) ?? x)
  }

  func resetStream() {
    for conv in [conv1, conv2, skip].compactMap({ $0 }) { conv.resetStream() }
  }

  func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> {
    conv1.source(of: conv2.source(of: outputs))
  }
}

/// `x · sigmoid(x)` of whatever comes by.
final class VideoSiLU: VideoLayer {
  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
}

/// Layers one after another. State: those of the layers under `0.`, `1.`, ...
public final class VideoStack: Layer {
  private let layers: [any VideoLayer]

  init(_ layers: [any VideoLayer]) { self.layers = layers }

  public var members: [(key: String, value: ModuleMember)] {
    layers.enumerated().map { ("\($0)", .module($1)) }
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    var x = x
    for layer in layers { x = try layer(x) }
    return x
  }

  /// The output for the next frames of a stream; a piece of few frames may give none yet.
  ///
  /// - Throws: `ShapeError` when a piece does not fit the one before it.
  public func stream(_ x: Tensor) throws(ShapeError) -> Tensor {
    try called(with: [x]) { () throws(ShapeError) in
      var x = x
      for layer in layers { x = try layer.stream(x) }
      return x
    }
  }

  /// Ends a stream: the next piece is the beginning of another clip.
  public func resetStream() {
    for layer in layers { layer.resetStream() }
  }

  /// The rows or columns of the input that those of the output are made of, whatever norms see beside them. They may
  /// lie outside of the frame, where padding is.
  public func source(of outputs: ClosedRange<Int>) -> ClosedRange<Int> {
    layers.reversed().reduce(outputs) { $1.source(of: $0) }
  }
}
