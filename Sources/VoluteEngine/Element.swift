/// A type that a tensor can hold, and the type that its arithmetic is done in.
///
/// The 16-bit types compute in `Float` and round once; `Bool` computes in `UInt8` and is true where the result is
/// not zero.
public protocol Element: BitwiseCopyable, Sendable {
  /// The type that its arithmetic is done in.
  associatedtype Math: Arithmetic
  /// Its name at run time.
  static var dtype: DType { get }
  /// The value in that type.
  var math: Math { get }
  /// The value rounded from that type.
  init(math: Math)
}

/// The numbers that kernels compute with. Integers wrap, as PyTorch's do.
public protocol Arithmetic: BitwiseCopyable, Sendable, Comparable {
  static var zero: Self { get }
  static var one: Self { get }
  /// The smallest value: minus infinity where there is one.
  static var lowest: Self { get }
  /// The largest value: infinity where there is one.
  static var highest: Self { get }
  static func add(_ left: Self, _ right: Self) -> Self
  static func subtract(_ left: Self, _ right: Self) -> Self
  static func multiply(_ left: Self, _ right: Self) -> Self
  /// Quotient; of integers truncated, 0 for a zero divisor.
  static func divide(_ left: Self, _ right: Self) -> Self
  /// Quotient rounded towards minus infinity.
  static func floorDivide(_ left: Self, _ right: Self) -> Self
  /// Remainder with the sign of the divisor.
  static func remainder(_ left: Self, _ right: Self) -> Self
  /// Remainder with the sign of the dividend.
  static func truncatingRemainder(_ left: Self, _ right: Self) -> Self
  static func power(_ left: Self, _ right: Self) -> Self
  static func minimum(_ left: Self, _ right: Self) -> Self
  static func maximum(_ left: Self, _ right: Self) -> Self
  var isNotANumber: Bool { get }
  var isZero: Bool { get }
  var asDouble: Double { get }
  var asInt64: Int64 { get }
  /// Conversions follow C: a real number is truncated towards zero, an integer keeps its low bits.
  init(double: Double)
  init(int64: Int64)
}

extension Float: Element {
  public static var dtype: DType { .float32 }
  @inlinable public var math: Float { self }
  @inlinable public init(math: Float) { self = math }
}

extension Double: Element {
  public static var dtype: DType { .float64 }
  @inlinable public var math: Double { self }
  @inlinable public init(math: Double) { self = math }
}

extension Float16: Element {
  public static var dtype: DType { .float16 }
  @inlinable public var math: Float { Float(self) }
  @inlinable public init(math: Float) { self = Float16(math) }
}

extension BFloat16: Element {
  public static var dtype: DType { .bfloat16 }
  @inlinable public var math: Float { float }
  @inlinable public init(math: Float) { self = BFloat16(math) }
}

extension Int8: Element {
  public static var dtype: DType { .int8 }
  @inlinable public var math: Int8 { self }
  @inlinable public init(math: Int8) { self = math }
}

extension Int16: Element {
  public static var dtype: DType { .int16 }
  @inlinable public var math: Int16 { self }
  @inlinable public init(math: Int16) { self = math }
}

extension Int32: Element {
  public static var dtype: DType { .int32 }
  @inlinable public var math: Int32 { self }
  @inlinable public init(math: Int32) { self = math }
}

extension Int64: Element {
  public static var dtype: DType { .int64 }
  @inlinable public var math: Int64 { self }
  @inlinable public init(math: Int64) { self = math }
}

extension UInt8: Element {
  public static var dtype: DType { .uint8 }
  @inlinable public var math: UInt8 { self }
  @inlinable public init(math: UInt8) { self = math }
}

extension Bool: Element {
  public static var dtype: DType { .bool }
  @inlinable public var math: UInt8 { self ? 1 : 0 }
  @inlinable public init(math: UInt8) { self = math != 0 }
}
