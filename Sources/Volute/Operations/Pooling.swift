import VoluteEngine

/// The largest element of each window, and where it stood.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]` with `rank` spatial axes, or without the batch.
/// - values, indices: the same with `floor((n + 2 p - d (k - 1) - 1) / s) + 1` along each axis; with `isCeil` a last
///   window that starts inside is kept even if it overhangs.
///
/// Padding counts as minus infinity, the first of equals wins, and NaN beats everything. Indices are flat over the
/// spatial axes.
/// - Parameters:
///   - x: the input.
///   - rank: the number of spatial axes.
///   - kernelSize: taps along each axis.
///   - stride: `nil` moves by the kernel.
///   - padding: elements added on either side of each axis.
///   - dilation: elements from one tap to the next, along each axis.
///   - isCeil: keep a last window that overhangs the padded input, unless it starts in the padding.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func maxPool(
  _ x: Tensor, rank: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
  padding: PerAxis<Int> = 0, dilation: PerAxis<Int> = 1, isCeil: Bool = false
) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
  let geometry = try PoolingGeometry(
    "max_pool", inputShape: x.shape, rank: rank, kernelSize: kernelSize, stride: stride, padding: padding,
    dilation: dilation, isCeil: isCeil)
  return try maximum(of: geometry.windows, x, geometry.operation, to: geometry.outputShape)
}

/// The largest element of each of `outputSize` windows that cover the input evenly, and where it stood.
///
/// Window `o` of `n -> m` covers `floor(o n / m) ..< ceil((o + 1) n / m)`.
/// - Parameters:
///   - x: the input.
///   - rank: the number of spatial axes.
///   - outputSize: one size an axis or one for all; `nil` entries keep the input's.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func adaptiveMaxPool(
  _ x: Tensor, rank: Int, outputSize: PerAxis<Int?>
) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
  let geometry = try AdaptivePoolingGeometry(
    "adaptive_max_pool", inputShape: x.shape, rank: rank, outputSize: outputSize)
  return try maximum(of: geometry.windows, x, geometry.operation, to: geometry.outputShape)
}

private func maximum(
  of windows: [WindowAxis], _ x: Tensor, _ operation: String, to shape: [Int]
) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
  if x.dtype == .bool { throw unsupported(x, operation) }
  let input = x.detached().contiguous()
  var values = Tensor(uninitialized: shape, x.dtype)
  let indices = Tensor(filling: shape, .int64) { indices in
    values.withMutableStrided { values in
      input.withStrided { Engine.maxPool(windows, input: $0, values: values, indices: indices) }
    }
  }
  let backward = MaxPoolBackward(operation: operation, shape: x.shape, rank: windows.count, indices: indices)
  return (values.recorded(x, backward), indices)
}

/// The gradient of keeping the largest of each window: it goes back to where that stood, from all windows that kept it.
private struct MaxPoolBackward: Backward {
  let operation: String
  let shape: [Int]
  let rank: Int
  let indices: Tensor

  var name: String {
    operation.hasPrefix("adaptive") ? "AdaptiveMaxPool\(rank)DBackward" : "MaxPool\(rank)DWithIndicesBackward"
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let planes = Array(shape.dropLast(rank))
    let size = shape.suffix(rank).reduce(1, *)
    if gradient.count == 0 { return [Tensor.zeros(shape, dtype: gradient.dtype)] }
    return [
      Tensor.zeros(planes + [size], dtype: gradient.dtype)
        .scatterAdded(planes.count, indices.reshaped(planes + [-1]), gradient.reshaped(planes + [-1]))
        .reshaped(shape)
    ]
  }
}

/// The mean of each window.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]` with `rank` spatial axes, or without the batch.
/// - result: the same with `floor((n + 2 p - k) / s) + 1` along each axis, or rounded up with `isCeil`.
///
/// - Parameters:
///   - x: the input.
///   - rank: the number of spatial axes.
///   - kernelSize: taps along each axis.
///   - stride: `nil` moves by the kernel.
///   - padding: elements added on either side of each axis.
///   - isCeil: keep a last window that overhangs the padded input, unless it starts in the padding.
///   - countsPadding: divide by the window's size with its padding; what overhangs in ceil mode never counts.
///   - divisor: divides the sums by this instead.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend; also for types that are not
///   floating-point.
public func averagePool(
  _ x: Tensor, rank: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
  padding: PerAxis<Int> = 0, isCeil: Bool = false, countsPadding: Bool = true, divisor: Int? = nil
) throws(ShapeError) -> Tensor {
  let geometry = try PoolingGeometry(
    "avg_pool", inputShape: x.shape, rank: rank, kernelSize: kernelSize, stride: stride, padding: padding,
    isCeil: isCeil)
  if divisor == 0 {
    throw ShapeError(
      geometry.operation, parameter: "divisor", "divisor must be not zero, but got 0")
  }
  let windows = geometry.windows
  var divisors = windows.map { countsPadding ? $0.paddedCounts : $0.counts }
  if let divisor {
    // The whole divisor on one axis, ones on the others.
    divisors = windows.enumerated().map { axis, window in
      Array(repeating: axis == 0 ? divisor : 1, count: window.outputSize)
    }
  }
  return try mean(of: windows, divisors, x, geometry.operation, to: geometry.outputShape)
}

/// The mean of each of `outputSize` windows that cover the input evenly.
///
/// Window `o` of `n -> m` covers `floor(o n / m) ..< ceil((o + 1) n / m)`.
/// - Parameters:
///   - x: the input.
///   - rank: the number of spatial axes.
///   - outputSize: one size an axis or one for all; `nil` entries keep the input's.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend; also for types that are not
///   floating-point.
public func adaptiveAveragePool(
  _ x: Tensor, rank: Int, outputSize: PerAxis<Int?>
) throws(ShapeError) -> Tensor {
  let geometry = try AdaptivePoolingGeometry(
    "adaptive_avg_pool", inputShape: x.shape, rank: rank, outputSize: outputSize)
  let windows = geometry.windows
  return try mean(of: windows, windows.map(\.counts), x, geometry.operation, to: geometry.outputShape)
}

private func mean(
  of windows: [WindowAxis], _ divisors: [[Int]], _ x: Tensor, _ operation: String, to shape: [Int]
) throws(ShapeError) -> Tensor {
  guard x.dtype.isFloatingPoint else { throw unsupported(x, operation) }
  let input = x.detached().contiguous()
  let result = Tensor(filling: shape, x.dtype) { output in
    input.withStrided { Engine.averagePool(windows, divisors: divisors, input: $0, to: output) }
  }
  let stem = operation.hasPrefix("adaptive") ? "AdaptiveAvgPool" : "AvgPool"
  return result.recorded(
    x,
    ResamplingBackward(
      name: "\(stem)\(windows.count)DBackward",
      maps: zip(windows, divisors).map { SamplingMap(averaging: $0, divisors: $1) }))
}

/// The `norm`-th root of the sum of `norm`-th powers of each window.
///
/// As in PyTorch the sum is the window's mean times the kernel's size, so a window that overhangs in ceil mode is
/// scaled up to a whole one.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend; also for types that are not
///   floating-point.
public func lpPool(
  _ x: Tensor, rank: Int, norm: Double, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
  isCeil: Bool = false
) throws(ShapeError) -> Tensor {
  let geometry = try PoolingGeometry(
    "lp_pool", inputShape: x.shape, rank: rank, kernelSize: kernelSize, stride: stride, isCeil: isCeil)
  guard norm != 0, !norm.isNaN else {
    throw ShapeError(
      geometry.operation, parameter: "norm", "norm must be a number other than zero, but got \(norm)")
  }
  guard x.dtype.isFloatingPoint else { throw unsupported(x, geometry.operation) }
  // The 16-bit types are rounded once, at the end.
  let powers = x.to(x.dtype == .float64 ? .float64 : .float32).power(norm)
  let windows = geometry.windows
  let means = try mean(
    of: windows, windows.map(\.paddedCounts), powers, geometry.operation, to: geometry.outputShape)
  let sums = means * Double(geometry.axes.reduce(1) { $0 * $1.kernel })
  return sums.power(1 / norm).to(x.dtype)
}

/// Puts the values that ``maxPool(_:rank:kernelSize:stride:padding:dilation:isCeil:)`` kept back to where they
/// stood, with zeros elsewhere.
///
/// # Shapes
/// - `x`, `indices`: `[batch, channels, size...]`, or without the batch; indices are int64.
/// - result: `(n - 1) s - 2 p + k` along each axis, or `outputSize`.
///
/// - Throws: ``ShapeError`` naming the parameter and the numbers; also for an index outside of its plane.
public func maxUnpool(
  _ x: Tensor, indices: Tensor, rank: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
  padding: PerAxis<Int> = 0, outputSize: [Int]? = nil
) throws(ShapeError) -> Tensor {
  let geometry = try UnpoolingGeometry(
    inputShape: x.shape, rank: rank, kernelSize: kernelSize, stride: stride, padding: padding,
    outputSize: outputSize)
  if x.dtype == .bool { throw unsupported(x, geometry.operation) }
  guard indices.dtype == .int64 else {
    throw ShapeError(
      geometry.operation, parameter: "indices",
      "elements in indices should be type int64 but got: \(indices.dtype.rawValue)")
  }
  guard indices.shape == x.shape else {
    throw ShapeError(
      geometry.operation, parameter: "indices",
      "expected shape of indices to be: \(x.shape) but got: \(indices.shape)",
      shapes: [x.shape, indices.shape])
  }
  let input = x.detached().contiguous()
  let places = indices.contiguous()
  var result = Tensor.zeros(geometry.outputShape, dtype: x.dtype)
  let bad = result.withMutableStrided { output in
    input.withStrided { values in
      places.withStrided {
        Engine.maxUnpool(values, indices: $0, planes: geometry.planes, to: output)
      }
    }
  }
  if let bad {
    throw ShapeError(
      geometry.operation, parameter: "indices",
      "found an invalid max index: \(bad) (output volumes are of size "
        + geometry.outputSize.map(String.init).joined(separator: "x") + ")")
  }
  return result.recorded(x, MaxUnpoolBackward(shape: x.shape, rank: rank, indices: places))
}

/// The gradient of putting values back to their places: read from there.
private struct MaxUnpoolBackward: Backward {
  let shape: [Int]
  let rank: Int
  let indices: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let planes = Array(shape.dropLast(rank))
    if indices.count == 0 { return [Tensor.zeros(shape, dtype: gradient.dtype)] }
    return [
      gradient.reshaped(planes + [-1]).gathered(planes.count, indices.reshaped(planes + [-1]))
        .reshaped(shape)
    ]
  }
}

private func unsupported(_ x: Tensor, _ operation: String) -> ShapeError {
  ShapeError(
    operation, parameter: "input", "\(operation) is not implemented for \(x.dtype.rawValue)",
    mend: "convert to a floating-point type")
}
