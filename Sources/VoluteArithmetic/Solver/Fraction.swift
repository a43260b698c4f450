/// A rational number in lowest terms, its denominator positive.
public struct Fraction: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// Carries the sign.
  public let numerator: Int
  /// Positive.
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

  /// Whether it is a whole number.
  public var isInteger: Bool { denominator == 1 }
  /// The largest whole number that is not greater.
  public var floor: Int { floorDivide(numerator, denominator) }
  /// The smallest whole number that is not less.
  public var ceiling: Int { ceilDivide(numerator, denominator) }

  /// `7` or `3/2`.
  public var description: String { isInteger ? "\(numerator)" : "\(numerator)/\(denominator)" }

  public static func < (a: Self, b: Self) -> Bool {
    a.numerator * b.denominator < b.numerator * a.denominator
  }

  /// The product, in lowest terms.
  public static func * (a: Self, b: Self) -> Self {
    Self(a.numerator * b.numerator, a.denominator * b.denominator)
  }

  /// The sum, in lowest terms.
  public static func + (a: Self, b: Self) -> Self {
    Self(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
  }
}
