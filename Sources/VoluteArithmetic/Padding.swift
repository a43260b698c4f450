/// The padding of one axis: how much on each side, and, where it differs from the operation's, in which mode.
public struct AxisPadding: Hashable, Sendable, ExpressibleByIntegerLiteral {
  /// Elements in front of the input; negative crops.
  public var before: Int
  /// Elements behind the input; negative crops.
  public var after: Int
  /// `nil` takes the mode that the operation was given for all axes.
  public var mode: PaddingMode?

  /// Amounts for the two sides; `mode: nil` takes the operation's.
  public init(before: Int, after: Int, mode: PaddingMode? = nil) {
    self.before = before
    self.after = after
    self.mode = mode
  }

  public init(integerLiteral value: Int) { self.init(before: value, after: value) }

  /// `amount` zeros on either side.
  public static func zeros(_ amount: Int) -> Self { .init(before: amount, after: amount, mode: .zeros) }
  /// `amount` elements on either side, mirrored at the border, which is not repeated.
  public static func reflect(_ amount: Int) -> Self { .init(before: amount, after: amount, mode: .reflect) }
  /// `amount` copies of the border on either side.
  public static func replicate(_ amount: Int) -> Self {
    .init(before: amount, after: amount, mode: .replicate)
  }
  /// `amount` elements on either side, from the other end: the axis is a ring.
  public static func circular(_ amount: Int) -> Self { .init(before: amount, after: amount, mode: .circular) }

  /// Different amounts on the two sides.
  public static func sides(_ before: Int, _ after: Int, mode: PaddingMode? = nil) -> Self {
    .init(before: before, after: after, mode: mode)
  }
}

/// The padding of a convolution: a rule, or amounts for each axis.
///
/// ```swift
/// padding: 1
/// padding: .same
/// padding: [.zeros(1), .circular(1), .sides(2, 0)]
/// ```
public enum Padding: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  /// Output `ceil(n / s)`; the odd element of padding goes to the end.
  case same
  /// No padding.
  case valid
  /// `floor(k / 2)` on both sides.
  case half
  /// `d (k - 1)` on both sides: every input is counted equally often.
  case full
  /// Given amounts, one an axis or one for all.
  case amounts(PerAxis<AxisPadding>)

  public init(integerLiteral value: Int) { self = .amounts([AxisPadding(integerLiteral: value)]) }
  public init(arrayLiteral elements: AxisPadding...) { self = .amounts(.init(elements)) }

  /// The same amount on both sides of every axis.
  public init(_ amount: Int) { self = .amounts([.init(before: amount, after: amount)]) }

  /// Symmetric amounts, one an axis (or one for all).
  public init(_ amounts: [Int]) { self = .amounts(.init(amounts.map { .init(before: $0, after: $0) })) }
}
