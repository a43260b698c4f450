import VoluteEngine

/// Tensors of one shape but for `axis`, one after another along it; the type is the promoted one.
///
/// - Throws: ``ShapeError`` when there is none or their shapes differ elsewhere.
public func concatenate(_ tensors: [Tensor], axis: Int = 0) throws(ShapeError) -> Tensor {
  guard let first = tensors.first else {
    throw ShapeError("cat", parameter: "tensors", "expected a non-empty list of tensors")
  }
  // As in PyTorch, an empty one-dimensional tensor joins anything.
  let parts = tensors.filter { $0.shape != [0] }
  let dtype = tensors.dropFirst().reduce(first.dtype) { $0.promoted(with: $1.dtype) }
  guard let model = parts.first else { return first.to(dtype) }
  if model.rank == 0 {
    throw ShapeError(
      "cat", parameter: "tensors", "zero-dimensional tensors cannot be concatenated", mend: "stack them")
  }
  let place = try resolvedAxis(axis, rank: model.rank, operation: "cat")
  var shape = model.shape
  shape[place] = 0
  for (index, part) in parts.enumerated() {
    guard part.rank == model.rank else {
      throw ShapeError(
        "cat", parameter: "tensors",
        "tensors must have same number of dimensions: got \(model.rank) and \(part.rank)",
        shapes: [model.shape, part.shape])
    }
    for axis in shape.indices where axis != place && part.shape[axis] != model.shape[axis] {
      throw ShapeError(
        "cat", parameter: "tensors",
        "sizes of tensors must match except in dimension \(place). Expected size \(model.shape[axis]) but got "
          + "size \(part.shape[axis]) for tensor number \(index) in the list",
        shapes: [model.shape, part.shape])
    }
    shape[place] += part.shape[place]
  }
  _ = try elementCount(shape, operation: "cat")
  let result = Tensor(filling: shape, dtype) { output in
    var target = output
    for part in parts {
      target.shape = part.shape
      part.withStrided { Engine.copy($0, to: target) }
      target.base += part.shape[place] * output.strides[place] * dtype.size
    }
  }
  return result.recorded(
    parts, CatBackward(axis: place, sizes: parts.map { $0.shape[place] }, dtypes: parts.map(\.dtype)))
}

/// The gradient of joining tensors: cut where they were joined.
private struct CatBackward: Backward {
  let axis: Int
  let sizes: [Int]
  let dtypes: [DType]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    var start = 0
    return sizes.indices.map { index in
      defer { start += sizes[index] }
      return context.needs(index)
        ? gradient.sliced(axis, start..<start + sizes[index]).to(dtypes[index]) : nil
    }
  }
}

/// Tensors of one shape along a new axis.
///
/// - Throws: ``ShapeError`` when there is none or their shapes differ.
public func stack(_ tensors: [Tensor], axis: Int = 0) throws(ShapeError) -> Tensor {
  guard let first = tensors.first else {
    throw ShapeError("stack", parameter: "tensors", "expected a non-empty list of tensors")
  }
  let place = try resolvedAxis(axis, rank: first.rank + 1, operation: "stack")
  for (index, tensor) in tensors.enumerated() where tensor.shape != first.shape {
    throw ShapeError(
      "stack", parameter: "tensors",
      "expects each tensor to be equal size, but got \(first.shape) at entry 0 and \(tensor.shape) at entry "
        + "\(index)", shapes: [first.shape, tensor.shape])
  }
  return try concatenate(tensors.map { $0.unsqueezed(place) }, axis: place)
}

/// `x` cut into parts of the given sizes along `axis`; shares bytes.
///
/// - Throws: ``ShapeError`` unless the sizes add up to the axis'.
public func split(_ x: Tensor, _ sizes: [Int], axis: Int = 0) throws(ShapeError) -> [Tensor] {
  let place = try resolvedAxis(axis, rank: x.rank, operation: "split")
  guard x.rank > 0, sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == x.shape[place] else {
    throw ShapeError(
      "split", parameter: "sizes",
      "split_with_sizes expects split_sizes to sum exactly to \(x.rank > 0 ? x.shape[place] : 0) (input "
        + "tensor's size at dimension \(axis)), but got split_sizes=\(sizes)", shapes: [x.shape])
  }
  var start = 0
  return sizes.map { size in
    defer { start += size }
    return x.sliced(place, start..<start + size)
  }
}

/// `x` with the last element first along `axes` (all when empty).
///
/// - Throws: ``ShapeError`` for axes that do not exist.
public func flip(_ x: Tensor, _ axes: [Int] = []) throws(ShapeError) -> Tensor {
  let resolved = try resolvedAxes(axes, rank: x.rank, operation: "flip")
  if x.count == 0 || x.rank == 0 { return x }
  var strides = x.strides
  var offset = x.offset
  for axis in axes.isEmpty ? Array(x.shape.indices) : resolved {
    offset += (x.shape[axis] - 1) * strides[axis]
    strides[axis] = -strides[axis]
  }
  return x.view(shape: x.shape, strides: strides, offset: offset).contiguous()
    .recorded(x, FlipBackward(axes: axes))
}

private struct FlipBackward: Backward {
  let axes: [Int]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient.flipped(axes)] }
}

/// At most `count` parts of one size along `axis`, the last one smaller when it does not divide; shares bytes.
///
/// - Throws: ``ShapeError`` for a count that is not positive.
public func chunk(_ x: Tensor, _ count: Int, axis: Int = 0) throws(ShapeError) -> [Tensor] {
  let place = try resolvedAxis(axis, rank: x.rank, operation: "chunk")
  guard x.rank > 0, count > 0 else {
    throw ShapeError(
      "chunk", parameter: "chunks",
      "expects `chunks` to be greater than 0 and at least one axis, got: \(count) and shape \(x.shape)",
      shapes: [x.shape])
  }
  return x.split(max((x.shape[place] + count - 1) / count, 1), axis: place)
}

/// The elements `start ..< start + length` of one axis; shares bytes.
///
/// - Throws: ``ShapeError`` when they reach out of the axis.
public func narrow(
  _ x: Tensor, axis: Int, start: Int, length: Int
) throws(ShapeError) -> Tensor {
  let place = try resolvedAxis(axis, rank: x.rank, operation: "narrow")
  guard x.rank > 0, start >= 0, length >= 0, start <= x.shape[place],
    length <= x.shape[place] - start
  else {
    throw ShapeError(
      "narrow", parameter: "length",
      "start (\(start)) + length (\(length)) exceeds dimension size (\(x.rank > 0 ? x.shape[place] : 0))",
      shapes: [x.shape])
  }
  return x.sliced(place, start..<start + length)
}

extension Tensor {
  /// Parts of `size` along `axis`, the last one smaller when it does not divide; shares bytes.
  public func split(_ size: Int, axis: Int = 0) -> [Tensor] {
    let place = self.axis(axis, "split")
    precondition(rank > 0, "split: expects at least a 1-dimensional tensor")
    let length = shape[place]
    precondition(size > 0 || (size == 0 && length == 0), "split: size must be positive, but got \(size)")
    if length == 0 { return [self] }
    return stride(from: 0, to: length, by: size).map {
      sliced(place, $0..<Swift.min($0 + size, length))
    }
  }

  /// See ``Volute/chunk(_:_:axis:)``; traps where that throws.
  public func chunked(_ count: Int, axis: Int = 0) -> [Tensor] {
    trapping { () throws(ShapeError) in try chunk(self, count, axis: axis) }
  }

  /// See ``Volute/flip(_:_:)``; traps where that throws.
  public func flipped(_ axes: [Int] = []) -> Tensor {
    trapping { () throws(ShapeError) in try flip(self, axes) }
  }

  /// Element `i` of each named axis moved to `i + shift`, around the end; without axes, of the flattened tensor.
  public func rolled(_ shifts: [Int], _ axes: [Int] = []) -> Tensor {
    if axes.isEmpty {
      precondition(shifts.count == 1, "roll: without axes one shift is wanted, but got \(shifts.count)")
      return flattened().rolled(shifts, [0]).reshaped(shape)
    }
    precondition(
      shifts.count == axes.count,
      "roll: shifts and dimensions must align; shifts: \(shifts.count), dims: \(axes.count)")
    var result = self
    for (shift, axis) in zip(shifts, axes) {
      let place = self.axis(axis, "roll")
      let size = rank > 0 ? shape[place] : 0
      if size < 2 { continue }
      let cut = ((-shift % size) + size) % size
      if cut == 0 { continue }
      let parts = [result.sliced(place, cut..<size), result.sliced(place, 0..<cut)]
      result = trapping { () throws(ShapeError) in try concatenate(parts, axis: place) }
    }
    return result
  }
}
