import CVolute
import Volute

/// What a network is taught to give for a noisy sample.
public enum DiffusionObjective: String, CaseIterable, Sendable {
  /// The noise.
  case noise
  /// The clean sample.
  case clean = "x0"
  /// `signal * ε - noise * clean` (Salimans and Ho).
  case velocity = "v"
  /// What is missing to the clean sample once a share of the noisy one is taken, the loss weighted so that every level
  /// counts alike.
  case hybrid
}

/// A diffusion: how samples become noise, and what a network says of the way back.
public struct Diffusion: Sendable {
  /// The levels of noise.
  public var schedule: NoiseSchedule
  /// What the network is taught.
  public var objective: DiffusionObjective

  /// What a network makes of noisy samples `[batch, ...]` and the times `[batch]` of their levels.
  ///
  /// - Throws: what a network throws when shapes do not fit.
  public typealias Network = (_ x: Tensor, _ time: Tensor) throws(ShapeError) -> Tensor

  /// A diffusion over the levels of a schedule.
  public init(_ schedule: NoiseSchedule, objective: DiffusionObjective = .noise) {
    self.schedule = schedule
    self.objective = objective
  }

  /// The loss of a network on clean samples.
  ///
  /// # Shapes
  /// - `clean`, `noise`: `[batch, ...]`.
  /// - `levels`: one a sample.
  ///
  /// - Throws: `ShapeError` when the shapes do not fit each other, and what the network throws.
  public func loss(
    _ clean: Tensor, noise: Tensor, levels: [NoiseLevel], _ network: Network
  ) throws(ShapeError) -> Tensor {
    guard levels.count == clean.shape.first, noise.shape == clean.shape else {
      throw ShapeError(
        "diffusion_loss", parameter: "levels",
        "expected noise of shape \(clean.shape) and \(clean.shape.first ?? 0) levels, but got \(noise.shape) and "
          + "\(levels.count)", shapes: [clean.shape, noise.shape])
    }
    let batch = LevelBatch(levels, like: clean)
    let noisy = batch.signal * clean + batch.noise * noise
    let output = try network(noisy * batch.scale, batch.time)
    switch objective {
    case .noise: return try mseLoss(output, noise)
    case .clean: return try mseLoss(output, clean)
    case .velocity: return try mseLoss(output, (batch.signal * noise - batch.noise * clean) * batch.scale)
    case .hybrid:
      let found = cleaned(noisy, output, batch)
      return try (mseLoss(found, clean, reduction: .none) * (batch.noise.square().reciprocal() + 1)).mean()
    }
  }

  /// The clean sample that a network sees in a noisy one.
  ///
  /// - Throws: what the network throws.
  public func clean(_ noisy: Tensor, at level: NoiseLevel, _ network: Network) throws(ShapeError) -> Tensor {
    let batch = LevelBatch(Array(repeating: level, count: noisy.shape[0]), like: noisy)
    return cleaned(noisy, try network(noisy * batch.scale, batch.time), batch)
  }

  private func cleaned(_ noisy: Tensor, _ output: Tensor, _ level: LevelBatch) -> Tensor {
    switch objective {
    case .noise: return (noisy - level.noise * output) / level.signal
    case .clean: return output
    case .velocity:
      return level.scale * (level.signal * level.scale * noisy - level.noise * output)
    case .hybrid:
      let variance = level.noise.square() + 1
      return noisy / variance + output * level.noise / variance.sqrt()
    }
  }
}

/// The levels of a batch, as tensors that broadcast over its samples.
private struct LevelBatch {
  let signal: Tensor
  let noise: Tensor
  /// Brings noisy samples to a variance of 1, if the clean ones have that.
  let scale: Tensor
  let time: Tensor

  init(_ levels: [NoiseLevel], like x: Tensor) {
    let shape = [levels.count] + Array(repeating: 1, count: x.rank - 1)
    func column(_ value: (NoiseLevel) -> Double) -> Tensor {
      Tensor(levels.map(value), shape: shape).to(x.dtype)
    }
    signal = column(\.signal)
    noise = column(\.noise)
    scale = column {
      // Exactly 1 where the variance is preserved, whatever the roots' rounding.
      let variance = $0.signal * $0.signal + $0.noise * $0.noise
      return abs(variance - 1) < 1e-12 ? 1 : 1 / variance.squareRoot()
    }
    time = Tensor(levels.map(\.time)).to(x.dtype)
  }
}
