import ArgumentParser
import Volute

struct SolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solve",
    abstract: "The size, kernel, stride or padding that makes the others come out.",
    discussion: """
      Any unknown of one layer, every whole-number answer; or what it takes that a way down and up returns every size.

        volute solve conv3d --find kernel --input-size 500 --stride 16 --output-size 16
        volute solve conv1d --find padding --kernel-size 4 --stride 2 --input-size 9 \\
          --output-size same
        volute solve round-trip --input-size 45,50,18 --kernel-size 3,4,4 --stride 2 \\
          --padding 1 --padding-mode zeros,circular,zeros --levels 2
        volute solve ring --input-size 10 --stride 2,2 --kernel-size 4
      """,
    subcommands: [SolveSize.self, SolveRoundTrip.self, SolveRing.self], defaultSubcommand: SolveSize.self)
}

/// What a layer's axes are made of, one value for all or one an axis.
struct AxisOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional, help: "Taps an axis.", transform: OptionParsing.integers)
  var kernelSize: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "How far the window moves; 1 when left out.",
    transform: OptionParsing.integers)
  var stride: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "Distance of neighbouring taps; 1 when left out.",
    transform: OptionParsing.integers)
  var dilation: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "Elements added on both sides, or before:after.",
    transform: OptionParsing.padding)
  var padding: Padding?

  @Option(
    name: .long, help: "zeros, reflect, replicate or circular; one an axis, if you like.",
    transform: OptionParsing.paddingModes)
  var paddingMode: PerAxis<PaddingMode>?

  /// The axes, `rank` of them; sizes are needed for `same`.
  func axes(rank: Int, operation: String, sizes: [Int]) throws -> [Axis] {
    func each<Value>(_ values: PerAxis<Value>, _ parameter: String) throws -> [Value] {
      try values.expanded(to: rank, operation: operation, parameter: parameter)
    }
    let kernels = try each(kernelSize ?? 1, "kernel-size")
    let strides = try each(stride ?? 1, "stride")
    let dilations = try each(dilation ?? 1, "dilation")
    let modes = try each(paddingMode ?? .zeros, "padding-mode")
    var axes = (0..<rank).map {
      Axis(kernel: kernels[$0], stride: strides[$0], dilation: dilations[$0], mode: modes[$0])
    }
    switch padding ?? 0 {
    case .amounts(let amounts):
      for (index, amount) in try each(amounts, "padding").enumerated() {
        (axes[index].paddingBefore, axes[index].paddingAfter) = (amount.before, amount.after)
      }
    default:
      // A rule is resolved by the validator that every layer is resolved by.
      axes = try ConvolutionGeometry(
        inputShape: [1, 1] + sizes, weightShape: [1, 1] + kernels, stride: PerAxis(strides),
        padding: padding ?? 0, paddingMode: PerAxis(modes), dilation: PerAxis(dilations), operation: operation
      ).axes
    }
    return axes
  }
}

/// `volute solve conv2d --find stride ...`
struct SolveSize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "size", abstract: "One unknown of a layer from all the others.",
    discussion: """
      Answers come in this order: nothing left over, symmetric padding, least padding, smallest kernel. Where there is \
      none, the exact fraction is shown, why it is no answer, and the answers next to it.
      """)

  @Argument(
    help: "conv1d, conv2d, conv3d or conv-transpose1d, 2d, 3d.", transform: Operation.named)
  var operation: Operation

  @Option(
    help: ArgumentHelp(
      "output, input, kernel, stride, dilation, padding, sides, causal or output-padding.",
      discussion:
        "padding is the same on both sides, sides any two amounts, causal all in front. The size or the "
        + "kernel that is not given is found when this is left out."), transform: Self.unknown(named:))
  var find: SizeQuestion.Unknown?

  @Option(
    name: .long, parsing: .unconditional, help: "Elements that go in, an axis.",
    transform: OptionParsing.integers)
  var inputSize: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Elements that come out, an axis; same stands for the input's size over the stride, rounded up.")
  var outputSize: String?

  @OptionGroup var axisOptions: AxisOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Elements added to the end. (conv-transpose)",
    transform: OptionParsing.integers)
  var outputPadding: PerAxis<Int>?

  @Option(name: .long, parsing: .unconditional, help: "The largest value that is looked at.")
  var bound = 512

  @Flag(help: "List every answer.")
  var all = false

  private static func unknown(named text: String) throws -> SizeQuestion.Unknown {
    guard let unknown = SizeQuestion.Unknown(rawValue: text) else {
      throw ValidationError("there are \(listed(SizeQuestion.Unknown.allCases.map(\.rawValue)))")
    }
    return unknown
  }

  func run() throws {
    guard let rank = operation.rank, operation.name.hasPrefix("conv") else {
      throw ValidationError("solve is for conv1d, 2d, 3d and conv-transpose1d, 2d, 3d")
    }
    let isTransposed = operation.name.hasPrefix("conv-transpose")
    let unknown = try wanted()
    let inputs = try inputSize?.expanded(to: rank, operation: operation.name, parameter: "input-size")
    let axes = try axisOptions.axes(
      rank: rank, operation: operation.name, sizes: inputs ?? Array(repeating: 1, count: rank))
    let outputs = try outputs(rank: rank, inputs: inputs, axes: axes)
    let extra = try (outputPadding ?? 0).expanded(
      to: rank, operation: operation.name, parameter: "output-padding")
    let questions = axes.indices.map { index in
      var axis = axes[index]
      axis.outputPadding = extra[index]
      return SizeQuestion(
        isTransposed: isTransposed, axis: axis, input: inputs?[index] ?? 0, output: outputs?[index] ?? 0,
        unknown: unknown, bound: bound)
    }
    var text = Terminal.output.styled("\(operation.name): \(unknown.name)", .bold) + "\n"
    let same = Set(questions).count == 1
    for (index, question) in (same ? [questions[0]] : questions).enumerated() {
      if rank > 1 { text += same ? "\neach axis\n" : "\naxis \(index)\n" }
      text += Report.text(rows(try question.answer(), question))
    }
    print(text, terminator: "")
  }

  /// What is asked for, if need be by what is missing.
  private func wanted() throws -> SizeQuestion.Unknown {
    let given: [(SizeQuestion.Unknown, Bool, String)] = [
      (.input, inputSize != nil, "input-size"), (.output, outputSize != nil, "output-size"),
      (.kernel, axisOptions.kernelSize != nil, "kernel-size"),
    ]
    let missing = given.filter { !$0.1 }
    guard let find else {
      guard missing.count == 1 else {
        throw ValidationError(
          "say what to --find, or leave one of --input-size, --output-size, --kernel-size out")
      }
      return missing[0].0
    }
    if let other = missing.first(where: { $0.0 != find }) {
      throw ValidationError("finding the \(find.name) needs --\(other.2)")
    }
    return find
  }

  private func outputs(rank: Int, inputs: [Int]?, axes: [Axis]) throws -> [Int]? {
    guard let outputSize else { return nil }
    guard outputSize == "same" else {
      return try OptionParsing.integers(outputSize).expanded(
        to: rank, operation: operation.name, parameter: "output-size")
    }
    guard let inputs, find != .stride else {
      throw ValidationError("--output-size same needs --input-size, and a stride that is known")
    }
    return zip(inputs, axes).map { $1.stride < 1 ? $0 : ($0 - 1) / $1.stride + 1 }
  }

  private func rows(_ answer: SizeAnswer, _ question: SizeQuestion) -> [(String, String)] {
    var rows: [(String, String)] = []
    if let exact = answer.exact, answer.solutions.isEmpty || answer.exact?.isInteger == false {
      rows.append(("exactly", "\(exact)"))
    }
    if let reason = answer.reason { rows += [("none", reason), ("", "the nearest:")] }
    let listed = answer.solutions.isEmpty ? answer.nearest : answer.solutions
    let shown = all ? listed.count : min(listed.count, 8)
    for solution in listed.prefix(shown) {
      let formula =
        question.isTransposed
        ? solution.axis.transposedFormula(solution.input) : solution.axis.formula(solution.input)
      let note = solution.remainder == 0 ? "" : "   \(solution.remainder) left over"
      rows.append((label(solution, question.unknown), formula + note))
    }
    if shown < listed.count { rows.append(("", "and \(listed.count - shown) more; --all lists them")) }
    return rows
  }

  private func label(_ solution: SizeSolution, _ unknown: SizeQuestion.Unknown) -> String {
    switch unknown {
    case .sides, .causal: "\(solution.axis.paddingBefore), \(solution.axis.paddingAfter)"
    default: "\(solution.value(of: unknown))"
    }
  }
}

/// `volute solve round-trip ...`
struct SolveRoundTrip: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "round-trip",
    abstract: "Whether a way down and up again returns each size, and what mends it.",
    discussion: """
      The way up is the transposed convolution of the same kernel and stride, unless --up-kernel-size and --up-padding \
      say otherwise. Without --padding the padding is d·(k - 1) + 1 - s in all, which returns every size that the \
      stride divides.
      """)

  @Option(
    name: .long, parsing: .unconditional, help: "Elements that go in, one number an axis.",
    transform: OptionParsing.integers)
  var inputSize: PerAxis<Int>

  @OptionGroup var axisOptions: AxisOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Taps on the way up.", transform: OptionParsing.integers)
  var upKernelSize: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "Padding on the way up.", transform: OptionParsing.integers)
  var upPadding: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "Output padding on the way up.",
    transform: OptionParsing.integers)
  var outputPadding: PerAxis<Int>?

  @Option(name: .long, parsing: .unconditional, help: "How many times the axes are made smaller.")
  var levels = 1

  @Flag(
    help: ArgumentHelp(
      "Go around rings by wrapping the input first.",
      discussion: "On circular axes the way up wraps its input by the padding and then transposes without "
        + "wrapping, with padding k - 1: what is done where there is no circular transposed convolution."))
  var wrapped = false

  func run() throws {
    guard (1...16).contains(levels) else { throw ValidationError("--levels is from 1 to 16") }
    let sizes = inputSize.values
    let pairs = try pairs(rank: sizes.count, sizes: sizes)
    print(Terminal.output.styled("down and up, \(levels) \(levels == 1 ? "level" : "levels")", .bold))
    for (index, pair) in pairs.enumerated() {
      let trip = try RoundTrip(size: sizes[index], pairs: Array(repeating: pair, count: levels))
      print("\naxis \(index), \(pair.down.mode.rawValue)")
      print(Report.text(trip.levels.enumerated().flatMap { rows($1, number: $0 + 1) }), terminator: "")
    }
  }

  private func rows(_ level: RoundTrip.Level, number: Int) -> [(String, String)] {
    let way = "\(level.size) → \(level.smaller) → \(level.returned)"
    guard !level.meets else { return [("level \(number)", way)] }
    let difference = level.returned - level.size
    let verdict = difference > 0 ? "\(difference) too many" : "\(-difference) too few"
    return [("level \(number)", padded(way, 16) + verdict)] + level.mends.map { ("  mend", $0.description) }
  }

  private func pairs(rank: Int, sizes: [Int]) throws -> [ResamplingPair] {
    func each(_ values: PerAxis<Int>?, _ parameter: String) throws -> [Int]? {
      try values?.expanded(to: rank, operation: "round trip", parameter: parameter)
    }
    let downs = try axisOptions.axes(rank: rank, operation: "round trip", sizes: sizes)
    // Refuses what no layer takes.
    _ = try ConvolutionGeometry(
      inputShape: [1, 1] + sizes, weightShape: [1, 1] + downs.map(\.kernel),
      stride: PerAxis(downs.map(\.stride)),
      padding: .amounts(PerAxis(downs.map { .sides($0.paddingBefore, $0.paddingAfter, mode: $0.mode) })),
      dilation: PerAxis(downs.map(\.dilation)), operation: "round trip")
    let kernels = try each(upKernelSize, "up-kernel-size")
    let paddings = try each(upPadding, "up-padding")
    let extra = try each(outputPadding, "output-padding")
    for value in (kernels ?? []).map({ $0 - 1 }) + (paddings ?? []) + (extra ?? [])
    where !(0...1 << 20).contains(value) {
      throw ValidationError("kernels on the way up are at least 1, padding and output padding at least 0")
    }
    return downs.indices.map { index in
      let down = downs[index]
      var pair = ResamplingPair(down: down, up: down)
      if axisOptions.padding == nil {
        pair = ResamplingPair(
          kernel: down.kernel, stride: down.stride, dilation: down.dilation, mode: down.mode)
      }
      if let kernels { pair.up.kernel = kernels[index] }
      if wrapped && down.mode == .circular {
        pair.wrap = down.paddingBefore
        pair.up.mode = .zeros
        (pair.up.paddingBefore, pair.up.paddingAfter) = (pair.up.kernel - 1, pair.up.kernel - 1)
      }
      if let paddings { (pair.up.paddingBefore, pair.up.paddingAfter) = (paddings[index], paddings[index]) }
      if let extra { pair.up.outputPadding = extra[index] }
      return pair
    }
  }
}

/// `volute solve ring ...`
struct SolveRing: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ring",
    abstract: "Strides that keep a ring exact, and its rotations, through every level.",
    discussion: """
      Turning a ring of n by the stride s turns the output of n / s by one exactly when s divides n, whatever the \
      kernel and the padding. The plans divide at every level.
      """)

  @Option(name: .long, parsing: .unconditional, help: "Elements around the ring.")
  var inputSize: Int

  @Option(
    name: .long, parsing: .unconditional, help: "The stride wished for at each level: 2,2.",
    transform: OptionParsing.integers)
  var stride: PerAxis<Int>

  @Option(name: .long, parsing: .unconditional, help: "Taps around the ring.")
  var kernelSize = 4

  func run() throws {
    guard (1...1 << 20).contains(kernelSize) else {
      throw ValidationError("--kernel-size is from 1 to \(1 << 20)")
    }
    let wished = stride.values
    let plans = try RingPlan.plans(ring: inputSize, strides: wished)
    print(
      Terminal.output.styled(
        "a ring of \(inputSize), strides \(wished.map(String.init).joined(separator: ", "))", .bold))
    var size = inputSize
    var rows: [(String, String)] = []
    for (level, stride) in wished.enumerated() {
      let pair = ResamplingPair(kernel: kernelSize, stride: stride, mode: .circular)
      let smaller = size / stride
      let divides = size % stride == 0
      rows.append(
        (
          "level \(level + 1)",
          divides
            ? "\(size) → \(smaller) → \(pair.larger(smaller)), turning by \(stride) turns by 1"
            : "\(size) → \(smaller): \(stride) does not divide \(size), so no layer turns with the ring"
        ))
      guard divides else { break }
      size = smaller
    }
    print(Report.text(rows), terminator: "")
    for plan in plans where plan.strides != wished || plans.first?.strides == wished {
      let sizes = plan.sizes.map(String.init).joined(separator: " → ")
      print("\nstrides \(plan.strides.map(String.init).joined(separator: ", ")): \(sizes)")
      print(Report.text(layers(plan)), terminator: "")
      if plan.strides == wished { break }
    }
  }

  private func layers(_ plan: RingPlan) -> [(String, String)] {
    plan.pairs(kernel: kernelSize).enumerated().map { level, pair in
      let extra = pair.up.outputPadding
      return (
        "level \(level + 1)",
        "circular padding \(pair.down.paddingBefore):\(pair.down.paddingAfter), down and up"
          + (extra == 0 ? "" : "; output padding \(extra) up")
      )
    }
  }
}
