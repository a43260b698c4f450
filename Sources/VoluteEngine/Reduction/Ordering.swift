extension Engine {
  /// Sorts along the last axis; equal elements keep their order, and NaN counts as the largest.
  ///
  /// - Parameters:
  ///   - input: what is read.
  ///   - descending: largest first.
  ///   - count: how many of each line are written.
  ///   - values: where the sorted elements go.
  ///   - indices: where the places go.
  public static func sort(
    _ input: StridedArray, descending: Bool, count: Int, values: StridedArray, indices: StridedArray
  ) {
    input.dtype.dispatch(
      Sort(input: input, descending: descending, kept: count, values: values, indices: indices))
  }

  private struct Sort: ElementVisitor {
    let input: StridedArray
    let descending: Bool
    let kept: Int
    let values: StridedArray
    let indices: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      var sorted = values.pointer(as: T.self)
      var places = indices.pointer(as: Int64.self)
      // A stable merge of places by the values under them.
      var order = Array(0..<(input.shape.last ?? 0))
      forEachLine(of: input, T.self) { line, length, step in
        for place in 0..<length { order[place] = place }
        order.sort { left, right in
          let (a, b) = (line[left * step].math, line[right * step].math)
          if precedes(a, b) { return true }
          if precedes(b, a) { return false }
          return left < right
        }
        for rank in 0..<kept {
          sorted[rank] = line[order[rank] * step]
          places[rank] = Int64(order[rank])
        }
        sorted += kept
        places += kept
      }
    }

    @inline(__always)
    private func precedes<Math: Arithmetic>(_ a: Math, _ b: Math) -> Bool {
      if a.isNotANumber || b.isNotANumber {
        return descending ? a.isNotANumber && !b.isNotANumber : !a.isNotANumber && b.isNotANumber
      }
      return descending ? a > b : a < b
    }
  }

  /// Running sums along the last axis, in the type of `output`, which is contiguous.
  public static func cumulativeSum(_ input: StridedArray, to output: StridedArray) {
    output.dtype.dispatch(CumulativeSum(input: input, output: output))
  }

  /// `input` has the output's type.
  private struct CumulativeSum: ElementVisitor {
    let input: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      var to = output.pointer(as: T.self)
      forEachLine(of: input, T.self) { line, length, step in
        var sum = T.Math.zero
        for place in 0..<length {
          sum = T.Math.add(sum, line[place * step].math)
          to[place] = T(math: sum)
        }
        to += length
      }
    }
  }

  /// Calls `body` for each line along the last axis, in row-major order, with its length and step.
  @inline(__always)
  private static func forEachLine<T: Element>(
    of input: StridedArray, _ type: T.Type,
    _ body: (_ line: UnsafeMutablePointer<T>, _ length: Int, _ step: Int) -> Void
  ) {
    let last = input.shape.count - 1
    let lines = LoopNest(
      shape: Array(input.shape[..<last]), strides: [Array(input.strides[..<last])])
    let lineStep = lines.rowStrides[0]
    let from = input.pointer(as: T.self)
    lines.forEachRow { offsets, count in
      for index in 0..<count {
        body(from + offsets[0] + index * lineStep, input.shape[last], input.strides[last])
      }
    }
  }
}
