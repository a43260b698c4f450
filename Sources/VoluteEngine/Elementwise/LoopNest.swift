/// A walk over several arrays of one shape, row by row.
///
/// Neighbouring axes that are one stretch of memory in every array are merged, so most walks are one long row.
struct LoopNest {
  private(set) var shape: [Int]
  /// One list an array.
  private(set) var strides: [[Int]]

  init(shape: [Int], strides: [[Int]]) {
    var mergedShape: [Int] = []
    var merged = strides.map { _ in [Int]() }
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      if let outer = mergedShape.last,
        strides.indices.allSatisfy({ strides[$0][axis] == (merged[$0].last ?? 0) * outer })
      {
        mergedShape[mergedShape.count - 1] = outer * shape[axis]
      } else {
        mergedShape.append(shape[axis])
        for array in strides.indices { merged[array].append(strides[array][axis]) }
      }
    }
    if mergedShape.isEmpty {
      mergedShape = [1]
      merged = strides.map { _ in [0] }
    }
    self.shape = mergedShape.reversed()
    self.strides = merged.map { $0.reversed() }
  }

  /// The stride within a row, for each array.
  var rowStrides: [Int] { strides.map { $0[$0.count - 1] } }

  /// Calls `body` for each row with the element offset of its start in each array, and its length.
  @inline(__always)
  func forEachRow(_ body: (_ offsets: UnsafeMutablePointer<Int>, _ count: Int) -> Void) {
    if shape.contains(0) { return }
    let outer = shape.count - 1
    let arrays = strides.count
    withUnsafeTemporaryAllocation(of: Int.self, capacity: arrays + outer + 1) { scratch in
      guard let offsets = scratch.baseAddress else { return }
      offsets.update(repeating: 0, count: arrays + outer + 1)
      let index = offsets + arrays
      while true {
        body(offsets, shape[outer])
        var axis = outer - 1
        while axis >= 0 {
          index[axis] += 1
          if index[axis] < shape[axis] {
            for array in 0..<arrays { offsets[array] += strides[array][axis] }
            break
          }
          index[axis] = 0
          for array in 0..<arrays { offsets[array] -= strides[array][axis] * (shape[axis] - 1) }
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }

  /// As ``forEachRow(_:)``, on several threads where there is enough to do: `body` gets rows, or parts of rows, in any
  /// order.
  @inline(__always)
  func forEachRowInParallel(_ body: (_ offsets: UnsafeMutablePointer<Int>, _ count: Int) -> Void) {
    let grain = 32_768
    let total = shape.reduce(1, *)
    if total < 2 * grain { return forEachRow(body) }
    // Some of the outermost axis at a time.
    let (outer, inner) = (shape[0], total / shape[0])
    let share = max(1, grain / max(inner, 1))
    parallel(outer, grain: share) { range in
      var part = self
      part.shape[0] = range.count
      part.forEachRow { offsets, count in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: strides.count) { moved in
          guard let places = moved.baseAddress else { return }
          for array in strides.indices {
            places[array] = offsets[array] + range.lowerBound * strides[array][0]
          }
          body(places, count)
        }
      }
    }
  }
}
