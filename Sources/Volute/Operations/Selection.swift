import VoluteEngine

/// `result[..., i, ...] = x[..., indices[..., i, ...], ...]` along `axis`.
///
/// # Shapes
/// - `indices`: int64, of the rank of `x`, and no larger than it except along `axis`.
/// - result: that of `indices`.
///
/// - Throws: ``ShapeError`` when the shapes do not fit or an index is out of bounds.
public func gather(_ x: Tensor, axis: Int, indices: Tensor) throws(ShapeError) -> Tensor {
  let (table, places, place) = try checkSelection("gather", x, axis: axis, indices: indices)
  let size = table.shape[place]
  // Where the indices are smaller than the table, only its corner is walked.
  var corner = places.shape
  corner[place] = size
  let window = table.view(shape: corner, strides: table.strides)
  var bad: Int64?
  let result = Tensor(filling: places.shape, x.dtype) { output in
    window.withStrided { input in
      places.withStrided { bad = Engine.gather(input, axis: place, indices: $0, to: output) }
    }
  }
  if let bad { throw outOfBounds("gather", bad, axis: axis, size: size) }
  return result.reshaped(indices.shape).recorded(
    x, GatherBackward(shape: x.shape, axis: place, indices: indices))
}

/// The gradient of picking elements: each goes back to where it was picked, where those picked twice add up.
private struct GatherBackward: Backward {
  let shape: [Int]
  let axis: Int
  let indices: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [Tensor.zeros(shape, dtype: gradient.dtype).scatterAdded(axis, indices, gradient)]
  }
}

/// The gradient of adding elements to places: the table's goes on, the terms' is read from there.
private struct ScatterAddBackward: Backward {
  let sourceShape: [Int]
  let axis: Int
  let indices: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    guard context.needs(1) else { return [gradient, nil] }
    var source = gradient.gathered(axis, indices)
    // Terms beyond the indices were not read.
    for axis in sourceShape.indices where source.shape[axis] != sourceShape[axis] {
      var shape = source.shape
      shape[axis] = sourceShape[axis]
      source = source.embedded(in: shape, axis: axis, start: 0, step: 1)
    }
    return [gradient, source]
  }
}

/// `x` with `result[..., indices[..., i, ...], ...] += source[..., i, ...]` along `axis`.
///
/// # Shapes
/// - `indices`: int64, of the rank of `x`, no larger than `source`, and no larger than `x` except along `axis`.
///
/// - Throws: ``ShapeError`` when the shapes or types do not fit or an index is out of bounds.
public func scatterAdd(
  _ x: Tensor, axis: Int, indices: Tensor, _ source: Tensor
) throws(ShapeError) -> Tensor {
  let (table, places, place) = try checkSelection("scatter_add", x, axis: axis, indices: indices)
  guard source.dtype == x.dtype else {
    throw ShapeError(
      "scatter_add", parameter: "source",
      "expected self.dtype to be equal to src.dtype, but got \(x.dtype.rawValue) and \(source.dtype.rawValue)"
    )
  }
  let terms = source.rank == 0 ? source.reshaped([1]) : source
  guard terms.rank == places.rank, zip(places.shape, terms.shape).allSatisfy({ $0 <= $1 }) else {
    throw ShapeError(
      "scatter_add", parameter: "indices",
      "expected index \(indices.shape) to be no larger than src \(source.shape)",
      shapes: [indices.shape, source.shape])
  }
  let size = table.shape[place]
  var result = table.detached()
  let bad = result.withMutableStrided { output in
    var corner = output
    corner.shape = places.shape
    corner.shape[place] = size
    return terms.withStrided { input in
      places.withStrided { Engine.scatterAdd(input, axis: place, indices: $0, to: corner) }
    }
  }
  if let bad { throw outOfBounds("scatter_add", bad, axis: axis, size: size) }
  return result.reshaped(x.shape).recorded(
    [x, source], ScatterAddBackward(sourceShape: source.shape, axis: place, indices: indices))
}

/// The checks that gathering and scattering share; single numbers get an axis.
private func checkSelection(
  _ operation: String, _ x: Tensor, axis: Int, indices: Tensor
) throws(ShapeError) -> (table: Tensor, indices: Tensor, axis: Int) {
  guard indices.dtype == .int64 else {
    throw ShapeError(
      operation, parameter: "indices",
      "expected dtype int64 for index, but got \(indices.dtype.rawValue)")
  }
  let place = try resolvedAxis(axis, rank: x.rank, operation: operation)
  let table = x.rank == 0 ? x.detached().reshaped([1]) : x.detached()
  let places = indices.rank == 0 ? indices.reshaped([1]) : indices
  guard places.rank == table.rank else {
    throw ShapeError(
      operation, parameter: "indices",
      "index tensor must have the same number of dimensions as input tensor, but got \(indices.shape) and "
        + "\(x.shape)", shapes: [x.shape, indices.shape])
  }
  for axis in table.shape.indices where axis != place && places.shape[axis] > table.shape[axis] {
    throw ShapeError(
      operation, parameter: "indices",
      "size does not match at dimension \(axis) expected index \(indices.shape) to be no larger than self "
        + "\(x.shape) apart from dimension \(place)", shapes: [x.shape, indices.shape])
  }
  return (table, places, place)
}

private func outOfBounds(_ operation: String, _ index: Int64, axis: Int, size: Int) -> ShapeError {
  ShapeError(
    operation, parameter: "indices",
    "index \(index) is out of bounds for dimension \(axis) with size \(size)")
}

/// The places `indices` of `axis`, in their order.
///
/// - Parameters:
///   - x: what is chosen from.
///   - axis: the axis; negative counts from the end.
///   - indices: int64, one-dimensional or a single number.
/// - Throws: ``ShapeError`` when an index is out of bounds.
public func indexSelect(_ x: Tensor, axis: Int, indices: Tensor) throws(ShapeError) -> Tensor {
  let place = try resolvedAxis(axis, rank: x.rank, operation: "index_select")
  guard indices.rank <= 1 else {
    throw ShapeError(
      "index_select", parameter: "indices",
      "index is supposed to be a vector, but got shape \(indices.shape)", shapes: [indices.shape])
  }
  if x.rank == 0 { return try gather(x, axis: 0, indices: indices.reshaped([])) }
  var lead = Array(repeating: 1, count: x.rank)
  lead[place] = indices.count
  var shape = x.shape
  shape[place] = indices.count
  return try gather(x, axis: place, indices: expand(reshape(indices, lead), shape))
}

/// Ones where the last axis counts to each element, zeros elsewhere.
///
/// # Shapes
/// `[...]` gives `[..., classes]`, int64.
///
/// - Parameters:
///   - x: what is chosen from.
///   - classes: `nil` takes the largest element plus one.
/// - Throws: ``ShapeError`` when an element is negative or not below `classes`.
public func oneHot(_ x: Tensor, classes: Int? = nil) throws(ShapeError) -> Tensor {
  guard x.dtype == .int64 else {
    throw ShapeError(
      "one_hot", parameter: "input", "one_hot is only applicable to int64 tensors, got \(x.dtype.rawValue)")
  }
  let values = x.integers()
  let count = classes ?? (values.max() ?? -1) + 1
  guard count > 0, values.allSatisfy({ $0 >= 0 && $0 < count }) else {
    throw ShapeError(
      "one_hot", parameter: "classes",
      "class values must be non-negative and smaller than num_classes \(count), but they range from "
        + "\(values.min() ?? 0) to \(values.max() ?? 0)")
  }
  return (x.unsqueezed(-1) .== Tensor.arange(count)).to(.int64)
}

/// The indices along each axis of flat places in a row-major array of `shape`.
///
/// - Parameters:
///   - places: any integer tensor.
///   - shape: the shape that the places are in.
/// - Returns: one int64 tensor an axis, each of the shape of `places`.
/// - Throws: ``ShapeError`` when a place lies outside of the array.
public func unravelIndex(_ places: Tensor, _ shape: [Int]) throws(ShapeError) -> [Tensor] {
  let size = try elementCount(shape, operation: "unravel_index")
  guard places.dtype.isInteger else {
    throw ShapeError(
      "unravel_index", parameter: "indices",
      "expected an integer tensor of indices, but got \(places.dtype.rawValue)")
  }
  let flat = places.to(.int64)
  if let bad = flat.integers().first(where: { $0 < 0 || $0 >= size }) {
    throw ShapeError(
      "unravel_index", parameter: "indices",
      "index \(bad) is out of bounds for shape \(shape) of \(size) elements", shapes: [shape])
  }
  var rest = flat
  var result: [Tensor] = []
  for size in shape.reversed() {
    result.append(rest % size)
    rest = rest.floorDivided(by: size)
  }
  return result.reversed()
}

extension Tensor {
  /// The indices of the elements that are not zero, `[found, rank]`, in row-major order.
  public func nonzero() -> Tensor {
    let found = logicalNot().logicalNot().elements(as: Bool.self).enumerated().filter(\.element)
    let places = Tensor(found.map { Int64($0.offset) })
    if rank == 0 { return Tensor.zeros([places.count, 0], dtype: .int64) }
    return trapping { () throws(ShapeError) in
      try stack(try unravelIndex(places, shape), axis: 1)
    }
  }

  /// See ``Volute/gather(_:axis:indices:)``; traps where that throws.
  public func gathered(_ axis: Int, _ indices: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try gather(self, axis: axis, indices: indices) }
  }

  /// See ``Volute/scatterAdd(_:axis:indices:_:)``; traps where that throws.
  public func scatterAdded(_ axis: Int, _ indices: Tensor, _ source: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in
      try scatterAdd(self, axis: axis, indices: indices, source)
    }
  }
}
