/// A convolution that makes an axis smaller and the transposed convolution that is to bring it back.
public struct ResamplingPair: Hashable, Sendable {
  /// The convolution on the way down.
  public var down: Axis
  /// The transposed convolution on the way up.
  public var up: Axis
  /// Elements wrapped around the input of `up` on either side before it is transposed without wrapping: how layers
  /// without a circular transposed convolution go around a ring.
  public var wrap: Int

  /// A pair of any two layers, whether they fit or not.
  public init(down: Axis, up: Axis, wrap: Int = 0) {
    self.down = down
    self.up = up
    self.wrap = wrap
  }

  /// The pair that takes `n` to `n / stride` and back to `n`, for every multiple `n` of the stride.
  ///
  /// The sizes fit exactly when the padding of both is `d (k - 1) + 1 - s` in all; the odd element goes to the end.
  /// A kernel shorter than the stride takes no padding, and output padding on the way up for what it lacks.
  public init(kernel: Int, stride: Int, dilation: Int = 1, mode: PaddingMode = .zeros) {
    down = Axis(kernel: kernel, stride: stride, dilation: dilation, mode: mode)
    let total = max(down.extent - stride, 0)
    down.paddingBefore = total / 2
    down.paddingAfter = total - total / 2
    up = down
    up.outputPadding = max(stride - down.extent, 0)
    wrap = 0
  }

  /// The size after `down`.
  public func smaller(_ size: Int) -> Int { down.outputSize(size) }

  /// The size after `up`, from one after `down`.
  public func larger(_ size: Int) -> Int { up.transposedOutputSize(size + 2 * wrap) }

  /// The ways to make `up` return to `size`; none where it does so already.
  func mends(for size: Int) -> [Mend] {
    let smaller = smaller(size)
    guard larger(smaller) != size else { return [] }
    return Mend.all(of: up, wrap: wrap, from: smaller, to: size) + [.adjoint(adjoint(for: size))]
  }

  /// The adjoint of `down` over `size` elements, which returns to them for every kernel, stride and padding: what the
  /// stride leaves over is its output padding.
  public func adjoint(for size: Int) -> Axis {
    var axis = down
    axis.outputPadding = down.remainder(size)
    return axis
  }
}

/// A change to the layer on the way up that makes a size come out.
public enum Mend: Hashable, Sendable, CustomStringConvertible {
  /// Output padding of the transposed convolution in place of its own.
  case outputPadding(Int)
  /// Padding of the transposed convolution in place of its own.
  case padding(before: Int, after: Int)
  /// Elements to cut from the end of the output.
  case crop(Int)
  /// The exact adjoint of the layer on the way down.
  case adjoint(Axis)

  public var description: String {
    switch self {
    case .outputPadding(let amount): "output padding \(amount)"
    case .padding(let before, let after) where before == after: "padding \(before)"
    case .padding(let before, let after): "padding \(before) before and \(after) after"
    case .crop(let amount): "crop \(amount) at the end"
    case .adjoint(let axis):
      "the adjoint layer: \(axis.mode.rawValue) padding "
        + (axis.paddingBefore == axis.paddingAfter
          ? "\(axis.paddingBefore)" : "\(axis.paddingBefore) before and \(axis.paddingAfter) after")
        + (axis.outputPadding == 0 ? "" : ", output padding \(axis.outputPadding)")
    }
  }

  /// The changes to a transposed convolution that make `input` elements come out as `size`; none where they do.
  ///
  /// - Parameters:
  ///   - up: the transposed convolution.
  ///   - wrap: elements wrapped around the input first.
  ///   - input: elements that go in.
  ///   - size: elements that are to come out.
  public static func all(of up: Axis, wrap: Int = 0, from input: Int, to size: Int) -> [Mend] {
    let returned = up.transposedOutputSize(input + 2 * wrap)
    guard returned != size else { return [] }
    var mends: [Mend] = []
    let extra = up.outputPadding + size - returned
    if (0..<max(up.stride, up.dilation)).contains(extra) { mends.append(.outputPadding(extra)) }
    let total = up.paddingBefore + up.paddingAfter + returned - size
    if total >= 0 { mends.append(.padding(before: total / 2, after: total - total / 2)) }
    if returned > size { mends.append(.crop(returned - size)) }
    return mends
  }

  /// `pair` with the change made; a crop is no part of a layer and leaves it as it is.
  public func applied(to pair: ResamplingPair) -> ResamplingPair {
    var pair = pair
    switch self {
    case .outputPadding(let amount): pair.up.outputPadding = amount
    case .padding(let before, let after): (pair.up.paddingBefore, pair.up.paddingAfter) = (before, after)
    case .crop: break
    case .adjoint(let axis): (pair.up, pair.wrap) = (axis, 0)
    }
    return pair
  }
}

/// The way of one axis down through the levels of a U-Net and back up.
public struct RoundTrip: Hashable, Sendable {
  /// What happens at one level.
  public struct Level: Hashable, Sendable {
    /// The layers of the level.
    public var pair: ResamplingPair
    /// The size that goes down, and that the skip connection keeps.
    public var size: Int
    /// What the layer on the way down makes of `size`.
    public var smaller: Int
    /// The size that comes back up from `smaller`.
    public var returned: Int
    /// What would make `returned` meet `size`; empty where it does.
    public var mends: [Mend]

    /// Whether the size that comes back is the one that went down.
    public var meets: Bool { returned == size }
  }

  /// The levels, outermost first.
  public let levels: [Level]

  /// Whether every skip connection meets its size.
  public var meets: Bool { levels.allSatisfy(\.meets) }

  /// - Throws: ``ShapeError`` when a window does not fit on the way down.
  public init(size: Int, pairs: [ResamplingPair]) throws(ShapeError) {
    var levels: [Level] = []
    var size = size
    for (index, pair) in pairs.enumerated() {
      let smaller = pair.smaller(size)
      guard size >= 1, smaller >= 1 else {
        let padded = size + pair.down.paddingBefore + pair.down.paddingAfter
        throw ShapeError(
          "round trip", parameter: "kernelSize",
          "level \(index + 1): a window of \(pair.down.extent) does not fit into \(padded) elements",
          mend: size < 1 ? nil : "pad by \(pair.down.extent - padded) more")
      }
      levels.append(
        Level(
          pair: pair, size: size, smaller: smaller, returned: pair.larger(smaller),
          mends: pair.mends(for: size)))
      size = smaller
    }
    self.levels = levels
  }
}
