import VoluteEngine

public typealias BatchNorm1d = BatchNorm<Rank1>
public typealias BatchNorm2d = BatchNorm<Rank2>
public typealias BatchNorm3d = BatchNorm<Rank3>
public typealias InstanceNorm1d = InstanceNorm<Rank1>
public typealias InstanceNorm2d = InstanceNorm<Rank2>
public typealias InstanceNorm3d = InstanceNorm<Rank3>

/// Normalises each channel over the batch, and in evaluation by what it has seen.
///
/// # Shapes
/// `[batch, channels, size...]`; over one axis also `[batch, channels]`. State: `weight`, `bias`, `running_mean`,
/// `running_var`, `num_batches_tracked`.
public final class BatchNorm<Rank: SpatialRank>: Layer {
  public let weight: Parameter?
  public let bias: Parameter?
  public let running: RunningStatistics?
  public let epsilon: Double
  public let momentum: Double?
  private let mode = TrainingMode()

  /// - Parameter momentum: the share of the batch in the new statistics; `nil` averages all batches alike.
  public init(
    channels: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, isAffine: Bool = true,
    tracksStatistics: Bool = true, dtype: DType = .float32
  ) {
    weight = isAffine ? Parameter(.ones([channels], dtype: dtype)) : nil
    bias = isAffine ? Parameter(.zeros([channels], dtype: dtype)) : nil
    running = tracksStatistics ? RunningStatistics(channels: channels, dtype: dtype) : nil
    self.epsilon = epsilon
    self.momentum = momentum
  }

  public var typeName: String { "BatchNorm\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, Swift.max(2, Rank.rank == 1 ? 2 : Rank.rank + 2)...Rank.rank + 2, "batch_norm")
    return try batchNorm(
      x, running: running, weight: weight?.value, bias: bias?.value, isTraining: mode.isTraining,
      momentum: momentum, epsilon: epsilon)
  }
}

/// Normalises each channel of each sample.
///
/// # Shapes
/// `[batch, channels, size...]`, or without the batch. State: with `isAffine` `weight` and `bias`, with
/// `tracksStatistics` the running ones.
public final class InstanceNorm<Rank: SpatialRank>: Layer {
  public let weight: Parameter?
  public let bias: Parameter?
  public let running: RunningStatistics?
  public let epsilon: Double
  public let momentum: Double
  private let mode = TrainingMode()

  public init(
    channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, isAffine: Bool = false,
    tracksStatistics: Bool = false, dtype: DType = .float32
  ) {
    weight = isAffine ? Parameter(.ones([channels], dtype: dtype)) : nil
    bias = isAffine ? Parameter(.zeros([channels], dtype: dtype)) : nil
    running = tracksStatistics ? RunningStatistics(channels: channels, dtype: dtype) : nil
    self.epsilon = epsilon
    self.momentum = momentum
  }

  public var typeName: String { "InstanceNorm\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, Rank.rank + 1...Rank.rank + 2, "instance_norm")
    let isBatched = x.rank == Rank.rank + 2
    let result = try instanceNorm(
      isBatched ? x : x.unsqueezed(0), running: running, weight: weight?.value, bias: bias?.value,
      usesInputStatistics: running == nil || mode.isTraining, momentum: momentum, epsilon: epsilon)
    return isBatched ? result : result.squeezed(0)
  }
}

/// Normalises groups of channels of each sample.
///
/// # Shapes
/// `[batch, channels, size...]`. State: `weight`, `bias`.
public final class GroupNorm: Layer {
  public let groups: Int
  public let weight: Parameter?
  public let bias: Parameter?
  public let epsilon: Double

  public init(
    groups: Int, channels: Int, epsilon: Double = 1e-5, isAffine: Bool = true, dtype: DType = .float32
  ) {
    precondition(
      groups > 0 && channels % groups == 0,
      "group_norm: num_channels must be divisible by num_groups, but got \(channels) and \(groups)")
    self.groups = groups
    weight = isAffine ? Parameter(.ones([channels], dtype: dtype)) : nil
    bias = isAffine ? Parameter(.zeros([channels], dtype: dtype)) : nil
    self.epsilon = epsilon
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try groupNorm(x, groups: groups, weight: weight?.value, bias: bias?.value, epsilon: epsilon)
  }
}

/// Normalises over the last axes.
///
/// # Shapes
/// `[..., shape...]`. State: `weight`, `bias` of `shape`.
public final class LayerNorm: Layer {
  public let shape: [Int]
  public let weight: Parameter?
  public let bias: Parameter?
  public let epsilon: Double

  public init(
    _ shape: [Int], epsilon: Double = 1e-5, isAffine: Bool = true, bias: Bool = true, dtype: DType = .float32
  ) {
    self.shape = shape
    weight = isAffine ? Parameter(.ones(shape, dtype: dtype)) : nil
    self.bias = isAffine && bias ? Parameter(.zeros(shape, dtype: dtype)) : nil
    self.epsilon = epsilon
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try layerNorm(x, shape: shape, weight: weight?.value, bias: bias?.value, epsilon: epsilon)
  }
}

/// Divides by the root of the mean square over the last axes.
///
/// # Shapes
/// `[..., shape...]`. State: `weight` of `shape`.
public final class RMSNorm: Layer {
  public let shape: [Int]
  public let weight: Parameter?
  public let epsilon: Double?

  /// - Parameter epsilon: `nil` takes the type's distance from 1 to the next number.
  public init(_ shape: [Int], epsilon: Double? = nil, isAffine: Bool = true, dtype: DType = .float32) {
    self.shape = shape
    weight = isAffine ? Parameter(.ones(shape, dtype: dtype)) : nil
    self.epsilon = epsilon
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try rmsNorm(x, shape: shape, weight: weight?.value, epsilon: epsilon)
  }
}
