import Foundation
import Testing
import Volute
import VoluteModels

/// Diffusions of a normal distribution, whose best denoiser is known.
@Suite struct DiffusionTests {
  static let (mean, deviation) = (0.7, 0.5)

  /// The clean sample that is to be expected behind a noisy one.
  static func expected(_ x: Tensor, _ level: NoiseLevel) -> Tensor {
    let variance = deviation * deviation
    let gain = level.signal * variance / (level.signal * level.signal * variance + level.noise * level.noise)
    return (x - level.signal * mean) * gain + mean
  }

  /// A network that answers as well as can be, by the level whose time it is told.
  static func best(_ diffusion: Diffusion, _ levels: [NoiseLevel]) -> Diffusion.Network {
    { x, time in
      let told = time.elements(as: Double.self)[0]
      let level = levels.min { abs($0.time - told) < abs($1.time - told) } ?? .clean
      let size = (level.signal * level.signal + level.noise * level.noise).squareRoot()
      let noisy = x * size
      let clean = expected(noisy, level)
      switch diffusion.objective {
      case .noise: return (noisy - clean * level.signal) / level.noise
      case .clean: return clean
      case .velocity:
        let noise = (noisy - clean * level.signal) / level.noise
        return (noise * level.signal - clean * level.noise) / size
      case .hybrid:
        let variance = level.noise * level.noise + 1
        return (clean - noisy / variance) * (variance.squareRoot() / level.noise)
      }
    }
  }

  static func sampled(
    _ diffusion: Diffusion, _ sampler: DiffusionSampler, steps: Int, count: Int = 10_000
  ) throws -> Tensor {
    let levels = diffusion.schedule.samplingLevels(steps)
    return try #require(
      try diffusion.sample(
        [count], streams: [sampleStream(seed: 3, index: 0)], steps: steps, sampler: sampler, dtype: .float64,
        best(diffusion, levels)))
  }

  @Test(arguments: DiffusionSampler.allCases, DiffusionObjective.allCases)
  func samplersReproduceTheDistribution(
    _ sampler: DiffusionSampler, _ objective: DiffusionObjective
  ) throws {
    for schedule in [NoiseSchedule.cosine(steps: 200), .linear(steps: 250), .logNormal()] {
      let steps = sampler == .ancestral ? schedule.stepCount ?? 100 : 100
      let x = try Self.sampled(Diffusion(schedule, objective: objective), sampler, steps: steps)
      let mean = x.mean().item(as: Double.self)
      let deviation = x.standardDeviation().item(as: Double.self)
      // Five standard errors, and the error of first-order steps.
      #expect(
        abs(mean - Self.mean) < 0.025 + (sampler == .ddim ? 0.02 : 0), "\(sampler) \(objective): \(mean)")
      #expect(
        abs(deviation - Self.deviation) < 0.018 + (sampler == .ddim || sampler == .ancestral ? 0.02 : 0),
        "\(sampler) \(objective): \(deviation)")
    }
  }

  /// The deterministic path of a normal distribution is known: it keeps the place in deviations from the mean.
  @Test func theOrdersOfTheSamplersAreAsSaid() throws {
    let diffusion = Diffusion(.logNormal(), objective: .hybrid)
    func error(_ sampler: DiffusionSampler, _ steps: Int) throws -> Double {
      let start = diffusion.schedule.samplingLevels(steps)[0]
      let noise = Tensor.randn([1, 100], dtype: .float64, generator: sampleStream(seed: 3, index: 0))
      let width = (Self.deviation * Self.deviation + start.noise * start.noise).squareRoot()
      let wanted = (noise * start.noise - Self.mean) * (Self.deviation / width) + Self.mean
      return (try Self.sampled(diffusion, sampler, steps: steps, count: 100) - wanted).abs().max()
        .item(as: Double.self)
    }
    for (sampler, factor) in [(DiffusionSampler.ddim, 1.6), (.dpm, 2.5), (.heun, 2.5)] {
      let (coarse, fine) = (try error(sampler, 20), try error(sampler, 40))
      #expect(coarse > factor * fine, "\(sampler): \(coarse), then \(fine)")
      #expect(fine < (sampler == .ddim ? 0.15 : 0.05), "\(sampler)")
    }
  }

  @Test(arguments: [NoiseSchedule.cosine(), .linear()]) func variancesArePreserved(_ schedule: NoiseSchedule)
    throws
  {
    let count = try #require(schedule.stepCount)
    let levels = schedule.samplingLevels(count)
    #expect(levels.count == count + 1 && levels.last == .clean)
    for (level, next) in zip(levels, levels.dropFirst()) {
      #expect(abs(level.signal * level.signal + level.noise * level.noise - 1) < 1e-12)
      #expect(level.time == level.noise && level.noise > next.noise)
    }
  }

  @Test func theCosineIsThePublishedOne() {
    let levels = NoiseSchedule.cosine().samplingLevels(400)
    // The last step keeps only 1e-4 of the variance that is there.
    let share = levels[0].signal * levels[0].signal / (levels[1].signal * levels[1].signal)
    #expect(abs(share - 1e-4) < 1e-12)
    let middle = levels[200]
    let angle = (0.5 + 0.008) / 1.008 * Double.pi / 2
    let start = cos(0.008 / 1.008 * Double.pi / 2)
    #expect(abs(middle.signal - cos(angle) / start) < 2e-3)
  }

  @Test(arguments: DiffusionObjective.allCases) func thePerfectNetworkOfAPointHasNoLoss(
    _ objective: DiffusionObjective
  ) throws {
    let diffusion = Diffusion(.cosine(), objective: objective)
    let levels = [NoiseSchedule.cosine().samplingLevels(400)[120]]
    let clean = Tensor.randn([1, 50], dtype: .float64, generator: Generator(seed: 1))
    let noise = Tensor.randn([1, 50], dtype: .float64, generator: Generator(seed: 2))
    let level = levels[0]
    func loss(_ shift: Double) throws -> Double {
      try diffusion.loss(clean, noise: noise, levels: levels) { x, _ in
        let answer: Tensor
        switch objective {
        case .noise: answer = noise
        case .clean: answer = clean
        case .velocity: answer = noise * level.signal - clean * level.noise
        case .hybrid:
          let variance = level.noise * level.noise + 1
          answer = (clean - x / variance) * (variance.squareRoot() / level.noise)
        }
        return answer + shift
      }.item(as: Double.self)
    }
    #expect(try loss(0) < 1e-25)
    // Every level counts alike in the hybrid objective too: its weight undoes the output's factor.
    #expect(abs(try loss(0.1) - 0.01) < 1e-12)
  }

  @Test(arguments: DiffusionSampler.allCases) func theBatchChangesNothing(_ sampler: DiffusionSampler) throws
  {
    let diffusion = Diffusion(.cosine(steps: 10), objective: .noise)
    let levels = diffusion.schedule.samplingLevels(10)
    func samples(_ indices: [Int]) throws -> Tensor {
      try #require(
        try diffusion.sample(
          [3, 7], streams: indices.map { sampleStream(seed: 1, index: $0) }, steps: 10, sampler: sampler,
          Self.best(diffusion, levels)))
    }
    let all = try samples([0, 1, 2])
    #expect(all[1..<2].isEqual(to: try samples([1])))
    #expect(!all[0].isEqual(to: all[1]))
  }

  @Test func averagesFollowTheWeights() throws {
    func layer(_ value: Double) -> Linear {
      let layer = Linear(inFeatures: 1, outFeatures: 1, bias: false)
      layer.weight.value = Tensor(full: [1, 1], Float(value))
      return layer
    }
    let pair = try WeightAverage(layer(0), average: layer(5), decay: 0.5)
    #expect(pair.average.weight.value.item(as: Double.self) == 0)
    pair.model.weight.value = Tensor(full: [1, 1], Float(1))
    pair.update()
    #expect(abs(pair.average.weight.value.item(as: Double.self) - 0.9) < 1e-6)
    for _ in 0..<60 { pair.update() }
    #expect(abs(pair.average.weight.value.item(as: Double.self) - 1) < 1e-6)
    #expect(pair.stateDictionary.keys.sorted() == ["average.weight", "model.weight", "updates"])
  }
}
