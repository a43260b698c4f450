import VoluteEngine

/// `axis`, counted from the end when negative, as an index below `rank`.
///
/// - Throws: ``ShapeError`` when it is out of range.
package func resolvedAxis(_ axis: Int, rank: Int, operation: String) throws(ShapeError) -> Int {
  // A single number takes axis 0 and -1, as if it had one axis.
  let count = max(rank, 1)
  guard axis >= -count && axis < count else {
    throw ShapeError(
      operation, parameter: "axis",
      "dimension out of range (expected to be in range of [\(-count), \(count - 1)], but got \(axis))")
  }
  return axis < 0 ? axis + count : axis
}

/// Distinct axes, resolved; an empty list stands for all of them.
package func resolvedAxes(_ axes: [Int], rank: Int, operation: String) throws(ShapeError) -> [Int] {
  var result: [Int] = []
  for axis in axes {
    let resolved = try resolvedAxis(axis, rank: rank, operation: operation)
    if result.contains(resolved) {
      throw ShapeError(
        operation, parameter: "axes", "dim \(resolved) appears multiple times in the list of dims \(axes)")
    }
    result.append(resolved)
  }
  return result
}

/// `x` with other sizes and the same elements in row-major order; one size may be -1, the rest decides it.
///
/// Shares bytes where the strides allow it.
/// - Throws: ``ShapeError`` when the number of elements differs.
public func reshape(_ x: Tensor, _ shape: [Int]) throws(ShapeError) -> Tensor {
  var shape = shape
  let invalid = ShapeError(
    "reshape", parameter: "shape", "shape '\(shape)' is invalid for input of size \(x.count)",
    shapes: [x.shape, shape])
  if shape.contains(where: { $0 < -1 }) || shape.count(where: { $0 == -1 }) > 1 { throw invalid }
  let known = try elementCount(shape.filter { $0 != -1 }, operation: "reshape")
  if let free = shape.firstIndex(of: -1) {
    guard known > 0, x.count % known == 0 else { throw invalid }
    shape[free] = x.count / known
  } else if known != x.count {
    throw invalid
  }
  if shape == x.shape { return x }
  if let strides = x.stridesSharingBytes(shape) {
    return x.view(shape: shape, strides: strides).recorded(x, ReshapeBackward(shape: x.shape))
  }
  let row = x.detached().contiguous()
  return row.view(shape: shape, strides: StridedArray.contiguousStrides(shape))
    .recorded(x, ReshapeBackward(shape: x.shape))
}

/// `x` repeated along axes of size 1, and along new ones in front, without copying; -1 keeps a size.
///
/// - Throws: ``ShapeError`` when another size would have to change.
public func expand(_ x: Tensor, _ shape: [Int]) throws(ShapeError) -> Tensor {
  guard shape.count >= x.rank else {
    throw ShapeError(
      "expand", parameter: "shape",
      "the number of sizes provided (\(shape.count)) must be greater or equal to the number of dimensions in "
        + "the tensor (\(x.rank))", shapes: [x.shape, shape])
  }
  var sizes = shape
  var strides = Array(repeating: 0, count: shape.count)
  let new = shape.count - x.rank
  for axis in shape.indices {
    let size = axis < new ? 1 : x.shape[axis - new]
    if sizes[axis] == -1 && axis >= new { sizes[axis] = size }
    guard sizes[axis] == size || (size == 1 && sizes[axis] >= 0) else {
      throw ShapeError(
        "expand", parameter: "shape",
        "the expanded size (\(shape[axis])) must match the existing size (\(size)) at non-singleton dimension "
          + "\(axis); target sizes \(shape), tensor sizes \(x.shape)", shapes: [x.shape, shape])
    }
    if axis >= new && sizes[axis] == size { strides[axis] = x.strides[axis - new] }
  }
  _ = try elementCount(sizes, operation: "expand")
  if sizes == x.shape { return x }
  return x.view(shape: sizes, strides: strides).recorded(x, ExpandBackward(shape: x.shape))
}

/// A window on the bytes of `x` with any sizes and strides, in elements; windows may overlap.
///
/// `offset` counts from the start of the storage that `x` shares, and defaults to where `x` starts.
/// - Throws: ``ShapeError`` when an element would lie outside of the storage.
public func asStrided(
  _ x: Tensor, _ shape: [Int], strides: [Int], offset: Int? = nil
) throws(ShapeError) -> Tensor {
  let offset = offset ?? x.offset
  guard shape.count == strides.count else {
    throw ShapeError(
      "as_strided", parameter: "strides",
      "mismatch in length of strides and shape: \(strides.count) and \(shape.count)",
      shapes: [shape, strides])
  }
  let count = try elementCount(shape, operation: "as_strided")
  let capacity = x.storage.byteCount / x.dtype.size
  var last = offset
  for (size, stride) in zip(shape, strides) {
    if stride < 0 {
      throw ShapeError(
        "as_strided", parameter: "strides", "negative strides are not supported, got strides \(strides)")
    }
    let (reach, overflow) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
    last = overflow || reach > Int.max / 4 ? Int.max / 4 : min(last + reach, Int.max / 4)
  }
  guard offset >= 0, count == 0 || last < capacity else {
    throw ShapeError(
      "as_strided", parameter: "strides",
      "sizes \(shape), strides \(strides) and offset \(offset) reach element \(last), but the storage has "
        + "\(capacity)", shapes: [x.shape, shape])
  }
  return x.view(shape: shape, strides: strides, offset: offset)
    .recorded(x, AsStridedBackward(input: x, shape: shape, strides: strides, offset: offset))
}

/// `x` with its axes in another order.
///
/// - Throws: ``ShapeError`` unless `axes` names every axis once.
public func permute(_ x: Tensor, _ axes: [Int]) throws(ShapeError) -> Tensor {
  let order = try resolvedAxes(axes, rank: x.rank, operation: "permute")
  guard order.count == x.rank else {
    throw ShapeError(
      "permute", parameter: "axes",
      "number of dimensions in the tensor input does not match the length of the desired ordering of "
        + "dimensions: \(x.rank) is not equal to \(order.count)", shapes: [x.shape])
  }
  return x.view(shape: order.map { x.shape[$0] }, strides: order.map { x.strides[$0] })
    .recorded(x, PermuteBackward(order: order))
}

extension Tensor {
  /// The strides that give `shape` on the same bytes, if there are such.
  fileprivate func stridesSharingBytes(_ target: [Int]) -> [Int]? {
    if isContiguous || count == 0 { return StridedArray.contiguousStrides(target) }
    var result = Array(repeating: 0, count: target.count)
    var axis = target.count - 1
    // Walk stretches of axes that are one run of memory, and cut each into target sizes.
    var last = rank - 1
    while last >= 0 {
      var first = last
      var size = shape[last]
      while first > 0, strides[first - 1] == strides[first] * shape[first] || shape[first - 1] == 1 {
        if shape[first - 1] == 1 && strides[first - 1] != strides[first] * shape[first] { break }
        first -= 1
        size *= shape[first]
      }
      var step = strides[last]
      while axis >= 0, size > 1 || target[axis] == 1 {
        guard size % target[axis] == 0 else { return nil }
        result[axis] = step
        step *= target[axis]
        size /= target[axis]
        axis -= 1
      }
      guard size == 1 else { return nil }
      last = first - 1
    }
    while axis >= 0 {
      guard target[axis] == 1 else { return nil }
      axis -= 1
    }
    return result
  }

  /// See ``Volute/reshape(_:_:)``; traps where that throws.
  public func reshaped(_ shape: [Int]) -> Tensor {
    trapping { () throws(ShapeError) in try reshape(self, shape) }
  }

  /// The same elements in another shape; one size may be -1, which is what is left.
  public func reshaped(_ shape: Int...) -> Tensor { reshaped(shape) }

  /// One axis in place of axes `first` to `last`.
  public func flattened(_ first: Int = 0, _ last: Int = -1) -> Tensor {
    let from = axis(first, "flatten")
    let to = axis(last, "flatten")
    if rank == 0 { return reshaped([1]) }
    precondition(from <= to, "flatten: the first axis \(first) comes after the last \(last)")
    return reshaped(Array(shape[..<from]) + [shape[from...to].reduce(1, *)] + Array(shape[(to + 1)...]))
  }

  /// See ``Volute/expand(_:_:)``; traps where that throws.
  public func expanded(_ shape: [Int]) -> Tensor {
    trapping { () throws(ShapeError) in try expand(self, shape) }
  }

  /// A view in which axes of 1 are repeated up to the sizes given; -1 keeps one.
  public func expanded(_ shape: Int...) -> Tensor { expanded(shape) }

  /// See ``Volute/asStrided(_:_:strides:offset:)``; traps where that throws.
  public func asStrided(_ shape: [Int], strides: [Int], offset: Int? = nil) -> Tensor {
    trapping { () throws(ShapeError) in
      try Volute.asStrided(self, shape, strides: strides, offset: offset)
    }
  }

  /// See ``Volute/permute(_:_:)``; traps where that throws.
  public func permuted(_ axes: [Int]) -> Tensor {
    trapping { () throws(ShapeError) in try permute(self, axes) }
  }

  /// A view with the axes in the order given.
  public func permuted(_ axes: Int...) -> Tensor { permuted(axes) }

  /// Two axes exchanged; by default the last two.
  public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    var order = Array(shape.indices)
    if rank == 0 { return self }
    order.swapAt(axis(first, "transpose"), axis(second, "transpose"))
    return permuted(order)
  }

  /// Without the axes of size 1, or without those of `axes` that have size 1.
  public func squeezed(_ axes: Int...) -> Tensor { squeezed(axes) }

  /// Without the axes of size 1, or without those of `axes` that have size 1.
  public func squeezed(_ axes: [Int]) -> Tensor {
    let removed = axes.isEmpty ? Array(shape.indices) : axes.map { axis($0, "squeeze") }
    let kept = shape.indices.filter { !(removed.contains($0) && shape[$0] == 1) }
    return view(shape: kept.map { shape[$0] }, strides: kept.map { strides[$0] })
      .recorded(self, ReshapeBackward(name: "SqueezeBackward", shape: shape))
  }

  /// With an axis of size 1 put in at `axis`.
  public func unsqueezed(_ axis: Int) -> Tensor {
    let place = trapping { () throws(ShapeError) in
      try resolvedAxis(axis, rank: rank + 1, operation: "unsqueeze")
    }
    var sizes = shape
    var strides = strides
    strides.insert(place < rank ? strides[place] * Swift.max(sizes[place], 1) : 1, at: place)
    sizes.insert(1, at: place)
    return view(shape: sizes, strides: strides)
      .recorded(self, ReshapeBackward(name: "UnsqueezeBackward", shape: shape))
  }

  /// `axis` resolved against this tensor's rank; traps when out of range.
  package func axis(_ axis: Int, _ operation: String) -> Int {
    trapping { () throws(ShapeError) in
      try resolvedAxis(axis, rank: rank, operation: operation)
    }
  }

  /// The elements `range` of one axis, every `step`-th of them.
  public func sliced(_ axis: Int, _ range: Range<Int>, step: Int = 1) -> Tensor {
    let place = self.axis(axis, "slice")
    precondition(step > 0, "slice: step must be greater than zero, but got \(step)")
    precondition(
      rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[place],
      "slice: \(range) reaches out of axis \(axis) of \(shape)")
    var sizes = shape
    var strides = strides
    sizes[place] = (range.count + step - 1) / step
    let offset = self.offset + range.lowerBound * strides[place]
    strides[place] *= step
    return view(shape: sizes, strides: strides, offset: offset)
      .recorded(self, SliceBackward(shape: shape, axis: place, start: range.lowerBound, step: step))
  }

  /// Element `index` of one axis, which disappears; counted from the end when negative.
  public func selected(_ axis: Int, _ index: Int) -> Tensor {
    let place = self.axis(axis, "select")
    precondition(rank > 0, "select: a single number has no axes to index")
    let size = shape[place]
    precondition(
      index >= -size && index < size,
      "select: index \(index) is out of bounds for dimension \(axis) with size \(size)")
    let start = index < 0 ? index + size : index
    var sizes = shape
    var strides = strides
    let offset = self.offset + start * strides[place]
    sizes.remove(at: place)
    strides.remove(at: place)
    return view(shape: sizes, strides: strides, offset: offset)
      .recorded(self, SelectBackward(shape: shape, axis: place, index: start))
  }
}
