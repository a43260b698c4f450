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
public enum TensorIndex: Hashable, Sendable {
  case index(Int)
  /// Bounds count from the end when negative and are clipped to the axis, as in Python.
  case range(Int?, Int?, step: Int)
  case newAxis
  case ellipsis

  public static var all: Self { .range(nil, nil, step: 1) }

  public static func stepping(_ range: some TensorIndexConvertible, by step: Int) -> Self {
    if case .range(let from, let to, _) = range.tensorIndex { return .range(from, to, step: step) }
    return range.tensorIndex
  }
}

/// What may stand in a tensor's subscript.
public protocol TensorIndexConvertible {
  var tensorIndex: TensorIndex { get }
}

extension TensorIndex: TensorIndexConvertible { public var tensorIndex: TensorIndex { self } }
extension Int: TensorIndexConvertible { public var tensorIndex: TensorIndex { .index(self) } }

extension Range<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .range(lowerBound, upperBound, step: 1) }
}

extension ClosedRange<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .range(lowerBound, upperBound == -1 ? nil : upperBound + 1, step: 1) }
}

extension PartialRangeFrom<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .range(lowerBound, nil, step: 1) }
}

extension PartialRangeUpTo<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .range(nil, upperBound, step: 1) }
}

extension PartialRangeThrough<Int>: TensorIndexConvertible {
  public var tensorIndex: TensorIndex { .range(nil, upperBound == -1 ? nil : upperBound + 1, step: 1) }
}

extension Tensor {
  /// A part of the tensor that shares its bytes; assigning copies into it, broadcasting the value.
  public subscript(_ indices: any TensorIndexConvertible...) -> Tensor {
    get { part(indices.map(\.tensorIndex)) }
    set { assign(newValue, at: indices.map(\.tensorIndex)) }
  }

  /// Sets every element of a part to one number.
  public mutating func fill(_ value: some ScalarValue, at indices: any TensorIndexConvertible...) {
    assign(Tensor(full: [], value, dtype: dtype), at: indices.map(\.tensorIndex))
  }

  private mutating func assign(_ value: Tensor, at indices: [TensorIndex]) {
    let dtype = dtype
    withMutableStrided { array in
      // A window on the bytes that are being written: it lives no longer than this call.
      let whole = Tensor(
        storage: Storage(borrowing: array.base, byteCount: 0) { _ in }, dtype: dtype, shape: array.shape,
        strides: array.strides, offset: 0)
      let target = whole.part(indices)
      let source = trapping { () throws(ShapeError) in try expand(value, target.shape) }
      target.withStrided { destination in
        source.withStrided { Engine.copy($0, to: destination) }
      }
    }
  }

  private func part(_ indices: [TensorIndex]) -> Tensor {
    let named = indices.count { $0 != .newAxis && $0 != .ellipsis }
    precondition(
      named <= rank, "subscript: too many indices (\(named)) for a tensor of dimension \(rank)")
    precondition(
      indices.count { $0 == .ellipsis } <= 1, "subscript: an index can only have a single ellipsis")
    var result = self
    var axis = 0
    for index in indices {
      switch index {
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
