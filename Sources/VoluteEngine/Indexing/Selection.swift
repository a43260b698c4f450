extension Engine {
  /// `output[..., i, ...] = input[..., indices[..., i, ...], ...]` along `axis`; `indices` are Int64 and have the
  /// output's shape.
  ///
  /// - Returns: the first index that lies outside of the axis, in which case the output is unfinished.
  public static func gather(
    _ input: StridedArray, axis: Int, indices: StridedArray, to output: StridedArray
  ) -> Int64? {
    input.dtype.dispatch(
      Selection(values: input, axis: axis, indices: indices, target: output, scatters: false))
  }

  /// `output[..., indices[..., i, ...], ...] += input[..., i, ...]` along `axis`; `indices` are Int64, and `input`
  /// has at least their shape.
  ///
  /// - Returns: the first index that lies outside of the axis, in which case the output is unfinished.
  public static func scatterAdd(
    _ input: StridedArray, axis: Int, indices: StridedArray, to output: StridedArray
  ) -> Int64? {
    input.dtype.dispatch(
      Selection(values: output, axis: axis, indices: indices, target: input, scatters: true))
  }

  /// `values` is the array that is indexed, `target` the one that is walked along with the indices.
  private struct Selection: ElementVisitor {
    let values: StridedArray
    let axis: Int
    let indices: StridedArray
    let target: StridedArray
    let scatters: Bool

    func visit<T: Element>(_ type: T.Type) -> Int64? {
      let size = values.shape[axis]
      let step = values.strides[axis]
      var fixed = values.strides
      fixed[axis] = 0
      let nest = LoopNest(
        shape: indices.shape, strides: [fixed, indices.strides, target.strides])
      let steps = nest.rowStrides
      let table = values.pointer(as: T.self)
      let places = indices.pointer(as: Int64.self)
      let walked = target.pointer(as: T.self)
      var bad: Int64?
      nest.forEachRow { offsets, count in
        for index in 0..<count where bad == nil {
          let place = places[offsets[1] + index * steps[1]]
          if place < 0 || place >= size {
            bad = place
            break
          }
          let entry = table + offsets[0] + index * steps[0] + Int(place) * step
          let other = walked + offsets[2] + index * steps[2]
          if scatters {
            entry.pointee = T(math: T.Math.add(entry.pointee.math, other.pointee.math))
          } else {
            other.pointee = entry.pointee
          }
        }
      }
      return bad
    }
  }
}
