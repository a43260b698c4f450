import Volute

/// A layer over video that can also be given the frames of a clip in pieces.
protocol VideoLayer: Layer {
  /// The output for the next frames of a stream.
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor
  /// Ends a stream: the next piece is the beginning of another clip.
  func resetStream()
}

extension CausalConv3d: VideoLayer {}

/// Normalises groups of channels of each frame for itself, so that no frame sees another.
///
/// # Shapes
/// `[batch, channels, time, height, width]`. State: `norm.weight`, `norm.bias`.
final class FrameNorm: VideoLayer {
  let norm: GroupNorm

  init(groups: Int, channels: Int) { norm = GroupNorm(groups: groups, channels: channels) }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    // A stream may have no frame yet.
    if x.count == 0 { return x }
    let frames = try rearrange(x, "b c t h w -> (b t) c h w")
    return try rearrange(norm(frames), "(b t) c h w -> b c t h w", ["b": x.shape[0]])
  }

  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { try self(x) }
  func resetStream() {}
}

/// Twice the height and width: a convolution's channels are laid out as squares of 2 by 2.
final class SpatialUpsampling: VideoLayer {
  let conv: CausalConv3d

  init(channels: Int, generator: Generator) {
    conv = CausalConv3d(inChannels: channels, outChannels: 4 * channels, generator: generator)
  }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try spread(conv(x)) }
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { try spread(conv.stream(x)) }
  func resetStream() { conv.resetStream() }

  private func spread(_ x: Tensor) throws(ShapeError) -> Tensor {
    try rearrange(x, "b (c p q) t h w -> b c t (h p) (w q)", ["p": 2, "q": 2])
  }
}

/// Twice the frames, without the first, which no earlier one comes before: `t` become `2 t - 1`.
final class TemporalUpsampling: VideoLayer {
  let conv: CausalConv3d
  private let isUnderWay = Buffer(Tensor(false), isPersistent: false)

  init(channels: Int, generator: Generator) {
    conv = CausalConv3d(inChannels: channels, outChannels: 2 * channels, generator: generator)
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

  private func spread(_ x: Tensor, dropsFirst: Bool) throws(ShapeError) -> Tensor {
    let frames = try rearrange(x, "b (c p) t h w -> b c (t p) h w", ["p": 2])
    return dropsFirst && frames.shape[2] > 0 ? frames.sliced(2, 1..<frames.shape[2]) : frames
  }
}

/// Two convolutions behind normalisations, and the input added. State: `norm1`, `conv1`, `norm2`, `conv2`, `skip`.
final class VideoBlock: VideoLayer {
  let norm1: FrameNorm
  let conv1: CausalConv3d
  let norm2: FrameNorm
  let conv2: CausalConv3d
  let skip: CausalConv3d?

  init(_ inputs: Int, _ outputs: Int, groups: Int, generator: Generator) {
    norm1 = FrameNorm(groups: groups, channels: inputs)
    conv1 = CausalConv3d(inChannels: inputs, outChannels: outputs, generator: generator)
    norm2 = FrameNorm(groups: groups, channels: outputs)
    conv2 = CausalConv3d(inChannels: outputs, outChannels: outputs, generator: generator)
    skip =
      inputs == outputs
      ? nil : CausalConv3d(inChannels: inputs, outChannels: outputs, kernelSize: 1, generator: generator)
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
}

/// `x · sigmoid(x)` of whatever comes by.
final class VideoSiLU: VideoLayer {
  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
  func stream(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
  func resetStream() {}
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
  /// - Throws: ``ShapeError`` when a piece does not fit the one before it.
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
}
