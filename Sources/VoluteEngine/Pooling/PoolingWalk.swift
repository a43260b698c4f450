import VoluteArithmetic

/// A walk over the windows of pooling, of any rank: for each row of outputs along the last axis, the input lines
/// that its windows cross.
struct PoolingWalk {
  let windows: [WindowAxis]
  let inputPlane: Int
  let outputPlane: Int

  init(_ windows: [WindowAxis]) {
    self.windows = windows
    inputPlane = windows.reduce(1) { $0 * $1.inputSize }
    outputPlane = windows.reduce(1) { $0 * $1.outputSize }
  }

  /// Calls `body` for each row with its first output's place in the plane, the offsets of the input lines, and the
  /// outputs' places on the outer axes.
  func forEachRow(_ body: (_ output: Int, _ lines: [Int], _ position: [Int]) -> Void) {
    let outer = windows.dropLast()
    let width = windows[windows.count - 1].outputSize
    let lineSize = windows[windows.count - 1].inputSize
    var position = Array(repeating: 0, count: outer.count)
    if outputPlane == 0 { return }
    for row in 0..<outputPlane / width {
      var lines = [0]
      for (axis, window) in outer.enumerated() {
        let place = position[axis]
        lines = lines.flatMap { line in
          (0..<window.counts[place]).map {
            line * window.inputSize + window.starts[place] + $0 * window.step
          }
        }
      }
      body(row * width, lines.map { $0 * lineSize }, position)
      for axis in outer.indices.reversed() {
        position[axis] += 1
        if position[axis] < windows[axis].outputSize { break }
        position[axis] = 0
      }
    }
  }
}
