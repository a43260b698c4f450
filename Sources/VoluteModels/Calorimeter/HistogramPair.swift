import CVolute

/// Two histograms with the same bins, of shares.
public struct HistogramPair: Sendable {
  /// Of the bins; those of the logarithms to base 10 if it is logarithmic.
  public let edges: [Double]
  /// The reference's share in each bin.
  public let reference: [Double]
  /// The samples' share in each bin.
  public let samples: [Double]
  /// Whether the bins are of equal ratios.
  public let isLogarithmic: Bool

  /// - Parameters:
  ///   - reference: what the samples should be like.
  ///   - samples: what is judged.
  ///   - bins: over the reference's range; what lies beyond counts in the outermost ones, and NaN nowhere.
  ///   - isLogarithmic: bins are of equal ratios; nothing, or less, counts in the first one.
  public init(reference: [Double], samples: [Double], bins: Int = 30, isLogarithmic: Bool = false) {
    func seen(_ values: [Double]) -> [Double] {
      isLogarithmic ? values.map { $0 > 0 ? log10($0) : $0.isNaN ? .nan : -.infinity } : values
    }
    let (first, second) = (seen(reference), seen(samples))
    let finite = first.filter(\.isFinite)
    let low = finite.min() ?? 0
    let high = max(finite.max() ?? 1, low + max(abs(low), 1) * 1e-9)
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
    self.reference = shares(first)
    self.samples = shares(second)
    self.isLogarithmic = isLogarithmic
  }

  /// Histograms of shares that are there already, brought to a sum of 1.
  public init(edges: [Double], reference: [Double], samples: [Double]) {
    func shares(_ values: [Double]) -> [Double] {
      let sum = values.reduce(0, +)
      return sum > 0 ? values.map { $0 / sum } : values
    }
    self.edges = edges
    self.reference = shares(reference)
    self.samples = shares(samples)
    isLogarithmic = false
  }

  /// ½ Σ (a - b)² / (a + b): 0 for equal histograms, 1 for those that share nothing.
  public var separationPower: Double {
    zip(reference, samples).reduce(0) { sum, pair in
      let (a, b) = pair
      return a + b > 0 ? sum + 0.5 * (a - b) * (a - b) / (a + b) : sum
    }
  }
}

/// Base 10, which the kernels' header lacks.
private func log10(_ value: Double) -> Double { log(value) / log(10) }
