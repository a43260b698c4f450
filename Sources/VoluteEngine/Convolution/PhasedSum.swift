/// A window sum with all that read the same windows: a convolution by itself, or a transposed convolution with every
/// phase of its strides, whose outputs are as many sums over one small window.
///
/// ```
/// window     . a       a b              b c              c .       stride 2, kernel 4
/// phase 0    a * w0    a * w2 + b * w0  b * w2 + c * w0  c * w2    outputs 0, 2, 4, 6
/// phase 1    a * w1    a * w3 + b * w1  b * w3 + c * w1  c * w3    outputs 1, 3, 5, 7
/// ```
struct PhasedSum: Sendable {
  /// The outputs of one phase along an axis.
  struct Phase: Sendable {
    /// Where the weight of each tap of the window lies along the axis; `nil` where the phase has none.
    var taps: [Int?]
    /// The places whose outputs there are.
    var places: Range<Int>
    /// Where the output of place 0 would lie, and the distance to the next.
    var first: Int
    var step: Int
  }

  /// Places and what they read; an axis' weights and outputs are those of its phases.
  private(set) var sum: WindowSum
  private(set) var phases: [[Phase]]

  /// One sum; `nil` where it has phases.
  init?(_ sum: WindowSum) {
    if !sum.phases.isEmpty { return nil }
    self.sum = sum
    phases = sum.axes.map { axis in
      [
        Phase(
          taps: (0..<axis.kernel).map { $0 * axis.weightStep }, places: 0..<axis.count, first: 0,
          step: axis.outputStep)
      ]
    }
  }

  /// The adjoint of a window sum; `nil` where its windows have holes, or give to an element through more than one place.
  init?(adjointOf window: WindowSum) {
    var sum = window
    (sum.inputs, sum.outputs) = (window.outputs, window.inputs)
    (sum.inputSteps, sum.outputSteps) = (window.outputSteps, window.inputSteps)
    (sum.inputOffset, sum.outputOffset) = (window.outputOffset, window.inputOffset)
    (sum.weightSteps.output, sum.weightSteps.input) = (window.weightSteps.input, window.weightSteps.output)
    var phases: [[Phase]] = []
    for (index, axis) in window.axes.enumerated() {
      guard axis.dilation == 1, let (reads, phasesOfAxis) = Self.adjoint(axis) else { return nil }
      sum.axes[index] = reads
      phases.append(phasesOfAxis)
    }
    self.sum = sum
    self.phases = phases
  }

  /// Outputs of a channel, of all phases.
  var outputs: Int {
    phases.reduce(1) { $0 * $1.reduce(0) { $0 + $1.places.count } }
  }

  /// The same with its axes in another order.
  func reordered(_ order: [Int]) -> PhasedSum {
    var result = self
    result.sum.axes = order.map { sum.axes[$0] }
    result.phases = order.map { phases[$0] }
    return result
  }

  private static func adjoint(_ axis: WindowSum.Axis) -> (reads: WindowSum.Axis, phases: [Phase])? {
    let (stride, taps) = (axis.stride, (axis.kernel + axis.stride - 1) / axis.stride)
    // Place i of phase p is where tap p of the window at position i lies; no window starts at the last ones.
    let count = (axis.sources.count + stride - 1) / stride
    var runs: [(phase: Int, places: Range<Int>, elements: [Int])] = []
    for phase in 0..<min(stride, axis.sources.count) {
      let elements = (0..<count).map { axis.source(at: $0 * stride + phase) }
      guard let lower = elements.firstIndex(where: { $0 >= 0 }),
        let upper = elements.lastIndex(where: { $0 >= 0 })
      else { continue }
      runs.append((phase, lower..<upper + 1, Array(elements[lower...upper])))
    }
    let elements = runs.flatMap(\.elements)
    guard let first = runs.map(\.places.lowerBound).min(), let end = runs.map(\.places.upperBound).max(),
      elements.allSatisfy({ $0 >= 0 }), Set(elements).count == elements.count
    else { return nil }
    var phases: [Phase] = []
    for run in runs {
      let step = run.elements.count > 1 ? run.elements[1] - run.elements[0] : stride
      let isEven = run.elements.enumerated().allSatisfy { $1 == run.elements[0] + $0 * step }
      if !isEven { return nil }
      let places = run.places.lowerBound - first..<run.places.upperBound - first
      phases.append(
        Phase(
          taps: (0..<taps).reversed().map {
            let tap = run.phase + $0 * stride
            return tap < axis.kernel ? tap * axis.weightStep : nil
          },
          places: places, first: (run.elements[0] - places.lowerBound * step) * axis.inputStep,
          step: step * axis.inputStep))
    }
    let sources = (0..<end - first + taps - 1).map { first + $0 - taps + 1 }.map {
      0..<axis.count ~= $0 ? $0 : -1
    }
    return (
      WindowSum.Axis(
        sources: sources, stride: 1, dilation: 1, kernel: taps, count: end - first,
        inputStep: axis.outputStep, weightStep: 0, outputStep: 0), phases
    )
  }
}
