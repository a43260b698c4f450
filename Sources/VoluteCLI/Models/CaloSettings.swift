import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

/// How the noise of a diffusion grows.
enum NamedSchedule: String, ExpressibleByArgument, CaseIterable {
  case cosine, linear, edm

  var schedule: NoiseSchedule {
    switch self {
    case .cosine: .cosine()
    case .linear: .linear()
    case .edm: .logNormal()
    }
  }
}

extension DiffusionObjective: ExpressibleByArgument {}
extension DiffusionSampler: ExpressibleByArgument {}

/// A kind of showers by its name.
struct NamedPreset: ExpressibleByArgument {
  let preset: ShowerPreset

  init(_ preset: ShowerPreset) { self.preset = preset }

  init?(argument: String) {
    guard let preset = ShowerPreset.all.first(where: { $0.name == argument }) else { return nil }
    self.preset = preset
  }

  var defaultValueDescription: String { preset.name }

  static var allValueStrings: [String] { ShowerPreset.all.map(\.name) }
}

/// What decides how a run of training on showers goes, apart from the machine: a checkpoint keeps it.
struct CaloSettings {
  var preset = ShowerPreset.small
  var schedule = NamedSchedule.cosine
  var objective = ShowerPreset.small.objective
  var steps = 1000
  var batchSize = 32
  var learningRate = ShowerPreset.small.learningRate
  var seed = 1
  /// Synthetic ones, where no file is given.
  var showers = 2000
  /// The file of showers, or nothing.
  var data = ""
  /// The share of showers that are shown without their energy.
  var dropped = 0.0

  init(_ preset: ShowerPreset = .small) {
    self.preset = preset
    objective = preset.objective
    learningRate = preset.learningRate
  }

  /// By the options' names.
  var values: [String: String] {
    [
      "preset": preset.name, "schedule": schedule.rawValue, "objective": objective.rawValue,
      "steps": "\(steps)", "batch-size": "\(batchSize)", "learning-rate": "\(learningRate)",
      "seed": "\(seed)", "showers": "\(showers)", "data": data, "drop-energy": "\(dropped)",
    ]
  }

  /// Those of a checkpoint; `nil` if they are not all there.
  init?(values: [String: String]) {
    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    func number(_ name: String) -> Double? { values[name].flatMap { Double($0) } }
    guard let preset = values["preset"].flatMap({ NamedPreset(argument: $0)?.preset }),
      let schedule = values["schedule"].flatMap({ NamedSchedule(rawValue: $0) }),
      let objective = values["objective"].flatMap({ DiffusionObjective(rawValue: $0) }),
      let steps = integer("steps"), let batchSize = integer("batch-size"),
      let learningRate = number("learning-rate"), let seed = integer("seed"),
      let showers = integer("showers"), let data = values["data"], let dropped = number("drop-energy")
    else { return nil }
    self.preset = preset
    self.schedule = schedule
    self.objective = objective
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    self.showers = showers
    self.data = data
    self.dropped = dropped
    if problem != nil { return nil }
  }

  /// What cannot be, in a clause.
  var problem: String? {
    for (name, value) in [("steps", steps), ("batch-size", batchSize), ("showers", showers)] {
      if value < 1 { return "--\(name) \(value) is none; give 1 or more" }
      if value > 10_000_000 { return "--\(name) \(value) is too many; give 10000000 or fewer" }
    }
    guard learningRate > 0, learningRate.isFinite else {
      return "--learning-rate \(learningRate) teaches nothing; give a positive number"
    }
    if !(0...1 ~= dropped) { return "--drop-energy \(dropped) is no share; give 0 to 1" }
    if data.isEmpty && showers < batchSize {
      return "--showers \(showers) do not fill a batch of \(batchSize)"
    }
    return nil
  }
}

/// A network that makes showers, and how it was taught.
struct CaloModel {
  /// What a network is told in place of the energy where it is kept from it.
  static let withheldEnergy = -1.0

  let settings: CaloSettings
  let diffusion: Diffusion
  let networks: WeightAverage<ShowerNetwork>

  /// - Throws: never; both networks are of one kind.
  init(_ settings: CaloSettings) throws {
    self.settings = settings
    diffusion = Diffusion(settings.schedule.schedule, objective: settings.objective)
    let generator = Generator(seed: settings.seed)
    networks = try WeightAverage(
      ShowerNetwork(settings.preset, generator: generator),
      average: ShowerNetwork(settings.preset, generator: generator))
  }

  /// The model of a run.
  init(checkpoint path: String) throws {
    let (run, settings) = try Self.run(at: path)
    try self.init(settings)
    do {
      try networks.load(run.model)
    } catch {
      throw FormatError(path, "is of another network than \(settings.preset.name)'s: \(error)")
    }
  }

  /// A run's checkpoint and settings.
  static func run(at path: String) throws(FormatError) -> (TrainingCheckpoint, CaloSettings) {
    let run = try TrainingCheckpoint(path)
    guard let settings = CaloSettings(values: run.values) else {
      throw FormatError(path, "holds no run of 'volute train calo'")
    }
    return (run, settings)
  }

  /// The file of a run, which may be named by its folder.
  static func file(_ path: String) -> String {
    if OutputPath.hasEnding(path, [".safetensors"]) { return path }
    return (path.hasSuffix("/") ? path : path + "/") + "checkpoint.safetensors"
  }

  /// Makes showers of the energies, in GeV, by the averaged weights.
  ///
  /// - Parameters:
  ///   - guidance: how far beyond what the energy alone changes the answer is pushed; 0 does not.
  ///   - batchSize: of showers that are made at once; it changes nothing but rounding.
  ///   - didStep: is told of each batch's steps; `false` stops.
  /// - Returns: `nil` if it was stopped.
  func sample(
    energies: [Double], sampler: DiffusionSampler, steps: Int, seed: Int, batchSize: Int,
    guidance: Double = 0, didStep: () -> Bool = { true }
  ) throws(ShapeError) -> ShowerSet? {
    let preset = settings.preset
    let network = networks.average
    network.eval()
    var parts: [Tensor] = []
    for start in stride(from: 0, to: energies.count, by: batchSize) {
      let indices = start..<min(start + batchSize, energies.count)
      let inMeV = Tensor(indices.map { Float(energies[$0] * 1000) })
      let condition = try preset.normalized(energies: inMeV)
      let withheld = Tensor(full: condition.shape, Self.withheldEnergy, dtype: .float32)
      let result = try noGrad { () throws(ShapeError) in
        try diffusion.sample(
          [preset.binning.voxels], streams: indices.map { sampleStream(seed: seed, index: $0) },
          steps: steps, sampler: sampler, didStep: { _ in didStep() }
        ) { (x, time) throws(ShapeError) in
          let told = try network(x, energy: condition, time: time)
          if guidance == 0 { return told }
          let untold = try network(x, energy: withheld, time: time)
          return told + (told - untold) * guidance
        }
      }
      guard let sampled = result else { return nil }
      parts.append(try preset.showers(normalized: sampled, energies: inMeV))
    }
    return try ShowerSet(
      showers: concatenate(parts), energies: Tensor(energies.map { Float($0 * 1000) }))
  }
}
