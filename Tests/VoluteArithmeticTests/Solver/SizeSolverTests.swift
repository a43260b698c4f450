import Testing
import VoluteArithmetic

/// Answers against every value tried one by one through the geometry itself.
@Suite struct SizeSolverTests {
  private static let sizes = 1...40
  private static let kernels = 1...7
  private static let strides = 1...5
  private static let dilations = 1...3
  private static let amounts = 0...6

  /// What the validator makes of every layer of the grid, or 0 where it refuses. Of a transposed one, with each output padding up to 4.
  private struct Table: Sendable {
    var outputs: [Int32]

    static func place(_ n: Int, _ a: Axis) -> Int {
      var place = n - 1
      for (value, count) in [
        (a.kernel - 1, 7), (a.stride - 1, 5), (a.dilation - 1, 3), (a.paddingBefore, 7), (a.paddingAfter, 7),
        (a.outputPadding, 5),
      ] { place = place * count + value }
      return place
    }

    init(isTransposed: Bool, mode: PaddingMode) {
      outputs = Array(repeating: 0, count: 40 * 7 * 5 * 3 * 7 * 7 * 5)
      for var axis in allAxes(isTransposed: isTransposed, mode: mode) {
        for place in 0..<(isTransposed ? 40 * 5 : 40) {
          let size = place % 40 + 1
          axis.outputPadding = place / 40
          let (input, weight) = ([1, 1, size], [1, 1, axis.kernel])
          let padding: Padding = [.sides(axis.paddingBefore, axis.paddingAfter, mode: mode)]
          let geometry =
            isTransposed
            ? try? ConvolutionGeometry(
              transposing: input, weightShape: weight, stride: PerAxis(axis.stride), padding: padding,
              outputPadding: PerAxis(axis.outputPadding), dilation: PerAxis(axis.dilation))
            : try? ConvolutionGeometry(
              inputShape: input, weightShape: weight, stride: PerAxis(axis.stride), padding: padding,
              dilation: PerAxis(axis.dilation))
          outputs[Table.place(size, axis)] = geometry.map { Int32($0.outputSize[0]) } ?? 0
        }
      }
    }

    subscript(n: Int, axis: Axis) -> Int { Int(outputs[Table.place(n, axis)]) }
  }

  /// A convolution has no output padding; a transposed one is given each that its stride allows.
  private static func allAxes(isTransposed: Bool, mode: PaddingMode) -> [Axis] {
    var axes: [Axis] = []
    for kernel in kernels {
      for stride in strides {
        for dilation in dilations {
          for before in amounts {
            for after in amounts {
              axes.append(
                Axis(
                  kernel: kernel, stride: stride, dilation: dilation, paddingBefore: before,
                  paddingAfter: after, mode: mode,
                  outputPadding: isTransposed ? (before + after) % max(stride, dilation) : 0))
            }
          }
        }
      }
    }
    return axes
  }

  /// Each tuple of the grid asks for every unknown in turn: 205,800 tuples for each operation and mode.
  @Test(arguments: [
    (false, PaddingMode.zeros), (false, .circular), (true, .zeros), (true, .circular),
  ])
  func grid(isTransposed: Bool, mode: PaddingMode) throws {
    let axes = Self.allAxes(isTransposed: isTransposed, mode: mode)
    let table = Table(isTransposed: isTransposed, mode: mode)
    let unknowns: [SizeQuestion.Unknown] = [
      .input, .kernel, .stride, .dilation, .padding, .sides, .causal, .outputPadding,
    ].filter { isTransposed || $0 != .outputPadding }
    var count = 0
    var wrong: [String] = []
    for (index, axis) in axes.enumerated() {
      for size in Self.sizes {
        let reached = table[size, axis]
        // Where the layer is refused, an output is asked for that few layers have.
        let output = reached > 0 ? reached : (index + size) % 23 + 1
        let unknown = unknowns[(index + size) % unknowns.count]
        let bound = Self.bound(unknown)
        let question = SizeQuestion(
          isTransposed: isTransposed, axis: axis, input: size, output: output, unknown: unknown, bound: bound)
        let answer = try question.answer()
        let expected = Self.variants(of: axis, size, unknown).filter { table[$0.0, $0.1] == output }
        let found = answer.solutions.filter { unknown != .input || $0.input <= 40 }
        if Set(found.map { Self.key($0.input, $0.axis) })
          != Set(expected.map { Self.key($0.0, $0.1) })
        {
          wrong.append("\(question) gave \(found), brute force \(expected)")
        }
        if answer.solutions.isEmpty {
          let outputs = Self.variants(of: axis, size, unknown).map { table[$0.0, $0.1] }.filter { $0 > 0 }
          let least = outputs.map { abs($0 - output) }.min()
          // Inputs beyond the grid are not in the table.
          if unknown != .input, least != answer.nearest.first.map({ abs($0.output - output) }) {
            wrong.append(
              "\(question) has nearest \(answer.nearest), brute force \(least.map(String.init) ?? "none") away"
            )
          }
          if answer.reason == nil { wrong.append("\(question) gives no reason") }
        }
        if wrong.count > 3 { break }
        count += 1
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    #expect(count == 205_800)
  }

  private static func bound(_ unknown: SizeQuestion.Unknown) -> Int {
    switch unknown {
    case .kernel: 7
    case .stride, .outputPadding: 5
    case .dilation: 3
    case .padding, .sides, .causal: 6
    default: 40
    }
  }

  /// The layers of the grid that differ from this one by the unknown only.
  private static func variants(
    of axis: Axis, _ size: Int, _ unknown: SizeQuestion.Unknown
  ) -> [(Int, Axis)] {
    func each(_ values: ClosedRange<Int>, _ change: (inout Axis, Int) -> Void) -> [(Int, Axis)] {
      values.map { value in
        var changed = axis
        change(&changed, value)
        return (size, changed)
      }
    }
    return switch unknown {
    case .output: [(size, axis)]
    case .input: sizes.map { ($0, axis) }
    case .kernel: each(kernels) { $0.kernel = $1 }
    case .stride: each(strides) { $0.stride = $1 }
    case .dilation: each(dilations) { $0.dilation = $1 }
    case .padding: each(amounts) { ($0.paddingBefore, $0.paddingAfter) = ($1, $1) }
    case .causal: each(amounts) { ($0.paddingBefore, $0.paddingAfter) = ($1, 0) }
    case .sides: each(0...48) { ($0.paddingBefore, $0.paddingAfter) = ($1 / 7, $1 % 7) }
    case .outputPadding: each(0...4) { $0.outputPadding = $1 }
    }
  }

  private static func key(_ size: Int, _ axis: Axis) -> [Int] {
    [
      size, axis.kernel, axis.stride, axis.dilation, axis.paddingBefore, axis.paddingAfter,
      axis.outputPadding,
    ]
  }
}
