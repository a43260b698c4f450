import CVolute
import Volute

/// How a sample is led from noise to what is clean.
public enum DiffusionSampler: String, CaseIterable, Sendable {
  /// Draws each step from its distribution given the last (Ho et al.); in all levels.
  case ancestral
  /// Follows the deterministic path, to first order (Song et al.).
  case ddim
  /// DPM-Solver++ in its second-order multistep form (Lu et al.).
  case dpm
  /// Heun's second-order steps (Karras et al.): the network is asked twice in each but the last.
  case heun

  /// Times that the network is asked in so many steps.
  public func evaluations(steps: Int) -> Int { self == .heun ? 2 * steps - 1 : steps }
}

/// Random numbers that belong to one sample: the same for the same seed and index, whatever is sampled beside it.
public func sampleStream(seed: Int, index: Int) -> Generator {
  // Generators tell 32 bits apart: neighbours in the index differ always, neighbouring seeds lie far apart.
  Generator(seed: seed &* 0x9E37_79B1 &+ index)
}

extension Diffusion {
  /// Samples from noise, one for each stream.
  ///
  /// - Parameters:
  ///   - shape: of one sample, without the batch.
  ///   - streams: what each sample's noise is drawn from.
  ///   - steps: levels that are gone through.
  ///   - sampler: how they are.
  ///   - dtype: of the samples.
  ///   - didStep: is told after each step how many are done; `false` stops.
  ///   - network: what was taught the objective.
  /// - Returns: `[streams, shape...]`, or `nil` if it was stopped.
  /// - Throws: what the network throws.
  /// - Precondition: as of ``NoiseSchedule/samplingLevels(_:)``.
  public func sample(
    _ shape: [Int], streams: [Generator], steps: Int, sampler: DiffusionSampler,
    dtype: DType = .float32, didStep: (Int) -> Bool = { _ in true }, _ network: Network
  ) throws(ShapeError) -> Tensor? {
    let levels = schedule.samplingLevels(steps)
    func noise() throws(ShapeError) -> Tensor {
      if streams.isEmpty { return .zeros([0] + shape, dtype: dtype) }
      return try stack(streams.map { Tensor.randn(shape, dtype: dtype, generator: $0) })
    }
    var x = try noise() * levels[0].magnitude
    var before: (level: NoiseLevel, clean: Tensor)?
    for (step, (from, to)) in zip(levels, levels.dropFirst()).enumerated() {
      let clean = try self.clean(x, at: from, network)
      switch sampler {
      case .ancestral:
        x = from.mean(x, clean, to)
        let deviation = from.variance(to).squareRoot()
        if deviation > 0 { x = try x + noise() * deviation }
      case .ddim:
        x = from.straight(x, clean, to)
      case .dpm:
        x = from.straight(x, extrapolated(clean, from, to, before), to)
        before = (from, clean)
      case .heun:
        let ahead = from.straight(x, clean, to)
        if to.noise == 0 {
          x = ahead
        } else {
          let noise = from.noise(x, clean)
          let noiseAhead = try to.noise(ahead, self.clean(ahead, at: to, network))
          x =
            x * (to.signal / from.signal)
            + (noise + noiseAhead) * (0.5 * (to.noise - to.signal * from.ratio))
        }
      }
      if !didStep(step + 1) { return nil }
    }
    return x
  }

  /// The clean sample half a step ahead, by this one and the one before.
  private func extrapolated(
    _ clean: Tensor, _ from: NoiseLevel, _ to: NoiseLevel, _ before: (level: NoiseLevel, clean: Tensor)?
  ) -> Tensor {
    guard let before, to.noise > 0 else { return clean }
    let step = from.logRatio - to.logRatio
    let lastStep = before.level.logRatio - from.logRatio
    guard lastStep > 0 else { return clean }
    let share = step / (2 * lastStep)
    return clean * (1 + share) - before.clean * share
  }
}

extension NoiseLevel {
  fileprivate var logRatio: Double { log(ratio) }

  /// The deviation of a sample at this level that has forgotten what it was.
  fileprivate var magnitude: Double { signal == 1 ? noise : 1 }

  /// The noise in a sample whose clean form is known.
  fileprivate func noise(_ x: Tensor, _ clean: Tensor) -> Tensor { (x - clean * signal) / noise }

  /// The sample at another level with the same clean form and the same noise.
  fileprivate func straight(_ x: Tensor, _ clean: Tensor, _ to: NoiseLevel) -> Tensor {
    let share = to.noise / noise
    return x * share + clean * (to.signal - signal * share)
  }

  /// The variance that this level adds to a less noisy one.
  private func added(_ to: NoiseLevel) -> Double {
    let share = signal / to.signal
    return Swift.max(noise * noise - share * share * to.noise * to.noise, 0)
  }

  /// The mean at a less noisy level, given the sample here and its clean form.
  fileprivate func mean(_ x: Tensor, _ clean: Tensor, _ to: NoiseLevel) -> Tensor {
    let variance = noise * noise
    return x * (signal / to.signal * to.noise * to.noise / variance)
      + clean * (to.signal * added(to) / variance)
  }

  /// The variance about ``mean(_:_:_:)``.
  fileprivate func variance(_ to: NoiseLevel) -> Double {
    added(to) * to.noise * to.noise / (noise * noise)
  }
}
