import VoluteEngine

extension Tensor {
  /// The tensor with the reduced axes moved to the end, and the shapes of the result without and with them.
  private func arranged(
    _ axes: [Int], _ operation: String
  ) -> (input: Tensor, reduced: Int, shape: [Int], kept: [Int]) {
    let resolved = trapping { () throws(ShapeError) in
      try resolvedAxes(axes, rank: rank, operation: operation)
    }
    if rank == 0 { return (self, 0, [], []) }
    let reduced = axes.isEmpty ? Array(shape.indices) : resolved
    let remaining = shape.indices.filter { !reduced.contains($0) }
    return (
      permuted(remaining + reduced.sorted()), reduced.count, remaining.map { shape[$0] },
      shape.indices.map { reduced.contains($0) ? 1 : shape[$0] }
    )
  }

  private func reduce(
    _ reduction: Reduction, _ axes: [Int], _ keepsAxes: Bool, to dtype: DType
  ) -> Tensor {
    let name = reduction.rawValue
    let (input, reduced, shape, kept) = arranged(axes, name)
    let isEmpty = input.shape.suffix(reduced).contains(0)
    switch reduction {
    case .minimum, .maximum, .argumentOfMinimum, .argumentOfMaximum:
      precondition(
        !isEmpty || shape.contains(0),
        "\(name): there is no \(name) of no elements; shape \(self.shape), axes \(axes)")
    default: break
    }
    let result = Tensor(filling: shape, dtype) { output in
      input.withStrided { Engine.reduce(reduction, $0, reduced: reduced, to: output) }
    }
    return keepsAxes ? result.reshaped(kept) : result
  }

  /// Sums over `axes` (all of them when empty). Integers and bools give int64 unless `dtype` says otherwise.
  public func sum(_ axes: [Int] = [], keepsAxes: Bool = false, dtype: DType? = nil) -> Tensor {
    reduce(.sum, axes, keepsAxes, to: dtype ?? (self.dtype.isFloatingPoint ? self.dtype : .int64))
  }

  public func product(_ axes: [Int] = [], keepsAxes: Bool = false) -> Tensor {
    reduce(.product, axes, keepsAxes, to: dtype.isFloatingPoint ? dtype : .int64)
  }

  /// The mean over `axes`; NaN for no elements.
  ///
  /// - Precondition: a floating-point type, or `dtype` names one.
  public func mean(_ axes: [Int] = [], keepsAxes: Bool = false, dtype: DType? = nil) -> Tensor {
    let dtype = dtype ?? self.dtype
    precondition(
      dtype.isFloatingPoint,
      "mean: could not infer output dtype; input dtype must be a floating point dtype, got \(dtype.rawValue)")
    // Summed in 32 bits at least: 16 would overflow long before the mean does.
    let wide: DType = dtype == .float64 ? .float64 : .float32
    let (input, reduced, _, _) = arranged(axes, "mean")
    let count = input.shape.suffix(reduced).reduce(1, *)
    return (sum(axes, keepsAxes: keepsAxes, dtype: wide) / Double(count)).to(dtype)
  }

  /// The mean squared distance from the mean, over the count less `correction`.
  ///
  /// - Precondition: a floating-point type.
  public func variance(
    _ axes: [Int] = [], correction: Int = 1, keepsAxes: Bool = false
  ) -> Tensor { variance64(axes, correction, keepsAxes, "var").to(dtype) }

  /// The square root of ``variance(_:correction:keepsAxes:)``.
  public func standardDeviation(
    _ axes: [Int] = [], correction: Int = 1, keepsAxes: Bool = false
  ) -> Tensor { variance64(axes, correction, keepsAxes, "std").sqrt().to(dtype) }

  private func variance64(
    _ axes: [Int], _ correction: Int, _ keepsAxes: Bool, _ operation: String
  ) -> Tensor {
    precondition(
      dtype.isFloatingPoint, "\(operation): only floating point dtypes are supported, got \(dtype.rawValue)")
    let (input, reduced, shape, kept) = arranged(axes, operation)
    let count = input.shape.suffix(reduced).reduce(1, *)
    let means = mean(axes, dtype: .float64).contiguous()
    let squares = Tensor(filling: shape, .float64) { output in
      input.withStrided { array in
        means.withStrided {
          Engine.squaredDeviations(array, means: $0, reduced: reduced, to: output)
        }
      }
    }
    let result = squares / Double(Swift.max(count - correction, 0))
    return keepsAxes ? result.reshaped(kept) : result
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

  /// Whether any element along `axes` is not zero.
  public func any(_ axes: [Int], keepsAxes: Bool = false) -> Tensor {
    reduce(.any, axes, keepsAxes, to: .bool)
  }

  /// Whether every element along `axes` is not zero.
  public func all(_ axes: [Int], keepsAxes: Bool = false) -> Tensor {
    reduce(.all, axes, keepsAxes, to: .bool)
  }

  /// Whether any element is not zero.
  public func any() -> Bool { any([]).item(as: Bool.self) }

  /// Whether every element is not zero.
  public func all() -> Bool { all([]).item(as: Bool.self) }

  /// `exp(x) / sum(exp(x))` along one axis, safe from overflow.
  ///
  /// - Precondition: a floating-point type.
  public func softmax(_ axis: Int) -> Tensor {
    precondition(
      dtype.isFloatingPoint, "softmax: only floating point dtypes are supported, got \(dtype.rawValue)")
    if count == 0 { return self }
    // In 32 bits at least, rounded once.
    let wide = to(dtype == .float64 ? .float64 : .float32)
    let powers = (wide - wide.max([axis], keepsAxes: true)).exp()
    return (powers / powers.sum([axis], keepsAxes: true)).to(dtype)
  }
}
