import CVolute
import Volute

/// Showers that look like showers, made without a simulation of particles: their depth follows a gamma distribution that
/// grows with the logarithm of the energy, their width two exponentials, and both fluctuate, as do the voxels.
///
/// ```swift
/// let set = try SyntheticShowers(.dataset2, count: 1000, seed: 1).all()
/// print(set.showers.shape, set.energies.shape)
/// ```
///
/// Every shower is drawn from its own stream: the same seed and index give the same shower.
public struct SyntheticShowers: Dataset {
  /// What kind of showers.
  public let preset: ShowerPreset
  public let count: Int
  /// Of the streams.
  public let seed: Int
  /// Of all showers, in GeV; `nil` draws each evenly over the logarithms of the preset's range.
  public let energy: Double?
  /// Where a voxel's layer, radii and share of the circle are looked up.
  private let cells: [Cell]

  private struct Cell: Sendable {
    let layer: Int
    let radii: (low: Double, high: Double)
    let angle: Double
    let share: Double
  }

  /// Showers are drawn when they are asked for.
  ///
  /// - Precondition: `count` is positive.
  public init(_ preset: ShowerPreset, count: Int, seed: Int, energy: Double? = nil) {
    precondition(count > 0, "synthetic_showers: expected at least one shower, but got \(count)")
    self.preset = preset
    self.count = count
    self.seed = seed
    self.energy = energy
    var cells: [Cell] = []
    for (index, layer) in preset.binning.layers.enumerated() {
      for angle in 0..<layer.angularBins {
        for (low, high) in zip(layer.radialEdges, layer.radialEdges.dropFirst()) {
          cells.append(
            Cell(
              layer: index, radii: (low, high),
              angle: 2 * Double.pi * (Double(angle) + 0.5) / Double(layer.angularBins),
              share: 1 / Double(layer.angularBins)))
        }
      }
    }
    self.cells = cells
  }

  /// A shower's voxels `[voxels]`, and its energy `[]`, both in MeV.
  public func element(at index: Int) -> [Tensor] {
    let stream = sampleStream(seed: seed, index: index)
    let normals = Tensor.randn([16], dtype: .float64, generator: stream).elements(as: Double.self)
    let uniforms = Tensor.rand([cells.count + 2], dtype: .float64, generator: stream).elements(
      as: Double.self)
    let (low, high) = (log(preset.energyRange.lowerBound), log(preset.energyRange.upperBound))
    let energy = self.energy ?? exp(low + (high - low) * uniforms[cells.count])
    let layers = layerEnergies(energy, normals)
    // The halo widens with depth; each shower leans a little to one side.
    let lean = (amount: 0.25 * abs(normals[3]), angle: 2 * Double.pi * uniforms[cells.count + 1])
    let width = exp(0.15 * normals[4])
    // The smallest amount that is seen, 0.5 MeV: amounts are whole numbers of it.
    let quantum = 5e-4
    let voxels = cells.enumerated().map { place, cell in
      let depth = Double(cell.layer) / Double(Swift.max(layers.count - 1, 1))
      let (core, halo) = (preset.radii.core * width, preset.radii.halo * width * (0.7 + 0.6 * depth))
      func inside(_ radius: Double) -> Double {
        let share = 0.75 - 0.35 * depth
        func cumulative(_ scale: Double) -> Double { 1 - (1 + radius / scale) * exp(-radius / scale) }
        return share * cumulative(core) + (1 - share) * cumulative(halo)
      }
      let ring = inside(cell.radii.high) - inside(cell.radii.low)
      // A layer that is not cut into angles sees no leaning.
      let leaning = cell.share == 1 ? 1 : 1 + Swift.min(lean.amount, 0.9) * cos(cell.angle - lean.angle)
      let mean = layers[cell.layer] * ring * cell.share * leaning
      return Self.poisson(mean / quantum, uniforms[place]) * quantum * 1000
    }
    return [Tensor(voxels).to(.float32), Tensor(full: [], energy * 1000, dtype: .float32)]
  }

  /// All showers `[count, voxels]` and their energies `[count]`, in MeV.
  ///
  /// - Throws: never; all showers have one shape.
  public func all() throws -> ShowerSet {
    let parts = try batch((0..<count).map { element(at: $0) })
    return try ShowerSet(showers: parts[0], energies: parts[1])
  }

  /// What each layer sees, in GeV.
  private func layerEnergies(_ energy: Double, _ normals: [Double]) -> [Double] {
    let (decay, delay) = preset.longitudinal
    // The deepest point, over a critical energy of 10 MeV, and its fluctuation.
    let spread = 0.25 / (1 + 0.15 * log(1 + energy))
    let deepest = (Swift.max(log(energy / 0.01), 1) + delay) * exp(spread * normals[0])
    let slope = decay * exp(0.1 * normals[1])
    let shape = 1 + slope * deepest
    let resolution = 0.1 / Swift.max(energy, 0.01).squareRoot() + 0.01
    let seen = energy * 0.85 * Swift.max(1 + Swift.min(resolution, 0.3) * normals[2], 0.1)
    let edges = preset.depths
    let logGamma = Self.logGamma(shape)
    // The density's integral over each layer by Simpson's rule, over that of the whole shower.
    func density(_ depth: Double) -> Double {
      depth <= 0 ? 0 : exp((shape - 1) * log(depth * slope) - depth * slope - logGamma) * slope
    }
    return zip(edges, edges.dropFirst()).map { low, high in
      let parts = 8
      let step = (high - low) / Double(parts)
      let sum = (0...parts).reduce(0.0) { sum, place in
        let weight: Double = place == 0 || place == parts ? 1 : place % 2 == 1 ? 4 : 2
        return sum + weight * density(low + step * Double(place))
      }
      return seen * sum * step / 3
    }
  }

  /// The logarithm of the gamma function of what is no less than 1, by Stirling's series eight places further on.
  private static func logGamma(_ x: Double) -> Double {
    let far = x + 8
    let series = 1 / (12 * far) - 1 / (360 * far * far * far)
    let there = (far - 0.5) * log(far) - far + 0.5 * log(2 * Double.pi) + series
    return there - (0..<8).reduce(0) { $0 + log(x + Double($1)) }
  }

  /// The count that a share of all cases does not exceed: Poisson's distribution, a normal one where it is large.
  private static func poisson(_ mean: Double, _ uniform: Double) -> Double {
    if mean < 1e-12 { return 0 }
    if mean > 30 {
      // Wilson and Hilferty's cube root, with a normal quantile by Hastings.
      let tail = Swift.min(uniform, 1 - uniform)
      let t = (-2 * log(Swift.max(tail, 1e-300))).squareRoot()
      let upper =
        t - (2.515517 + t * (0.802853 + t * 0.010328))
        / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
      let normal = uniform < 0.5 ? -upper : upper
      let root = 1 - 1 / (9 * mean) + normal / (3 * mean.squareRoot())
      return Swift.max((mean * root * root * root).rounded(), 0)
    }
    var (term, sum, count) = (exp(-mean), exp(-mean), 0.0)
    while uniform > sum, count < 200 {
      count += 1
      term *= mean / count
      sum += term
    }
    return count
  }
}
