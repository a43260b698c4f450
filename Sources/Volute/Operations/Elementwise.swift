import VoluteEngine

/// An operation on two operands of any kinds, broadcasting.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast, the types do not take the operation, or an integer is
///   divided by zero.
package func binary(
  _ operation: BinaryOperation, _ left: Operand, _ right: Operand
) throws(ShapeError) -> Tensor {
  let name = operation.rawValue
  var dtype = Operand.resultType(left, right)
  switch operation {
  case .divide:
    if !dtype.isFloatingPoint { dtype = .float32 }
  case .subtract where left.dtype == .bool || right.dtype == .bool:
    throw ShapeError(
      name, parameter: "input", "subtraction, the `-` operator, with a bool tensor is not supported",
      mend: "use .^ or .!, or convert to an integer type")
  case .floorDivide where dtype == .bool, .remainder where dtype == .bool,
    .truncatingRemainder where dtype == .bool:
    throw ShapeError(name, parameter: "input", "\(name) is not implemented for two bool tensors")
  case .power where dtype == .bool:
    if case .scalar = right { break }
    throw ShapeError(name, parameter: "input", "power is not implemented for two bool tensors")
  case .bitwiseAnd, .bitwiseOr, .bitwiseXor:
    if dtype.isFloatingPoint {
      throw ShapeError(
        name, parameter: "input", "\(name) is not implemented for \(dtype.rawValue)",
        mend: "convert to an integer type or bool")
    }
  default:
    break
  }
  let shape = try broadcastShape([left.shape, right.shape], operation: name)
  let a = left.tensor(as: dtype)
  let b = right.tensor(as: dtype)
  if dtype.isInteger {
    if [.floorDivide, .remainder, .truncatingRemainder].contains(operation), (b .== 0).any() {
      throw ShapeError(name, parameter: "divisor", "integer division or modulo by zero")
    }
    if operation == .power, case .scalar(let exponent) = right, case .integer(let value) = exponent, value < 0
    {
      throw ShapeError(
        name, parameter: "exponent", "integers to negative integer powers are not allowed, but got \(value)",
        mend: "convert to a real type")
    }
  }
  let (x, y) = (try expand(a.detached(), shape), try expand(b.detached(), shape))
  let result = Tensor(filling: shape, dtype) { output in
    x.withStrided { left in y.withStrided { Engine.binary(operation, left, $0, to: output) } }
  }
  if a.node == nil && b.node == nil { return result }
  if operation == .floorDivide {
    if !a.isRecording && !b.isRecording { return result }
    throw ShapeError(
      name, parameter: "input", "the derivative for 'floor_divide' is not implemented",
      mend: "detach the operands")
  }
  return result.recorded([a, b], BinaryBackward(operation, a, b))
}

/// A comparison of two operands of any kinds, broadcasting.
package func compare(
  _ comparison: Comparison, _ left: Operand, _ right: Operand
) throws(ShapeError) -> Tensor {
  let dtype = Operand.resultType(left, right)
  let shape = try broadcastShape([left.shape, right.shape], operation: comparison.rawValue)
  let (x, y) = (
    try expand(left.tensor(as: dtype), shape), try expand(right.tensor(as: dtype), shape)
  )
  return Tensor(filling: shape, .bool) { output in
    x.withStrided { left in y.withStrided { Engine.compare(comparison, left, $0, to: output) } }
  }
}

/// The negative of every element; unsigned integers wrap.
///
/// - Throws: ``ShapeError`` for bool.
public func negative(_ x: Tensor) throws(ShapeError) -> Tensor {
  if x.dtype == .bool {
    throw ShapeError(
      "negative", parameter: "input", "negation of a bool tensor is not supported", mend: "use .! instead")
  }
  return x.mapped(.negate)
}

/// Quotient rounded towards minus infinity, broadcasting; the type is the promoted one.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast or an integer is divided by zero.
public func floorDivide(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.floorDivide, .tensor(left), .tensor(right))
}

/// Remainder with the sign of the divisor, broadcasting.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast or an integer is divided by zero.
public func remainder(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.remainder, .tensor(left), .tensor(right))
}

/// Powers, broadcasting; integers stay integers and wrap.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast.
public func power(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.power, .tensor(left), .tensor(right))
}

/// Remainder with the sign of the dividend, broadcasting.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast or an integer is divided by zero.
public func truncatingRemainder(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.truncatingRemainder, .tensor(left), .tensor(right))
}

/// The smaller of each pair, broadcasting; NaN wins.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast.
public func minimum(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.minimum, .tensor(left), .tensor(right))
}

/// The larger of each pair, broadcasting; NaN wins.
///
/// - Throws: ``ShapeError`` when the shapes do not broadcast.
public func maximum(_ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  try binary(.maximum, .tensor(left), .tensor(right))
}

/// `left` where `condition` holds and `right` elsewhere, broadcasting.
///
/// - Throws: ``ShapeError`` when the condition is not `bool` or the shapes do not broadcast.
public func `where`(_ condition: Tensor, _ left: Tensor, _ right: Tensor) throws(ShapeError) -> Tensor {
  guard condition.dtype == .bool else {
    throw ShapeError(
      "where", parameter: "condition",
      "expected condition to be a bool tensor, but got a tensor with dtype \(condition.dtype.rawValue)")
  }
  let dtype = Operand.resultType(.tensor(left), .tensor(right))
  let shape = try broadcastShape([condition.shape, left.shape, right.shape], operation: "where")
  let test = try expand(condition, shape)
  let (a, b) = (left.to(dtype), right.to(dtype))
  let (x, y) = (try expand(a.detached(), shape), try expand(b.detached(), shape))
  let result = Tensor(filling: shape, dtype) { output in
    test.withStrided { test in
      x.withStrided { left in y.withStrided { Engine.select(test, left, $0, to: output) } }
    }
  }
  return result.recorded(
    [a, b], WhereBackward(condition: condition, leftShape: left.shape, rightShape: right.shape))
}

extension Tensor {
  private static func apply(
    _ operation: BinaryOperation, _ left: Operand, _ right: Operand
  ) -> Tensor {
    trapping { () throws(ShapeError) in try binary(operation, left, right) }
  }

  /// The sum, element by element; shapes broadcast, types promote.
  public static func + (left: Tensor, right: Tensor) -> Tensor {
    apply(.add, .tensor(left), .tensor(right))
  }
  /// The difference, element by element; shapes broadcast, types promote.
  public static func - (left: Tensor, right: Tensor) -> Tensor {
    apply(.subtract, .tensor(left), .tensor(right))
  }
  /// The product, element by element; shapes broadcast, types promote.
  public static func * (left: Tensor, right: Tensor) -> Tensor {
    apply(.multiply, .tensor(left), .tensor(right))
  }
  /// True division: integers give float32.
  public static func / (left: Tensor, right: Tensor) -> Tensor {
    apply(.divide, .tensor(left), .tensor(right))
  }
  /// Remainder with the sign of the divisor.
  public static func % (left: Tensor, right: Tensor) -> Tensor {
    apply(.remainder, .tensor(left), .tensor(right))
  }

  /// The sum, element by element; shapes broadcast, types promote.
  public static func + (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.add, .tensor(left), .scalar(right.scalar))
  }
  /// The difference, element by element; shapes broadcast, types promote.
  public static func - (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.subtract, .tensor(left), .scalar(right.scalar))
  }
  /// The product, element by element; shapes broadcast, types promote.
  public static func * (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.multiply, .tensor(left), .scalar(right.scalar))
  }
  /// The quotient, element by element, floating-point also of integers; shapes broadcast, types promote.
  public static func / (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.divide, .tensor(left), .scalar(right.scalar))
  }
  /// The remainder, with the divisor's sign as in Python; shapes broadcast, types promote.
  public static func % (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.remainder, .tensor(left), .scalar(right.scalar))
  }

  /// The sum, element by element; shapes broadcast, types promote.
  public static func + (left: some ScalarValue, right: Tensor) -> Tensor {
    apply(.add, .scalar(left.scalar), .tensor(right))
  }
  /// The difference, element by element; shapes broadcast, types promote.
  public static func - (left: some ScalarValue, right: Tensor) -> Tensor {
    apply(.subtract, .scalar(left.scalar), .tensor(right))
  }
  /// The product, element by element; shapes broadcast, types promote.
  public static func * (left: some ScalarValue, right: Tensor) -> Tensor {
    apply(.multiply, .scalar(left.scalar), .tensor(right))
  }
  /// The quotient, element by element, floating-point also of integers; shapes broadcast, types promote.
  public static func / (left: some ScalarValue, right: Tensor) -> Tensor {
    apply(.divide, .scalar(left.scalar), .tensor(right))
  }

  /// Adds in place; the shape and type stay.
  public static func += (left: inout Tensor, right: Tensor) { left.replace(with: left + right) }
  /// Subtracts in place; the shape and type stay.
  public static func -= (left: inout Tensor, right: Tensor) { left.replace(with: left - right) }
  /// Multiplies in place; the shape and type stay.
  public static func *= (left: inout Tensor, right: Tensor) { left.replace(with: left * right) }
  /// Divides in place; the shape and type stay.
  public static func /= (left: inout Tensor, right: Tensor) { left.replace(with: left / right) }

  /// Takes the elements of `result`; a leaf that requires a gradient stays one, and may change only where nothing
  /// is recorded.
  private mutating func replace(with result: Tensor) {
    guard let node, node.isLeaf else {
      self = result
      return
    }
    precondition(
      !GradientMode.isEnabled,
      "a leaf tensor that requires grad is being changed in place: use noGrad, or detached()")
    precondition(
      result.shape == shape && result.dtype == dtype,
      "a leaf tensor that requires grad cannot change from \(shape) to \(result.shape)")
    self = result
    self.node = node
  }

  /// The negative of each element.
  public static prefix func - (x: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try negative(x) }
  }

  /// Powers of the elements; integers stay integers.
  public func power(_ exponent: some ScalarValue) -> Tensor {
    Tensor.apply(.power, .tensor(self), .scalar(exponent.scalar))
  }

  /// Each element to the power of `exponent`; shapes broadcast.
  public func power(_ exponent: Tensor) -> Tensor {
    Tensor.apply(.power, .tensor(self), .tensor(exponent))
  }

  /// Quotient rounded towards minus infinity.
  public func floorDivided(by divisor: some ScalarValue) -> Tensor {
    Tensor.apply(.floorDivide, .tensor(self), .scalar(divisor.scalar))
  }

  /// The quotient rounded towards negative infinity, as Python's `//`.
  public func floorDivided(by divisor: Tensor) -> Tensor {
    Tensor.apply(.floorDivide, .tensor(self), .tensor(divisor))
  }
}
