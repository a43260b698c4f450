/// The type of a tensor's elements.
public enum DType: String, Hashable, Sendable, CaseIterable {
  /// IEEE 754 half precision.
  case float16
  /// The upper half of a float32: its range with 8 bits of precision.
  case bfloat16
  /// IEEE 754 single precision, the default.
  case float32
  /// IEEE 754 double precision.
  case float64
  /// Signed, 8 bits.
  case int8
  /// Signed, 16 bits.
  case int16
  /// Signed, 32 bits.
  case int32
  /// Signed, 64 bits; what integer literals and indices are.
  case int64
  /// Unsigned, 8 bits.
  case uint8
  /// One byte, 0 or 1.
  case bool

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .float16, .bfloat16, .int16: 2
    case .float32, .int32: 4
    case .float64, .int64: 8
    }
  }

  /// Whether it is one of the four floating-point types.
  public var isFloatingPoint: Bool { category == .floating }
  /// Whether it is one of the five integer types; bool is not.
  public var isInteger: Bool { category == .integer }

  /// What decides promotion between a tensor and a number: a number changes a tensor's type only when it is of a
  /// higher category.
  package enum Category: Int, Comparable {
    case boolean
    case integer
    case floating

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  package var category: Category {
    switch self {
    case .bool: .boolean
    case .int8, .int16, .int32, .int64, .uint8: .integer
    case .float16, .bfloat16, .float32, .float64: .floating
    }
  }

  /// The type that holds the values of both, as PyTorch promotes them.
  public func promoted(with other: DType) -> DType {
    if self == other { return self }
    let (low, high) = category <= other.category ? (self, other) : (other, self)
    if low.category < high.category { return high }
    switch high.category {
    case .boolean:
      return .bool
    case .floating:
      // The two 16-bit types meet in 32 bits; otherwise the wider one holds both.
      if low.size == high.size { return .float32 }
      return low.size > high.size ? low : high
    case .integer:
      if low == .uint8 || high == .uint8 {
        let signed = low == .uint8 ? high : low
        return signed == .int8 ? .int16 : signed
      }
      return low.size > high.size ? low : high
    }
  }
}
