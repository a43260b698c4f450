import VoluteEngine

/// The gradient of giving other sizes to the same elements.
struct ReshapeBackward: Backward {
  var name = "ViewBackward"
  let shape: [Int]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient.reshaped(shape)] }
}

struct ExpandBackward: Backward {
  let shape: [Int]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient.summed(to: shape)] }
}

struct PermuteBackward: Backward {
  let order: [Int]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    var inverse = order
    for (place, axis) in order.enumerated() { inverse[axis] = place }
    return [gradient.permuted(inverse)]
  }
}

struct SliceBackward: Backward {
  let shape: [Int]
  let axis: Int
  let start: Int
  let step: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [gradient.embedded(in: shape, axis: axis, start: start, step: step)]
  }
}

struct SelectBackward: Backward {
  let shape: [Int]
  let axis: Int
  let index: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [gradient.unsqueezed(axis).embedded(in: shape, axis: axis, start: index, step: 1)]
  }
}

extension Tensor {
  /// Zeros of `shape` with this tensor at every `step`-th place of one axis: the adjoint of a slice.
  func embedded(in shape: [Int], axis: Int, start: Int, step: Int) -> Tensor {
    var result = Tensor.zeros(shape, dtype: dtype)
    result.withMutableStrided { array in
      var target = array
      target.shape = self.shape
      target.base += start * array.strides[axis] * dtype.size
      target.strides[axis] *= step
      withStrided { Engine.copy($0, to: target) }
    }
    return result.recorded(
      self, EmbeddingOfSliceBackward(axis: axis, start: start, step: step, count: self.shape[axis]))
  }
}

struct EmbeddingOfSliceBackward: Backward {
  let axis: Int
  let start: Int
  let step: Int
  let count: Int

  var name: String { "SliceBackwardBackward" }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let end = count == 0 ? start : start + (count - 1) * step + 1
    return [gradient.sliced(axis, start..<end, step: step)]
  }
}

/// The gradient of a window of any strides: each element goes back to its place in the storage, where those of windows
/// that overlap add up.
struct AsStridedBackward: Backward {
  let shape: [Int]
  let strides: [Int]
  let offset: Int
  let inputShape: [Int]
  let inputStrides: [Int]
  let inputOffset: Int
  let capacity: Int

  init(input: Tensor, shape: [Int], strides: [Int], offset: Int) {
    self.shape = shape
    self.strides = strides
    self.offset = offset
    inputShape = input.shape
    inputStrides = input.strides
    inputOffset = input.offset
    capacity = input.storage.byteCount / input.dtype.size
  }

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let places = Tensor.arange(capacity)
    let targets = places.asStrided(shape, strides: strides, offset: offset).reshaped([-1])
    let storage = Tensor.zeros([capacity], dtype: gradient.dtype)
      .scatterAdded(0, targets, gradient.reshaped([-1]))
    let sources = places.asStrided(inputShape, strides: inputStrides, offset: inputOffset).reshaped([-1])
    return [storage.gathered(0, sources).reshaped(inputShape)]
  }
}
