/// What is fixed about a kind of showers: the calorimeter, the range of energies, and how voxels become numbers for a
/// network.
public struct ShowerPreset: Sendable {
  /// What it is called on the command line.
  public private(set) var name: String
  /// How the calorimeter is cut.
  public private(set) var binning: CalorimeterBinning
  /// Of incident energies, in GeV.
  public let energyRange: ClosedRange<Double>
  /// No voxel holds more than this share of the incident energy.
  public let largestShare: Double
  /// Of the voxels' logits.
  public private(set) var mean: Double
  /// Of the voxels' logits, what they are divided by.
  public private(set) var deviation: Double
  /// Voxels of samples below it are empty, in GeV.
  public let cut: Double
  /// Channels of the network's levels.
  public private(set) var widths: [Int]
  /// Of Adam, as published.
  public let learningRate: Double
  /// What the network is taught, as published.
  public let objective: DiffusionObjective
  /// Where the layers begin, and the last one ends, in radiation lengths: for synthetic showers.
  private(set) var depths: [Double]
  /// How fast showers fade with depth, per radiation length, and where they are deepest beyond their start.
  let longitudinal: (decay: Double, delay: Double)
  /// The mean radii of a shower's core and halo, in millimetres.
  let radii: (core: Double, halo: Double)

  /// CaloChallenge's dataset 1, photons.
  public static let photons = ShowerPreset(
    name: "photons", binning: .photons, energyRange: 0.256...4194.304, largestShare: 3.1, mean: -9.9807,
    deviation: 3.14168, cut: 1e-7, widths: [16, 16, 16, 32], learningRate: 4e-4, objective: .noise,
    depths: [0, 1.7, 6, 22, 24, 60], longitudinal: (0.5, 0.5), radii: (14, 60))

  /// CaloChallenge's dataset 1, pions.
  public static let pions = ShowerPreset(
    name: "pions", binning: .pions, energyRange: 0.256...4194.304, largestShare: 3.1, mean: -11.7610,
    deviation: 2.84317, cut: 1e-7, widths: [16, 16, 16, 32], learningRate: 4e-4, objective: .noise,
    depths: [0, 1.7, 6, 22, 24, 50, 110, 150], longitudinal: (0.06, 4), radii: (50, 180))

  /// CaloChallenge's dataset 2.
  public static let dataset2 = ShowerPreset(
    name: "dataset2", binning: .dataset2, energyRange: 1...1000, largestShare: 2, mean: -12.8564,
    deviation: 1.9123, cut: 1.51e-5, widths: [16, 16, 16, 32], learningRate: 4e-4, objective: .noise,
    depths: (0...45).map { 0.6 * Double($0) }, longitudinal: (0.5, 0.5), radii: (4, 14))

  /// CaloChallenge's dataset 3.
  public static let dataset3 = ShowerPreset(
    name: "dataset3", binning: .dataset3, energyRange: 1...1000, largestShare: 2, mean: -13.4753,
    deviation: 1.1070, cut: 1.51e-5, widths: [32, 32, 32, 32], learningRate: 1e-4, objective: .hybrid,
    depths: (0...45).map { 0.6 * Double($0) }, longitudinal: (0.5, 0.5), radii: (4, 14))

  /// A calorimeter so small that a network learns it in minutes; showers are synthetic, there are no published ones.
  public static let small = ShowerPreset(
    name: "small", binning: .regular(layers: 12, angularBins: 8, radialBins: 6, width: 7),
    energyRange: 1...1000, largestShare: 2, mean: -7.6, deviation: 2.9, cut: 1.51e-5,
    widths: [16, 16, 16, 32],
    learningRate: 2e-3, objective: .velocity, depths: (0...12).map { 2 * Double($0) },
    longitudinal: (0.5, 0.5),
    radii: (4, 14))

  /// Every preset: the small one, and CaloChallenge's four.
  public static let all = [small, photons, pions, dataset2, dataset3]

  /// This preset for a calorimeter that is cut in another way, and as deep.
  public func with(_ binning: CalorimeterBinning, named name: String) -> ShowerPreset {
    var result = self
    result.name = name
    result.binning = binning
    let depth = depths.last ?? 0
    let count = Swift.max(binning.layers.count, 1)
    result.depths = (0...count).map { depth * Double($0) / Double(count) }
    return result
  }

  /// This preset with other numbers of channels.
  ///
  /// - Precondition: as of ``CylindricalUNet/Configuration/init(size:channels:widths:)``.
  public func with(widths: [Int]) -> ShowerPreset {
    var result = self
    result.widths = widths
    return result
  }

  /// This preset with another mean and deviation of the voxels' logits.
  public func with(mean: Double, deviation: Double) -> ShowerPreset {
    var result = self
    result.mean = mean
    result.deviation = deviation
    return result
  }

  /// The network, whose first input channel is the shower; the others are ``images``.
  public var network: CylindricalUNet.Configuration {
    .init(size: binning.gridSize, channels: binning.isRegular ? 3 : 4, widths: widths)
  }
}
