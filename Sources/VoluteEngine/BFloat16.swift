/// The upper half of a `Float`: its range with 8 bits of precision.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
  /// The upper half of a `Float`'s bits.
  public var bitPattern: UInt16

  /// The number with these bits.
  @inlinable
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest value, ties to even; NaN stays NaN.
  @inlinable
  public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = 0x7FC0
    } else {
      let rounding: UInt32 = 0x7FFF + ((bits >> 16) & 1)
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ rounding) >> 16)
    }
  }

  /// The same number; exact.
  @inlinable public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  public var description: String { float.description }

  public static func == (left: Self, right: Self) -> Bool { left.float == right.float }
  public func hash(into hasher: inout Hasher) { hasher.combine(float) }
}
