/// A number without a type of its own: it raises a tensor's type only to its category.
public enum Scalar: Hashable, Sendable {
  /// True or false.
  case boolean(Bool)
  /// A whole number.
  case integer(Int64)
  /// A real number.
  case real(Double)

  /// The type that it has on its own: `bool`, `int64` or `float32`.
  public var dtype: DType {
    switch self {
    case .boolean: .bool
    case .integer: .int64
    case .real: .float32
    }
  }

  var isZero: Bool {
    switch self {
    case .boolean(let value): !value
    case .integer(let value): value == 0
    case .real(let value): value == 0
    }
  }

  func math<Math: Arithmetic>(as type: Math.Type) -> Math {
    switch self {
    case .boolean(let value): value ? Math.one : Math.zero
    case .integer(let value): Math(int64: value)
    case .real(let value): Math(double: value)
    }
  }
}
