import VoluteEngine

/// Over `[batch, channels, length]` or `[batch, channels]`: PyTorch's `nn.BatchNorm1d`.
public typealias BatchNorm1d = BatchNorm<Rank1>
/// Over `[batch, channels, height, width]`: PyTorch's `nn.BatchNorm2d`.
public typealias BatchNorm2d = BatchNorm<Rank2>
/// Over `[batch, channels, depth, height, width]`: PyTorch's `nn.BatchNorm3d`.
public typealias BatchNorm3d = BatchNorm<Rank3>
/// Over `[batch, channels, length]`: PyTorch's `nn.InstanceNorm1d`.
public typealias InstanceNorm1d = InstanceNorm<Rank1>
/// Over `[batch, channels, height, width]`: PyTorch's `nn.InstanceNorm2d`.
public typealias InstanceNorm2d = InstanceNorm<Rank2>
/// Over `[batch, channels, depth, height, width]`: PyTorch's `nn.InstanceNorm3d`.
public typealias InstanceNorm3d = InstanceNorm<Rank3>

/// Normalises each channel over the batch, and in evaluation by what it has seen.
///
/// Source: Ioffe and Szegedy, "Batch Normalization" (2015).
///
/// # Shapes
/// `[batch, channels, size...]`; over one axis also `[batch, channels]`. State: `weight`, `bias`, `running_mean`,
/// `running_var`, `num_batches_tracked`.
public final class BatchNorm<Rank: SpatialRank>: Layer {
  /// Scales, `[channels]`; `nil` when not affine.
  public let weight: Parameter?
  /// Shifts, `[channels]`; `nil` when not affine.
  public let bias: Parameter?
  /// What has been seen in training; `nil` when it is not tracked.
  public let running: RunningStatistics?
  /// Added to the variance before its root is taken.
  public let epsilon: Double
  /// The share of a batch in the running statistics; `nil` averages all batches alike.
  public let momentum: Double?
  private let mode = TrainingMode()

  /// - Parameters:
  ///   - channels: channels of the input.
  ///   - epsilon: added to the variance before its root is taken.
  ///   - momentum: the share of the batch in the new statistics; `nil` averages all batches alike.
  ///   - isAffine: whether scales and shifts are learned.
  ///   - tracksStatistics: whether running statistics are kept, for evaluation.
  ///   - dtype: the type of the weights.
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
    try checkRank(x, (Rank.rank == 1 ? 2 : Rank.rank + 2)...Rank.rank + 2, "batch_norm")
    return try batchNorm(
      x, running: running, weight: weight?.value, bias: bias?.value, isTraining: mode.isTraining,
      momentum: momentum, epsilon: epsilon)
  }
}

/// Normalises each channel of each sample.
///
/// Source: Ulyanov and others, "Instance Normalization" (2016).
///
/// # Shapes
/// `[batch, channels, size...]`, or without the batch. State: with `isAffine` `weight` and `bias`, with
/// `tracksStatistics` the running ones.
public final class InstanceNorm<Rank: SpatialRank>: Layer {
  /// Scales, `[channels]`; `nil` when not affine.
  public let weight: Parameter?
  /// Shifts, `[channels]`; `nil` when not affine.
  public let bias: Parameter?
  /// What has been seen in training; `nil` when it is not tracked.
  public let running: RunningStatistics?
  /// Added to the variance before its root is taken.
  public let epsilon: Double
  /// The share of a batch in the running statistics.
  public let momentum: Double
  private let mode = TrainingMode()

  /// PyTorch's defaults: no scales, no running statistics.
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
/// Source: Wu and He, "Group Normalization" (2018).
///
/// # Shapes
/// `[batch, channels, size...]`. State: `weight`, `bias`.
public final class GroupNorm: Layer {
  /// Parts of the channels that are normalised together.
  public let groups: Int
  /// Scales, `[channels]`; `nil` when not affine.
  public let weight: Parameter?
  /// Shifts, `[channels]`; `nil` when not affine.
  public let bias: Parameter?
  /// Added to the variance before its root is taken.
  public let epsilon: Double

  /// Scales of 1 and shifts of 0; the groups divide the channels.
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
/// Source: Ba and others, "Layer Normalization" (2016).
///
/// # Shapes
/// `[..., shape...]`. State: `weight`, `bias` of `shape`.
public final class LayerNorm: Layer {
  /// The sizes of the last axes, over which it normalises.
  public let shape: [Int]
  /// Scales of `shape`; `nil` when not affine.
  public let weight: Parameter?
  /// Shifts of `shape`; `nil` without.
  public let bias: Parameter?
  /// Added to the variance before its root is taken.
  public let epsilon: Double

  /// Scales of 1 and shifts of 0, for inputs that end in `shape`.
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
/// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).
///
/// # Shapes
/// `[..., shape...]`. State: `weight` of `shape`.
public final class RMSNorm: Layer {
  /// The sizes of the last axes, over which it normalises.
  public let shape: [Int]
  /// Scales of `shape`; `nil` when not affine.
  public let weight: Parameter?
  /// Added to the mean square before its root is taken; `nil` is the type's own.
  public let epsilon: Double?

  /// - Parameters:
  ///   - shape: the sizes of the last axes, over which it normalises.
  ///   - epsilon: `nil` takes the type's distance from 1 to the next number.
  ///   - isAffine: whether scales and shifts are learned.
  ///   - dtype: the type of the weights.
  public init(_ shape: [Int], epsilon: Double? = nil, isAffine: Bool = true, dtype: DType = .float32) {
    self.shape = shape
    weight = isAffine ? Parameter(.ones(shape, dtype: dtype)) : nil
    self.epsilon = epsilon
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try rmsNorm(x, shape: shape, weight: weight?.value, epsilon: epsilon)
  }
}
