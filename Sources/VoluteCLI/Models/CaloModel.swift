import Volute
import VoluteFormats
import VoluteModels

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

  /// The model of a run, or of weights under the published keys.
  ///
  /// - Parameter options: which showers weights alone are of.
  init(checkpoint path: String, _ options: CaloOptions) throws {
    guard try Self.isRun(path) else {
      if !options.areGiven {
        throw FormatError(path, "holds weights alone", mend: "say with --preset of which showers they are")
      }
      try self.init(CaloSettings(options.geometry()))
      try load(weightsFrom: path)
      return
    }
    let (run, settings) = try Self.run(at: path)
    if let difference = try settings.geometry.difference(options.geometry(settings.geometry)) {
      throw FormatError(path, "holds a run of \(difference)")
    }
    try self.init(settings)
    do {
      try networks.load(run.model)
    } catch {
      throw FormatError(path, "is of another network than \(settings.preset.name)'s: \(error)")
    }
  }

  /// Takes weights under the published keys, or those of a run, averaged.
  func load(weightsFrom path: String) throws {
    try networks.average.load(weightsFrom: path)
    try networks.model.load(networks.average.stateDictionary)
  }

  /// Whether a file is a checkpoint of training, rather than weights alone.
  private static func isRun(_ path: String) throws(FormatError) -> Bool {
    guard try WeightFile(path).format == .safetensors else { return false }
    return try SafetensorsFile(path).metadata["format"] == TrainingCheckpoint.format
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
    if OutputPath.hasEnding(path, [".safetensors", ".pt", ".pth", ".ckpt", ".npz"]) { return path }
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
