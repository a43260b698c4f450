import CVolute
import Synchronization
import VoluteEngine

/// What an operation keeps in order to turn the gradient by its output into gradients by its inputs.
///
/// A type of one's own makes an operation of one's own; see ``Tensor/recorded(_:_:)``. Results are made with
/// differentiable operations, so that second derivatives follow. An input may be kept as it is; an output must be
/// kept detached and asked for with ``BackwardContext/output(_:)``, since it would otherwise keep itself alive.
public protocol Backward: Sendable {
  /// What a graph calls the operation; by default the type's name.
  var name: String { get }

  /// The gradients by the inputs, in the order in which they were recorded.
  ///
  /// - Parameters:
  ///   - gradient: of the output's shape and type.
  ///   - context: tells which inputs need a gradient; `nil` may stand for the others.
  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?]
}

extension Backward {
  public var name: String { String(describing: Self.self) }
}

/// The place in a graph at which a ``Backward`` is asked for gradients.
public struct BackwardContext {
  let node: GradientNode
  let needed: [Bool]

  /// Whether the gradient by input `index` is wanted.
  public func needs(_ index: Int) -> Bool { needed[index] }

  /// The output that was kept detached, connected to the graph again.
  public func output(_ saved: Tensor) -> Tensor {
    var result = saved
    result.node = node
    return result
  }
}

/// A tensor's place in the graph of what was computed: an operation, or a leaf whose gradient is kept.
public final class GradientNode: Sendable {
  /// Grows with time, so that every node comes after its inputs.
  let order: UInt64
  /// Whether it is a tensor that asked for a gradient, and no operation's result.
  public let isLeaf: Bool
  /// The operation's name, such as `ConvolutionBackward`; `AccumulateGrad` for a leaf.
  public let name: String
  /// The shape of the output.
  public let shape: [Int]
  /// The type of the tensor and of its gradient.
  public let dtype: DType
  private let state: Lock<State>

  private struct State {
    var inputs: [GradientNode?]
    var backward: (any Backward)?
    var gradient: Tensor?
    var keepsGradient: Bool
    var hooks: [(id: Int, body: @Sendable (Tensor) -> Tensor?)] = []
    var nextHook = 0
  }

  private static let count = Atomic<UInt64>(0)

  init(_ backward: (any Backward)?, inputs: [GradientNode?], shape: [Int], dtype: DType) {
    order = GradientNode.count.wrappingAdd(1, ordering: .relaxed).newValue
    isLeaf = backward == nil
    name = backward?.name ?? "AccumulateGrad"
    self.shape = shape
    self.dtype = dtype
    state = Lock(State(inputs: inputs, backward: backward, keepsGradient: backward == nil))
  }

  deinit {
    // Releasing the inputs here would recurse through a long graph, so what the node holds is taken from it and waits.
    Graveyard.bury(
      state.withLock { state in
        defer {
          state.inputs = []
          state.backward = nil
        }
        return Remains(inputs: state.inputs, backward: state.backward)
      })
  }

  /// Where the gradients by the operation's inputs go; `nil` for inputs that need none.
  public var inputs: [GradientNode?] { state.withLock { $0.inputs } }

  /// The operation; `nil` once its graph has been released.
  var backward: (any Backward)? { state.withLock { $0.backward } }

  /// The gradient that has accumulated here.
  var gradient: Tensor? {
    get { state.withLock { $0.gradient } }
    set { state.withLock { $0.gradient = newValue } }
  }

  var keepsGradient: Bool {
    get { state.withLock { $0.keepsGradient } }
    set { state.withLock { $0.keepsGradient = newValue } }
  }

  /// Forgets what the operation has kept.
  func release() {
    let released = state.withLock { state in
      defer { state.backward = nil }
      return state.backward
    }
    withExtendedLifetime(released) {}
  }

  func addHook(_ body: @escaping @Sendable (Tensor) -> Tensor?) -> Int {
    state.withLock { state in
      state.nextHook += 1
      state.hooks.append((state.nextHook, body))
      return state.nextHook
    }
  }

  func removeHook(_ id: Int) {
    state.withLock { $0.hooks.removeAll { $0.id == id } }
  }

  /// The gradient as the hooks leave it.
  func hooked(_ gradient: Tensor) -> Tensor {
    let hooks = state.withLock { $0.hooks }
    return hooks.reduce(gradient) { $1.body($0) ?? $0 }
  }

  func accumulate(_ gradient: Tensor) {
    state.withLock { state in
      if let before = state.gradient {
        state.gradient = before + gradient
      } else {
        state.gradient = gradient
      }
    }
  }
}

/// What a node held, to be let go after the node itself.
private struct Remains {
  let inputs: [GradientNode?]
  let backward: (any Backward)?
}

/// Lets the nodes of a graph go one after another: a chain of any length needs no deeper stack than one node.
private enum Graveyard {
  private final class Queue {
    var waiting: [Remains] = []
  }

  /// Takes over `remains`: were it the caller's, that would let go of the last reference after all.
  static func bury(_ remains: consuming Remains) {
    if let queue = volute_thread_slot() {
      Unmanaged<Queue>.fromOpaque(queue).takeUnretainedValue().waiting.append(remains)
      return
    }
    let queue = Queue()
    queue.waiting.append(remains)
    volute_set_thread_slot(Unmanaged.passUnretained(queue).toOpaque())
    // Letting the last holder of a node go calls `bury` again, which finds the queue and returns.
    while let next = queue.waiting.popLast() { withExtendedLifetime(next) {} }
    volute_set_thread_slot(nil)
  }
}
