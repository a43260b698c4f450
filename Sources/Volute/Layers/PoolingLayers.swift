/// Largest elements over `[batch, channels, length]`: PyTorch's `nn.MaxPool1d`.
public typealias MaxPool1d = MaxPool<Rank1>
/// Largest elements over `[batch, channels, height, width]`: PyTorch's `nn.MaxPool2d`.
public typealias MaxPool2d = MaxPool<Rank2>
/// Largest elements over `[batch, channels, depth, height, width]`: PyTorch's `nn.MaxPool3d`.
public typealias MaxPool3d = MaxPool<Rank3>
/// Means over `[batch, channels, length]`: PyTorch's `nn.AvgPool1d`.
public typealias AvgPool1d = AvgPool<Rank1>
/// Means over `[batch, channels, height, width]`: PyTorch's `nn.AvgPool2d`.
public typealias AvgPool2d = AvgPool<Rank2>
/// Means over `[batch, channels, depth, height, width]`: PyTorch's `nn.AvgPool3d`.
public typealias AvgPool3d = AvgPool<Rank3>
/// Roots of power sums over `[batch, channels, length]`: PyTorch's `nn.LPPool1d`.
public typealias LPPool1d = LPPool<Rank1>
/// Roots of power sums over `[batch, channels, height, width]`: PyTorch's `nn.LPPool2d`.
public typealias LPPool2d = LPPool<Rank2>
/// Roots of power sums over `[batch, channels, depth, height, width]`: PyTorch's `nn.LPPool3d`.
public typealias LPPool3d = LPPool<Rank3>
/// Means to a given size over `[batch, channels, length]`: PyTorch's `nn.AdaptiveAvgPool1d`.
public typealias AdaptiveAvgPool1d = AdaptiveAvgPool<Rank1>
/// Means to a given size over `[batch, channels, height, width]`: PyTorch's `nn.AdaptiveAvgPool2d`.
public typealias AdaptiveAvgPool2d = AdaptiveAvgPool<Rank2>
/// Means to a given size over three axes: PyTorch's `nn.AdaptiveAvgPool3d`.
public typealias AdaptiveAvgPool3d = AdaptiveAvgPool<Rank3>
/// Largest elements to a given size over `[batch, channels, length]`: PyTorch's `nn.AdaptiveMaxPool1d`.
public typealias AdaptiveMaxPool1d = AdaptiveMaxPool<Rank1>
/// Largest elements to a given size over two axes: PyTorch's `nn.AdaptiveMaxPool2d`.
public typealias AdaptiveMaxPool2d = AdaptiveMaxPool<Rank2>
/// Largest elements to a given size over three axes: PyTorch's `nn.AdaptiveMaxPool3d`.
public typealias AdaptiveMaxPool3d = AdaptiveMaxPool<Rank3>
/// The inverse of ``MaxPool1d``: PyTorch's `nn.MaxUnpool1d`.
public typealias MaxUnpool1d = MaxUnpool<Rank1>
/// The inverse of ``MaxPool2d``: PyTorch's `nn.MaxUnpool2d`.
public typealias MaxUnpool2d = MaxUnpool<Rank2>
/// The inverse of ``MaxPool3d``: PyTorch's `nn.MaxUnpool3d`.
public typealias MaxUnpool3d = MaxUnpool<Rank3>

/// See ``maxPool(_:rank:kernelSize:stride:padding:dilation:isCeil:)``.
public final class MaxPool<Rank: SpatialRank>: Layer {
  /// Taps along each axis.
  public let kernelSize: PerAxis<Int>
  /// Elements from one window to the next; `nil` moves by the kernel.
  public let stride: PerAxis<Int>?
  /// Elements that never win, on either side of each axis.
  public let padding: PerAxis<Int>
  /// Elements from one tap to the next, along each axis.
  public let dilation: PerAxis<Int>
  /// Whether a last window that overhangs the input is kept.
  public let isCeil: Bool

  /// - Parameters:
  ///   - kernelSize: taps along each axis.
  ///   - stride: `nil` moves by the kernel.
  ///   - padding: elements added on either side of each axis.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - isCeil: keep a last window that overhangs the padded input, unless it starts in the padding.
  public init(
    kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, padding: PerAxis<Int> = 0,
    dilation: PerAxis<Int> = 1,
    isCeil: Bool = false
  ) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.isCeil = isCeil
  }

  public var typeName: String { "MaxPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try withIndices(x).values }

  /// The largest elements and where they stood, for ``MaxUnpool``.
  ///
  /// - Throws: ``ShapeError`` when the window does not fit.
  public func withIndices(_ x: Tensor) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
    try maxPool(
      x, rank: Rank.rank, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation,
      isCeil: isCeil)
  }
}

/// See ``averagePool(_:rank:kernelSize:stride:padding:isCeil:countsPadding:divisor:)``.
public final class AvgPool<Rank: SpatialRank>: Layer {
  /// Taps along each axis.
  public let kernelSize: PerAxis<Int>
  /// Elements from one window to the next; `nil` moves by the kernel.
  public let stride: PerAxis<Int>?
  /// Zeros on either side of each axis.
  public let padding: PerAxis<Int>
  /// Whether a last window that overhangs the input is kept.
  public let isCeil: Bool
  /// Whether padding counts among the elements that the sum is divided by.
  public let countsPadding: Bool
  /// What the sum is divided by in place of the number of elements.
  public let divisor: Int?

  /// - Parameters:
  ///   - kernelSize: taps along each axis.
  ///   - stride: `nil` moves by the kernel.
  ///   - padding: elements added on either side of each axis.
  ///   - isCeil: keep a last window that overhangs the padded input, unless it starts in the padding.
  ///   - countsPadding: whether padding counts among the elements that the sum is divided by.
  ///   - divisor: what the sum is divided by instead.
  public init(
    kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, padding: PerAxis<Int> = 0, isCeil: Bool = false,
    countsPadding: Bool = true, divisor: Int? = nil
  ) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.isCeil = isCeil
    self.countsPadding = countsPadding
    self.divisor = divisor
  }

  public var typeName: String { "AvgPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try averagePool(
      x, rank: Rank.rank, kernelSize: kernelSize, stride: stride, padding: padding, isCeil: isCeil,
      countsPadding: countsPadding, divisor: divisor)
  }
}

/// See ``lpPool(_:rank:norm:kernelSize:stride:isCeil:)``.
public final class LPPool<Rank: SpatialRank>: Layer {
  /// The power: 1 sums, 2 takes the root of the sum of squares.
  public let norm: Double
  /// Taps along each axis.
  public let kernelSize: PerAxis<Int>
  /// Elements from one window to the next; `nil` moves by the kernel.
  public let stride: PerAxis<Int>?
  /// Whether a last window that overhangs the input is kept.
  public let isCeil: Bool

  /// `stride: nil` moves by the kernel.
  public init(norm: Double, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, isCeil: Bool = false) {
    self.norm = norm
    self.kernelSize = kernelSize
    self.stride = stride
    self.isCeil = isCeil
  }

  public var typeName: String { "LPPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try lpPool(x, rank: Rank.rank, norm: norm, kernelSize: kernelSize, stride: stride, isCeil: isCeil)
  }
}

/// See ``adaptiveAveragePool(_:rank:outputSize:)``.
public final class AdaptiveAvgPool<Rank: SpatialRank>: Layer {
  /// Elements that come out along each axis; `nil` keeps the input's.
  public let outputSize: PerAxis<Int?>

  /// One size an axis, or one for all.
  public init(outputSize: PerAxis<Int?>) { self.outputSize = outputSize }

  public var typeName: String { "AdaptiveAvgPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try adaptiveAveragePool(x, rank: Rank.rank, outputSize: outputSize)
  }
}

/// See ``adaptiveMaxPool(_:rank:outputSize:)``.
public final class AdaptiveMaxPool<Rank: SpatialRank>: Layer {
  /// Elements that come out along each axis; `nil` keeps the input's.
  public let outputSize: PerAxis<Int?>

  /// One size an axis, or one for all.
  public init(outputSize: PerAxis<Int?>) { self.outputSize = outputSize }

  public var typeName: String { "AdaptiveMaxPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try adaptiveMaxPool(x, rank: Rank.rank, outputSize: outputSize).values
  }
}

/// See ``maxUnpool(_:indices:rank:kernelSize:stride:padding:outputSize:)``.
public final class MaxUnpool<Rank: SpatialRank>: Module {
  /// Taps along each axis.
  public let kernelSize: PerAxis<Int>
  /// Elements from one window to the next; `nil` moves by the kernel.
  public let stride: PerAxis<Int>?
  /// The padding of the pooling that is undone.
  public let padding: PerAxis<Int>

  /// The numbers of the pooling that is undone.
  public init(kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, padding: PerAxis<Int> = 0) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
  }

  public var typeName: String { "MaxUnpool\(Rank.rank)d" }

  /// Puts the elements of `x` where `indices`, of ``MaxPool/withIndices(_:)``, say that they stood; the rest
  /// is zero.
  ///
  /// - Parameters:
  ///   - x: the pooled elements.
  ///   - indices: where they stood, int64, of the same shape.
  ///   - outputSize: the spatial size, where several have the same pooling.
  /// - Throws: ``ShapeError`` when the shapes differ, an index lies outside, or the size is not possible.
  public func callAsFunction(
    _ x: Tensor, _ indices: Tensor, outputSize: [Int]? = nil
  ) throws(ShapeError) -> Tensor {
    try called(with: [x, indices]) { () throws(ShapeError) in
      try maxUnpool(
        x, indices: indices, rank: Rank.rank, kernelSize: kernelSize, stride: stride, padding: padding,
        outputSize: outputSize)
    }
  }
}
