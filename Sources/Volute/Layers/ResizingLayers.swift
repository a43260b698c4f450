/// See ``interpolate(_:size:scaleFactor:mode:alignsCorners:recomputesScaleFactor:isAntialiased:)``.
public final class Upsample: Layer {
  /// Elements that come out along each axis; either this or `scaleFactor`.
  public let size: [Int]?
  /// What sizes are multiplied by.
  public let scaleFactor: PerAxis<Double>?
  /// How the axes are sampled.
  public let mode: InterpolationMode
  /// Whether the first and last elements stay where they are; linear and cubic only.
  public let alignsCorners: Bool?

  /// Give either `size` or `scaleFactor`.
  public init(
    size: [Int]? = nil, scaleFactor: PerAxis<Double>? = nil, mode: InterpolationMode = .nearest,
    alignsCorners: Bool? = nil
  ) {
    self.size = size
    self.scaleFactor = scaleFactor
    self.mode = mode
    self.alignsCorners = alignsCorners
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try interpolate(x, size: size, scaleFactor: scaleFactor, mode: mode, alignsCorners: alignsCorners)
  }
}

/// Channels moved into space: `[..., c · f₁ · f₂ ..., n₁, n₂ ...]` gives `[..., c, n₁ f₁, n₂ f₂ ...]`, for any number of axes.
///
/// - Parameters:
///   - x: the input.
///   - factors: one a spatial axis.
/// - Throws: ``ShapeError`` when the factors do not divide the channels.
public func pixelShuffle(_ x: Tensor, _ factors: [Int]) throws(ShapeError) -> Tensor {
  let rank = factors.count
  let product = factors.reduce(1, *)
  guard x.rank > rank, rank > 0, factors.allSatisfy({ $0 > 0 }) else {
    throw ShapeError(
      "pixel_shuffle", parameter: "input",
      "expected positive factors and an input with channels before \(rank) spatial axes, but got \(factors) and "
        + "size \(x.shape)", shapes: [x.shape])
  }
  let lead = Array(x.shape.dropLast(rank + 1))
  let channels = x.shape[lead.count]
  let size = Array(x.shape.suffix(rank))
  guard channels % product == 0 else {
    throw ShapeError(
      "pixel_shuffle", parameter: "input",
      "expects its input's 'channel' dimension to be divisible by \(product), the product of the factors "
        + "\(factors), but input.size(-\(rank + 1))=\(channels)", shapes: [x.shape])
  }
  let split = x.reshaped(lead + [channels / product] + factors + size)
  let first = lead.count + 1
  let pairs = (0..<rank).flatMap { [first + rank + $0, first + $0] }
  return split.permuted(Array(0..<first) + pairs)
    .reshaped(lead + [channels / product] + zip(size, factors).map { $0 * $1 })
}

/// Space moved into channels: the inverse of ``pixelShuffle(_:_:)``.
///
/// - Throws: ``ShapeError`` when the factors do not divide the sizes.
public func pixelUnshuffle(_ x: Tensor, _ factors: [Int]) throws(ShapeError) -> Tensor {
  let rank = factors.count
  guard x.rank > rank, rank > 0, factors.allSatisfy({ $0 > 0 }),
    zip(x.shape.suffix(rank), factors).allSatisfy({ $0 % $1 == 0 })
  else {
    throw ShapeError(
      "pixel_unshuffle", parameter: "input",
      "expects the last \(rank) sizes to be divisible by the factors \(factors), but got size \(x.shape)",
      shapes: [x.shape])
  }
  let lead = Array(x.shape.dropLast(rank))
  let pairs = zip(x.shape.suffix(rank), factors).flatMap { [$0 / $1, $1] }
  let first = lead.count
  let order =
    Array(0..<first) + (0..<rank).map { first + 2 * $0 + 1 } + (0..<rank).map { first + 2 * $0 }
  let channels = lead[first - 1] * factors.reduce(1, *)
  return x.reshaped(lead + pairs).permuted(order)
    .reshaped(Array(lead.dropLast()) + [channels] + zip(x.shape.suffix(rank), factors).map { $0 / $1 })
}

/// See ``pixelShuffle(_:_:)``.
///
/// Source: Shi and others, "Real-Time Single Image and Video Super-Resolution" (2016).
public final class PixelShuffle: Layer {
  /// One factor a spatial axis.
  public let factors: [Int]

  /// A factor for each spatial axis.
  public init(_ factors: [Int]) { self.factors = factors }

  /// PyTorch's: one factor for height and width.
  public convenience init(_ factor: Int) { self.init([factor, factor]) }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try pixelShuffle(x, factors) }
}

/// See ``pixelUnshuffle(_:_:)``.
public final class PixelUnshuffle: Layer {
  /// One factor a spatial axis.
  public let factors: [Int]

  /// One factor a spatial axis; a single number is PyTorch's, for height and width.
  public init(_ factors: [Int]) { self.factors = factors }

  /// One factor a spatial axis; a single number is PyTorch's, for height and width.
  public convenience init(_ factor: Int) { self.init([factor, factor]) }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try pixelUnshuffle(x, factors) }
}
