import Synchronization
import VoluteEngine

/// A source of random numbers that repeats PyTorch's: from the same seed come the same uniforms, integers,
/// permutations and default layer weights, bit for bit, and the same normals, from 16 values on within 2e-6.
///
/// Threads may share a generator; which of them gets which numbers is then up to their order.
public final class Generator: Sendable {
  /// All that decides the next numbers, for checkpoints.
  public typealias State = RandomState

  /// The generator that is used where none is given.
  public static let `default` = Generator(seed: 67_280_421_310_721)

  private let lockedState: Mutex<State>

  /// Only the low 32 bits of the seed count.
  public init(seed: Int) {
    lockedState = Mutex(State(seed: seed))
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
