import ArgumentParser
import Volute
import VoluteInsight

/// A layer with a window, as `explain` and `animate` take it.
struct LayerOptions: ParsableArguments {
  @Argument(
    help: "conv, conv-transpose, max-pool or avg-pool, with 1d, 2d or 3d.",
    completion: .list(LayerName.all.map(\.text)), transform: LayerName.named)
  var operation: LayerName

  @OptionGroup var axisOptions: AxisOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Elements added to the end. (conv-transpose)",
    transform: OptionParsing.integers)
  var outputPadding: PerAxis<Int>?

  @Flag(help: "Keep a last window that overhangs. (max-pool, avg-pool)")
  var ceilMode = false

  func specification() throws -> LayerSpecification {
    let kind = operation.kind
    let options: [(String, Bool, Set<LayerSpecification.Kind>)] = [
      ("output-padding", outputPadding != nil, [.transposedConvolution]),
      ("ceil-mode", ceilMode, [.maxPool, .averagePool]),
      ("padding-mode", axisOptions.paddingMode != nil, [.convolution, .transposedConvolution]),
      ("dilation", axisOptions.dilation != nil, [.convolution, .transposedConvolution, .maxPool]),
    ]
    for (option, isGiven, kinds) in options where isGiven && !kinds.contains(kind) {
      throw ValidationError(
        "--\(option) means nothing to \(operation.text); it is for "
          + listed(LayerSpecification.Kind.allCases.filter(kinds.contains).map(\.rawValue)))
    }
    guard let kernelSize = axisOptions.kernelSize else {
      throw ValidationError("\(operation.text) needs --kernel-size")
    }
    return LayerSpecification(
      kind, kernelSize: kernelSize, stride: axisOptions.stride, padding: axisOptions.padding ?? 0,
      paddingMode: axisOptions.paddingMode ?? .zeros, dilation: axisOptions.dilation ?? 1,
      outputPadding: outputPadding ?? 0, isCeil: ceilMode)
  }

  /// A layer written in one argument, such as `max-pool2d --kernel-size 2`.
  static func parsed(_ words: String) throws -> LayerOptions {
    do {
      return try parse(words.split(separator: " ").map(String.init))
    } catch {
      throw ValidationError("'\(words)': \(message(for: error))")
    }
  }
}

/// An operation of `explain` and `animate` with its number of axes.
struct LayerName: Sendable {
  let kind: LayerSpecification.Kind
  let rank: Int

  var text: String { "\(kind.rawValue)\(rank)d" }

  static let all = LayerSpecification.Kind.allCases.flatMap { kind in
    (1...3).map { LayerName(kind: kind, rank: $0) }
  }

  static func named(_ argument: String) throws -> LayerName {
    let text = String(argument.map { $0 == "_" ? "-" : $0 })
    guard let name = all.first(where: { $0.text == text }) else {
      throw ValidationError("there are \(listed(all.map(\.text)))")
    }
    return name
  }
}
