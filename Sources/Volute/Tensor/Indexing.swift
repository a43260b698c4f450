import VoluteEngine

/// One place of a subscript: an index, a range, everything, a new axis, or the rest of the axes.
///
/// ```swift
/// x[0]                 // the first along axis 0
/// x[0..., 1..<3]       // all of axis 0, two of axis 1
/// x[.ellipsis, -1]     // the last along the last axis
/// x[.all, .newAxis]    // an axis of size 1 put in
/// x[.stepping(0..., by: 2)]
/// ```
public struct TensorIndex: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case index(Int)
    /// Bounds count from the end when negative and are clipped to the axis, as in Python.
    case range(Int?, Int?, step: Int)
    case newAxis
    case ellipsis
  }

  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }

  /// One place, counted from the end when negative.
  public init(at index: Int) { kind = .index(index) }
}

/// What may stand in a tensor's subscript.
public protocol TensorIndexConvertible {
  /// The index that the value stands for.
  var tensorIndex: TensorIndex { get }
}

// On the protocol, so that `x[.ellipsis, 0]` can be written.
extension TensorIndexConvertible where Self == TensorIndex {
  /// The whole axis.
  public static var all: Self { .init(.range(nil, nil, step: 1)) }
  /// All axes that the other places leave.
  public static var ellipsis: Self { .init(.ellipsis) }
  /// An axis of size 1 put in.
  public static var newAxis: Self { .init(.newAxis) }

  /// Every `step`-th place of a range.
  public static func stepping(_ range: some TensorIndexConvertible, by step: Int) -> Self {
    guard case .range(let from, let to, _) = range.tensorIndex.kind else { return range.tensorIndex }
    return .init(.range(from, to, step: step))
  }
}

extension TensorIndex: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { self }
}

extension Int: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.index(self)) }
}

extension Range<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.range(lowerBound, upperBound, step: 1)) }
}

extension ClosedRange<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.range(lowerBound, following(upperBound), step: 1)) }
}

extension PartialRangeFrom<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.range(lowerBound, nil, step: 1)) }
}

extension PartialRangeUpTo<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.range(nil, upperBound, step: 1)) }
}

extension PartialRangeThrough<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .init(.range(nil, following(upperBound), step: 1)) }
}

/// The bound behind the last place of a closed range; -1 is the end.
private func following(_ last: Int) -> Int? { last == -1 ? nil : last + 1 }

extension Tensor {
  /// A part of the tensor that shares its bytes; assigning copies into it, broadcasting the value.
  public subscript(_ indices: [TensorIndex]) -> Tensor {
    get { part(indices) }
    set { assign(newValue, at: indices) }
  }

  // One for each number of places: a variadic subscript would have to take existentials, on which `.ellipsis` and
  // the like cannot be written.
  /// The part that the indices choose, as in NumPy: an integer drops its axis, a range keeps it.
  public subscript(_ a: some TensorIndexConvertible) -> Tensor {
    get { self[[a.tensorIndex]] }
    set { self[[a.tensorIndex]] = newValue }
  }
  /// The part that the indices choose, one an axis from the first on.
  public subscript(_ a: some TensorIndexConvertible, _ b: some TensorIndexConvertible) -> Tensor {
    get { self[[a.tensorIndex, b.tensorIndex]] }
    set { self[[a.tensorIndex, b.tensorIndex]] = newValue }
  }
  /// The part that the indices choose, one an axis from the first on.
  public subscript(_ a: some TensorIndexConvertible, _ b: some TensorIndexConvertible,
    _ c: some TensorIndexConvertible
  ) -> Tensor {
    get { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex]] }
    set { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex]] = newValue }
  }
  /// The part that the indices choose, one an axis from the first on.
  public subscript(_ a: some TensorIndexConvertible, _ b: some TensorIndexConvertible,
    _ c: some TensorIndexConvertible, _ d: some TensorIndexConvertible
  ) -> Tensor {
    get { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex]] }
    set { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex]] = newValue }
  }
  /// The part that the indices choose, one an axis from the first on.
  public subscript(_ a: some TensorIndexConvertible, _ b: some TensorIndexConvertible,
    _ c: some TensorIndexConvertible, _ d: some TensorIndexConvertible, _ e: some TensorIndexConvertible
  ) -> Tensor {
    get { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex, e.tensorIndex]] }
    set { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex, e.tensorIndex]] = newValue }
  }
  /// The part that the indices choose, one an axis from the first on.
  public subscript(_ a: some TensorIndexConvertible, _ b: some TensorIndexConvertible,
    _ c: some TensorIndexConvertible, _ d: some TensorIndexConvertible, _ e: some TensorIndexConvertible,
    _ f: some TensorIndexConvertible
  ) -> Tensor {
    get { self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex, e.tensorIndex, f.tensorIndex]] }
    set {
      self[[a.tensorIndex, b.tensorIndex, c.tensorIndex, d.tensorIndex, e.tensorIndex, f.tensorIndex]] =
        newValue
    }
  }

  /// Sets every element of a part to one number.
  public mutating func fill(_ value: some ScalarValue, at indices: any TensorIndexConvertible...) {
    assign(Tensor(full: [], value, dtype: dtype), at: indices.map(\.tensorIndex))
  }

  private mutating func assign(_ value: Tensor, at indices: [TensorIndex]) {
    let dtype = dtype
    let (history, shape) = (GradientMode.isEnabled ? node : nil, shape)
    defer {
      // A leaf that requires a gradient has trapped by now, or stays what it is where nothing is recorded.
      if GradientMode.isEnabled, dtype.isFloatingPoint, history != nil || value.node != nil {
        node = GradientNode(
          AssignmentBackward(indices: indices, shape: value.shape, dtype: value.dtype),
          inputs: [history, value.node], shape: shape, dtype: dtype)
      }
    }
    withMutableStrided { array in
      // A window on the bytes that are being written: it lives no longer than this call.
      let whole = Tensor(
        storage: Storage(borrowing: array.base, byteCount: 0) { _ in }, dtype: dtype, shape: array.shape,
        strides: array.strides, offset: 0)
      let target = whole.part(indices)
      let source = trapping { () throws(ShapeError) in try expand(value.detached(), target.shape) }
      target.withStrided { destination in
        source.withStrided { Engine.copy($0, to: destination) }
      }
    }
  }

  private func part(_ indices: [TensorIndex]) -> Tensor {
    let named = indices.count { $0.kind != .newAxis && $0.kind != .ellipsis }
    precondition(
      named <= rank, "subscript: too many indices (\(named)) for a tensor of dimension \(rank)")
    precondition(
      indices.count { $0.kind == .ellipsis } <= 1, "subscript: an index can only have a single ellipsis")
    var result = self
    var axis = 0
    for index in indices {
      switch index.kind {
      case .index(let place):
        result = result.selected(axis, place)
      case .newAxis:
        result = result.unsqueezed(axis)
        axis += 1
      case .ellipsis:
        axis += rank - named
      case .range(let from, let to, let step):
        let size = result.shape[axis]
        let first = Tensor.clipped(from ?? 0, size)
        let last = Swift.max(first, Tensor.clipped(to ?? size, size))
        result = result.sliced(axis, first..<last, step: step)
        axis += 1
      }
    }
    return result
  }

  private static func clipped(_ bound: Int, _ size: Int) -> Int {
    Swift.min(Swift.max(bound < 0 ? bound + size : bound, 0), size)
  }
}

/// The gradient of writing a value into a part: the rest's goes on, the part's is the value's.
struct AssignmentBackward: Backward {
  let indices: [TensorIndex]
  let shape: [Int]
  let dtype: DType

  var name: String { "CopySlices" }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    var rest: Tensor?
    if context.needs(0) {
      // A leaf of the caller's is not written to: its copy is.
      var kept = gradient.isRecording ? gradient.cloned() : gradient
      kept[indices] = Tensor(full: [], 0, dtype: gradient.dtype)
      rest = kept
    }
    return [rest, context.needs(1) ? gradient[indices].summed(to: shape).to(dtype) : nil]
  }
}
