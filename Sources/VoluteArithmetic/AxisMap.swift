/// Which input position each output position reads through each tap, along one axis.
///
/// The map is a table over the *padded* axis. Output `o` reads, through tap `t`, the table's entry
/// `o * stride + t * dilation`:
///
/// ```
/// input            a b c d e                       size 5, circular by 2, kernel 3, stride 2
/// padded       3 4 0 1 2 3 4 0 1                   `sources`
/// output 0     ^-^-^
/// output 1         ^-^-^
/// ```
///
/// Convolution gathers through it and its transpose scatters, so both are right in every padding mode
/// without a padded copy. An entry of ``padding`` reads nothing.
public struct AxisMap: Hashable, Sendable {
  /// The entry that stands for "no input here".
  public static let padding = -1

  /// Elements of the input, without padding.
  public let inputSize: Int
  /// Elements of the output.
  public let outputSize: Int
  /// Taps of the window.
  public let kernel: Int
  /// Padded elements from one output's window to the next's.
  public let stride: Int
  /// Padded elements from one tap to the next.
  public let dilation: Int
  /// The padded position of input position 0: the padding before it, negative for a crop.
  public let before: Int
  /// The input position under each padded position, or ``padding``.
  public let sources: [Int]

  /// The map of `axis` over an input of `inputSize` elements to `outputSize` outputs.
  ///
  /// `outputSize` may exceed what the padded input covers (the overhang of pooling in ceil mode, output padding):
  /// what lies beyond the padding reads nothing.
  public init(_ axis: Axis, inputSize: Int, outputSize: Int) {
    let padded = inputSize + axis.paddingBefore + axis.paddingAfter
    self.init(axis, inputSize: inputSize, outputSize: outputSize) { position in
      position + axis.paddingBefore < padded
        ? axis.mode.source(of: position, size: inputSize) : AxisMap.padding
    }
  }

  /// A map whose table is `source` of the unpadded positions `-before, -before + 1, ...`.
  init(_ axis: Axis, inputSize: Int, outputSize: Int, source: (Int) -> Int) {
    self.inputSize = inputSize
    self.outputSize = outputSize
    kernel = axis.kernel
    stride = axis.stride
    dilation = axis.dilation
    before = axis.paddingBefore
    let reach = outputSize == 0 ? 0 : (outputSize - 1) * axis.stride + axis.extent
    sources = (0..<reach).map { source($0 - axis.paddingBefore) }
  }

  /// The input position that output `output` reads through tap `tap`, or ``padding``.
  @inlinable
  public func source(output: Int, tap: Int) -> Int { sources[output * stride + tap * dilation] }

  /// A stretch of outputs whose sources are evenly spaced.
  public struct Run: Hashable, Sendable {
    /// The first output of the stretch.
    public var output: Int
    /// The input position that it reads, or ``AxisMap/padding``.
    public var source: Int
    /// Distance between neighbouring sources; 0 repeats one element (or, for ``AxisMap/padding``, reads none).
    public var step: Int
    /// How many outputs the stretch has.
    public var count: Int
  }

  /// The outputs of one tap as maximal affine runs, in order: inner loops walk these and never test a bound.
  public func runs(tap: Int) -> [Run] {
    var runs: [Run] = []
    for output in 0..<outputSize {
      let source = source(output: output, tap: tap)
      if var last = runs.last {
        let previous = last.source + (last.count - 1) * last.step
        let bothPadding = last.source == AxisMap.padding && source == AxisMap.padding
        let neitherPadding = last.source != AxisMap.padding && source != AxisMap.padding
        let step = source - previous
        if bothPadding || (neitherPadding && (last.count == 1 || step == last.step)) {
          last.step = bothPadding ? 0 : step
          last.count += 1
          runs[runs.count - 1] = last
          continue
        }
      }
      runs.append(Run(output: output, source: source, step: 0, count: 1))
    }
    return runs
  }
}
