import VoluteArithmetic

/// A walk over the windows of pooling, of any rank: for each row of outputs along the last axis, the input lines
/// that its windows cross.
struct PoolingWalk {
  /// The windows of one axis: `counts[o]` elements from `starts[o]`, `step` apart.
  struct Axis {
    var inputSize: Int
    var step: Int
    var starts: [Int]
    var counts: [Int]
    /// What each output contributes to the divisor of a mean.
    var divisors: [Int]
  }

  /// Outputs whose windows are of one size and evenly spaced.
  struct Run {
    var output: Int
    var count: Int
    var start: Int
    var stride: Int
    var taps: Int
  }

  /// A row of outputs: where its plane and its first output are, and the offsets of its input lines in the plane.
  struct Row {
    let plane: Int
    let output: Int
    let lines: UnsafeBufferPointer<Int>
    /// The outer axes' contribution to the divisor.
    let divisor: Int
  }

  private let outer: [Axis]
  let last: Axis
  let runs: [Run]
  let inputPlane: Int
  private let rowsInPlane: Int
  private let planes: Int
  private let mostLines: Int

  /// - Parameter divisors: for each axis the factor that each output contributes to its divisor.
  init(_ windows: [WindowAxis], divisors: [[Int]]? = nil, outputCount: Int) {
    var axes: [Axis] = []
    for (index, window) in windows.enumerated() {
      let axis = Axis(
        inputSize: window.inputSize, step: window.step, starts: window.starts, counts: window.counts,
        divisors: divisors?[index] ?? [])
      // One window over all of an axis: it continues the axis before it.
      if let before = axes.last, before.step == 1, axis.step == 1, axis.counts == [axis.inputSize] {
        let size = axis.inputSize
        axes[axes.count - 1] = Axis(
          inputSize: before.inputSize * size, step: 1, starts: before.starts.map { $0 * size },
          counts: before.counts.map { $0 * size },
          divisors: before.divisors.map { $0 * axis.divisors[0] })
      } else {
        axes.append(axis)
      }
    }
    let last = axes.removeLast()
    (outer, self.last) = (axes, last)
    inputPlane = axes.reduce(last.inputSize) { $0 * $1.inputSize }
    rowsInPlane = axes.reduce(1) { $0 * $1.starts.count }
    planes = outputCount == 0 ? 0 : outputCount / (rowsInPlane * last.starts.count)
    mostLines = axes.reduce(1) { $0 * ($1.counts.max() ?? 0) }
    var runs: [Run] = []
    for (output, (start, taps)) in zip(last.starts, last.counts).enumerated() {
      if var run = runs.last, run.taps == taps {
        let stride = start - (run.start + (run.count - 1) * run.stride)
        if run.count == 1 ? stride >= 0 : stride == run.stride {
          run.stride = stride
          run.count += 1
          runs[runs.count - 1] = run
          continue
        }
      }
      runs.append(Run(output: output, count: 1, start: start, stride: 0, taps: taps))
    }
    self.runs = runs
  }

  var width: Int { last.starts.count }

  /// Calls `body` for each row, on several threads, with room for `roomCount` elements.
  func forEachRow<T: BitwiseCopyable>(
    _ room: T.Type, _ roomCount: Int, _ body: (Row, UnsafeMutablePointer<T>) -> Void
  ) {
    let work = max(mostLines * last.inputSize, 1) + 8 * width
    parallel(planes * rowsInPlane, grain: 65_536 / work) { rows in
      withScratch(T.self, roomCount) { room in
        withScratch(Int.self, max(mostLines, 1)) { lines in
          for row in rows {
            let (count, divisor) = locate(row % rowsInPlane, lines)
            body(
              Row(
                plane: row / rowsInPlane * inputPlane, output: row * width,
                lines: UnsafeBufferPointer(start: lines, count: count), divisor: divisor), room)
          }
        }
      }
    }
  }

  /// Writes the lines of a row, in order; returns how many they are, and the row's divisor.
  private func locate(_ row: Int, _ lines: UnsafeMutablePointer<Int>) -> (count: Int, divisor: Int) {
    lines[0] = 0
    var (count, divisor, below, left) = (1, 1, rowsInPlane, row)
    for axis in outer {
      below /= axis.starts.count
      let place = left / below
      left %= below
      let (taps, start) = (axis.counts[place], axis.starts[place])
      if !axis.divisors.isEmpty { divisor *= axis.divisors[place] }
      for line in stride(from: count - 1, through: 0, by: -1) {
        let base = lines[line] * axis.inputSize + start
        for tap in stride(from: taps - 1, through: 0, by: -1) {
          lines[line * taps + tap] = base + tap * axis.step
        }
      }
      count *= taps
    }
    for line in 0..<count { lines[line] *= last.inputSize }
    return (count, divisor)
  }
}
