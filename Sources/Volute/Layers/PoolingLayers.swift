public typealias MaxPool1d = MaxPool<Rank1>
public typealias MaxPool2d = MaxPool<Rank2>
public typealias MaxPool3d = MaxPool<Rank3>
public typealias AvgPool1d = AvgPool<Rank1>
public typealias AvgPool2d = AvgPool<Rank2>
public typealias AvgPool3d = AvgPool<Rank3>
public typealias LPPool1d = LPPool<Rank1>
public typealias LPPool2d = LPPool<Rank2>
public typealias LPPool3d = LPPool<Rank3>
public typealias AdaptiveAvgPool1d = AdaptiveAvgPool<Rank1>
public typealias AdaptiveAvgPool2d = AdaptiveAvgPool<Rank2>
public typealias AdaptiveAvgPool3d = AdaptiveAvgPool<Rank3>
public typealias AdaptiveMaxPool1d = AdaptiveMaxPool<Rank1>
public typealias AdaptiveMaxPool2d = AdaptiveMaxPool<Rank2>
public typealias AdaptiveMaxPool3d = AdaptiveMaxPool<Rank3>
public typealias MaxUnpool1d = MaxUnpool<Rank1>
public typealias MaxUnpool2d = MaxUnpool<Rank2>
public typealias MaxUnpool3d = MaxUnpool<Rank3>

/// See ``maxPool(_:rank:kernelSize:stride:padding:dilation:isCeil:)``.
public final class MaxPool<Rank: SpatialRank>: Layer {
  public let kernelSize: PerAxis<Int>
  public let stride: PerAxis<Int>?
  public let padding: PerAxis<Int>
  public let dilation: PerAxis<Int>
  public let isCeil: Bool

  /// - Parameter stride: `nil` moves by the kernel.
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
  public func withIndices(_ x: Tensor) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
    try maxPool(
      x, rank: Rank.rank, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation,
      isCeil: isCeil)
  }
}

/// See ``averagePool(_:rank:kernelSize:stride:padding:isCeil:countsPadding:divisor:)``.
public final class AvgPool<Rank: SpatialRank>: Layer {
  public let kernelSize: PerAxis<Int>
  public let stride: PerAxis<Int>?
  public let padding: PerAxis<Int>
  public let isCeil: Bool
  public let countsPadding: Bool
  public let divisor: Int?

  /// - Parameter stride: `nil` moves by the kernel.
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
  public let norm: Double
  public let kernelSize: PerAxis<Int>
  public let stride: PerAxis<Int>?
  public let isCeil: Bool

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
  public let outputSize: PerAxis<Int?>

  public init(outputSize: PerAxis<Int?>) { self.outputSize = outputSize }

  public var typeName: String { "AdaptiveAvgPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try adaptiveAveragePool(x, rank: Rank.rank, outputSize: outputSize)
  }
}

/// See ``adaptiveMaxPool(_:rank:outputSize:)``.
public final class AdaptiveMaxPool<Rank: SpatialRank>: Layer {
  public let outputSize: PerAxis<Int?>

  public init(outputSize: PerAxis<Int?>) { self.outputSize = outputSize }

  public var typeName: String { "AdaptiveMaxPool\(Rank.rank)d" }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try adaptiveMaxPool(x, rank: Rank.rank, outputSize: outputSize).values
  }
}

/// See ``maxUnpool(_:indices:rank:kernelSize:stride:padding:outputSize:)``.
public final class MaxUnpool<Rank: SpatialRank>: Module {
  public let kernelSize: PerAxis<Int>
  public let stride: PerAxis<Int>?
  public let padding: PerAxis<Int>

  public init(kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, padding: PerAxis<Int> = 0) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
  }

  public var typeName: String { "MaxUnpool\(Rank.rank)d" }

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
