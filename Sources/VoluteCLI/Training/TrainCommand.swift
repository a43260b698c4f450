import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats
import VoluteInsight

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a network: on digits, showers of particles, video, or placements in a grid.",
    subcommands: [
      TrainDigitsCommand.self, TrainCaloCommand.self, TrainVideoCommand.self, TrainPlacementCommand.self,
    ])
}

struct TrainDigitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digits",
    abstract: "Train a small convolutional network on digits that Volute renders itself.",
    discussion: """
      The same options give the same weights, bit for bit, on any number of threads. With --checkpoint the run is \
      saved after every epoch and when it is interrupted, and --resume goes on as if it had never stopped.

        volute train digits
        volute train digits --epochs 8 --checkpoint run.safetensors
        volute train digits --checkpoint run.safetensors --resume --save weights.safetensors
      """)

  @Option(parsing: .unconditional, help: "Passes over the images. (default: \(DigitSettings().epochs))")
  var epochs: Int?

  @Option(parsing: .unconditional, help: "Images in a step. (default: \(DigitSettings().batchSize))")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "The largest of the cycle that it goes through. (default: \(DigitSettings().learningRate))")
  var learningRate: Double?

  @Option(
    parsing: .unconditional,
    help: "Of images, weights, order and dropout. (default: \(DigitSettings().seed))")
  var seed: Int?

  @Option(parsing: .unconditional, help: "Images to learn from. (default: \(DigitSettings().images))")
  var images: Int?

  @Option(parsing: .unconditional, help: "Images that are held out. (default: \(DigitSettings().heldOut))")
  var heldOut: Int?

  @OptionGroup var options: RunOptions

  func validate() throws {
    if let problem = given(DigitSettings()).problem { throw ValidationError(problem) }
  }

  func run() async throws {
    let saved = try options.savedRun(of: "train digits", given: given)
    let settings = saved?.settings ?? given(DigitSettings())
    let training = try await DigitTraining(
      settings, checkpointPath: options.checkpoint, workers: Engine.threadCount)
    if let saved { try training.resume(saved.checkpoint) }
    if options.checkpoint != nil { Interruption.watch() }
    let end = options.stopAfter.map { training.step + $0 }
    try await training.run(
      until: { Interruption.isWished || $0.step == end },
      didEndEpoch: { if !options.json { print(line($0, of: settings.epochs)) } })
    guard training.isDone else { return try stopped(training) }
    if let save = options.save { try Safetensors.write(training.net.stateDictionary, to: save) }
    let report = TrainingReport(
      training, confusion: try training.evaluate(), baseline: try training.baseline().accuracy)
    print(options.json ? report.json.description : report.text)
  }

  /// `settings` with what the options say instead.
  private func given(_ settings: DigitSettings) -> DigitSettings {
    var result = settings
    result.epochs = epochs ?? settings.epochs
    result.batchSize = batchSize ?? settings.batchSize
    result.learningRate = learningRate ?? settings.learningRate
    result.seed = seed ?? settings.seed
    result.images = images ?? settings.images
    result.heldOut = heldOut ?? settings.heldOut
    return result
  }

  private func line(_ epoch: DigitTraining.Epoch, of count: Int) -> String {
    "epoch \(epoch.number) of \(count)  loss \(decimals(epoch.loss, 4))  held out \(percent(epoch.accuracy)) right"
  }

  private func stopped(_ training: DigitTraining) throws {
    let place = "stopped at step \(grouped(training.step)) of \(grouped(training.stepCount))"
    Terminal.error.write(
      "\(place); \(options.checkpoint.map { "--checkpoint \($0) --resume goes on" } ?? "nothing is saved")\n")
    // What the shell reports of a process that SIGINT ended.
    if Interruption.isWished { throw ExitCode(130) }
  }
}
