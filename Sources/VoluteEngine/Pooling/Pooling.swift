import VoluteArithmetic

extension Engine {
  /// The largest element of each window and its flat place in its plane; all arrays are contiguous.
  ///
  /// The first of equals wins, and NaN beats everything. `indices` are Int64.
  public static func maxPool(
    _ windows: [WindowAxis], input: StridedArray, values: StridedArray, indices: StridedArray
  ) {
    if values.count == 0 { return }
    let walk = PoolingWalk(windows, outputCount: values.count)
    let places = indices.pointer(as: Int64.self)
    withWide(input) { input in
      fillingWide(values) { values in
        switch input.dtype {
        case .float32 where walk.inputPlane <= Int32.max:
          maximumOfRows(
            walk, input.pointer(as: Float.self), values.pointer(as: Float.self), places)
        case .float64:
          maximumOfRows(
            walk, input.pointer(as: Double.self), values.pointer(as: Double.self), places)
        default:
          input.dtype.dispatch(MaxPool(walk: walk, input: input, values: values, places: places))
        }
      }
    }
  }

  private static func maximumOfRows<T: RowElement>(
    _ walk: PoolingWalk, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>,
    _ indices: UnsafeMutablePointer<Int64>
  ) {
    let size = walk.last.inputSize
    walk.forEachRow(T.self, 2 * size) { row, values in
      let places = UnsafeMutableRawPointer(values + size).assumingMemoryBound(to: T.Place.self)
      if let lines = row.lines.baseAddress, !row.lines.isEmpty {
        T.rows.maximum_of_lines(size, row.lines.count, lines, from + row.plane, values, places)
      }
      for run in walk.runs {
        let output = row.output + run.output
        if run.taps == 0 || row.lines.isEmpty {
          // A window with nothing under it, all padding, holds the identity of the maximum.
          for index in 0..<run.count {
            to[output + index] = .lowest
            indices[output + index] = Int64(run.start + index * run.stride)
          }
        } else {
          T.rows.maximum_of_windows(
            run.count, run.stride, run.taps, walk.last.step, values + run.start, places + run.start,
            to + output, indices + output)
        }
      }
    }
  }

  /// Of types without kernels, element by element.
  private struct MaxPool: ElementVisitor {
    let walk: PoolingWalk
    let input: StridedArray
    let values: StridedArray
    let places: UnsafeMutablePointer<Int64>

    func visit<T: Element>(_ type: T.Type) {
      let from = input.pointer(as: T.self)
      let to = values.pointer(as: T.self)
      let last = walk.last
      walk.forEachRow(Int.self, 0) { row, _ in
        for column in 0..<walk.width {
          let start = last.starts[column]
          var best: T.Math?
          var place = start
          for line in row.lines {
            for tap in 0..<last.counts[column] {
              let here = line + start + tap * last.step
              let value = from[row.plane + here].math
              if let current = best, !(value > current || value.isNotANumber) { continue }
              best = value
              place = here
            }
          }
          to[row.output + column] = T(math: best ?? .lowest)
          places[row.output + column] = Int64(place)
        }
      }
    }
  }

  /// The sum of each window divided by its divisor; all arrays are contiguous and of one floating-point type.
  ///
  /// - Parameters:
  ///   - windows: the inputs under each output, an axis each.
  ///   - divisors: for each axis the factor that each output contributes to its divisor.
  ///   - input: what is read.
  ///   - output: where the results go.
  public static func averagePool(
    _ windows: [WindowAxis], divisors: [[Int]], input: StridedArray, to output: StridedArray
  ) {
    if output.count == 0 { return }
    let walk = PoolingWalk(windows, divisors: divisors, outputCount: output.count)
    withWide(input) { input in
      fillingWide(output) { output in
        if input.dtype == .float64 {
          meanOfRows(walk, input.pointer(as: Double.self), output.pointer(as: Double.self))
        } else {
          meanOfRows(walk, input.pointer(as: Float.self), output.pointer(as: Float.self))
        }
      }
    }
  }

  private static func meanOfRows<T: RowElement>(
    _ walk: PoolingWalk, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>
  ) {
    let size = walk.last.inputSize
    let divisors = walk.last.divisors.map { T(int64: Int64($0)) }
    walk.forEachRow(T.self, size) { row, sums in
      var line = UnsafePointer(sums)
      if row.lines.count == 1 {
        line = from + row.plane + row.lines[0]
      } else if let lines = row.lines.baseAddress {
        T.rows.sum_of_lines(size, row.lines.count, lines, from + row.plane, sums)
      }
      divisors.withUnsafeBufferPointer { divisors in
        guard let divisors = divisors.baseAddress else { return }
        for run in walk.runs {
          let target = to + row.output + run.output
          if run.taps == 0 {
            for index in 0..<run.count {
              target[index] = T.divide(
                .zero, T.multiply(T(int64: Int64(row.divisor)), divisors[run.output + index]))
            }
          } else {
            T.rows.mean_of_windows(
              run.count, run.stride, run.taps, walk.last.step, line + run.start, row.divisor,
              divisors + run.output, target)
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
