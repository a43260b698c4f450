/// A rational number in lowest terms, its denominator positive.
public struct Fraction: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let numerator: Int
  public let denominator: Int

  /// `numerator / denominator`; the denominator is not zero.
  public init(_ numerator: Int, _ denominator: Int = 1) {
    precondition(denominator != 0, "a fraction's denominator is not zero")
    var (a, b) = (abs(numerator), abs(denominator))
    while b != 0 { (a, b) = (b, a % b) }
    let sign = denominator < 0 ? -1 : 1
    self.numerator = sign * numerator / a
    self.denominator = sign * denominator / a
  }

  public var isInteger: Bool { denominator == 1 }
  public var floor: Int { floorDivide(numerator, denominator) }
  public var ceiling: Int { ceilDivide(numerator, denominator) }

  /// `7` or `3/2`.
  public var description: String { isInteger ? "\(numerator)" : "\(numerator)/\(denominator)" }

  public static func < (a: Self, b: Self) -> Bool {
    a.numerator * b.denominator < b.numerator * a.denominator
  }

  public static func * (a: Self, b: Self) -> Self {
    Self(a.numerator * b.numerator, a.denominator * b.denominator)
  }

  public static func + (a: Self, b: Self) -> Self {
    Self(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
  }
}
