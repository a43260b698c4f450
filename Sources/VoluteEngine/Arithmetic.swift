import CVolute

extension Arithmetic where Self: BinaryFloatingPoint {
  @inlinable public static var one: Self { 1 }
  @inlinable public static var lowest: Self { -infinity }
  @inlinable public static var highest: Self { infinity }
  @inlinable public static func add(_ left: Self, _ right: Self) -> Self { left + right }
  @inlinable public static func subtract(_ left: Self, _ right: Self) -> Self { left - right }
  @inlinable public static func multiply(_ left: Self, _ right: Self) -> Self { left * right }
  @inlinable public static func divide(_ left: Self, _ right: Self) -> Self { left / right }

  @inlinable
  public static func floorDivide(_ left: Self, _ right: Self) -> Self {
    // The quotient of the exact remainder, so that rounding cannot carry it to the next integer.
    if right == 0 { return left / right }
    var remainder = left.truncatingRemainder(dividingBy: right)
    var quotient = (left - remainder) / right
    if remainder != 0 && (remainder < 0) != (right < 0) {
      remainder += right
      quotient -= 1
    }
    if quotient == 0 { return Self(signOf: left / right, magnitudeOf: 0) }
    let floored = quotient.rounded(.down)
    return quotient - floored > 0.5 ? floored + 1 : floored
  }

  @inlinable
  public static func remainder(_ left: Self, _ right: Self) -> Self {
    let remainder = left.truncatingRemainder(dividingBy: right)
    return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder
  }

  @inlinable
  public static func truncatingRemainder(_ left: Self, _ right: Self) -> Self {
    left.truncatingRemainder(dividingBy: right)
  }

  @inlinable
  public static func minimum(_ left: Self, _ right: Self) -> Self {
    left.isNaN ? left : (right < left || right.isNaN ? right : left)
  }

  @inlinable
  public static func maximum(_ left: Self, _ right: Self) -> Self {
    left.isNaN ? left : (right > left || right.isNaN ? right : left)
  }

  @inlinable public var isNotANumber: Bool { isNaN }
  @inlinable public var asDouble: Double { Double(self) }

  /// Truncated; what no 64-bit integer holds becomes the smallest one, as on x86.
  @inlinable public var asInt64: Int64 { Int64(exactly: rounded(.towardZero)) ?? Int64.min }
  @inlinable public init(double: Double) { self = Self(double) }
  @inlinable public init(int64: Int64) { self = Self(int64) }
}

extension Float: Arithmetic {
  @inlinable public static func power(_ left: Float, _ right: Float) -> Float { powf(left, right) }
}

extension Double: Arithmetic {
  @inlinable public static func power(_ left: Double, _ right: Double) -> Double { pow(left, right) }
}

extension Arithmetic where Self: FixedWidthInteger {
  @inlinable public static var one: Self { 1 }
  @inlinable public static var lowest: Self { .min }
  @inlinable public static var highest: Self { .max }
  @inlinable public static func add(_ left: Self, _ right: Self) -> Self { left &+ right }
  @inlinable public static func subtract(_ left: Self, _ right: Self) -> Self { left &- right }
  @inlinable public static func multiply(_ left: Self, _ right: Self) -> Self { left &* right }

  @inlinable
  public static func divide(_ left: Self, _ right: Self) -> Self {
    right == 0 ? 0 : left.dividedReportingOverflow(by: right).partialValue
  }

  @inlinable
  public static func floorDivide(_ left: Self, _ right: Self) -> Self {
    if right == 0 { return 0 }
    let quotient = left.dividedReportingOverflow(by: right).partialValue
    let remainder = left.remainderReportingOverflow(dividingBy: right).partialValue
    return remainder != 0 && (remainder < 0) != (right < 0) ? quotient - 1 : quotient
  }

  @inlinable
  public static func remainder(_ left: Self, _ right: Self) -> Self {
    if right == 0 { return 0 }
    let remainder = left.remainderReportingOverflow(dividingBy: right).partialValue
    return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder
  }

  @inlinable
  public static func truncatingRemainder(_ left: Self, _ right: Self) -> Self {
    right == 0 ? 0 : left.remainderReportingOverflow(dividingBy: right).partialValue
  }

  /// By squaring; a negative exponent gives 0 unless the base is 1 or -1.
  @inlinable
  public static func power(_ left: Self, _ right: Self) -> Self {
    if right < 0 {
      if left == 1 { return 1 }
      if left &+ 1 == 0 { return right & 1 == 0 ? 1 : left }
      return 0
    }
    var result: Self = 1
    var base = left
    var exponent = right
    while exponent > 0 {
      if exponent & 1 == 1 { result = result &* base }
      base = base &* base
      exponent >>= 1
    }
    return result
  }

  @inlinable
  public static func minimum(_ left: Self, _ right: Self) -> Self { right < left ? right : left }

  @inlinable
  public static func maximum(_ left: Self, _ right: Self) -> Self { right > left ? right : left }

  @inlinable public var isNotANumber: Bool { false }
  @inlinable public var isZero: Bool { self == 0 }
  @inlinable public var asDouble: Double { Double(self) }
  @inlinable public var asInt64: Int64 { Int64(truncatingIfNeeded: self) }
  @inlinable public init(double: Double) { self = Self(truncatingIfNeeded: double.asInt64) }
  @inlinable public init(int64: Int64) { self = Self(truncatingIfNeeded: int64) }
}

extension Int8: Arithmetic {}
extension Int16: Arithmetic {}
extension Int32: Arithmetic {}
extension Int64: Arithmetic {}
extension UInt8: Arithmetic {}
