import CVolute
import Volute

/// What showers are judged by: numbers of each shower, by name.
public struct ShowerObservables: Sendable {
  public struct Observable: Sendable {
    public let name: String
    /// One a shower that has it.
    public let values: [Double]
    /// Whether it is looked at by its logarithm.
    public let isLogarithmic: Bool
  }

  public let observables: [Observable]
  /// The mean share of the incident energy in each layer.
  public let profile: [Double]

  /// Total energy over the incident one, each layer's energy, centres and widths along the two axes across and along the
  /// radius, and the share of voxels that are hit.
  public init(_ set: ShowerSet, of preset: ShowerPreset) {
    let binning = preset.binning
    let count = set.count
    let energies = set.energies.elements(as: Double.self)
    var total = [Double](repeating: 0, count: count)
    var result: [Observable] = []
    var profile: [Double] = []
    for (layer, range) in zip(binning.layers, binning.ranges) {
      let x = set.showers.sliced(1, range).to(.float64)
      let radii = zip(layer.radialEdges, layer.radialEdges.dropFirst()).map { ($0 + $1) / 2 }
      var places: [[Double]] = []
      for angle in 0..<layer.angularBins {
        let turn = 2 * Double.pi * (Double(angle) + 0.5) / Double(layer.angularBins)
        for radius in radii { places.append([1, radius * cos(turn), radius * sin(turn), radius]) }
      }
      let squares = places.map { $0.map { $0 * $0 } }
      let firsts = x.matmul(Tensor(places)).elements(as: Double.self)
      let seconds = x.matmul(Tensor(squares)).elements(as: Double.self)
      let sums = (0..<count).map { firsts[4 * $0] }
      for index in 0..<count { total[index] += sums[index] }
      profile.append(zip(sums, energies).reduce(0) { $0 + $1.0 / $1.1 } / Double(max(count, 1)))
      result.append(
        Observable(name: "energy in layer \(layer.id), MeV", values: sums, isLogarithmic: true))
      for (axis, name) in [(1, "η"), (2, "φ"), (3, "r")] where axis == 3 || layer.angularBins > 1 {
        // A layer without energy has no centre.
        let hit = (0..<count).filter { sums[$0] > 0 }
        let centres = hit.map { firsts[4 * $0 + axis] / sums[$0] }
        let widths = zip(hit, centres).map { index, centre in
          max(seconds[4 * index + axis] / sums[index] - centre * centre, 0).squareRoot()
        }
        result.append(
          Observable(name: "centre in \(name), layer \(layer.id), mm", values: centres, isLogarithmic: false))
        result.append(
          Observable(name: "width in \(name), layer \(layer.id), mm", values: widths, isLogarithmic: false))
      }
    }
    let hits = (set.showers .> preset.cut * 1000).to(.float64).mean([1]).elements(as: Double.self)
    observables =
      [
        Observable(
          name: "total energy / incident energy", values: zip(total, energies).map { $0 / $1 },
          isLogarithmic: false),
        Observable(name: "share of voxels that are hit", values: hits, isLogarithmic: false),
      ] + result
    self.profile = profile
  }
}

/// Two histograms with the same bins, of shares.
public struct HistogramPair: Sendable {
  public let edges: [Double]
  public let reference: [Double]
  public let samples: [Double]

  /// - Parameter bins: over the reference's range; what lies beyond counts in the outermost ones.
  public init(reference: [Double], samples: [Double], bins: Int = 30) {
    let values = reference.filter(\.isFinite)
    let low = values.min() ?? 0
    let high = max(values.max() ?? 1, low + max(abs(low), 1) * 1e-9)
    let step = (high - low) / Double(bins)
    func shares(_ values: [Double]) -> [Double] {
      var counts = [Double](repeating: 0, count: bins)
      for value in values where !value.isNaN {
        counts[Int(min(max((value - low) / step, 0), Double(bins - 1)))] += 1
      }
      let total = max(counts.reduce(0, +), 1)
      return counts.map { $0 / total }
    }
    edges = (0...bins).map { low + step * Double($0) }
    self.reference = shares(reference)
    self.samples = shares(samples)
  }

  /// ½ Σ (a - b)² / (a + b): 0 for equal histograms, 1 for those that share nothing.
  public var separationPower: Double {
    zip(reference, samples).reduce(0) { sum, pair in
      let (a, b) = pair
      return a + b > 0 ? sum + 0.5 * (a - b) * (a - b) / (a + b) : sum
    }
  }
}
