import VoluteEngine

/// The matrix product of the last two axes; those before broadcast, and a vector acts as a row on the left, as a
/// column on the right.
///
/// # Shapes
/// `[..., m, k]` and `[..., k, n]` give `[..., m, n]`; `[k]` drops its axis from the result.
///
/// - Throws: ``ShapeError`` when the inner sizes or the types differ, or a side is a single number.
public func matmul(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  guard left.dtype == right.dtype else {
    throw ShapeError(
      "matmul", parameter: "input",
      "expected both to have one dtype, but got \(left.dtype.rawValue) and \(right.dtype.rawValue)",
      mend: "convert one of them")
  }
  guard left.dtype != .bool else {
    throw ShapeError("matmul", parameter: "input", "matmul is not implemented for bool")
  }
  guard left.rank > 0, right.rank > 0 else {
    throw ShapeError(
      "matmul", parameter: "input",
      "both arguments to matmul need to be at least 1D, but they are \(left.rank)D and \(right.rank)D",
      shapes: [left.shape, right.shape])
  }
  let a = left.rank == 1 ? left.unsqueezed(0) : left
  let b = right.rank == 1 ? right.unsqueezed(1) : right
  let (rows, depth) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
  let columns = b.shape[b.rank - 1]
  guard b.shape[b.rank - 2] == depth else {
    throw ShapeError(
      "matmul", parameter: "input",
      "shapes cannot be multiplied: the inner sizes of \(left.shape) and \(right.shape) are \(depth) and "
        + "\(b.shape[b.rank - 2])", shapes: [left.shape, right.shape])
  }
  let lead = try broadcastShape(
    [Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2))], operation: "matmul")
  _ = try elementCount(lead + [rows, columns], operation: "matmul")
  let result: Tensor
  if b.rank == 2 {
    // One product of many rows instead of one a batch.
    result = matrixProduct(a.reshaped([1, lead.reduce(1, *) * rows, depth]), b.unsqueezed(0))
  } else {
    let batch = lead.reduce(1, *)
    // Matrices that broadcast keep their stride of 0 where they can.
    result = matrixProduct(
      try expand(a, lead + [rows, depth]).reshaped([batch, rows, depth]),
      try expand(b, lead + [depth, columns]).reshaped([batch, depth, columns]))
  }
  var shape = lead
  if left.rank > 1 { shape.append(rows) }
  if right.rank > 1 { shape.append(columns) }
  return result.reshaped(shape)
}

/// The products of `[batch, rows, depth]` and `[batch, depth, columns]`.
func matrixProduct(_ left: Tensor, _ right: Tensor) -> Tensor {
  let result = Tensor(filling: [left.shape[0], left.shape[1], right.shape[2]], left.dtype) { output in
    if output.count == 0 { return }
    left.withStrided { left in right.withStrided { Engine.matrixProduct(left, $0, to: output) } }
  }
  return result.recorded([left, right], BmmBackward(left, right))
}

/// The gradient of matrix products: products with the other side, transposed.
private struct BmmBackward: Backward {
  let left: Tensor?
  let right: Tensor?

  init(_ left: Tensor, _ right: Tensor) {
    self.left = right.requiresGrad ? left : nil
    self.right = left.requiresGrad ? right : nil
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [
      context.needs(0) ? right.map { matrixProduct(gradient, $0.transposed()) } : nil,
      context.needs(1) ? left.map { matrixProduct($0.transposed(), gradient) } : nil,
    ]
  }
}

/// Products summed over pairs of axes.
///
/// # Shapes
/// The result has the remaining axes of `left`, then those of `right`.
///
/// - Parameters:
///   - left: the first tensor.
///   - right: the second tensor.
///   - axes: axis `lhs[i]` of `left` is summed with axis `rhs[i]` of `right`.
/// - Throws: ``ShapeError`` when the axes do not pair up.
public func tensordot(
  _ left: Tensor, _ right: Tensor, axes: (lhs: [Int], rhs: [Int])
) throws(ShapeError) -> Tensor {
  guard axes.lhs.count == axes.rhs.count else {
    throw ShapeError(
      "tensordot", parameter: "axes",
      "both dimension lists should have same length, but got \(axes.lhs.count) and \(axes.rhs.count)")
  }
  let first = try resolvedAxes(axes.lhs, rank: left.rank, operation: "tensordot")
  let second = try resolvedAxes(axes.rhs, rank: right.rank, operation: "tensordot")
  for (a, b) in zip(first, second) where left.shape[a] != right.shape[b] {
    throw ShapeError(
      "tensordot", parameter: "axes",
      "contracted dimensions need to match, but first has size \(left.shape[a]) in dim \(a) and second has size "
        + "\(right.shape[b]) in dim \(b)", shapes: [left.shape, right.shape])
  }
  let keptLeft = left.shape.indices.filter { !first.contains($0) }
  let keptRight = right.shape.indices.filter { !second.contains($0) }
  let depth = first.reduce(1) { $0 * left.shape[$1] }
  let rows = keptLeft.reduce(1) { $0 * left.shape[$1] }
  let columns = keptRight.reduce(1) { $0 * right.shape[$1] }
  let a = try reshape(permute(left, keptLeft + first), [rows, depth])
  let b = try reshape(permute(right, second + keptRight), [depth, columns])
  return try reshape(
    matmul(a, b), keptLeft.map { left.shape[$0] } + keptRight.map { right.shape[$0] })
}

extension Tensor {
  /// See ``Volute/matmul(_:_:)``; traps where that throws.
  public func matmul(_ other: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try Volute.matmul(self, other) }
  }
}
