import VoluteEngine

/// Drops channels of `[batch, channels, length]`: PyTorch's `nn.Dropout1d`.
public typealias Dropout1d = ChannelDropout<Rank1>
/// Drops channels of `[batch, channels, height, width]`: PyTorch's `nn.Dropout2d`.
public typealias Dropout2d = ChannelDropout<Rank2>
/// Drops channels of `[batch, channels, depth, height, width]`: PyTorch's `nn.Dropout3d`.
public typealias Dropout3d = ChannelDropout<Rank3>

/// `x` with elements set to zero at random and the others scaled up, so that the mean stays.
///
/// - Parameters:
///   - x: the input.
///   - probability: of an element's being dropped.
///   - axes: the ones along which all elements share their fate.
///   - generator: what random numbers are drawn from.
/// - Throws: ``ShapeError`` for a probability outside of 0...1.
public func dropout(
  _ x: Tensor, probability: Double = 0.5, sharing axes: [Int] = [], generator: Generator = .default
) throws(ShapeError) -> Tensor {
  guard probability >= 0, probability <= 1 else {
    throw ShapeError(
      "dropout", parameter: "probability",
      "dropout probability has to be between 0 and 1, but got \(probability)")
  }
  if probability == 0 { return x }
  if probability == 1 { return x * 0 }
  var shape = x.shape
  for axis in try resolvedAxes(axes, rank: x.rank, operation: "dropout") where x.rank > 0 { shape[axis] = 1 }
  let kept = Tensor.bernoulli(shape, probability: 1 - probability, generator: generator)
  return x * (kept.to(x.dtype) * (1 / (1 - probability)))
}

/// ``dropout(_:probability:sharing:generator:)`` in training, the input as it is otherwise.
///
/// Source: Srivastava and others, "Dropout" (2014).
public final class Dropout: Layer {
  /// Of an element's being dropped, 0 to 1.
  public let probability: Double
  private let mode = TrainingMode()

  /// A layer without parameters; a probability outside of 0...1 is refused when it is called.
  public init(probability: Double = 0.5) { self.probability = probability }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    mode.isTraining ? try dropout(x, probability: probability) : x
  }
}

/// Drops whole channels in training.
///
/// Source: Tompson and others, "Efficient Object Localization Using Convolutional Networks" (2015).
///
/// # Shapes
/// `[batch, channels, size...]`, or without the batch.
public final class ChannelDropout<Rank: SpatialRank>: Layer {
  /// Of a channel's being dropped, 0 to 1.
  public let probability: Double
  private let mode = TrainingMode()

  /// A layer without parameters; a probability outside of 0...1 is refused when it is called.
  public init(probability: Double = 0.5) { self.probability = probability }

  public var typeName: String { "Dropout\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, Rank.rank + 1...Rank.rank + 2, "dropout\(Rank.rank)d")
    if !mode.isTraining { return x }
    return try dropout(x, probability: probability, sharing: Array((x.rank - Rank.rank)..<x.rank))
  }
}
