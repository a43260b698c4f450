import ArgumentParser
import Volute
import VoluteFormats
import VoluteInsight
import VoluteModels

/// What decides how a run of training on placements goes.
struct PlacementSettings: RunSettings {
  var steps = 200
  var batchSize = 32
  var learningRate = 2e-2
  var seed = 1
  var size = 6
  var width = 16

  init() {}

  var values: [String: String] {
    [
      "steps": "\(steps)", "batch-size": "\(batchSize)", "learning-rate": "\(learningRate)",
      "seed": "\(seed)", "size": "\(size)", "width": "\(width)", "trains": "placement",
    ]
  }

  init?(values: [String: String]) {
    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    guard values["trains"] == "placement", let steps = integer("steps"),
      let batchSize = integer("batch-size"), let seed = integer("seed"), let size = integer("size"),
      let width = integer("width"), let learningRate = values["learning-rate"].flatMap({ Double($0) })
    else { return nil }
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    self.size = size
    self.width = width
    if problem != nil { return nil }
  }

  var problem: String? {
    if size > 100 { return "--size \(size) is too large; give 100 or less" }
    return Self.problem(
      counts: [("steps", steps), ("batch-size", batchSize), ("size", size), ("width", width)],
      learningRate: learningRate)
  }
}

struct TrainPlacementCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "placement",
    abstract: "Train a chain of convolutions to say what goes where in a 3-D grid.",
    discussion: """
      Seven channels of a grid become scores of every type, orientation and cell; the best of all is a placement. In each \
      grid one cell holds a block among noise: its channel is the type, its sign the orientation.

        volute train placement
        volute train placement --size 10 --width 1    # one channel between cannot tell types apart
      """)

  private static let types = 6
  private static let orientations = 2
  private static let heldOut = 500

  @Option(parsing: .unconditional, help: "Steps in all. (default: \(PlacementSettings().steps))")
  var steps: Int?

  @Option(parsing: .unconditional, help: "Grids in a step. (default: \(PlacementSettings().batchSize))")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "The largest of the cycle that it goes through. (default: \(PlacementSettings().learningRate))")
  var learningRate: Double?

  @Option(parsing: .unconditional, help: "Of grids and weights. (default: \(PlacementSettings().seed))")
  var seed: Int?

  @Option(parsing: .unconditional, help: "Cells along each axis. (default: \(PlacementSettings().size))")
  var size: Int?

  @Option(
    parsing: .unconditional,
    help: "Channels between the two convolutions. (default: \(PlacementSettings().width))")
  var width: Int?

  @OptionGroup var options: RunOptions

  func validate() throws {
    if let problem = given(PlacementSettings()).problem { throw ValidationError(problem) }
  }

  func run() async throws {
    let saved = try options.savedRun(of: "train placement", given: given)
    let settings = saved?.settings ?? given(PlacementSettings())
    let network = PlacementNet(
      types: Self.types, orientations: Self.orientations, width: settings.width, isRectified: true,
      generator: Generator(seed: settings.seed))
    let shape = [settings.size, settings.size, settings.size]
    let rule = PlacementRule(
      count: settings.steps * settings.batchSize, seed: settings.seed, size: shape, types: Self.types)
    let run = StepRun(
      network, steps: settings.steps, learningRate: settings.learningRate, path: options.checkpoint,
      values: settings.values)
    let isDone = try options.train(run, from: saved?.checkpoint) { step in
      let numbers = step * settings.batchSize..<(step + 1) * settings.batchSize
      let batch = try rule.batch(numbers.map { rule.element(at: $0) })
      return try crossEntropy(network(batch[0]).flattened(1, -1), batch[1])
    }
    guard isDone else { return }
    network.eval()
    // Grids of another seed than those that were learned from.
    let unseen = PlacementRule(count: Self.heldOut, seed: settings.seed &+ 1, size: shape, types: Self.types)
    let result = try network.accuracy(on: unseen)
    let cells = settings.size * settings.size * settings.size
    let chances = [1 / Double(Self.types), 1 / Double(Self.orientations), 1 / Double(cells)]
    let chance = chances.reduce(1, *)
    if options.json {
      return print(
        JSON.object([
          ("accuracy", .number(result.whole)), ("chance", .number(chance)),
          ("parts", .array(result.parts.map(JSON.number))), ("held_out", .integer(Self.heldOut)),
          ("steps", .integer(run.step)), ("parameters", .integer(network.parameterCount)),
          ("seconds", .number(run.time / .seconds(1))),
        ]).description)
    }
    var rows = [
      ("network", "\(grouped(network.parameterCount)) parameters: 7 to \(settings.width) to 12 channels"),
      ("training", "\(grouped(run.step)) steps of \(settings.batchSize) grids of \(settings.size)³ cells"),
    ]
    if let text = run.lossText { rows += [("loss", text), ("time", timeText(run.time))] }
    rows.append(
      ("held out", "\(percent(result.whole)) of \(Self.heldOut) placed right; chance is \(share(chance))"))
    for (name, (found, chance)) in zip(["type", "orientation", "cell"], zip(result.parts, chances)) {
      rows.append(("", "\(padded(name, 12))\(percent(found)) right, \(share(chance)) by chance"))
    }
    if let place = options.checkpoint ?? options.save { rows.append(("saved", place)) }
    print(Report.text(rows), terminator: "")
  }

  /// A share that may be small.
  private func share(_ value: Double) -> String { "\(decimals(value * 100, value < 0.01 ? 3 : 1)) %" }

  /// `settings` with what the options say instead.
  private func given(_ settings: PlacementSettings) -> PlacementSettings {
    var result = settings
    result.steps = steps ?? settings.steps
    result.batchSize = batchSize ?? settings.batchSize
    result.learningRate = learningRate ?? settings.learningRate
    result.seed = seed ?? settings.seed
    result.size = size ?? settings.size
    result.width = width ?? settings.width
    return result
  }
}
