import VoluteEngine

/// The `count` largest (or smallest) elements along `axis`, in order, and where they stood.
///
/// - Throws: ``ShapeError`` when the axis has fewer.
public func topK(
  _ x: Tensor, _ count: Int, axis: Int = -1, largest: Bool = true
) throws(ShapeError) -> (values: Tensor, indices: Tensor) {
  let place = try resolvedAxis(axis, rank: x.rank, operation: "topk")
  let size = x.rank == 0 ? 1 : x.shape[place]
  guard count >= 0, count <= size else {
    throw ShapeError(
      "topk", parameter: "k",
      "selected index k out of range: k is \(count), but dimension \(axis) has size \(size)",
      shapes: [x.shape])
  }
  return x.ordered(place, descending: largest, count: count)
}

extension Tensor {
  /// The elements in order along one axis, and where they stood; equal ones keep their order, NaN is the largest.
  public func sorted(
    _ axis: Int = -1, descending: Bool = false
  ) -> (values: Tensor, indices: Tensor) {
    let place = self.axis(axis, "sort")
    return ordered(place, descending: descending, count: rank == 0 ? 1 : shape[place])
  }

  /// See ``Volute/topK(_:_:axis:largest:)``; traps where that throws.
  public func topK(
    _ count: Int, axis: Int = -1, largest: Bool = true
  ) -> (values: Tensor, indices: Tensor) {
    trapping { () throws(ShapeError) in
      try Volute.topK(self, count, axis: axis, largest: largest)
    }
  }

  fileprivate func ordered(
    _ place: Int, descending: Bool, count: Int
  ) -> (values: Tensor, indices: Tensor) {
    let lines = rank == 0 ? detached().reshaped([1]) : detached().transposed(place, -1)
    let kept = lines.shape.dropLast() + [count]
    var values = Tensor(uninitialized: Array(kept), dtype)
    let indices = Tensor(filling: Array(kept), .int64) { indices in
      values.withMutableStrided { values in
        lines.withStrided {
          Engine.sort($0, descending: descending, count: count, values: values, indices: indices)
        }
      }
    }
    if rank == 0 {
      let shape = count == 1 ? [] : [count]
      return (
        values.reshaped(shape).recorded(
          self, SortBackward(shape: [], axis: 0, indices: indices.reshaped(shape))), indices.reshaped(shape)
      )
    }
    let places = indices.transposed(place, -1)
    return (
      values.transposed(place, -1).recorded(self, SortBackward(shape: shape, axis: place, indices: places)),
      places
    )
  }

  /// Running sums along one axis; integers and bools give int64.
  public func cumulativeSum(_ axis: Int) -> Tensor {
    let place = self.axis(axis, "cumsum")
    if rank == 0 { return dtype.isFloatingPoint ? self : to(.int64) }
    let lines = detached().to(dtype.isFloatingPoint ? dtype : .int64).transposed(place, -1)
    let result = Tensor(filling: lines.shape, lines.dtype) { output in
      lines.withStrided { Engine.cumulativeSum($0, to: output) }
    }
    return result.transposed(place, -1).recorded(self, CumsumBackward(axis: place))
  }
}

/// The gradient of putting elements in order: each goes back to where it stood.
private struct SortBackward: Backward {
  let shape: [Int]
  let axis: Int
  let indices: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [Tensor.zeros(shape, dtype: gradient.dtype).scatterAdded(axis, indices, gradient)]
  }
}

/// The gradient of running sums: running sums from the end.
private struct CumsumBackward: Backward {
  let axis: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [gradient.flipped([axis]).cumulativeSum(axis).flipped([axis])]
  }
}
