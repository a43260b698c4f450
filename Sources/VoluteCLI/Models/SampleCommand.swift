import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats
import VoluteModels

struct SampleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Make what a trained network has learned to make.",
    subcommands: [SampleCaloCommand.self])
}

struct SampleCaloCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calo",
    abstract: "Make showers of particles with a trained network.",
    discussion: """
      Each shower is drawn from a stream of its own, by seed and number, so that the batch changes nothing but \
      rounding. Without --checkpoint a small network is first trained for a moment.

        volute sample calo --checkpoint run/ --count 100 -o showers.npz
        volute sample calo --checkpoint run/ --energies 10,100 --sampler heun --steps 20 -o showers.npz
        volute sample calo --checkpoint model.pth --preset dataset2 -o showers.hdf5
        volute sample calo --synthetic dataset2 --count 2000 -o synthetic.npz
      """)

  /// Steps of training where there is no checkpoint.
  private static let briefSteps = 100

  @Option(
    help: "The folder of a run, its file, or PyTorch's weights under the published keys.", completion: .file()
  )
  var checkpoint: String?

  @OptionGroup var calorimeter: CaloOptions

  @Option(help: "Draw showers of this preset from formulas instead of a network.")
  var synthetic: NamedPreset?

  @Option(help: "In GeV, separated by commas, over and over; by default spread evenly over the logarithms.")
  var energies: String?

  @Option(parsing: .unconditional, help: "Showers.")
  var count = 16

  @Option(help: "ancestral, ddim, dpm or heun.")
  var sampler = DiffusionSampler.dpm

  @Option(
    parsing: .unconditional, help: "Of the sampler; by default 20, and for ancestral all of the schedule's.")
  var steps: Int?

  @Option(parsing: .unconditional, help: "Of the streams.")
  var seed = 1

  @Option(parsing: .unconditional, help: "Showers at once.")
  var batchSize = 16

  @Option(
    parsing: .unconditional,
    help: "How far to exaggerate what the energy changes; needs a run with --drop-energy.")
  var guidance = 0.0

  @Option(parsing: .unconditional, help: "Threads; by default as many as there are processors.")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    name: .shortAndLong, help: "Where to write the showers, .npz or .hdf5.",
    completion: .file(extensions: ["npz", "hdf5", "h5"]))
  var output: String?

  func validate() throws {
    let counts = [
      ("count", count), ("batch-size", batchSize), ("steps", steps ?? 1), ("threads", threads ?? 1),
    ]
    for (name, value) in counts where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
    if let output, !OutputPath.hasEnding(output, ShowerFile.endings) {
      throw ValidationError("'\(output)' should end in \(ShowerFile.endings.joined(separator: ", "))")
    }
    if synthetic != nil && (checkpoint != nil || energies != nil) {
      throw ValidationError("--synthetic asks no network: give it without --checkpoint and --energies")
    }
    if !guidance.isFinite { throw ValidationError("--guidance \(guidance) is no number") }
    _ = try listedEnergies()
  }

  func run() async throws {
    if let threads { Engine.threadCount = threads }
    if let output {
      try ShowerFile.requireFormat(of: output)
      try OutputPath.check(output)
    }
    if let synthetic { return try drawSynthetic(synthetic.preset) }
    let model = try loadedModel()
    let preset = model.settings.preset
    if guidance != 0 && model.settings.dropped == 0 {
      throw ValidationError("--guidance needs a run that was trained with --drop-energy")
    }
    let most = model.diffusion.schedule.stepCount
    let steps = self.steps ?? (sampler == .ancestral ? most ?? 200 : 20)
    if let most, steps > most {
      throw ValidationError("--steps \(steps) are more than the \(most) levels of the run's schedule")
    }
    let energies = try chosenEnergies(preset)
    let batches = (count + batchSize - 1) / batchSize
    let progress = Progress("sampling", of: batches * steps)
    let start = ContinuousClock.now
    var done = 0
    let result = try model.sample(
      energies: energies, sampler: sampler, steps: steps, seed: seed, batchSize: batchSize,
      guidance: guidance
    ) {
      done += 1
      let showers = Double(done) / Double(batches * steps) * Double(count)
      let speed = showers / ((ContinuousClock.now - start) / .seconds(1))
      progress.advance("\(decimals(speed, 2)) showers/s")
      return true
    }
    progress.finish()
    guard let set = result else { return }
    let time = ContinuousClock.now - start
    if let output { try set.write(to: output) }
    if json {
      print(
        "{\"preset\": \"\(preset.name)\", \"showers\": \(count), \"sampler\": \"\(sampler.rawValue)\", "
          + "\"steps\": \(steps), \"evaluations\": \(sampler.evaluations(steps: steps)), "
          + "\"batch_size\": \(batchSize), \"threads\": \(Engine.threadCount), "
          + "\"seconds\": \(time / .seconds(1)), \"peak_resident_bytes\": \(peakResidentBytes())}")
      return
    }
    let seen = zip(set.showers.sum([1]).elements(as: Double.self), set.energies.elements(as: Double.self))
      .map { $0 / $1 }
    var rows = [
      ("showers", "\(grouped(count)) of \(preset.name), \(preset.binning.voxels) voxels each"),
      (
        "sampler",
        "\(sampler.rawValue), \(steps) steps, \(sampler.evaluations(steps: steps)) calls of the network"
      ),
      ("energy", "\(decimals(seen.reduce(0, +) / Double(count), 3)) of the incident energy is seen"),
      ("time", "\(timeText(time)), \(decimals(Double(count) / (time / .seconds(1)), 2)) showers/s"),
    ]
    if let output { rows.append(("written", output)) }
    print(Report.text(rows), terminator: "")
  }

  /// Showers that no network made.
  private func drawSynthetic(_ preset: ShowerPreset) throws {
    let set = try SyntheticShowers(preset, count: count, seed: seed).all()
    if let output { try set.write(to: output) }
    var rows = [("showers", "\(grouped(count)) synthetic ones of \(preset.name), seed \(seed)")]
    if let output { rows.append(("written", output)) }
    print(Report.text(rows), terminator: "")
  }

  private func loadedModel() throws -> CaloModel {
    if let checkpoint { return try CaloModel(checkpoint: CaloModel.file(checkpoint), calorimeter) }
    var settings = try CaloSettings(calorimeter.geometry())
    settings.steps = Self.briefSteps
    settings.showers = 500
    Terminal.error.write("no --checkpoint: training a small network for \(settings.steps) steps first\n")
    let training = try CaloTraining(settings, path: nil)
    try training.run(savingEvery: .seconds(3600), until: { _ in false })
    return training.model
  }

  private func listedEnergies() throws -> [Double]? {
    guard let energies else { return nil }
    return try OptionParsing.numbers(energies).values
  }

  /// An energy for each shower, in GeV.
  private func chosenEnergies(_ preset: ShowerPreset) throws -> [Double] {
    let range = preset.energyRange
    if let listed = try listedEnergies() {
      if let odd = listed.first(where: { !range.contains($0) }) {
        throw ValidationError(
          "--energies \(plain(odd)) lies outside of \(preset.name)'s \(plain(range.lowerBound)) to "
            + "\(plain(range.upperBound)) GeV")
      }
      return (0..<count).map { listed[$0 % listed.count] }
    }
    let ratio = range.upperBound / range.lowerBound
    return (0..<count).map { range.lowerBound * Double.power(ratio, (Double($0) + 0.5) / Double(count)) }
  }
}
