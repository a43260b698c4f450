import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats
import VoluteModels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

struct TrainCaloCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calo",
    abstract: "Train the cylindrical U-Net to make showers of particles.",
    discussion: """
      Without --data it learns from synthetic showers. With --out the run is saved every few minutes and when it is \
      interrupted, and --resume goes on as if it had never stopped. Showers that are held out judge each epoch: by them the \
      learning rate falls, the run ends, and the best weights are kept beside the last ones.

        volute train calo --out run/
        volute train calo --preset dataset2 --data showers.hdf5 --out run/ --held-out 0.15 --patience 15 --early-stop 40
        volute train calo --resume run/
        volute train calo --preset photons --initial-weights model.pth --out run/
      """)

  @OptionGroup var calorimeter: CaloOptions

  @Option(
    help: "A file of showers, .npz or .hdf5: incident_energies and showers, in MeV.",
    completion: .file(extensions: ["npz", "hdf5", "h5"]))
  var data: String?

  @Option(help: "The folder of the run.", completion: .directory)
  var out: String?

  @Flag(help: "Go on with the run in the folder; its settings need not be given again.")
  var resume = false

  @Argument(
    help: ArgumentHelp("The folder of the run to go on with, as --out.", valueName: "run"),
    completion: .directory)
  var resumedRun: String?

  @Option(
    help: "Start from these: of another run, or PyTorch's under the published keys.", completion: .file())
  var initialWeights: String?

  @Option(parsing: .unconditional, help: "Steps in all. (default: \(CaloSettings().steps))")
  var steps: Int?

  @Option(parsing: .unconditional, help: "Showers in a step. (default: \(CaloSettings().batchSize))")
  var batchSize: Int?

  @Option(parsing: .unconditional, help: "Of Adam; by default the preset's.")
  var learningRate: Double?

  @Option(parsing: .unconditional, help: "Of showers, weights, order and noise. (default: 1)")
  var seed: Int?

  @Option(parsing: .unconditional, help: "Synthetic showers. (default: \(CaloSettings().showers))")
  var showers: Int?

  @Option(help: "How the noise grows: cosine, linear or edm. (default: cosine)")
  var schedule: NamedSchedule?

  @Option(help: "What the network gives: noise, x0, v or hybrid; by default the preset's.")
  var objective: DiffusionObjective?

  @Option(
    parsing: .unconditional,
    help: "The share of showers shown without their energy, for --guidance. (default: 0)")
  var dropEnergy: Double?

  @Option(
    parsing: .unconditional,
    help: "The share of showers that are not learned from, but judge each epoch. (default: 0)")
  var heldOut: Double?

  @Option(
    parsing: .unconditional,
    help:
      "Epochs without getting better after which the learning rate falls to a tenth; 0 for never. (default: 0)"
  )
  var patience: Int?

  @Option(
    parsing: .unconditional,
    help: "Epochs without getting better after which the run ends; 0 for never. (default: 0)")
  var earlyStop: Int?

  @Option(parsing: .unconditional, help: "Minutes between checkpoints.")
  var every = 5.0

  @Option(parsing: .unconditional, help: "Stop after so many steps, as if interrupted.")
  var stopAfter: Int?

  @Option(help: "Where to write each step's number and loss.", completion: .file(extensions: ["csv"]))
  var log: String?

  @Option(parsing: .unconditional, help: "Threads; by default as many as there are processors.")
  var threads: Int?

  func validate() throws {
    for (name, value) in [("threads", threads ?? 1), ("stop-after", stopAfter ?? 1)] where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
    if !(every > 0) { throw ValidationError("--every \(every) is no time; give minutes above 0") }
    if let resumedRun, !resume || out != nil {
      throw ValidationError("'\(resumedRun)' means nothing here: name a run after --resume, or after --out")
    }
    if resume && folder == nil {
      throw ValidationError("--resume needs the run to go on with: --resume run/, or --out run/ --resume")
    }
    if resume && initialWeights != nil {
      throw ValidationError("--resume has weights already; give it without --initial-weights")
    }
    // What a run was held to is known once it is read.
    if !resume, let problem = given(CaloSettings()).problem { throw ValidationError(problem) }
  }

  /// Where the run is.
  private var folder: String? { out ?? resumedRun }

  func run() async throws {
    if let threads { Engine.threadCount = threads }
    let path = folder.map(CaloModel.file)
    let saved = try savedRun(path)
    let settings = try saved?.settings ?? given(CaloSettings(calorimeter.geometry()))
    if let out, !resume {
      if mkdir(out, 0o777) != 0 && errno != EEXIST {
        throw FormatError(out, "cannot be created: \(String(cString: strerror(errno)))")
      }
    }
    if let path { try OutputPath.check(path) }
    if let log { try OutputPath.check(log) }
    let training = try CaloTraining(settings, path: path)
    if let saved { try training.resume(saved.checkpoint) }
    if let initialWeights { try training.model.load(weightsFrom: CaloModel.file(initialWeights)) }
    if path != nil { Interruption.watch() }
    let end = stopAfter.map { training.step + $0 }
    let start = ContinuousClock.now
    try training.run(
      savingEvery: .seconds(every * 60), until: { Interruption.isWished || $0.step == end })
    let time = ContinuousClock.now - start
    if let log { try AtomicFile.write(training.log, to: log) }
    guard training.isDone else {
      let place = "stopped at step \(grouped(training.step)) of \(grouped(settings.steps))"
      Terminal.error.write("\(place); \(folder.map { "--resume \($0) goes on" } ?? "nothing is saved")\n")
      if Interruption.isWished { throw ExitCode(130) }
      return
    }
    print(Report.text(rows(training, time)), terminator: "")
  }

  private func rows(_ training: CaloTraining, _ time: Duration) -> [(String, String)] {
    let settings = training.settings
    let count = training.losses.count
    func mean(_ part: ArraySlice<Double>) -> Double { part.reduce(0, +) / Double(max(part.count, 1)) }
    var rows = [
      (
        "network",
        "\(grouped(training.model.networks.model.parameterCount)) parameters, \(settings.preset.name)"
      ),
      ("showers", settings.data.isEmpty ? "\(grouped(settings.showers)) synthetic ones" : settings.data),
      (
        "steps",
        "\(grouped(training.step)) of \(settings.batchSize), predicting \(settings.objective.rawValue)"
      ),
    ]
    if count > 0 {
      let speed = Double(count * settings.batchSize) / (time / .seconds(1))
      let part = max(count / 10, 1)
      rows.append(
        (
          "loss",
          "\(decimals(mean(training.losses.prefix(part)), 4)) at first, "
            + "\(decimals(mean(training.losses.suffix(part)), 4)) at last"
        ))
      rows.append(("time", "\(timeText(time)), \(decimals(speed, 1)) showers/s"))
    }
    let record = training.record
    if let last = record.last {
      let end = training.stoppedEarly ? "; ended, since it got no better" : ""
      rows.append(
        (
          "held out",
          "\(decimals(record.best, 4)) at best, in epoch \(record.bestEpoch), \(decimals(last, 4)) at last\(end)"
        ))
      rows.append(("learning rate", "\(training.learningRate) at last"))
      if let folder { rows.append(("best", CaloTraining.best(CaloModel.file(folder)))) }
    }
    if let folder { rows.append(("saved", CaloModel.file(folder))) }
    return rows
  }

  /// The run that is to be gone on with.
  private func savedRun(_ path: String?) throws -> (checkpoint: TrainingCheckpoint, settings: CaloSettings)? {
    guard let path else { return nil }
    guard resume else {
      // Not to be lost by a repeated line of the shell.
      if let present = try? TrainingCheckpoint(path) {
        throw FormatError(
          path, "holds a run at step \(present.step)", mend: "go on with --resume, or remove the file")
      }
      return nil
    }
    let (run, settings) = try CaloModel.run(at: path)
    let wanted = given(settings)
    if let difference = try settings.geometry.difference(calorimeter.geometry(settings.geometry)) {
      throw FormatError(path, "holds a run of \(difference), which cannot go on with another")
    }
    if let problem = wanted.problem { throw ValidationError(problem) }
    let asked = wanted.values
    // More steps may be wished for than at first.
    for (name, value) in settings.values.sorted(by: { $0.key < $1.key }) where name != "steps" {
      guard let other = asked[name], other != value else { continue }
      throw FormatError(path, "holds a run of --\(name) \(value), which cannot go on with \(other)")
    }
    return (run, wanted)
  }

  /// `settings` with what the options say instead.
  private func given(_ settings: CaloSettings) -> CaloSettings {
    var result = settings
    result.data = data ?? settings.data
    result.steps = steps ?? settings.steps
    result.batchSize = batchSize ?? settings.batchSize
    result.learningRate = learningRate ?? settings.learningRate
    result.seed = seed ?? settings.seed
    result.showers = showers ?? settings.showers
    result.schedule = schedule ?? settings.schedule
    result.objective = objective ?? settings.objective
    result.dropped = dropEnergy ?? settings.dropped
    result.heldOut = heldOut ?? settings.heldOut
    result.patience = patience ?? settings.patience
    result.earlyStop = earlyStop ?? settings.earlyStop
    return result
  }
}
