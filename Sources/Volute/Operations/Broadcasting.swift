import VoluteEngine

/// The shape that several shapes broadcast to: axes are aligned at the end, and a size of 1 stretches.
///
/// - Throws: ``ShapeError`` when two sizes differ and neither is 1.
public func broadcastShape(
  _ shapes: [[Int]], operation: String = "broadcast"
) throws(ShapeError) -> [Int] {
  var result = Array(repeating: 1, count: shapes.map(\.count).max() ?? 0)
  for shape in shapes {
    let lead = result.count - shape.count
    for (axis, size) in shape.enumerated() where size != 1 {
      if result[lead + axis] != 1 && result[lead + axis] != size {
        throw ShapeError(
          operation, parameter: "shape",
          "the size of tensor a (\(result[lead + axis])) must match the size of tensor b (\(size)) at "
            + "non-singleton dimension \(lead + axis)", shapes: shapes)
      }
      result[lead + axis] = size
    }
  }
  return result
}

/// One side of a binary operation: a tensor, or a Swift number that takes the other side's type if it can.
package enum Operand {
  case tensor(Tensor)
  case scalar(Scalar)

  var shape: [Int] {
    if case .tensor(let tensor) = self { return tensor.shape }
    return []
  }

  var dtype: DType {
    switch self {
    case .tensor(let tensor): tensor.dtype
    case .scalar(let scalar): scalar.dtype
    }
  }

  /// How much say the operand has in the result's type: tensors with axes most, then single numbers in tensors,
  /// then Swift numbers.
  private var priority: Int {
    switch self {
    case .tensor(let tensor): tensor.rank > 0 ? 2 : 1
    case .scalar: 0
    }
  }

  /// The operand's values as `dtype`.
  func tensor(as dtype: DType) -> Tensor {
    switch self {
    case .tensor(let tensor): tensor.to(dtype)
    case .scalar(let scalar): Tensor(filling: [], dtype) { Engine.fill($0, with: scalar) }
    }
  }

  /// The type of the result of an operation on both, as PyTorch has it: an operand with less say changes the
  /// type only by being of a higher category.
  static func resultType(_ left: Operand, _ right: Operand) -> DType {
    if left.priority == right.priority { return left.dtype.promoted(with: right.dtype) }
    let (strong, weak) = left.priority > right.priority ? (left, right) : (right, left)
    if weak.dtype.category <= strong.dtype.category { return strong.dtype }
    return strong.dtype.promoted(with: weak.dtype)
  }
}

extension Tensor {
  /// The type that an operation on this tensor and `other` has.
  public func resultType(with other: Tensor) -> DType { Operand.resultType(.tensor(self), .tensor(other)) }

  /// The type that an operation on this tensor and a number has.
  public func resultType(with number: some ScalarValue) -> DType {
    Operand.resultType(.tensor(self), .scalar(number.scalar))
  }
}
