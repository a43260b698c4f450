import VoluteEngine

/// A tensor with the axes to reduce moved to its end, and the shapes of the result without and with them.
private struct Arrangement {
  let input: Tensor
  let reduced: Int
  let shape: [Int]
  let keptShape: [Int]
  /// The axes that are reduced, in order.
  let axes: [Int]

  /// `result` with the reduced axes as size 1, or without them.
  func shaped(_ result: Tensor, _ keepsAxes: Bool) -> Tensor {
    result.reshaped(keepsAxes ? keptShape : shape)
  }

  /// The number of elements that one result is made of.
  var count: Int { input.shape.suffix(reduced).reduce(1, *) }

  init(_ x: Tensor, _ axes: [Int], _ operation: String) throws(ShapeError) {
    let resolved = try resolvedAxes(axes, rank: x.rank, operation: operation)
    if x.rank == 0 {
      (input, reduced, shape, keptShape, self.axes) = (x.detached(), 0, [], [], [])
      return
    }
    let dropped = axes.isEmpty ? Array(x.shape.indices) : resolved.sorted()
    let remaining = x.shape.indices.filter { !dropped.contains($0) }
    input = x.detached().permuted(remaining + dropped)
    self.axes = dropped
    reduced = dropped.count
    shape = remaining.map { x.shape[$0] }
    keptShape = x.shape.indices.map { dropped.contains($0) ? 1 : x.shape[$0] }
  }
}

/// A reduction over `axes`, all of them when empty, into elements of `dtype`.
///
/// - Throws: ``ShapeError`` for axes that do not exist, and for extremes of no elements.
package func reduced(
  _ x: Tensor, _ reduction: Reduction, _ axes: [Int], keepsAxes: Bool, to dtype: DType
) throws(ShapeError) -> Tensor {
  let name = reduction.rawValue
  let arrangement = try Arrangement(x, axes, name)
  switch reduction {
  case .minimum, .maximum, .argumentOfMinimum, .argumentOfMaximum:
    if arrangement.count == 0 && !arrangement.shape.contains(0) {
      throw ShapeError(
        name, parameter: "axes", "there is no \(name) of no elements: shape \(x.shape), axes \(axes)",
        mend: "reduce axes of non-zero size", shapes: [x.shape])
    }
  default: break
  }
  let result = Tensor(filling: arrangement.shape, dtype) { output in
    arrangement.input.withStrided {
      Engine.reduce(reduction, $0, reduced: arrangement.reduced, to: output)
    }
  }
  return arrangement.shaped(result, keepsAxes).recorded(
    x,
    ReductionBackward(
      reduction: reduction, input: x, output: result.reshaped(arrangement.keptShape), axes: arrangement.axes))
}

/// The mean over `axes`.
///
/// - Throws: ``ShapeError`` for axes that do not exist, and for types that are not floating-point.
package func mean(
  _ x: Tensor, _ axes: [Int], keepsAxes: Bool, dtype: DType?
) throws(ShapeError) -> Tensor {
  let dtype = dtype ?? x.dtype
  guard dtype.isFloatingPoint else {
    throw ShapeError(
      "mean", parameter: "dtype",
      "could not infer output dtype; input dtype must be a floating point dtype, got \(dtype.rawValue)",
      mend: "name a floating-point dtype")
  }
  // Summed in 32 bits at least: 16 would overflow long before the mean does.
  let wide: DType = dtype == .float64 ? .float64 : .float32
  let arrangement = try Arrangement(x, axes, "mean")
  let total = try reduced(x.detached(), .sum, axes, keepsAxes: keepsAxes, to: wide)
  return (total / Double(arrangement.count)).to(dtype).recorded(
    x,
    MeanBackward(shape: x.shape, keptShape: arrangement.keptShape, dtype: x.dtype, count: arrangement.count))
}

/// The mean squared distance from the mean, over the count less `correction`, in 64 bits.
///
/// - Throws: ``ShapeError`` for axes that do not exist, and for types that are not floating-point.
package func variance(
  _ x: Tensor, _ axes: [Int], correction: Int, keepsAxes: Bool, operation: String = "var"
) throws(ShapeError) -> Tensor {
  guard x.dtype.isFloatingPoint else {
    throw ShapeError(
      operation, parameter: "input",
      "\(operation) only supports floating point dtypes, got \(x.dtype.rawValue)",
      mend: "convert to a floating-point type")
  }
  let arrangement = try Arrangement(x, axes, operation)
  let means = try mean(x.detached(), axes, keepsAxes: false, dtype: .float64).contiguous()
  let squares = Tensor(filling: arrangement.shape, .float64) { output in
    arrangement.input.withStrided { array in
      means.withStrided {
        Engine.squaredDeviations(array, means: $0, reduced: arrangement.reduced, to: output)
      }
    }
  }
  let divisor = Double(max(arrangement.count - correction, 0))
  return arrangement.shaped(squares / divisor, keepsAxes).recorded(
    x,
    VarianceBackward(
      input: x, keptShape: arrangement.keptShape, axes: arrangement.axes, divisor: divisor))
}

/// `exp(x) / sum(exp(x))` along one axis, safe from overflow.
///
/// - Throws: ``ShapeError`` for an axis that does not exist, and for types that are not floating-point.
public func softmax(_ x: Tensor, axis: Int) throws(ShapeError) -> Tensor {
  guard x.dtype.isFloatingPoint else {
    throw ShapeError(
      "softmax", parameter: "input", "softmax is not implemented for \(x.dtype.rawValue)",
      mend: "convert to a floating-point type")
  }
  _ = try resolvedAxis(axis, rank: x.rank, operation: "softmax")
  if x.count == 0 { return x }
  let place = try resolvedAxis(axis, rank: x.rank, operation: "softmax")
  // In 32 bits at least, rounded once.
  let wide = x.detached().to(x.dtype == .float64 ? .float64 : .float32).contiguous()
  let result = Tensor(filling: x.shape, wide.dtype) { output in
    wide.withStrided { Engine.softmax($0, axis: place, to: output) }
  }.to(x.dtype)
  return result.recorded(x, SoftmaxBackward(output: result, axis: axis))
}

extension Tensor {
  private func reduce(
    _ reduction: Reduction, _ axes: [Int], _ keepsAxes: Bool, to dtype: DType
  ) -> Tensor {
    trapping { () throws(ShapeError) in
      try Volute.reduced(self, reduction, axes, keepsAxes: keepsAxes, to: dtype)
    }
  }

  /// Sums over `axes` (all of them when empty). Integers and bools give int64 unless `dtype` says otherwise.
  public func sum(_ axes: [Int] = [], keepsAxes: Bool = false, dtype: DType? = nil) -> Tensor {
    reduce(.sum, axes, keepsAxes, to: dtype ?? (self.dtype.isFloatingPoint ? self.dtype : .int64))
  }

  /// Multiplies over `axes` (all of them when empty). Integers and bools give int64.
  public func product(_ axes: [Int] = [], keepsAxes: Bool = false) -> Tensor {
    reduce(.product, axes, keepsAxes, to: dtype.isFloatingPoint ? dtype : .int64)
  }

  /// The mean over `axes`; NaN for no elements.
  ///
  /// - Precondition: a floating-point type, or `dtype` names one.
  public func mean(_ axes: [Int] = [], keepsAxes: Bool = false, dtype: DType? = nil) -> Tensor {
    trapping { () throws(ShapeError) in
      try Volute.mean(self, axes, keepsAxes: keepsAxes, dtype: dtype)
    }
  }

  /// The mean squared distance from the mean, over the count less `correction`.
  ///
  /// - Precondition: a floating-point type.
  public func variance(
    _ axes: [Int] = [], correction: Int = 1, keepsAxes: Bool = false
  ) -> Tensor {
    trapping { () throws(ShapeError) in
      try Volute.variance(self, axes, correction: correction, keepsAxes: keepsAxes)
    }.to(dtype)
  }

  /// The square root of ``variance(_:correction:keepsAxes:)``.
  public func standardDeviation(
    _ axes: [Int] = [], correction: Int = 1, keepsAxes: Bool = false
  ) -> Tensor {
    trapping { () throws(ShapeError) in
      try Volute.variance(
        self, axes, correction: correction, keepsAxes: keepsAxes, operation: "std")
    }.sqrt().to(dtype)
  }

  /// The smallest element along `axes`; NaN wins.
  public func min(_ axes: [Int] = [], keepsAxes: Bool = false) -> Tensor {
    reduce(.minimum, axes, keepsAxes, to: dtype)
  }

  /// The largest element along `axes`; NaN wins.
  public func max(_ axes: [Int] = [], keepsAxes: Bool = false) -> Tensor {
    reduce(.maximum, axes, keepsAxes, to: dtype)
  }

  /// The place of the first smallest element along one axis, or in the flattened tensor.
  public func argmin(_ axis: Int? = nil, keepsAxes: Bool = false) -> Tensor {
    reduce(.argumentOfMinimum, axis.map { [$0] } ?? [], keepsAxes, to: .int64)
  }

  /// The place of the first largest element along one axis, or in the flattened tensor.
  public func argmax(_ axis: Int? = nil, keepsAxes: Bool = false) -> Tensor {
    reduce(.argumentOfMaximum, axis.map { [$0] } ?? [], keepsAxes, to: .int64)
  }

  /// Whether any element along `axes` is not zero: bool, but uint8 for uint8, as in PyTorch.
  public func any(_ axes: [Int], keepsAxes: Bool = false) -> Tensor {
    reduce(.any, axes, keepsAxes, to: dtype == .uint8 ? .uint8 : .bool)
  }

  /// Whether every element along `axes` is not zero: bool, but uint8 for uint8, as in PyTorch.
  public func all(_ axes: [Int], keepsAxes: Bool = false) -> Tensor {
    reduce(.all, axes, keepsAxes, to: dtype == .uint8 ? .uint8 : .bool)
  }

  /// Whether any element is not zero.
  public func any() -> Bool { any([]).item(as: Bool.self) }

  /// Whether every element is not zero.
  public func all() -> Bool { all([]).item(as: Bool.self) }

  /// `log(sum(exp(x)))` over `axes`, without overflow.
  ///
  /// - Precondition: a floating-point type.
  public func logSumExp(_ axes: [Int], keepsAxes: Bool = false) -> Tensor {
    precondition(dtype.isFloatingPoint, "logsumexp: not implemented for \(dtype.rawValue)")
    var largest = detached().max(axes, keepsAxes: true)
    // Infinities would give infinity less infinity.
    largest = masked(largest.isFinite(), largest)
    let sums = (self - largest).exp().sum(axes, keepsAxes: true).log() + largest
    return keepsAxes ? sums : sums.squeezed(axes)
  }

  /// The root of the sum of squares over `axes`, or the `order`-th root of the sum of `order`-th powers.
  public func norm(_ axes: [Int] = [], order: Double = 2, keepsAxes: Bool = false) -> Tensor {
    if order == .infinity { return abs().max(axes, keepsAxes: keepsAxes) }
    if order == 1 { return abs().sum(axes, keepsAxes: keepsAxes) }
    if order == 2 { return square().sum(axes, keepsAxes: keepsAxes).sqrt() }
    return abs().power(order).sum(axes, keepsAxes: keepsAxes).power(1 / order)
  }

  /// See ``Volute/softmax(_:axis:)``; traps where that throws.
  public func softmax(_ axis: Int) -> Tensor {
    trapping { () throws(ShapeError) in try Volute.softmax(self, axis: axis) }
  }

  /// The logarithm of ``softmax(_:)``, without underflow.
  ///
  /// - Precondition: a floating-point type.
  public func logSoftmax(_ axis: Int) -> Tensor {
    precondition(
      dtype.isFloatingPoint, "log_softmax: not implemented for \(dtype.rawValue)")
    if count == 0 { return self }
    let wide = detached().to(dtype == .float64 ? .float64 : .float32)
    let shifted = wide - wide.max([axis], keepsAxes: true)
    let result = (shifted - shifted.exp().sum([axis], keepsAxes: true).log()).to(dtype)
    return result.recorded(self, LogSoftmaxBackward(output: result, axis: axis))
  }
}
