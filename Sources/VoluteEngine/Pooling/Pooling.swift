import VoluteArithmetic

extension Engine {
  /// The largest element of each window and its flat place in its plane; all arrays are contiguous.
  ///
  /// The first of equals wins, and NaN beats everything. `indices` are Int64.
  public static func maxPool(
    _ windows: [WindowAxis], input: StridedArray, values: StridedArray, indices: StridedArray
  ) {
    input.dtype.dispatch(
      MaxPool(walk: PoolingWalk(windows), input: input, values: values, indices: indices))
  }

  private struct MaxPool: ElementVisitor {
    let walk: PoolingWalk
    let input: StridedArray
    let values: StridedArray
    let indices: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      guard values.count > 0, let last = walk.windows.last else { return }
      let planes = values.count / walk.outputPlane
      let from = input.pointer(as: T.self)
      let to = values.pointer(as: T.self)
      let places = indices.pointer(as: Int64.self)
      walk.forEachRow { row, lines, _ in
        for plane in 0..<planes {
          let source = from + plane * walk.inputPlane
          for column in 0..<last.outputSize {
            let start = last.starts[column]
            var best: T.Math?
            var place = start
            for line in lines {
              for tap in 0..<last.counts[column] {
                let here = line + start + tap * last.step
                let value = source[here].math
                if let current = best, !(value > current || value.isNotANumber) { continue }
                best = value
                place = here
              }
            }
            let output = plane * walk.outputPlane + row + column
            // A window with nothing under it, all padding, holds the identity of the maximum.
            to[output] = T(math: best ?? .lowest)
            places[output] = Int64(place)
          }
        }
      }
    }
  }

  /// The sum of each window divided by its divisor; all arrays are contiguous and of one floating-point type.
  ///
  /// - Parameter divisors: for each axis the factor that each output contributes to its divisor.
  public static func averagePool(
    _ windows: [WindowAxis], divisors: [[Int]], input: StridedArray, to output: StridedArray
  ) {
    output.dtype.dispatch(
      AveragePool(walk: PoolingWalk(windows), divisors: divisors, input: input, output: output))
  }

  private struct AveragePool: ElementVisitor {
    let walk: PoolingWalk
    let divisors: [[Int]]
    let input: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      guard output.count > 0, let last = walk.windows.last else { return }
      let planes = output.count / walk.outputPlane
      let from = input.pointer(as: T.self)
      let to = output.pointer(as: T.self)
      let lastDivisors = divisors[divisors.count - 1]
      walk.forEachRow { row, lines, position in
        let outer = zip(divisors, position).reduce(1) { $0 * $1.0[$1.1] }
        for plane in 0..<planes {
          let source = from + plane * walk.inputPlane
          for column in 0..<last.outputSize {
            let start = last.starts[column]
            var sum = T.Math.zero
            for line in lines {
              for tap in 0..<last.counts[column] {
                sum = T.Math.add(sum, source[line + start + tap * last.step].math)
              }
            }
            let divisor = T.Math(int64: Int64(outer * lastDivisors[column]))
            to[plane * walk.outputPlane + row + column] = T(math: T.Math.divide(sum, divisor))
          }
        }
      }
    }
  }

  /// Puts each value at its index in its plane of `output`, which holds zeros already; the last of equals wins.
  ///
  /// - Returns: the first index that lies outside of its plane, in which case the output is unfinished.
  public static func maxUnpool(
    _ values: StridedArray, indices: StridedArray, planes: Int, to output: StridedArray
  ) -> Int64? {
    output.dtype.dispatch(
      Unpool(values: values, indices: indices, planes: planes, output: output))
  }

  private struct Unpool: ElementVisitor {
    let values: StridedArray
    let indices: StridedArray
    let planes: Int
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) -> Int64? {
      if planes == 0 { return nil }
      let (size, area) = (values.count / planes, output.count / planes)
      let from = values.pointer(as: T.self)
      let places = indices.pointer(as: Int64.self)
      let to = output.pointer(as: T.self)
      for plane in 0..<planes {
        for place in plane * size..<(plane + 1) * size {
          let target = places[place]
          if target < 0 || target >= area { return target }
          to[plane * area + Int(target)] = from[place]
        }
      }
      return nil
    }
  }
}
