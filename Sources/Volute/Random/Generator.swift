import VoluteEngine

/// A source of random numbers that repeats PyTorch's: from the same seed come the same uniforms, integers,
/// permutations and default layer weights, bit for bit, and the same normals, from 16 values on within 2e-6.
///
/// Threads may share a generator; which of them gets which numbers is then up to their order.
public final class Generator: Sendable {
  /// All that decides the next numbers, for checkpoints.
  public typealias State = RandomState

  private static let shared = Generator(seed: 67_280_421_310_721)
  @TaskLocal private static var scoped: Generator?

  /// The generator that is used where none is given: the process' own, or that of ``withDefault(_:_:)``.
  public static var `default`: Generator { scoped ?? shared }

  /// Runs `body` with another default generator, in this task and those that it starts: what others draw meanwhile
  /// does not disturb it.
  ///
  /// - Throws: what `body` throws.
  public static func withDefault<Success, Failure: Error>(
    _ generator: Generator, _ body: () throws(Failure) -> Success
  ) throws(Failure) -> Success {
    let result = $scoped.withValue(generator) { () -> Result<Success, Failure> in
      do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private let lockedState: Lock<State>

  /// Only the low 32 bits of the seed count.
  public init(seed: Int) {
    lockedState = Lock(State(seed: seed))
  }

  /// The present state; setting it goes back, or on, to where it was taken.
  public var state: State {
    get { lockedState.withLock { $0 } }
    set { lockedState.withLock { $0 = newValue } }
  }

  /// Starts again from `seed`.
  public func manualSeed(_ seed: Int) { state = State(seed: seed) }

  /// Runs `body` on the state; nobody else draws meanwhile.
  func withState<Result>(_ body: (inout State) -> Result) -> Result {
    lockedState.withLock { (state) -> Result in body(&state) }
  }
}

/// Starts the default generator again from `seed`.
public func manualSeed(_ seed: Int) { Generator.default.manualSeed(seed) }
