import ArgumentParser
import Volute
import VoluteFormats
import VoluteInsight
import VoluteModels

/// A network that the command knows by name.
enum NamedNetwork: String, ExpressibleByArgument, CaseIterable {
  case photons, pions, dataset2, dataset3

  var configuration: CylindricalUNet.Configuration {
    switch self {
    case .photons: .photons
    case .pions: .pions
    case .dataset2: .dataset2
    case .dataset3: .dataset3
    }
  }
}

/// The network that a command looks at, and how it is called.
struct NetworkOptions: ParsableArguments {
  @Argument(help: "The cylindrical U-Net of a published geometry: photons, pions, dataset2 or dataset3.")
  var network = NamedNetwork.photons

  @Option(help: "Samples in the call.")
  var batch = 1

  func validate() throws {
    if batch < 1 { throw ValidationError("--batch \(batch) is none; give 1 or more") }
  }

  /// The network, and one call of it.
  func make() -> (model: CylindricalUNet, call: () throws(ShapeError) -> Tensor) {
    let configuration = network.configuration
    let model = CylindricalUNet(configuration, generator: Generator(seed: 0))
    let x = Tensor.zeros([batch, configuration.channels] + configuration.size)
    let scalars = Tensor.zeros([batch])
    return (model, { () throws(ShapeError) in try model(x, energy: scalars, time: scalars) })
  }
}

struct SummaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary", abstract: "A network's layers, parameters, multiply-adds and sizes.")

  @OptionGroup var options: NetworkOptions

  func run() throws {
    let (model, call) = options.make()
    print(Summary(of: model, calls: try recordCalls(of: model, call)))
  }
}

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "The shapes that flow through a network, layer by layer.")

  @OptionGroup var options: NetworkOptions

  func run() throws {
    let (model, call) = options.make()
    print(Trace(try recordCalls(of: model, call)))
  }
}

struct GraphCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "The graph of gradients of a network's call, as DOT or as a picture.")

  @OptionGroup var options: NetworkOptions

  @Option(name: .shortAndLong, help: "A file that ends in .dot or .svg; DOT is printed without one.")
  var output: String?

  func validate() throws {
    if let output, !output.hasSuffix(".dot"), !output.hasSuffix(".svg") {
      throw ValidationError("--output \(output) ends in neither .dot nor .svg")
    }
  }

  func run() throws {
    let (model, call) = options.make()
    let graph = GradientGraph(of: try call(), names: model.namedParameters)
    guard let output else { return print(graph.dot, terminator: "") }
    try AtomicFile.write(output.hasSuffix(".svg") ? graph.svg : graph.dot, to: output)
  }
}
