import VoluteEngine

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .& : LogicalConjunctionPrecedence
infix operator .| : LogicalDisjunctionPrecedence
infix operator .^ : LogicalDisjunctionPrecedence
prefix operator .!

extension Tensor {
  private static func apply(_ comparison: Comparison, _ left: Tensor, _ right: Operand) -> Tensor {
    trapping { () throws(ShapeError) in try compare(comparison, .tensor(left), right) }
  }

  /// Where the elements are equal: bool, of the broadcast shape.
  public static func .== (left: Tensor, right: Tensor) -> Tensor { apply(.equal, left, .tensor(right)) }
  /// Where the elements differ: bool, of the broadcast shape.
  public static func .!= (left: Tensor, right: Tensor) -> Tensor { apply(.notEqual, left, .tensor(right)) }
  /// Where the left element is less: bool, of the broadcast shape.
  public static func .< (left: Tensor, right: Tensor) -> Tensor { apply(.less, left, .tensor(right)) }
  /// Where the left element is not greater: bool, of the broadcast shape.
  public static func .<= (left: Tensor, right: Tensor) -> Tensor {
    apply(.lessOrEqual, left, .tensor(right))
  }
  /// Where the left element is greater: bool, of the broadcast shape.
  public static func .> (left: Tensor, right: Tensor) -> Tensor { apply(.greater, left, .tensor(right)) }
  /// Where the left element is not less: bool, of the broadcast shape.
  public static func .>= (left: Tensor, right: Tensor) -> Tensor {
    apply(.greaterOrEqual, left, .tensor(right))
  }

  /// Where the elements are equal: bool, of the broadcast shape.
  public static func .== (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.equal, left, .scalar(right.scalar))
  }
  /// Where the elements differ: bool, of the broadcast shape.
  public static func .!= (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.notEqual, left, .scalar(right.scalar))
  }
  /// Where the left element is less: bool, of the broadcast shape.
  public static func .< (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.less, left, .scalar(right.scalar))
  }
  /// Where the left element is not greater: bool, of the broadcast shape.
  public static func .<= (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.lessOrEqual, left, .scalar(right.scalar))
  }
  /// Where the left element is greater: bool, of the broadcast shape.
  public static func .> (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.greater, left, .scalar(right.scalar))
  }
  /// Where the left element is not less: bool, of the broadcast shape.
  public static func .>= (left: Tensor, right: some ScalarValue) -> Tensor {
    apply(.greaterOrEqual, left, .scalar(right.scalar))
  }

  /// Bitwise of integers, logical of bools.
  public static func .& (left: Tensor, right: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try binary(.bitwiseAnd, .tensor(left), .tensor(right)) }
  }
  /// Either, element by element: logical of bool, by bits of integers.
  public static func .| (left: Tensor, right: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try binary(.bitwiseOr, .tensor(left), .tensor(right)) }
  }
  /// One but not both, element by element: logical of bool, by bits of integers.
  public static func .^ (left: Tensor, right: Tensor) -> Tensor {
    trapping { () throws(ShapeError) in try binary(.bitwiseXor, .tensor(left), .tensor(right)) }
  }
  /// Not, element by element: logical of bool, by bits of integers.
  public static prefix func .! (x: Tensor) -> Tensor {
    precondition(!x.dtype.isFloatingPoint, "bitwise_not: not implemented for \(x.dtype.rawValue)")
    return x.mapped(.bitwiseNot)
  }

  /// Where elements are not a number: bool, of the same shape.
  public func isNaN() -> Tensor { self .!= self }

  /// Where elements are neither infinite nor NaN: bool, of the same shape.
  public func isFinite() -> Tensor { dtype.isFloatingPoint ? (self - self) .== 0 : self .== self }

  /// Where elements are infinite: bool, of the same shape.
  public func isInfinite() -> Tensor { .!(isFinite() .| isNaN()) }

  /// Whether both elements are not zero.
  public func logicalAnd(_ other: Tensor) -> Tensor { (self .!= 0) .& (other .!= 0) }

  /// Whether either element is not zero.
  public func logicalOr(_ other: Tensor) -> Tensor { (self .!= 0) .| (other .!= 0) }

  /// Whether exactly one element is not zero.
  public func logicalXor(_ other: Tensor) -> Tensor { (self .!= 0) .^ (other .!= 0) }

  /// Whether the element is zero.
  public func logicalNot() -> Tensor { self .== 0 }

  /// Whether both have one shape and type and equal elements; NaN equals nothing.
  public func isEqual(to other: Tensor) -> Bool {
    shape == other.shape && dtype == other.dtype && (self .== other).all()
  }

  /// Whether `|self - other| <= absolute + relative * |other|` everywhere.
  ///
  /// Infinities of one sign are close; NaN is close to NaN only where `equalNaN` says so.
  public func isClose(
    to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8, equalNaN: Bool = false
  ) -> Bool {
    guard shape == other.shape else { return false }
    return zip(elements(as: Double.self), other.elements(as: Double.self)).allSatisfy { a, b in
      a == b || (a.isNaN && b.isNaN && equalNaN)
        || (b.isFinite && Swift.abs(a - b) <= absolute + relative * Swift.abs(b))
    }
  }
}
