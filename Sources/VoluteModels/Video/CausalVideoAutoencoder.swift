import Volute

/// An autoencoder of video in which no frame sees a later one.
///
/// # Shapes
/// - clip: `[batch, 3, time, height, width]`, `time - 1` a multiple of ``timeFactor``, height and width of ``sizeFactor``.
/// - code: `[batch, code channels, (time - 1) / timeFactor + 1, height / sizeFactor, width / sizeFactor]`.
///
/// Clips can be pushed through in pieces of any number of frames, with the result of the whole at once:
///
/// ```swift
/// autoencoder.encoder.resetStream()
/// for piece in pieces { codes.append(try autoencoder.encoder.stream(piece)) }
/// ```
///
/// ``encode(_:in:progress:)`` and ``decode(_:in:progress:)`` do that, and cut large frames into tiles besides.
///
/// State: the layers' under `encoder.` and `decoder.`, by their numbers.
public final class CausalVideoAutoencoder: Layer {
  /// What an autoencoder is built of.
  public struct Configuration: Sendable {
    /// Of the clip.
    public var inChannels = 3
    /// Of the code.
    public var codeChannels = 8
    /// Of the levels; between them height, width and then time are halved.
    public var widths = [128, 256, 512, 512]
    /// Residual blocks of a level, on either way.
    public var blocksPerLevel = 2
    /// Of channels, in norms that see whole frames.
    public var groups = 32
    /// What the norms see.
    public var normalization = VideoNormalization.frame
    /// What stands before the first frame: that frame over and over (`.replicate`), or nothing (`.zeros`).
    public var timePadding = PaddingMode.replicate

    /// - Precondition: there are widths, all multiples of `groups`.
    public init(
      inChannels: Int = 3, codeChannels: Int = 8, widths: [Int] = [128, 256, 512, 512],
      blocksPerLevel: Int = 2, groups: Int = 32, normalization: VideoNormalization = .frame,
      timePadding: PaddingMode = .replicate
    ) {
      precondition(
        !widths.isEmpty && groups > 0 && widths.allSatisfy { $0 > 0 && $0 % groups == 0 },
        "causal_video_autoencoder: expected widths that are multiples of the \(groups) groups, but got \(widths)"
      )
      self.inChannels = inChannels
      self.codeChannels = codeChannels
      self.widths = widths
      self.blocksPerLevel = blocksPerLevel
      self.groups = groups
      self.normalization = normalization
      self.timePadding = timePadding
    }
  }

  /// What it is built of.
  public let configuration: Configuration
  /// From clips to codes.
  public let encoder: VideoStack
  /// From codes to clips.
  public let decoder: VideoStack

  /// Draws the weights.
  public init(_ configuration: Configuration = Configuration(), generator: Generator = .default) {
    self.configuration = configuration
    let (widths, timePadding) = (configuration.widths, configuration.timePadding)
    func norm(_ channels: Int) -> VideoNorm {
      VideoNorm(configuration.normalization, groups: configuration.groups, channels: channels)
    }
    func conv(_ inputs: Int, _ outputs: Int, stride: PerAxis<Int> = [1, 1, 1]) -> CausalConv3d {
      CausalConv3d.steady(inputs, outputs, stride: stride, timePadding: timePadding, generator: generator)
    }
    func blocks(_ inputs: Int, _ outputs: Int) -> [any VideoLayer] {
      (0..<configuration.blocksPerLevel).map {
        VideoBlock(
          $0 == 0 ? inputs : outputs, outputs, norm: norm, timePadding: timePadding, generator: generator)
      }
    }
    let levels = widths.count - 1
    let deepest = widths[levels]
    var down: [any VideoLayer] = [conv(configuration.inChannels, widths[0])]
    var up: [any VideoLayer] = [conv(configuration.codeChannels, deepest)]
    for (level, width) in widths.enumerated() {
      down += blocks(level == 0 ? width : widths[level - 1], width)
      if level < levels {
        down.append(conv(width, width, stride: [1, 2, 2]))
        down.append(conv(width, width, stride: [2, 1, 1]))
      }
    }
    for (level, width) in widths.enumerated().reversed() {
      up += blocks(level == levels ? width : widths[level + 1], width)
      if level > 0 {
        up.append(TemporalUpsampling(channels: width, timePadding: timePadding, generator: generator))
        up.append(SpatialUpsampling(channels: width, timePadding: timePadding, generator: generator))
      }
    }
    func head(_ inputs: Int, _ outputs: Int) -> [any VideoLayer] {
      [norm(inputs), VideoSiLU(), conv(inputs, outputs)]
    }
    encoder = VideoStack(down + head(deepest, configuration.codeChannels))
    decoder = VideoStack(up + head(widths[0], configuration.inChannels))
  }

  /// By how much time is shortened: 8 for four widths.
  public var timeFactor: Int { 1 << (configuration.widths.count - 1) }
  /// By how much height and width are.
  public var sizeFactor: Int { timeFactor }

  /// The code of a clip.
  ///
  /// - Throws: `ShapeError` when the clip has another number of channels, or sizes that the factors do not divide.
  public func encode(_ clip: Tensor) throws(ShapeError) -> Tensor {
    try check(clip: clip)
    return try encoder(clip)
  }

  /// The clip of a code.
  ///
  /// - Throws: `ShapeError` when the code has another number of channels.
  public func decode(_ code: Tensor) throws(ShapeError) -> Tensor {
    try check(code: code)
    return try decoder(code)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try decode(encode(x)) }

  func check(code: Tensor) throws(ShapeError) {
    guard code.rank == 5, code.shape[1] == configuration.codeChannels, code.shape[2] > 0 else {
      throw ShapeError(
        "causal_video_autoencoder", parameter: "code",
        "expected a code [batch, \(configuration.codeChannels), time, height, width], but got \(code.shape)",
        shapes: [code.shape])
    }
  }

  func check(clip: Tensor) throws(ShapeError) {
    guard clip.rank == 5, clip.shape[1] == configuration.inChannels else {
      throw ShapeError(
        "causal_video_autoencoder", parameter: "clip",
        "expected a clip [batch, \(configuration.inChannels), time, height, width], but got \(clip.shape)",
        shapes: [clip.shape])
    }
    let (time, factor) = (clip.shape[2], timeFactor)
    guard time > 0, (time - 1) % factor == 0 else {
      let fit = max(time - 1, 0) / factor * factor + 1
      throw ShapeError(
        "causal_video_autoencoder", parameter: "time",
        "\(time) frames less one are no multiple of \(factor)", mend: "\(fit) or \(fit + factor) frames fit",
        shapes: [clip.shape])
    }
    guard clip.shape[3] % sizeFactor == 0, clip.shape[4] % sizeFactor == 0 else {
      throw ShapeError(
        "causal_video_autoencoder", parameter: "size",
        "frames of \(clip.shape[3]) by \(clip.shape[4]) are not divisible by \(sizeFactor)",
        mend: "crop or pad them", shapes: [clip.shape])
    }
  }
}
