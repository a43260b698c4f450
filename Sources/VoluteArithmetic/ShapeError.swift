/// What is wrong with the shapes, numbers or element types that an operation was given, and how to mend it.
///
/// Every validator of the package throws this type; layers and operators, which cannot throw, trap with the
/// same text.
public struct ShapeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operation that refused, in its public spelling, such as `conv2d`.
  public var operation: String
  /// The parameter at fault, such as `stride`.
  public var parameter: String
  /// One clause with the numbers in it.
  public var message: String
  /// What would make the call valid, where there is such a thing.
  public var mend: String?
  /// The shapes involved, in the order in which the message names them.
  public var shapes: [[Int]]
  /// The path of the layer in which it arose, such as `downs.0.block1.conv`, where it was a layer's.
  public var path: String?
  /// That layer.
  package var origin: ObjectIdentifier?

  /// What `operation` found wrong with `parameter`: a clause with the numbers, and the mend where there is
  /// one.
  public init(
    _ operation: String, parameter: String, _ message: String, mend: String? = nil, shapes: [[Int]] = []
  ) {
    self.operation = operation
    self.parameter = parameter
    self.message = message
    self.mend = mend
    self.shapes = shapes
  }

  public var description: String {
    let head = (path.map { "\($0): " } ?? "") + "\(operation): \(message)"
    guard let mend else { return head }
    return "\(head) (\(mend))"
  }
}

/// Runs a validator where throwing is impossible; a refusal traps with the validator's own text.
///
/// This is the one place where an error becomes a trap.
@inlinable
public func trapping<Result, Failure: Error & CustomStringConvertible>(
  file: StaticString = #fileID, line: UInt = #line, _ body: () throws(Failure) -> Result
) -> Result {
  do {
    return try body()
  } catch {
    fatalError(error.description, file: file, line: line)
  }
}

/// `[1, 2, 3]` as `(1 x 2 x 3)`, the way sizes are written in messages.
package func sizeText(_ sizes: [Int]) -> String {
  "(" + sizes.map(String.init).joined(separator: " x ") + ")"
}
