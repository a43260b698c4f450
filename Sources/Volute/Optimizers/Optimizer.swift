import VoluteEngine

/// Parameters that are updated with the same settings.
public struct ParameterGroup: Sendable {
  /// What is updated.
  public var parameters: [Parameter]
  /// The rate of the next step; a schedule sets it.
  public var learningRate: Double
  /// The decay of the weights.
  public var weightDecay: Double
  /// What a schedule counts from.
  public internal(set) var initialLearningRate: Double

  /// - Parameters:
  ///   - parameters: what is updated.
  ///   - learningRate: the rate, which a schedule counts from.
  ///   - weightDecay: the decay of the weights of this group.
  public init(_ parameters: [Parameter], learningRate: Double, weightDecay: Double = 0) {
    self.parameters = parameters
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    initialLearningRate = learningRate
  }
}

/// How a kind of optimiser makes a step.
public protocol UpdateRule: Sendable {
  /// What is remembered of each parameter, by PyTorch's names.
  var slots: [String] { get }
  /// What the slots start with.
  var start: Double { get }
  /// - Parameters:
  ///   - rate: the group's learning rate.
  ///   - decay: the group's weight decay.
  ///   - step: counted from 1 for each parameter.
  func update(rate: Double, decay: Double, step: Int) -> OptimizerStep
  /// The share of the past in the running mean, which some schedules change: momentum, or the first beta.
  var momentum: Double { get set }
}

extension UpdateRule {
  public var start: Double { 0 }
}

/// Changes parameters against their gradients.
///
/// ```swift
/// let optimizer = Adam(net.parameters, learningRate: 1e-3)
/// for (x, y) in batches {
///   optimizer.zeroGrad()
///   try mseLoss(net(x), y).backward()
///   optimizer.step()
/// }
/// ```
public final class Optimizer<Rule: UpdateRule> {
  /// The groups of parameters, each with its own rate and decay.
  public var groups: [ParameterGroup]
  /// How a step is made; its momentum may be changed between steps.
  public var rule: Rule
  private var memories: [ObjectIdentifier: Memory] = [:]

  private struct Memory {
    var step = 0
    var slots: [Tensor] = []
  }

  init(_ groups: [ParameterGroup], _ rule: Rule) {
    self.groups = groups
    self.rule = rule
    var seen: Set<ObjectIdentifier> = []
    for parameter in groups.flatMap(\.parameters) {
      precondition(
        seen.insert(ObjectIdentifier(parameter)).inserted,
        "optimizer: some parameters appear in more than one parameter group")
    }
  }

  /// Forgets all gradients.
  public func zeroGrad() {
    for parameter in groups.flatMap(\.parameters) { parameter.grad = nil }
  }

  /// Changes every parameter that has a gradient.
  public func step() {
    for group in groups {
      for parameter in group.parameters where parameter.requiresGrad {
        guard let gradient = parameter.grad else { continue }
        let id = ObjectIdentifier(parameter)
        // Taken out of the table, so that the slots have one owner and are written in place.
        var memory = memories.removeValue(forKey: id) ?? Memory()
        memory.step += 1
        if memory.slots.isEmpty {
          memory.slots = rule.slots.map { _ in
            Tensor(full: parameter.shape, rule.start, dtype: parameter.dtype)
          }
        }
        let update = rule.update(rate: group.learningRate, decay: group.weightDecay, step: memory.step)
        apply(update, parameter, gradient.detached().to(parameter.dtype).contiguous(), &memory.slots)
        memories[id] = memory
      }
    }
  }

  private func apply(
    _ update: OptimizerStep, _ parameter: Parameter, _ gradient: Tensor, _ slots: inout [Tensor]
  ) {
    parameter.update { value in
      if !value.isContiguous { value = value.contiguous() }
      let arrays = slots.indices.map { index in slots[index].withMutableStrided { $0 } }
      value.withMutableStrided { target in
        gradient.withStrided { Engine.step(update, target, gradient: $0, slots: arrays) }
      }
    }
    // The arrays are windows on the slots' bytes.
    withExtendedLifetime(slots) {}
  }

  private var ordered: [Parameter] { groups.flatMap(\.parameters) }

  /// What the optimiser remembers, for a file: `state.<parameter>.<slot>`, `state.<parameter>.step`, and each group's
  /// settings under `group.<group>`.
  public var stateDictionary: [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, parameter) in ordered.enumerated() {
      guard let memory = memories[ObjectIdentifier(parameter)] else { continue }
      result["state.\(index).step"] = Tensor(memory.step)
      for (name, slot) in zip(rule.slots, memory.slots) { result["state.\(index).\(name)"] = slot }
    }
    for (index, group) in groups.enumerated() {
      result["group.\(index)"] = Tensor(
        [group.learningRate, group.weightDecay, group.initialLearningRate, rule.momentum])
    }
    return result
  }

  /// Takes up where ``stateDictionary`` was read.
  ///
  /// - Throws: ``StateError`` with every key that is missing, unexpected or of another shape; nothing is changed then.
  public func load(_ tensors: [String: Tensor]) throws(StateError) {
    var problems = StateError()
    var known: Set<String> = []
    var loaded: [ObjectIdentifier: Memory] = [:]
    for (index, parameter) in ordered.enumerated() {
      let key = "state.\(index)"
      known.insert("\(key).step")
      known.formUnion(rule.slots.map { "\(key).\($0)" })
      // A parameter that never had a gradient has no state.
      guard let step = tensors["\(key).step"] else { continue }
      var memory = Memory(step: step.count == 1 ? Int(step.item(as: Int64.self)) : 0)
      for slot in rule.slots {
        guard let tensor = tensors["\(key).\(slot)"] else {
          problems.missing.append("\(key).\(slot)")
          continue
        }
        if tensor.shape != parameter.shape {
          problems.mismatched.append(
            .init(key: "\(key).\(slot)", expected: parameter.shape, found: tensor.shape))
        }
        memory.slots.append(tensor.to(parameter.dtype).cloned())
      }
      loaded[ObjectIdentifier(parameter)] = memory
    }
    for index in groups.indices {
      let key = "group.\(index)"
      known.insert(key)
      if let settings = tensors[key] {
        if settings.shape != [4] {
          problems.mismatched.append(.init(key: key, expected: [4], found: settings.shape))
        }
      } else {
        problems.missing.append(key)
      }
    }
    problems.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    if !problems.isEmpty { throw problems }
    memories = loaded
    for index in groups.indices {
      guard let settings = tensors["group.\(index)"]?.elements(as: Double.self) else { continue }
      groups[index].learningRate = settings[0]
      groups[index].weightDecay = settings[1]
      groups[index].initialLearningRate = settings[2]
      rule.momentum = settings[3]
    }
  }
}
