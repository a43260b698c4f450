import VoluteEngine

/// A convolution over video that never looks ahead: time is padded in front only, height and width on both sides.
///
/// # Shapes
/// `[batch, channels, time, height, width]`; the result has `ceil(time / stride)` frames.
///
/// A clip can also be pushed through in pieces: ``stream(_:)`` remembers the last frames and gives the same output as the
/// whole clip at once.
///
/// State: `conv.weight`, `conv.bias`.
public final class CausalConv3d: Layer {
  /// The convolution, whose padding along time is all in front.
  public let conv: Conv3d
  /// The frames put in front of the first.
  public let timePadding: Int
  /// The frames that the next piece of a stream needs.
  private let cache: Buffer
  /// How many of the next frames no window sees, where the stride is longer than the kernel.
  private let skipped = Buffer(Tensor(0), isPersistent: false)
  private let mode: PaddingMode

  /// - Parameters:
  ///   - inChannels: channels that go in.
  ///   - outChannels: channels that come out.
  ///   - kernelSize: taps along each axis.
  ///   - stride: a single number moves in time only.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - paddingMode: of time; `.zeros`, or `.replicate` for the first frame over and over. Height and width
  ///     have zeros.
  ///   - policy: which algorithms may be taken.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  public init(
    inChannels: Int, outChannels: Int, kernelSize: PerAxis<Int> = 3, stride: PerAxis<Int> = 1,
    dilation: PerAxis<Int> = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros,
    policy: ConvolutionPolicy = .automatic, dtype: DType = .float32, generator: Generator = .default
  ) {
    precondition(
      paddingMode == .zeros || paddingMode == .replicate,
      "causal_conv3d: time is padded with zeros or by replicating, not in mode \(paddingMode.rawValue)")
    let kernel = kernelSize.expanded(Rank3.self, "causal_conv3d", "kernelSize")
    let spacing = dilation.values.count == 1 ? [dilation.values[0], 1, 1] : dilation.values
    timePadding = spacing[0] * (kernel[0] - 1)
    mode = paddingMode
    // Time is put in front by hand, so that a stream can put its own frames there.
    conv = Conv3d(
      inChannels: inChannels, outChannels: outChannels, kernelSize: kernelSize,
      stride: stride.values.count == 1 ? PerAxis([stride.values[0], 1, 1]) : stride,
      padding: .amounts([.zeros(0), .zeros(kernel[1] / 2), .zeros(kernel[2] / 2)]),
      dilation: PerAxis(spacing),
      groups: groups, bias: bias, policy: policy, dtype: dtype, generator: generator)
    cache = Buffer(.zeros([0], dtype: dtype), isPersistent: false)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, 5...5, "causal_conv3d")
    return try conv(startingClip(x))
  }

  /// The output for the next frames of a stream.
  ///
  /// # Shapes
  /// `[batch, channels, time, height, width]`; batch, height and width stay the same through a stream. A piece of few frames
  /// may give no frame yet: the result then has a time of 0.
  ///
  /// - Throws: ``ShapeError`` when a piece does not fit the one before it.
  public func stream(_ x: Tensor) throws(ShapeError) -> Tensor {
    try called(with: [x]) { () throws(ShapeError) in
      try checkRank(x, 5...5, "causal_conv3d")
      let before = cache.value
      var frames: Tensor
      if before.rank == 1 {
        frames = try startingClip(x)
      } else {
        frames = try concatenate([before, x], axis: 2)
      }
      let ahead = Int(skipped.value.item(as: Int64.self))
      let dropped = Swift.min(ahead, frames.shape[2])
      frames = frames.sliced(2, dropped..<frames.shape[2])
      let step = conv.stride.values[0]
      let extent = timePadding + 1
      let steps = frames.shape[2] < extent ? 0 : (frames.shape[2] - extent) / step + 1
      let used = Swift.min(steps * step, frames.shape[2])
      // What was to be skipped and has not come yet, and what the last window leaves to skip.
      skipped.value = Tensor(ahead - dropped + steps * step - used)
      cache.value = frames.sliced(2, used..<frames.shape[2]).cloned()
      if steps == 0 {
        var size: [Int] = []
        for axis in 1...2 {
          let kernel = conv.kernelSize[axis]
          let span = frames.shape[axis + 2] + 2 * (kernel / 2) - conv.dilation.values[axis] * (kernel - 1) - 1
          size.append(span / conv.stride.values[axis] + 1)
        }
        return Tensor.zeros([x.shape[0], conv.outChannels, 0] + size, dtype: x.dtype)
      }
      return try conv(frames)
    }
  }

  /// Ends a stream: the next piece is the beginning of another clip.
  public func resetStream() {
    cache.value = .zeros([0], dtype: conv.weight.dtype)
    skipped.value = Tensor(0)
  }

  private func startingClip(_ x: Tensor) throws(ShapeError) -> Tensor {
    try pad(x, [0, 0, 0, 0, timePadding, 0], mode: mode == .zeros ? .constant : .mode(.replicate))
  }
}
