/// One value for all spatial axes, or one for each of them: `3` or `[3, 4, 4]`.
public struct PerAxis<Value: Hashable & Sendable>: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// A single value for every axis, or as many values as there are axes.
  public var values: [Value]

  /// The same value along every axis.
  public init(repeating value: Value) { values = [value] }

  /// One value an axis, first spatial axis first.
  public init(_ values: [Value]) { self.values = values }

  public init(arrayLiteral elements: Value...) { values = elements }

  /// The values written out for `rank` axes.
  ///
  /// - Throws: ``ShapeError`` when the count is neither 1 nor `rank`.
  public func expanded(
    to rank: Int, operation: String, parameter: String
  ) throws(ShapeError) -> [Value] {
    if values.count == rank { return values }
    if values.count == 1 { return Array(repeating: values[0], count: rank) }
    throw ShapeError(
      operation, parameter: parameter,
      "expected \(parameter) to be a single value or \(rank) values to match the convolution dimensions, "
        + "but got \(values)",
      mend: "give 1 or \(rank)")
  }
}

extension PerAxis: ExpressibleByIntegerLiteral where Value: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Value.IntegerLiteralType) {
    values = [Value(integerLiteral: value)]
  }
}

extension PerAxis where Value == Int {
  /// The same value along every axis.
  public init(_ value: Int) { values = [value] }
}

extension PerAxis: ExpressibleByFloatLiteral where Value == Double {
  public init(floatLiteral value: Double) { values = [value] }
}

extension PerAxis where Value == PaddingMode {
  /// Zeros along every axis.
  public static var zeros: Self { .init(repeating: .zeros) }
  /// Mirrored along every axis, the border not repeated.
  public static var reflect: Self { .init(repeating: .reflect) }
  /// The border repeated along every axis.
  public static var replicate: Self { .init(repeating: .replicate) }
  /// Every axis a ring.
  public static var circular: Self { .init(repeating: .circular) }
}
