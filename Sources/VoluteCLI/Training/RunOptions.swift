import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What decides how a run goes, apart from the machine: a checkpoint keeps it.
protocol RunSettings {
  /// By the options' names.
  var values: [String: String] { get }
  /// Those of a checkpoint; `nil` if they are not all there, or cannot be.
  init?(values: [String: String])
}

extension RunSettings {
  /// What cannot be about numbers of things, in a clause.
  static func problem(counts: [(String, Int)], learningRate: Double) -> String? {
    for (name, value) in counts {
      if value < 1 { return "--\(name) \(value) is none; give 1 or more" }
      if value > 1_000_000 { return "--\(name) \(value) is too many; give 1000000 or fewer" }
    }
    guard learningRate > 0, learningRate.isFinite else {
      return "--learning-rate \(learningRate) teaches nothing; give a positive number"
    }
    return nil
  }
}

/// Where a run is kept, and when it stops.
struct RunOptions: ParsableArguments {
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
  }

  /// Looks at the places of the results, and at the run that is to be gone on with.
  ///
  /// - Parameters:
  ///   - command: that makes such runs.
  ///   - given: settings with what the options say instead.
  func savedRun<Settings: RunSettings>(
    of command: String, given: (Settings) -> Settings
  ) throws -> (checkpoint: TrainingCheckpoint, settings: Settings)? {
    if let threads { Engine.threadCount = threads }
    for path in [checkpoint, save].compactMap({ $0 }) { try OutputPath.check(path) }
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
    guard let settings = Settings(values: run.values) else {
      throw FormatError(checkpoint, "holds no run of 'volute \(command)'")
    }
    let asked = given(settings).values
    for (name, value) in settings.values.sorted(by: { $0.key < $1.key }) {
      guard let other = asked[name], other != value else { continue }
      throw FormatError(checkpoint, "holds a run of --\(name) \(value), which cannot go on with \(other)")
    }
    return (run, settings)
  }

  /// Trains to the end, writes the weights, and says whether the end was reached.
  func train<Model>(
    _ run: StepRun<Model>, from saved: TrainingCheckpoint?, loss: (_ step: Int) throws -> Tensor
  ) throws -> Bool {
    if let saved { try run.resume(saved) }
    if checkpoint != nil { Interruption.watch() }
    let end = stopAfter.map { run.step + $0 }
    try run.run(until: { Interruption.isWished || $0.step == end }, loss: loss)
    guard run.isDone else {
      let place = "stopped at step \(grouped(run.step)) of \(grouped(run.total))"
      Terminal.error.write(
        "\(place); \(checkpoint.map { "--checkpoint \($0) --resume goes on" } ?? "nothing is saved")\n")
      // What the shell reports of a process that SIGINT ended.
      if Interruption.isWished { throw ExitCode(130) }
      return false
    }
    if let save { try Safetensors.write(run.model.stateDictionary, to: save) }
    return true
  }
}
