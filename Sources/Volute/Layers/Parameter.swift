import Synchronization
import VoluteEngine

/// A tensor that a layer learns: a leaf that requires a gradient, in a box that the layer, the optimiser and whoever loads
/// weights share.
public final class Parameter: Sendable {
  private let state: Lock<Tensor>

  /// A parameter that starts as `value`; with `requiresGrad: false` it is saved but not learned.
  public init(_ value: Tensor, requiresGrad: Bool = true) {
    state = Lock(value.requiringGrad(requiresGrad))
  }

  /// A parameter whose shape the layer's first input decides.
  public static func lazy(dtype: DType = .float32) -> Parameter {
    Parameter(Tensor.zeros([0], dtype: dtype))
  }

  /// The tensor. A new one keeps the old one's gradient and, if shape and type are the same, its place in graphs.
  public var value: Tensor {
    get { state.withLock { $0 } }
    set { update { $0 = newValue } }
  }

  /// Changes the elements in place, outside of any graph, or puts another tensor in their place as ``value`` does.
  public func update(_ body: (inout Tensor) -> Void) {
    state.withLock { tensor in
      // Not the tensor itself, whose bytes would have two owners then and be copied.
      let (node, shape, dtype) = (tensor.node, tensor.shape, tensor.dtype)
      noGrad { body(&tensor) }
      if tensor.node === node { return }
      tensor = tensor.requiringGrad(node != nil)
      if tensor.shape == shape, tensor.dtype == dtype { tensor.node = node }
    }
  }

  /// The tensor's sizes; `[0]` until a lazy one has seen an input.
  public var shape: [Int] { value.shape }
  /// The tensor's type.
  public var dtype: DType { value.dtype }
  /// The number of elements.
  public var count: Int { value.count }
  /// Whether the shape is known.
  public var isMaterialized: Bool { value.shape != [0] }

  /// Whether gradients by it are computed; turning it off freezes it.
  public var requiresGrad: Bool {
    get { value.requiresGrad }
    set { state.withLock { $0.requiresGrad = newValue } }
  }

  /// What `backward()` has accumulated; `nil` before, and after ``Module/zeroGrad()``.
  public var grad: Tensor? {
    get { value.grad }
    set { value.grad = newValue }
  }
}

/// A tensor that belongs to a layer's state but is not learned, such as running statistics.
public final class Buffer: Sendable {
  private let state: Lock<Tensor>
  /// Whether it is saved with the weights.
  public let isPersistent: Bool

  /// A buffer that starts as `value`.
  public init(_ value: Tensor, isPersistent: Bool = true) {
    state = Lock(value.detached())
    self.isPersistent = isPersistent
  }

  /// The tensor, outside of any graph.
  public var value: Tensor {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue.detached() } }
  }
}

/// Whether a layer is being trained; layers that behave differently then hold one.
public final class TrainingMode: Sendable {
  private let state = Atomic<Bool>(true)

  /// Starts in training.
  public init() {}

  /// Whether the layer is being trained; `train()` and `eval()` set it.
  public var isTraining: Bool {
    get { state.load(ordering: .relaxed) }
    set { state.store(newValue, ordering: .relaxed) }
  }
}

/// Means and variances of what a normalisation has seen in training.
public final class RunningStatistics: Sendable {
  let meanBuffer: Buffer
  let varianceBuffer: Buffer
  /// The batches seen.
  let batches: Buffer

  /// Means of 0 and variances of 1.
  public init(channels: Int, dtype: DType = .float32) {
    meanBuffer = Buffer(.zeros([channels], dtype: dtype))
    varianceBuffer = Buffer(.ones([channels], dtype: dtype))
    batches = Buffer(Tensor(0))
  }

  /// The running means, `[channels]`.
  public var mean: Tensor { meanBuffer.value }
  /// The running variances, `[channels]`.
  public var variance: Tensor { varianceBuffer.value }

  /// - Parameters:
  ///   - count: the elements of a set: the variance that is kept is that of a sample, over `count - 1`.
  ///   - momentum: `nil` averages all batches alike.
  ///   - countsBatch: PyTorch's normalisation of single samples leaves the number of batches as it is.
  func update(
    means: [Double], variances: [Double], count: Int, momentum: Double?, countsBatch: Bool = true
  ) {
    let seen = batches.value.item(as: Int64.self) + 1
    if countsBatch { batches.value = Tensor(Int(seen)) }
    let share = momentum ?? 1 / Double(seen)
    let correction = Double(count) / Double(max(count - 1, 1))
    func mixed(_ buffer: Buffer, _ values: [Double]) -> Tensor {
      let old = buffer.value
      let result = zip(old.elements(as: Double.self), values).map { $0 * (1 - share) + $1 * share }
      return Tensor(result).to(old.dtype)
    }
    meanBuffer.value = mixed(meanBuffer, means)
    varianceBuffer.value = mixed(varianceBuffer, variances.map { $0 * correction })
  }
}
