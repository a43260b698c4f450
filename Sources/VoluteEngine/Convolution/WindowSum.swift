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
    package var reach: Int { (count - 1) * stride + (kernel - 1) * dilation + 1 }
  }

  /// Elements in memory between neighbours on the axes that are not spatial.
  package struct ArraySteps: Hashable, Sendable {
    package var batch: Int
    package var group: Int
    package var channel: Int
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

  package var taps: Int { axes.reduce(1) { $0 * $1.kernel } }
  package var positions: Int { axes.reduce(1) { $0 * $1.count } }
  /// Products of one output, window and channels.
  package var depth: Int { taps * inputs }
  package var multiplyAdds: Double {
    Double(batch * groups * outputs) * Double(positions) * Double(depth)
  }
  package var isEmpty: Bool { batch * groups * outputs * positions == 0 }
}
