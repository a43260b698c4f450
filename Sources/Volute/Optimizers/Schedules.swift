import CVolute
import VoluteEngine

/// The learning rate, and where the schedule wants it the momentum, of each step.
public protocol Schedule: Sendable {
  /// - Parameters:
  ///   - step: counted from 0.
  ///   - initial: the group's rate before any schedule.
  func rate(at step: Int, initial: Double) -> Double
  /// The momentum of step `step`, counted from 0; `nil` leaves the optimiser's as it is.
  func momentum(at step: Int) -> Double?
}

extension Schedule {
  /// The momentum of step `step`, counted from 0; `nil` leaves the optimiser's as it is.
  public func momentum(at step: Int) -> Double? { nil }
}

/// Multiplies the rate by `gamma` every `period` steps.
public struct StepLR: Schedule {
  /// Steps between two changes.
  public let period: Int
  /// The factor.
  public let gamma: Double

  /// PyTorch's `step_size` is `period`.
  public init(period: Int, gamma: Double = 0.1) {
    precondition(period > 0, "step_lr: step_size must be positive, but got \(period)")
    self.period = period
    self.gamma = gamma
  }

  public func rate(at step: Int, initial: Double) -> Double {
    initial * Double.power(gamma, Double(step / period))
  }
}

/// Half a cosine from the initial rate to `minimum` in `period` steps, and back.
///
/// Source: Loshchilov and Hutter, "SGDR" (2016), without restarts.
public struct CosineAnnealingLR: Schedule {
  /// Steps of half a cosine.
  public let period: Int
  /// The least rate.
  public let minimum: Double

  /// PyTorch's `T_max` is `period`, its `eta_min` `minimum`.
  public init(period: Int, minimum: Double = 0) {
    precondition(period > 0, "cosine_annealing_lr: T_max must be positive, but got \(period)")
    self.period = period
    self.minimum = minimum
  }

  public func rate(at step: Int, initial: Double) -> Double {
    minimum + (initial - minimum) * (1 + cos(Double.pi * Double(step) / Double(period))) / 2
  }
}

/// Up to `maximum` and down to nearly nothing, once; the momentum goes the other way.
///
/// Source: Smith and Topin, "Super-Convergence" (2017).
public struct OneCycleLR: Schedule {
  /// The highest rate.
  public let maximum: Double
  /// Steps of the whole cycle.
  public let total: Int
  private let rise: Double
  private let initialDivisor: Double
  private let finalDivisor: Double
  private let momenta: (base: Double, maximum: Double)?

  /// - Parameters:
  ///   - maximum: the highest rate.
  ///   - total: steps of the whole cycle.
  ///   - rise: the share of them on the way up.
  ///   - initialDivisor: the rate starts at `maximum / initialDivisor`.
  ///   - finalDivisor: and ends at that over `finalDivisor`.
  ///   - momenta: between which the momentum moves; `nil` leaves it.
  public init(
    maximum: Double, total: Int, rise: Double = 0.3, initialDivisor: Double = 25, finalDivisor: Double = 1e4,
    momenta: (base: Double, maximum: Double)? = (0.85, 0.95)
  ) {
    precondition(total > 0, "one_cycle_lr: total_steps must be positive, but got \(total)")
    precondition(rise >= 0 && rise <= 1, "one_cycle_lr: expected rise between 0 and 1, but got \(rise)")
    self.maximum = maximum
    self.total = total
    self.rise = rise
    self.initialDivisor = initialDivisor
    self.finalDivisor = finalDivisor
    self.momenta = momenta
  }

  public func rate(at step: Int, initial: Double) -> Double {
    let start = maximum / initialDivisor
    return annealed(step, start, maximum, start / finalDivisor)
  }

  public func momentum(at step: Int) -> Double? {
    momenta.map { annealed(step, $0.maximum, $0.base, $0.maximum) }
  }

  private func annealed(_ step: Int, _ start: Double, _ middle: Double, _ end: Double) -> Double {
    let top = rise * Double(total) - 1
    let last = Double(total - 1)
    let step = Double(Swift.min(step, total - 1))
    // A rise of one step starts at the top.
    if step <= top { return blend(start, middle, top > 0 ? step / top : 1) }
    return blend(middle, end, (step - top) / (last - top))
  }

  private func blend(_ from: Double, _ to: Double, _ share: Double) -> Double {
    to + (from - to) / 2 * (1 + cos(Double.pi * share))
  }
}

/// A straight rise from `start` times the rate to all of it in `steps` steps, and then another schedule from its beginning.
///
/// Source: Goyal and others, "Accurate, Large Minibatch SGD" (2017).
public struct WarmUp: Schedule {
  /// Steps of the rise.
  public let steps: Int
  /// The share of the rate at step 0.
  public let start: Double
  /// What comes after the rise; `nil` stays at the rate.
  public let next: (any Schedule)?

  /// `next` counts its steps from the end of the rise.
  public init(steps: Int, start: Double = 0, then next: (any Schedule)? = nil) {
    precondition(steps > 0, "warm_up: steps must be positive, but got \(steps)")
    self.steps = steps
    self.start = start
    self.next = next
  }

  public func rate(at step: Int, initial: Double) -> Double {
    if step < steps { return initial * (start + (1 - start) * Double(step) / Double(steps)) }
    return next?.rate(at: step - steps, initial: initial) ?? initial
  }

  public func momentum(at step: Int) -> Double? { step < steps ? nil : next?.momentum(at: step - steps) }
}

/// Moves an optimiser along a schedule.
public final class Scheduler<Rule: UpdateRule> {
  /// The optimiser whose rates are set.
  public let optimizer: Optimizer<Rule>
  /// The rates of all steps.
  public let schedule: any Schedule
  /// The steps made; setting it goes to that place of the schedule.
  public var stepCount: Int {
    didSet { apply() }
  }

  /// Starts the schedule: the optimiser's rates are now those of step 0.
  public init(_ optimizer: Optimizer<Rule>, _ schedule: any Schedule) {
    self.optimizer = optimizer
    self.schedule = schedule
    stepCount = 0
    apply()
  }

  /// Goes to the next step of the schedule; call it after the optimiser's.
  public func step() { stepCount += 1 }

  private func apply() {
    for index in optimizer.groups.indices {
      let initial = optimizer.groups[index].initialLearningRate
      optimizer.groups[index].learningRate = schedule.rate(at: stepCount, initial: initial)
    }
    if let momentum = schedule.momentum(at: stepCount) { optimizer.rule.momentum = momentum }
  }
}

/// Lowers the learning rate when a measure has stopped getting better.
public final class ReduceLROnPlateau<Rule: UpdateRule> {
  /// The optimiser whose rates are lowered.
  public let optimizer: Optimizer<Rule>
  /// What a rate is multiplied by.
  public let factor: Double
  /// Bad measures that are let pass.
  public let patience: Int
  /// The share by which a measure must be better than the best.
  public let threshold: Double
  /// Steps after a change in which bad measures do not count.
  public let cooldown: Int
  /// The least rate.
  public let minimum: Double
  private let improvesDownwards: Bool
  /// The best measure so far, the bad ones since, and the steps for which bad ones do not count, for a checkpoint.
  public var state: (best: Double, bad: Int, cooling: Int)

  /// - Parameters:
  ///   - optimizer: the optimiser whose rates are lowered.
  ///   - improvesDownwards: a smaller measure is better.
  ///   - factor: what a rate is multiplied by, less than 1.
  ///   - patience: bad measures that are let pass.
  ///   - threshold: the share by which a measure must be better than the best.
  ///   - cooldown: steps after a change in which bad measures do not count.
  ///   - minimum: the least rate.
  public init(
    _ optimizer: Optimizer<Rule>, improvesDownwards: Bool = true, factor: Double = 0.1, patience: Int = 10,
    threshold: Double = 1e-4, cooldown: Int = 0, minimum: Double = 0
  ) {
    precondition(factor < 1, "reduce_lr_on_plateau: factor should be < 1.0, but got \(factor)")
    self.optimizer = optimizer
    self.improvesDownwards = improvesDownwards
    self.factor = factor
    self.patience = patience
    self.threshold = threshold
    self.cooldown = cooldown
    self.minimum = minimum
    state = (improvesDownwards ? .infinity : -.infinity, 0, 0)
  }

  /// Takes in a measure, usually the loss on held-out data after an epoch.
  public func step(_ measure: Double) {
    let isBetter =
      improvesDownwards
      ? measure < state.best * (1 - threshold) : measure > state.best * (1 + threshold)
    if isBetter {
      state.best = measure
      state.bad = 0
    } else {
      state.bad += 1
    }
    if state.cooling > 0 {
      state.cooling -= 1
      state.bad = 0
    }
    if state.bad > patience {
      for index in optimizer.groups.indices {
        let old = optimizer.groups[index].learningRate
        let new = Swift.max(old * factor, minimum)
        // Not for what rounding would swallow.
        if old - new > 1e-8 { optimizer.groups[index].learningRate = new }
      }
      state.cooling = cooldown
      state.bad = 0
    }
  }
}
