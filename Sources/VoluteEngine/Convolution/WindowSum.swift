/// What every algorithm computes: each output is the sum of a window of inputs times weights.
///
/// ```
/// out[n, g, o, p] (+)= bias[g, o] + sum over c, t of in[n, g, c, sources[p * stride + t * dilation]] * w[g, o, c, t]
/// ```
///
/// A convolution is one such sum; a transposed convolution and the gradient by the input are several, one for
/// each phase of the stride; the gradient by the weight is one whose window is as large as the output. Arrays are
/// addressed by steps, so none of them is ever rearranged to fit.
package struct WindowSum: Hashable, Sendable {
  package struct Axis: Hashable, Sendable {
    /// The input position under each padded place, or -1 where nothing is read.
    package var sources: [Int]
    package var stride: Int
    package var dilation: Int
    /// Taps of the window.
    package var kernel: Int
    /// Outputs.
    package var count: Int
    /// Elements in memory between neighbours.
    package var inputStep: Int
    package var weightStep: Int
    package var outputStep: Int

    /// Places that the windows span: the length of ``sources`` that is read.
    package var reach: Int { reach(of: count) }

    /// Places that the windows of `count` neighbouring outputs span.
    package func reach(of count: Int) -> Int { (count - 1) * stride + (kernel - 1) * dilation + 1 }

    /// The input position under a place, or -1 where nothing is read or the axis has ended.
    package func source(at place: Int) -> Int { place < sources.count ? sources[place] : -1 }

    /// Of `count` places, `step` apart: those from the first to the last that hold anything but padding.
    package func held(from first: Int, step: Int = 1, count: Int) -> Range<Int> {
      let isHeld = { source(at: first + $0 * step) >= 0 }
      guard let lower = (0..<count).first(where: isHeld), let upper = (0..<count).last(where: isHeld) else {
        return 0..<0
      }
      return lower..<upper + 1
    }

    /// The taps of an output from the first to the last that read anything but padding.
    package func taps(of output: Int) -> Range<Int> {
      held(from: output * stride, step: dilation, count: kernel)
    }

    /// The ``taps(of:)`` all outputs.
    package var heldTaps: Int { (0..<count).reduce(0) { $0 + taps(of: $1).count } }
  }

  /// Elements in memory between neighbours on the axes that are not spatial.
  package struct ArraySteps: Hashable, Sendable {
    package var batch: Int
    package var group: Int
    package var channel: Int
  }

  /// One of several sums that differ in where their rows lie alone.
  package struct Phase: Hashable, Sendable {
    /// How many places behind the sum's own the windows lie along the last axis.
    package var shift: Int
    /// Outputs along the last axis.
    package var count: Int
    /// Behind the sum's own.
    package var weightOffset: Int
    package var outputOffset: Int
  }

  package struct WeightSteps: Hashable, Sendable {
    package var group: Int
    package var output: Int
    package var input: Int
  }

  package var axes: [Axis]
  package var batch: Int
  package var groups: Int
  /// Input channels of a group.
  package var inputs: Int
  /// Output channels of a group.
  package var outputs: Int
  package var inputSteps: ArraySteps
  package var weightSteps: WeightSteps
  package var outputSteps: ArraySteps
  /// Where the first element of each array lies.
  package var inputOffset = 0
  package var weightOffset = 0
  package var outputOffset = 0
  /// Whether sums are added to what the output holds; bias is then somebody else's.
  package var accumulates = false
  /// The phases of a stride along the last axis, whose sums are taken together; none where there is one sum. Those
  /// who cannot take them together take the ``parts``.
  package var phases: [Phase] = []

  /// The phases, or the one there is.
  package var allPhases: [Phase] {
    phases.isEmpty
      ? [Phase(shift: 0, count: axes.last?.count ?? 1, weightOffset: 0, outputOffset: 0)] : phases
  }

  /// A sum for each phase.
  package var parts: [WindowSum] {
    guard let axis = axes.last, !phases.isEmpty else { return [self] }
    return phases.map { phase in
      var part = self
      part.phases = []
      part.axes[axes.count - 1].count = phase.count
      part.axes[axes.count - 1].sources = Array(axis.sources.dropFirst(phase.shift))
      part.weightOffset += phase.weightOffset
      part.outputOffset += phase.outputOffset
      return part
    }
  }

  package var taps: Int { axes.reduce(1) { $0 * $1.kernel } }
  package var positions: Int { axes.reduce(1) { $0 * $1.count } }
  /// Products of one output, window and channels.
  package var depth: Int { taps * inputs }
  package var multiplyAdds: Double {
    Double(batch * groups * outputs * allPhases.count) * Double(positions) * Double(depth)
  }
  package var isEmpty: Bool { batch * groups * outputs * positions == 0 }
}
