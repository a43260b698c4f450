import Testing
import VoluteArithmetic

@Suite struct AxisMapTests {
  /// The tables that the documentation draws.
  @Test(arguments: [
    (PaddingMode.zeros, [-1, -1, 0, 1, 2, 3, 4, -1, -1]),
    (.circular, [3, 4, 0, 1, 2, 3, 4, 0, 1]),
    (.reflect, [2, 1, 0, 1, 2, 3, 4, 3, 2]),
    (.replicate, [0, 0, 0, 1, 2, 3, 4, 4, 4]),
  ])
  func modesFillThePadding(mode: PaddingMode, expected: [Int]) {
    let axis = Axis(kernel: 3, paddingBefore: 2, paddingAfter: 2, mode: mode)
    #expect(AxisMap(axis, inputSize: 5, outputSize: 7).sources == expected)
  }

  @Test func circularWrapsMoreThanOnce() {
    let axis = Axis(kernel: 1, paddingBefore: 7, paddingAfter: 4, mode: .circular)
    #expect(
      AxisMap(axis, inputSize: 3, outputSize: 14).sources == (0..<14).map { ($0 - 7 + 9) % 3 })
  }

  /// The runs of a tap say the same as the table, and are as long as can be.
  @Test func runsCoverTheTable() {
    for mode in PaddingMode.allCases {
      for size in 1...7 {
        for (before, after) in [(0, 0), (1, 0), (0, 3), (5, 4)]
        where mode != .reflect || max(before, after) < size {
          for (kernel, stride, dilation) in [(1, 1, 1), (3, 1, 1), (2, 2, 1), (3, 3, 2), (2, 1, 3)] {
            let axis = Axis(
              kernel: kernel, stride: stride, dilation: dilation, paddingBefore: before,
              paddingAfter: after, mode: mode)
            let outputs = axis.outputSize(size)
            guard outputs > 0 else { continue }
            let map = AxisMap(axis, inputSize: size, outputSize: outputs)
            for tap in 0..<kernel {
              var covered: [Int] = []
              for run in map.runs(tap: tap) {
                #expect(run.output == covered.count)
                covered += (0..<run.count).map {
                  run.source == AxisMap.padding ? AxisMap.padding : run.source + $0 * run.step
                }
              }
              #expect(covered == (0..<outputs).map { map.source(output: $0, tap: tap) })
            }
          }
        }
      }
    }
  }

  @Test func runsAreFew() {
    let axis = Axis(kernel: 3, paddingBefore: 1, paddingAfter: 1)
    let map = AxisMap(axis, inputSize: 100, outputSize: 100)
    #expect(map.runs(tap: 0).map(\.count) == [1, 99])
    #expect(map.runs(tap: 1).map(\.count) == [100])
  }
}
