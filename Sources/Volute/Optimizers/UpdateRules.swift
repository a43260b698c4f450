import VoluteEngine

/// Stochastic gradient descent, with momentum if wanted: PyTorch's `optim.SGD`.
public typealias SGD = Optimizer<SGDRule>
/// Steps by running means of the gradient and its square: PyTorch's `optim.Adam`.
public typealias Adam = Optimizer<AdamRule>
/// Adam with decoupled weight decay: PyTorch's `optim.AdamW`.
public typealias AdamW = Optimizer<AdamWRule>
/// Steps divided by a running root of mean squares: PyTorch's `optim.RMSprop`.
public typealias RMSprop = Optimizer<RMSpropRule>
/// Steps divided by the root of the sum of all squares: PyTorch's `optim.Adagrad`.
public typealias Adagrad = Optimizer<AdagradRule>
/// Steps by the sign of a running mean; PyTorch has none.
public typealias Lion = Optimizer<LionRule>

private func require(_ condition: Bool, _ optimizer: String, _ parameter: String, _ value: Double) {
  precondition(condition, "\(optimizer): invalid \(parameter): \(value)")
}

/// How ``SGD`` makes a step. Slot: `momentum_buffer`.
///
/// Source: Sutskever and others, "On the importance of initialization and momentum" (2013).
public struct SGDRule: UpdateRule {
  public var momentum: Double
  let dampening: Double
  let nesterov: Bool

  public var slots: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    .sgd(
      rate: rate, decay: decay, momentum: momentum, dampening: dampening, nesterov: nesterov,
      isFirst: step == 1)
  }
}

extension Optimizer where Rule == SGDRule {
  /// `v = momentum v + (1 - dampening) (g + decay p)`, `p -= rate v`; Nesterov's looks ahead by one more momentum.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0,
    weightDecay: Double = 0, nesterov: Bool = false
  ) {
    self.init(
      groups: [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      momentum: momentum, dampening: dampening, nesterov: nesterov)
  }

  /// For groups with rates and decays of their own.
  public convenience init(
    groups: [ParameterGroup], momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false
  ) {
    require(momentum >= 0, "sgd", "momentum", momentum)
    precondition(
      !nesterov || (momentum > 0 && dampening == 0),
      "sgd: Nesterov momentum requires a momentum and zero dampening")
    self.init(groups, SGDRule(momentum: momentum, dampening: dampening, nesterov: nesterov))
  }
}

/// How ``Adam`` makes a step. Slots: `exp_avg`, `exp_avg_sq`, with `amsgrad` `max_exp_avg_sq`.
public struct AdamRule: UpdateRule {
  public var momentum: Double
  let beta2: Double
  let epsilon: Double
  let amsgrad: Bool

  public var slots: [String] { ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []) }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    adam(rate, decay, step, isDecoupled: false)
  }

  fileprivate func adam(_ rate: Double, _ decay: Double, _ step: Int, isDecoupled: Bool) -> OptimizerStep {
    .adam(
      rate: rate, decay: decay, isDecoupled: isDecoupled, beta1: momentum, beta2: beta2, epsilon: epsilon,
      correction1: 1 - power(momentum, step), correction2: 1 - power(beta2, step), amsgrad: amsgrad)
  }

  private func power(_ base: Double, _ exponent: Int) -> Double { Double.power(base, Double(exponent)) }

  fileprivate init(_ name: String, betas: (Double, Double), epsilon: Double, amsgrad: Bool) {
    require(betas.0 >= 0 && betas.0 < 1, name, "beta parameter at index 0", betas.0)
    require(betas.1 >= 0 && betas.1 < 1, name, "beta parameter at index 1", betas.1)
    require(epsilon >= 0, name, "epsilon value", epsilon)
    momentum = betas.0
    beta2 = betas.1
    self.epsilon = epsilon
    self.amsgrad = amsgrad
  }
}

extension Optimizer where Rule == AdamRule {
  /// Kingma and Ba, "Adam: A Method for Stochastic Optimization"; decay is added to the gradient.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false
  ) {
    self.init(
      groups: [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      betas: betas,
      epsilon: epsilon, amsgrad: amsgrad)
  }

  /// For groups with rates and decays of their own.
  public convenience init(
    groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    amsgrad: Bool = false
  ) {
    self.init(groups, AdamRule("adam", betas: betas, epsilon: epsilon, amsgrad: amsgrad))
  }
}

/// How ``AdamW`` makes a step. Slots: those of ``AdamRule``.
public struct AdamWRule: UpdateRule {
  private var adam: AdamRule

  public var momentum: Double {
    get { adam.momentum }
    set { adam.momentum = newValue }
  }
  public var slots: [String] { adam.slots }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    adam.adam(rate, decay, step, isDecoupled: true)
  }

  fileprivate init(_ adam: AdamRule) { self.adam = adam }
}

extension Optimizer where Rule == AdamWRule {
  /// Loshchilov and Hutter, "Decoupled Weight Decay Regularization".
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 1e-2, amsgrad: Bool = false
  ) {
    self.init(
      groups: [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      betas: betas,
      epsilon: epsilon, amsgrad: amsgrad)
  }

  /// For groups with rates and decays of their own.
  public convenience init(
    groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    amsgrad: Bool = false
  ) {
    self.init(groups, AdamWRule(AdamRule("adamw", betas: betas, epsilon: epsilon, amsgrad: amsgrad)))
  }
}

/// How ``RMSprop`` makes a step. Slots: `square_avg`, where they are used `momentum_buffer` and `grad_avg`.
///
/// Source: Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5 (2012).
public struct RMSpropRule: UpdateRule {
  public var momentum: Double
  let alpha: Double
  let epsilon: Double
  let isCentered: Bool

  public var slots: [String] {
    ["square_avg"] + (momentum == 0 ? [] : ["momentum_buffer"]) + (isCentered ? ["grad_avg"] : [])
  }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    .rmsprop(
      rate: rate, decay: decay, alpha: alpha, epsilon: epsilon, momentum: momentum, isCentered: isCentered)
  }
}

extension Optimizer where Rule == RMSpropRule {
  /// Divides by a running root of mean squares.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8,
    weightDecay: Double = 0, momentum: Double = 0, isCentered: Bool = false
  ) {
    require(alpha >= 0, "rmsprop", "alpha value", alpha)
    self.init(
      [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      RMSpropRule(momentum: momentum, alpha: alpha, epsilon: epsilon, isCentered: isCentered))
  }
}

/// How ``Adagrad`` makes a step. Slot: `sum`.
///
/// Source: Duchi and others, "Adaptive Subgradient Methods" (2011).
public struct AdagradRule: UpdateRule {
  /// Adagrad has no running mean.
  public var momentum = 0.0
  let rateDecay: Double
  let epsilon: Double
  public let start: Double

  public var slots: [String] { ["sum"] }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    .adagrad(rate: rate / (1 + Double(step - 1) * rateDecay), decay: decay, epsilon: epsilon)
  }
}

extension Optimizer where Rule == AdagradRule {
  /// Divides by the root of the sum of all squares.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-2, rateDecay: Double = 0, weightDecay: Double = 0,
    initialAccumulator: Double = 0, epsilon: Double = 1e-10
  ) {
    self.init(
      [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      AdagradRule(rateDecay: rateDecay, epsilon: epsilon, start: initialAccumulator))
  }
}

/// How ``Lion`` makes a step. Slot: `exp_avg`.
public struct LionRule: UpdateRule {
  public var momentum: Double
  let beta2: Double

  public var slots: [String] { ["exp_avg"] }

  public func update(rate: Double, decay: Double, step: Int) -> OptimizerStep {
    .lion(rate: rate, decay: decay, beta1: momentum, beta2: beta2)
  }
}

extension Optimizer where Rule == LionRule {
  /// Chen and others, "Symbolic Discovery of Optimization Algorithms": steps by the sign of a mixture of the gradient and
  /// its running mean; decay is decoupled.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 1e-4, betas: (Double, Double) = (0.9, 0.99),
    weightDecay: Double = 0
  ) {
    require(betas.0 >= 0 && betas.0 < 1, "lion", "beta parameter at index 0", betas.0)
    require(betas.1 >= 0 && betas.1 < 1, "lion", "beta parameter at index 1", betas.1)
    self.init(
      [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
      LionRule(momentum: betas.0, beta2: betas.1))
  }
}
