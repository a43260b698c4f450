/// Whether operations are recorded for `backward()`; a property of the running task.
public enum GradientMode {
  @TaskLocal static var recordsOperations = true

  /// Whether operations on tensors that require a gradient are recorded now.
  public static var isEnabled: Bool { recordsOperations }
}

/// Runs `body` without recording operations: results require no gradient, and leaves may be changed.
///
/// - Throws: what `body` throws.
public func noGrad<Result, Failure: Error>(
  _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try withGradientMode(false, body)
}

/// Runs `body` with operations recorded, inside of ``noGrad(_:)``.
///
/// - Throws: what `body` throws.
public func enableGrad<Result, Failure: Error>(
  _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try withGradientMode(true, body)
}

func withGradientMode<Success, Failure: Error>(
  _ isEnabled: Bool, _ body: () throws(Failure) -> Success
) throws(Failure) -> Success {
  // `withValue` forgets the type of an error, so it carries a result.
  let result = GradientMode.$recordsOperations.withValue(isEnabled) { () -> Result<Success, Failure> in
    do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
  }
  return try result.get()
}
