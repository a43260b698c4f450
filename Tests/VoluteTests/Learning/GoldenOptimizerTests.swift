import Testing
import Volute

/// Ten steps of the optimisers and the rates of the schedules against PyTorch's, in float64.
@Suite struct GoldenOptimizerTests {
  static let optimizers = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"]
  static let schedules = ["StepLR", "CosineAnnealingLR", "OneCycleLR", "LinearLR"]

  private func cases(_ op: String) throws -> [GoldenCase] {
    let cases = try GoldenCase.read("optimizers").filter { $0.op == op }
    #expect(cases.count >= 3, "\(op)")
    return cases
  }

  @Test(arguments: optimizers) func tenSteps(_ op: String) throws {
    for golden in try cases(op) { try golden.checkSteps() }
  }

  @Test(arguments: schedules) func rates(_ op: String) throws {
    for golden in try cases(op) { try golden.checkRates() }
  }

  @Test func plateau() throws {
    for golden in try cases("ReduceLROnPlateau") { try golden.checkPlateau() }
  }

  /// Written in PyTorch's words: the same seed gives the same initial values.
  @Test func initialValues() throws {
    for op in ["kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_"] {
      for golden in try cases(op) { try golden.check { [try golden.initialValue()] } }
    }
  }
}

/// An optimiser of any rule.
private struct AnyOptimizer {
  let step: () -> Void
  let state: () -> [String: Tensor]
  /// Of each group.
  let rates: () -> [Double]
  let momentum: () -> Double
  let schedule: (any Schedule) -> () -> Void

  init<Rule: UpdateRule>(_ optimizer: Optimizer<Rule>) {
    step = { optimizer.step() }
    state = { optimizer.stateDictionary }
    rates = { optimizer.groups.map(\.learningRate) }
    momentum = { optimizer.rule.momentum }
    schedule = { schedule in
      let scheduler = Scheduler(optimizer, schedule)
      return { scheduler.step() }
    }
  }
}

extension GoldenCase {
  private func parameters(_ seed: UInt64) throws -> [Parameter] {
    try #require(line["shapes"] as? [[Int]]).enumerated().map {
      Parameter(Self.generated($1, .float64, seed: seed + UInt64($0)))
    }
  }

  /// Both parameters in one group, or each in its own with settings of its own.
  private func optimizer(_ parameters: [Parameter]) throws -> AnyOptimizer {
    let defaults = ["Adagrad": 1e-2, "RMSprop": 1e-2]
    let rate = try double("lr") ?? defaults[op] ?? 1e-3
    let decay = try double("weight_decay") ?? (op == "AdamW" ? 1e-2 : 0)
    var groups = [ParameterGroup(parameters, learningRate: rate, weightDecay: decay)]
    if let own = line["groups"] as? [[String: Any]] {
      groups = try zip(parameters, own).map { parameter, settings in
        ParameterGroup(
          [parameter], learningRate: try settings["lr"].map(Self.number) ?? rate,
          weightDecay: try settings["weight_decay"].map(Self.number) ?? decay)
      }
    }
    let momentum = try double("momentum") ?? 0
    let pair = try (arguments["betas"] as? [Any])?.map(Self.number) ?? [0.9, 0.999]
    let (betas, amsgrad) = ((pair[0], pair[1]), bool("amsgrad") ?? false)
    let epsilon = try double("eps")
    switch op {
    case "SGD":
      return AnyOptimizer(
        SGD(
          groups: groups, momentum: momentum, dampening: try double("dampening") ?? 0,
          nesterov: bool("nesterov") ?? false))
    case "Adam":
      return AnyOptimizer(Adam(groups: groups, betas: betas, epsilon: epsilon ?? 1e-8, amsgrad: amsgrad))
    case "AdamW":
      return AnyOptimizer(AdamW(groups: groups, betas: betas, epsilon: epsilon ?? 1e-8, amsgrad: amsgrad))
    case "RMSprop":
      return AnyOptimizer(
        RMSprop(
          parameters, learningRate: rate, alpha: try double("alpha") ?? 0.99, epsilon: epsilon ?? 1e-8,
          weightDecay: decay, momentum: momentum, isCentered: bool("centered") ?? false))
    default:
      return AnyOptimizer(
        Adagrad(
          parameters, learningRate: rate, rateDecay: try double("lr_decay") ?? 0, weightDecay: decay,
          initialAccumulator: try double("initial_accumulator_value") ?? 0, epsilon: epsilon ?? 1e-10))
    }
  }

  fileprivate func checkSteps() throws {
    let seed = UInt64(try #require(line["seed"] as? Int))
    let parameters = try parameters(seed)
    let optimizer = try optimizer(parameters)
    for (index, expected) in try #require(line["steps"] as? [[Any]]).enumerated() {
      for (place, parameter) in parameters.enumerated() {
        parameter.grad = Self.generated(
          parameter.shape, .float64, seed: seed + 10 * UInt64(index + 1) + UInt64(place))
      }
      optimizer.step()
      for (parameter, value) in zip(parameters, expected) {
        compare(parameter.value.detached(), try Self.tensor(value), "step \(index + 1)")
      }
    }
    let state = optimizer.state()
    for (key, value) in try #require(line["state"] as? [String: Any]) {
      compare(try #require(state[key], "\(name) \(key)"), try Self.tensor(value), key)
    }
  }

  private func schedule() throws -> any Schedule {
    switch op {
    case "StepLR": return StepLR(period: int("step_size") ?? 1, gamma: try double("gamma") ?? 0.1)
    case "CosineAnnealingLR":
      return CosineAnnealingLR(period: int("T_max") ?? 1, minimum: try double("eta_min") ?? 0)
    case "LinearLR":
      return WarmUp(steps: int("total_iters") ?? 1, start: try double("start_factor") ?? 0)
    default:
      let momenta = (base: try double("base_momentum") ?? 0.85, maximum: try double("max_momentum") ?? 0.95)
      return OneCycleLR(
        maximum: try double("max_lr") ?? 0, total: int("total_steps") ?? 1,
        rise: try double("pct_start") ?? 0.3,
        initialDivisor: try double("div_factor") ?? 25, finalDivisor: try double("final_div_factor") ?? 1e4,
        momenta: bool("cycle_momentum") == false ? nil : momenta)
    }
  }

  private func groups() throws -> [ParameterGroup] {
    try #require(line["initial"] as? [Double]).map {
      ParameterGroup([Parameter(.zeros([1], dtype: .float64))], learningRate: $0)
    }
  }

  fileprivate func checkRates() throws {
    let groups = try groups()
    let optimizer =
      line["optimizer"] as? String == "Adam"
      ? AnyOptimizer(Adam(groups: groups)) : AnyOptimizer(SGD(groups: groups, momentum: try momentum()))
    let step = optimizer.schedule(try schedule())
    let momenta = try #require(line["momenta"] as? [Any]).map(Self.number)
    for (index, expected) in try rates().enumerated() {
      expectClose(optimizer.rates(), expected, "step \(index)")
      expectClose([optimizer.momentum()], [momenta[index]], "momentum at step \(index)")
      step()
    }
  }

  private func momentum() throws -> Double { try line["momentum"].map(Self.number) ?? 0 }

  private func rates() throws -> [[Double]] {
    try #require(line["rates"] as? [[Any]]).map { try $0.map(Self.number) }
  }

  private func expectClose(_ ours: [Double], _ theirs: [Double], _ what: String) {
    compare(Tensor(ours), Tensor(theirs), what)
  }

  fileprivate func checkPlateau() throws {
    let optimizer = SGD(groups: try groups())
    let schedule = ReduceLROnPlateau(
      optimizer, improvesDownwards: text("mode") != "max", factor: try double("factor") ?? 0.1,
      patience: int("patience") ?? 10, threshold: try double("threshold") ?? 1e-4,
      cooldown: int("cooldown") ?? 0,
      minimum: try double("min_lr") ?? 0)
    let measures = try #require(line["measures"] as? [Any]).map(Self.number)
    for (measure, expected) in zip(measures, try rates()) {
      schedule.step(measure)
      expectClose(optimizer.groups.map(\.learningRate), expected, "after \(measure)")
    }
  }

  fileprivate func initialValue() throws -> Tensor {
    let shape = try #require(line["shape"] as? [Int])
    let generator = Generator(seed: try #require(line["seed"] as? Int))
    let mode: FanMode = text("mode") == "fan_out" ? .fanOut : .fanIn
    let gain: Gain
    switch text("nonlinearity") {
    case "relu": gain = .relu
    case "tanh": gain = .tanh
    default: gain = .leakyRelu(slope: try double("a") ?? 0)
    }
    // PyTorch is given numbers: those of ReLU and SELU.
    let factor: Gain = try double("gain").map { $0 > 1 ? .relu : .selu } ?? .linear
    switch op {
    case "kaiming_uniform_": return .kaimingUniform(shape, mode: mode, gain: gain, generator: generator)
    case "kaiming_normal_": return .kaimingNormal(shape, mode: mode, gain: gain, generator: generator)
    case "xavier_uniform_": return .xavierUniform(shape, gain: factor, generator: generator)
    default: return .xavierNormal(shape, gain: factor, generator: generator)
    }
  }
}
