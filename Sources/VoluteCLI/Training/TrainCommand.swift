import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats
import VoluteInsight

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a network: on digits, or on showers of particles.",
    subcommands: [TrainDigitsCommand.self, TrainCaloCommand.self])
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

  @Option(help: "Where to save the run.", completion: .file(extensions: ["safetensors"]))
  var checkpoint: String?

  @Flag(help: "Go on from the checkpoint; its settings need not be given again.")
  var resume = false

  @Option(parsing: .unconditional, help: "Stop after so many steps, as if interrupted.")
  var stopAfter: Int?

  @Option(help: "Where to write the weights at the end.", completion: .file(extensions: ["safetensors"]))
  var save: String?

  @Option(parsing: .unconditional, help: "Threads; by default as many as there are processors.")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value) in [("threads", threads ?? 1), ("stop-after", stopAfter ?? 1)] where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
    for path in [checkpoint, save].compactMap({ $0 }) where !OutputPath.hasEnding(path, [".safetensors"]) {
      throw ValidationError("'\(path)' should end in .safetensors")
    }
    if checkpoint != nil && checkpoint == save {
      throw ValidationError(
        "the checkpoint and the weights cannot go to one file; give each a name of its own")
    }
    if resume && checkpoint == nil {
      throw ValidationError("--resume needs --checkpoint, the run to go on with")
    }
    if let problem = given(DigitSettings()).problem { throw ValidationError(problem) }
  }

  func run() async throws {
    if let threads { Engine.threadCount = threads }
    for path in [checkpoint, save].compactMap({ $0 }) { try OutputPath.check(path) }
    let saved = try savedRun()
    let settings = saved?.settings ?? given(DigitSettings())
    let training = try await DigitTraining(
      settings, checkpointPath: checkpoint, workers: Engine.threadCount)
    if let saved { try training.resume(saved.checkpoint) }
    if checkpoint != nil { Interruption.watch() }
    let end = stopAfter.map { training.step + $0 }
    try await training.run(
      until: { Interruption.isWished || $0.step == end },
      didEndEpoch: { if !json { print(line($0, of: settings.epochs)) } })
    guard training.isDone else { return try stopped(training) }
    if let save { try Safetensors.write(training.net.stateDictionary, to: save) }
    let report = TrainingReport(
      training, confusion: try training.evaluate(), baseline: try training.baseline().accuracy)
    print(json ? report.json.description : report.text)
  }

  /// The checkpoint that is to be gone on with.
  private func savedRun() throws -> (checkpoint: TrainingCheckpoint, settings: DigitSettings)? {
    guard let checkpoint else { return nil }
    guard resume else {
      // Nothing is lost by a repeated line of the shell.
      if let present = try? TrainingCheckpoint(checkpoint) {
        throw FormatError(
          checkpoint, "holds a run at step \(present.step)", mend: "go on with --resume, or remove the file")
      }
      if access(checkpoint, F_OK) == 0 {
        throw FormatError(
          checkpoint, "is there and holds no run",
          mend: "give the checkpoint a name of its own, or remove the file")
      }
      return nil
    }
    let run = try TrainingCheckpoint(checkpoint)
    guard let settings = DigitSettings(values: run.values) else {
      throw FormatError(checkpoint, "holds no run of 'volute train digits'")
    }
    let asked = given(settings).values
    for (name, value) in settings.values.sorted(by: { $0.key < $1.key }) {
      guard let other = asked[name], other != value else { continue }
      throw FormatError(checkpoint, "holds a run of --\(name) \(value), which cannot go on with \(other)")
    }
    return (run, settings)
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
      "\(place); \(checkpoint.map { "--checkpoint \($0) --resume goes on" } ?? "nothing is saved")\n")
    // What the shell reports of a process that SIGINT ended.
    if Interruption.isWished { throw ExitCode(130) }
  }
}
