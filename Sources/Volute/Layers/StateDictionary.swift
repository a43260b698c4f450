import VoluteEngine

/// What loading weights found wrong: every key at once.
public struct StateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A key whose tensor has another shape than the module's.
  public struct Mismatch: Hashable, Sendable {
    /// The dotted key.
    public let key: String
    /// The module's shape.
    public let expected: [Int]
    /// The shape that was given.
    public let found: [Int]

    /// A mismatch of the tensor under `key`.
    public init(key: String, expected: [Int], found: [Int]) {
      self.key = key
      self.expected = expected
      self.found = found
    }
  }

  /// Keys of the module that were not given.
  public var missing: [String] = []
  /// Keys that were given and that the module does not have.
  public var unexpected: [String] = []
  /// Keys whose shapes differ.
  public var mismatched: [Mismatch] = []

  /// No problem yet.
  public init() {}

  /// Whether nothing was wrong.
  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }

  public var description: String {
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing \(missing.joined(separator: ", "))") }
    if !unexpected.isEmpty { parts.append("unexpected \(unexpected.joined(separator: ", "))") }
    parts += mismatched.map {
      "\($0.key) has shape \($0.found), but the module's is \($0.expected)"
    }
    return "load: " + parts.joined(separator: "; ")
  }
}

extension Module {
  /// Every parameter and persistent buffer by its dotted key, as PyTorch's `state_dict`.
  public var stateDictionary: [String: Tensor] {
    Dictionary(state.map { ($0.key, $0.value.tensor.detached()) }, uniquingKeysWith: { first, _ in first })
  }

  /// The keys of ``stateDictionary`` in the order in which the module declares them.
  public var stateKeys: [String] { state.map(\.key) }

  /// Takes weights from tensors under the keys of ``stateDictionary``; types are converted.
  ///
  /// Nothing is changed if anything is wrong and the loading is strict.
  /// - Parameters:
  ///   - tensors: the weights by their dotted keys.
  ///   - strict: `false` loads what fits.
  /// - Returns: what did not fit, empty when `strict`.
  /// - Throws: ``StateError`` with every missing, unexpected and mismatched key, when `strict`.
  @discardableResult
  public func load(_ tensors: [String: Tensor], strict: Bool = true) throws(StateError) -> StateError {
    var problems = StateError()
    var accepted: [(slot: StateSlot, tensor: Tensor)] = []
    let slots = state
    for (key, slot) in slots {
      guard let tensor = tensors[key] else {
        problems.missing.append(key)
        continue
      }
      if slot.accepts(tensor.shape) {
        accepted.append((slot, tensor))
      } else {
        problems.mismatched.append(
          StateError.Mismatch(key: key, expected: slot.tensor.shape, found: tensor.shape))
      }
    }
    let known = Set(slots.map(\.key))
    problems.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    if strict && !problems.isEmpty { throw problems }
    for (slot, tensor) in accepted { slot.set(tensor) }
    return problems
  }

  private var state: [(key: String, value: StateSlot)] {
    collected {
      switch $0 {
      case .parameter(let parameter): .parameter(parameter)
      case .buffer(let buffer) where buffer.isPersistent: .buffer(buffer)
      default: nil
      }
    }
  }
}

/// A place of a module's state.
private enum StateSlot {
  case parameter(Parameter)
  case buffer(Buffer)

  var tensor: Tensor {
    switch self {
    case .parameter(let parameter): parameter.value
    case .buffer(let buffer): buffer.value
    }
  }

  /// A parameter whose shape is not known yet takes any.
  func accepts(_ shape: [Int]) -> Bool {
    if case .parameter(let parameter) = self, !parameter.isMaterialized { return true }
    return tensor.shape == shape
  }

  func set(_ tensor: Tensor) {
    // Copied, so that what was read from a mapped file does not hold it open.
    let value = tensor.detached().to(self.tensor.dtype).cloned()
    switch self {
    case .parameter(let parameter): parameter.value = value
    case .buffer(let buffer): buffer.value = value
    }
  }
}
