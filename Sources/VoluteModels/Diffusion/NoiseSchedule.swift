import CVolute
import Volute

/// How far a sample is on its way into noise: `x = signal * clean + noise * ε`.
public struct NoiseLevel: Hashable, Sendable {
  /// What the clean sample is multiplied by.
  public let signal: Double
  /// What the noise is multiplied by.
  public let noise: Double
  /// What the network is told of the level.
  public let time: Double

  /// A level of its own.
  public init(signal: Double, noise: Double, time: Double) {
    self.signal = signal
    self.noise = noise
    self.time = time
  }

  /// No noise at all.
  public static let clean = NoiseLevel(signal: 1, noise: 0, time: 0)

  /// The noise beside a signal of 1.
  public var ratio: Double { noise / signal }
}

/// The levels of noise that a diffusion is trained on and sampled through.
public struct NoiseSchedule: Sendable {
  private enum Kind: Sendable {
    /// The levels of a variance-preserving diffusion, `signal² + noise² = 1`, the cleanest first.
    case steps([NoiseLevel])
    /// Any amount of noise beside a signal of 1, its logarithm normal in training.
    case logNormal(mean: Double, deviation: Double, range: ClosedRange<Double>)
  }

  private let kind: Kind

  /// `signal²` falls as a cosine squared (Nichol and Dhariwal); the share that a step takes away lies within
  /// `1e-4...0.9999`.
  ///
  /// - Precondition: at least one step.
  public static func cosine(steps: Int = 400, offset: Double = 0.008) -> NoiseSchedule {
    func remains(_ step: Int) -> Double {
      let angle = (Double(step) / Double(steps) + offset) / (1 + offset) * Double.pi / 2
      return cos(angle) * cos(angle)
    }
    return NoiseSchedule(
      losses: (0..<steps).map { Swift.min(Swift.max(1 - remains($0 + 1) / remains($0), 1e-4), 0.9999) })
  }

  /// The share that a step takes away rises evenly (Ho et al.), from 1e-4 to 0.02 over 1000 steps.
  ///
  /// - Precondition: at least one step.
  public static func linear(steps: Int = 1000) -> NoiseSchedule {
    let scale = 1000 / Double(steps)
    let (first, last) = (1e-4 * scale, Swift.min(0.02 * scale, 0.9999))
    return NoiseSchedule(
      losses: (0..<steps).map { first + (last - first) * Double($0) / Double(Swift.max(steps - 1, 1)) })
  }

  /// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models": in training the noise's logarithm
  /// is normal; sampling goes through evenly spaced 7th roots.
  public static func logNormal(
    mean: Double = -1.2, deviation: Double = 1.2, range: ClosedRange<Double> = 0.002...80
  ) -> NoiseSchedule {
    NoiseSchedule(kind: .logNormal(mean: mean, deviation: deviation, range: range))
  }

  private init(kind: Kind) { self.kind = kind }

  private init(losses: [Double]) {
    precondition(!losses.isEmpty, "noise_schedule: expected at least one step")
    var remaining = 1.0
    kind = .steps(
      losses.map {
        remaining *= 1 - $0
        let noise = (1 - remaining).squareRoot()
        return NoiseLevel(signal: remaining.squareRoot(), noise: noise, time: noise)
      })
  }

  /// The number of levels; `nil` where they are a continuum.
  public var stepCount: Int? {
    if case .steps(let levels) = kind { levels.count } else { nil }
  }

  /// A level to train on.
  public func trainingLevel(generator: Generator) -> NoiseLevel {
    switch kind {
    case .steps(let levels):
      return levels[Tensor.randint(0, levels.count, [], generator: generator).integers()[0]]
    case .logNormal(let mean, let deviation, _):
      let drawn = Tensor.normal([], mean: mean, deviation: deviation, dtype: .float64, generator: generator)
      return Self.level(exp(drawn.item(as: Double.self)))
    }
  }

  private static func level(_ noise: Double) -> NoiseLevel {
    NoiseLevel(signal: 1, noise: noise, time: log(noise) / 4)
  }

  /// The noise beside the signal above which a sampler that skips levels does not start: the network's errors are
  /// multiplied by as much.
  private static let largestStart = 200.0

  /// The levels that a sampler goes through in `count` steps, the noisiest first, the clean one at the end.
  ///
  /// As many steps as there are levels go through all of them; fewer are spread evenly.
  /// - Precondition: `count` is positive, and no more than ``stepCount``.
  public func samplingLevels(_ count: Int) -> [NoiseLevel] {
    precondition(
      count > 0 && count <= stepCount ?? .max,
      "noise_schedule: expected 1 to \(stepCount.map { "\($0)" } ?? "any number of") steps, but got \(count)")
    switch kind {
    case .steps(let levels) where levels.count == count:
      return levels.reversed() + [.clean]
    case .steps(let levels):
      let usable = Swift.max(levels.prefix { $0.ratio <= Self.largestStart }.count, count)
      return (0..<count).map { place in
        let share = count == 1 ? 1 : Double(count - 1 - place) / Double(count - 1)
        return levels[Int((share * Double(usable - 1)).rounded())]
      } + [.clean]
    case .logNormal(_, _, let range):
      let (high, low) = (pow(range.upperBound, 1.0 / 7), pow(range.lowerBound, 1.0 / 7))
      return (0..<count).map { place in
        let share = count == 1 ? 0 : Double(place) / Double(count - 1)
        return Self.level(pow(high + share * (low - high), 7))
      } + [.clean]
    }
  }
}
