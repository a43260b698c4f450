import ArgumentParser
import Volute
import VoluteFormats
import VoluteInsight

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Which inputs an output sees, which outputs an input reaches, and how often each is read.",
    discussion: """
      For one layer, or for several, one --then for each further one:

        volute explain conv2d --input-size 6 --kernel-size 3 --dilation 2 --padding 2 --output 1,2
        volute explain conv1d --input-size 12 --kernel-size 3 --then 'max-pool1d --kernel-size 2' \\
          --then 'conv-transpose1d --kernel-size 4 --stride 2' --reads --overlap
        volute explain conv1d --input-size 4 --kernel-size 2 --symbols 1,2

      Drawings show taps of a single layer, numbered in rows from 0, and of several layers the number of ways.
      """)

  @OptionGroup var layer: LayerOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Elements that go in: 9 or 8,9.",
    transform: OptionParsing.integers)
  var inputSize: PerAxis<Int>

  @Option(
    name: .customLong("then"),
    help: ArgumentHelp(
      "A further layer, such as 'max-pool2d --kernel-size 2'.",
      discussion: "save keeps what is here for a join further on, which concatenates it: a skip connection."),
    transform: Further.init)
  var others: [Further] = []

  @Option(
    name: .long, parsing: .unconditional, help: "Show the inputs that this output sees: 1,2.",
    transform: OptionParsing.integers)
  var output: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "Show the outputs that this input reaches: 1,2.",
    transform: OptionParsing.integers)
  var input: PerAxis<Int>?

  @Flag(help: "Show how often each input is read.")
  var reads = false

  @Flag(help: "Show how many products each output adds up.")
  var overlap = false

  @Flag(help: "Go through the outputs one by one, with numbers.")
  var steps = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Run on characters; the weights say how often each tap repeats one: 1,2.",
    transform: OptionParsing.integers)
  var symbols: PerAxis<Int>?

  @Flag(help: "Print JSON.")
  var json = false

  @Option(name: [.customShort("o"), .long], help: "Draw the layer, at --output if given, to this SVG.")
  var picture: String?

  func run() throws {
    let rank = layer.operation.rank
    for case .layer(let other) in others where other.operation.rank != rank {
      throw ValidationError(
        "\(other.operation.text) does not follow \(layer.operation.text): the axes differ")
    }
    let sizes = try inputSize.expanded(to: rank, operation: layer.operation.text, parameter: "input-size")
    let items = try [.layer(layer.specification())] + others.map { try $0.item() }
    let explanation = try Explanation(try Stack(items, inputSize: sizes))
    if let picture { try draw(explanation, to: picture) }
    if json {
      print(try described(explanation))
    } else {
      try show(explanation)
    }
  }

  private func show(_ explanation: Explanation) throws {
    var parts = [explanation.summary]
    if let output { parts.append(try explanation.drawingOfInputs(seenFrom: output.values)) }
    if let input { parts.append(try explanation.drawingOfOutputs(reachedFrom: input.values)) }
    if reads { parts.append(try explanation.drawingOfReads()) }
    if overlap { parts.append(try explanation.drawingOfOverlap()) }
    if steps { parts.append(try explanation.steps()) }
    if let run = try symbolicRun(explanation) {
      parts.append(
        "characters in\n"
          + TextGrid(size: explanation.stack.inputSize, cells: run.input.map { String($0) }).text)
      parts.append(
        "words out\n"
          + TextGrid(size: explanation.stack.outputSize, cells: run.output.map { $0.isEmpty ? "-" : $0 }).text
      )
    }
    print(parts.joined(separator: "\n"), terminator: "")
  }

  private func symbolicRun(_ explanation: Explanation) throws -> SymbolicRun? {
    guard let symbols else { return nil }
    guard others.isEmpty, let geometry = explanation.stack.layers[0].convolution else {
      throw ValidationError("--symbols is for one convolution or transposed convolution")
    }
    let count = geometry.weightShape.reduce(1, *)
    let weights =
      symbols.values.count == 1 && count <= 4096
      ? Array(repeating: symbols.values[0], count: count) : symbols.values
    return try SymbolicRun(geometry, weights: weights)
  }

  private func described(_ explanation: Explanation) throws -> JSON {
    var pairs: [(String, JSON)] = [
      ("input", .integers(explanation.stack.inputSize)),
      ("layers", .array(explanation.stack.steps.map(\.json))),
    ]
    if let output { pairs.append(("sees", .array(try explanation.sees(output.values).map(\.json)))) }
    if let input { pairs.append(("reaches", .array(try explanation.reaches(input.values).map(\.json)))) }
    if reads { pairs.append(("reads", .numbers(try explanation.reads()))) }
    if overlap { pairs.append(("overlap", .numbers(try explanation.overlap()))) }
    if let run = try symbolicRun(explanation) {
      pairs.append(("characters", .strings(run.input.map { String($0) })))
      pairs.append(("words", .strings(run.output)))
    }
    return .object(pairs)
  }

  private func draw(_ explanation: Explanation, to path: String) throws {
    guard others.isEmpty else { throw ValidationError("a picture is of one layer; leave --then out") }
    try OutputPath.checkNames(tensors: [], picture: path)
    try OutputPath.check(path)
    let animation = try Animation(explanation.stack.layers[0])
    let svg = try output.map { try animation.still(at: $0.values) } ?? animation.svg
    try AtomicFile.write(svg, to: path)
  }
}

/// What `--then` adds.
enum Further: Sendable {
  case layer(LayerOptions)
  case save
  case join

  init(_ words: String) throws {
    switch words {
    case "save": self = .save
    case "join": self = .join
    default: self = .layer(try LayerOptions.parsed(words))
    }
  }

  func item() throws -> Stack.Item {
    switch self {
    case .layer(let options): .layer(try options.specification())
    case .save: .save
    case .join: .join
    }
  }
}
