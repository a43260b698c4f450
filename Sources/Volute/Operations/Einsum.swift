import VoluteEngine

/// Sums products of elements along the axes that an equation names.
///
/// ```swift
/// try einsum("ij,jk->ik", a, b)   // a matrix product
/// try einsum("bii->b", x)         // the traces of a batch
/// try einsum("i,j->ij", u, v)     // an outer product
/// ```
///
/// A letter that an operand repeats takes its diagonal; `...` stands for any axes, which broadcast. Without
/// `->` the result has the letters that occur once, in the alphabet's order. Operands are contracted in pairs
/// from left to right.
/// - Throws: ``ShapeError`` for an equation that is wrong or does not fit the shapes.
public func einsum(_ equation: String, _ operands: Tensor...) throws(ShapeError) -> Tensor {
  try einsum(equation, operands)
}

/// See ``einsum(_:_:)-(String,Tensor...)``.
public func einsum(_ equation: String, _ operands: [Tensor]) throws(ShapeError) -> Tensor {
  let fitted = try EinsumEquation(equation, shapes: operands.map(\.shape))
  var terms: [EinsumTerm] = []
  for (tensor, labels) in zip(operands, fitted.operands) {
    terms.append(try EinsumTerm(diagonalOf: tensor, labels, sizes: fitted.sizes))
  }
  guard var result = terms.first else {
    throw ShapeError("einsum", parameter: "operands", "must specify at least one operand")
  }
  for index in terms.indices.dropFirst() {
    let kept = Set(fitted.output + terms[(index + 1)...].flatMap(\.labels))
    result = try result.contracted(with: terms[index], keeping: kept)
  }
  result = result.summed(keeping: Set(fitted.output))
  return try result.aligned(fitted.output)
}

/// A tensor whose axes have labels, each label once.
private struct EinsumTerm {
  var tensor: Tensor
  var labels: [EinsumLabel]

  init(_ tensor: Tensor, _ labels: [EinsumLabel]) {
    self.tensor = tensor
    self.labels = labels
  }

  /// Takes the diagonal of repeated labels, and drops the axes that broadcast.
  init(
    diagonalOf x: Tensor, _ all: [EinsumLabel], sizes: [EinsumLabel: Int]
  ) throws(ShapeError) {
    var labels: [EinsumLabel] = []
    var strides: [Int] = []
    for (axis, label) in all.enumerated() where x.shape[axis] == sizes[label] {
      if let place = labels.firstIndex(of: label) {
        strides[place] += x.strides[axis]
      } else {
        labels.append(label)
        strides.append(x.strides[axis])
      }
    }
    if labels == all {
      self.init(x, labels)
      return
    }
    let shape = labels.map { sizes[$0] ?? 1 }
    let view = x.view(shape: shape, strides: strides)
    self.init(
      view.recorded(x, AsStridedBackward(input: x, shape: shape, strides: strides, offset: x.offset)), labels)
  }

  /// Without the labels that nobody needs any more.
  func summed(keeping kept: Set<EinsumLabel>) -> EinsumTerm {
    let gone = labels.indices.filter { !kept.contains(labels[$0]) }
    if gone.isEmpty { return self }
    return EinsumTerm(tensor.sum(gone), labels.filter(kept.contains))
  }

  /// The axes in the order of `order`, with the absent ones as size 1.
  func aligned(_ order: [EinsumLabel]) throws(ShapeError) -> Tensor {
    var result = try permute(tensor, order.compactMap(labels.firstIndex(of:)))
    for (place, label) in order.enumerated() where !labels.contains(label) {
      result = result.unsqueezed(place)
    }
    return result
  }

  /// The product with `other`, summed over the labels that are not kept.
  func contracted(
    with other: EinsumTerm, keeping kept: Set<EinsumLabel>
  ) throws(ShapeError) -> EinsumTerm {
    let left = summed(keeping: kept.union(other.labels))
    let right = other.summed(keeping: kept.union(labels))
    let shared = left.labels.filter(right.labels.contains)
    let batch = shared.filter(kept.contains)
    let contracted = shared.filter { !kept.contains($0) }
    let rows = left.labels.filter { !shared.contains($0) }
    let columns = right.labels.filter { !shared.contains($0) }
    let result = batch + rows + columns
    if contracted.isEmpty {
      return EinsumTerm(try left.aligned(result) * right.aligned(result), result)
    }
    let sizes = Dictionary(
      zip(left.labels + right.labels, left.tensor.shape + right.tensor.shape),
      uniquingKeysWith: { one, _ in one })
    func size(_ labels: [EinsumLabel]) -> Int { labels.reduce(1) { $0 * (sizes[$1] ?? 1) } }
    let product = try batchedProduct(
      reshape(left.aligned(batch + rows + contracted), [size(batch), size(rows), size(contracted)]),
      reshape(right.aligned(batch + contracted + columns), [size(batch), size(contracted), size(columns)]))
    return EinsumTerm(try reshape(product, result.map { sizes[$0] ?? 1 }), result)
  }
}

/// The matrix products of `[batch, rows, depth]` and `[batch, depth, columns]`.
private func batchedProduct(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  let dtype = left.dtype.promoted(with: right.dtype)
  if dtype == .bool {
    throw ShapeError("einsum", parameter: "operands", "sums of products are not implemented for bool")
  }
  return matrixProduct(left.to(dtype), right.to(dtype))
}
