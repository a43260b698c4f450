import Volute

/// All that a training run needs to go on as if it had never stopped: weights, what the optimiser remembers, the place
/// in the schedule, the states of random generators, and the step.
///
/// ```swift
/// try TrainingCheckpoint(step: step, model: net, optimizer, scheduler).write(to: "run.safetensors")
/// // In another process, with a net and an optimiser made the same way:
/// let checkpoint = try TrainingCheckpoint("run.safetensors")
/// try checkpoint.restore(net, optimizer, scheduler)
/// for step in checkpoint.step..<total { ... }
/// ```
///
/// The order of the data belongs to the `DataLoader`, whose epochs can be entered at any batch. A checkpoint is a file of
/// safetensors, written whole or not at all, with tensors under `model.`, `optimizer.` and `random.`;
/// `volute convert run.safetensors weights.safetensors --under model` takes out the weights. A checksum over everything
/// tells a damaged file.
public struct TrainingCheckpoint: Sendable {
  /// The steps made.
  public var step: Int
  /// The model's `stateDictionary`.
  public var model: [String: Tensor]
  /// The optimiser's `stateDictionary`.
  public var optimizer: [String: Tensor]
  /// The schedule's `stepCount`, where there is a schedule.
  public var scheduleStep: Int?
  /// The states of generators by names of the caller's.
  public var random: [String: Generator.State]
  /// Whatever else the caller wants to find again, such as the settings of the run.
  public var values: [String: String]
  /// The file that it was read from, for messages.
  private var path = "checkpoint"

  /// - Parameters:
  ///   - step: the steps made.
  ///   - model: whose weights and buffers are kept.
  ///   - optimizer: whose memory is kept.
  ///   - scheduler: whose place is kept, where there is one.
  ///   - generators: those that the run draws from, by names that are the same when it goes on.
  ///   - values: whatever else should be found again.
  public init<Rule>(
    step: Int, model: some Module, _ optimizer: Optimizer<Rule>, _ scheduler: Scheduler<Rule>? = nil,
    generators: [String: Generator] = ["default": .default], values: [String: String] = [:]
  ) {
    self.step = step
    self.model = model.stateDictionary
    self.optimizer = optimizer.stateDictionary
    scheduleStep = scheduler?.stepCount
    random = generators.mapValues(\.state)
    self.values = values
  }

  /// Gives a run the state that was saved.
  ///
  /// - Throws: ``FormatError`` when the checkpoint is one of another model, optimiser or schedule, or has not the same
  ///   generators; nothing is changed then.
  public func restore<Rule>(
    _ model: some Module, _ optimizer: Optimizer<Rule>, _ scheduler: Scheduler<Rule>? = nil,
    generators: [String: Generator] = ["default": .default]
  ) throws(FormatError) {
    guard (scheduleStep == nil) == (scheduler == nil) else {
      throw FormatError(
        path,
        "was made \(scheduleStep == nil ? "without" : "with") a schedule, but this run has "
          + (scheduler == nil ? "none" : "one"))
    }
    guard Set(random.keys) == Set(generators.keys) else {
      throw FormatError(
        path,
        "holds the random states \(random.keys.sorted()), but this run has the generators "
          + "\(generators.keys.sorted())")
    }
    let parameters = model.parameters.map { ($0, $0.value) }
    let buffers = model.namedBuffers.map { ($0.buffer, $0.buffer.value) }
    do {
      try model.load(self.model)
      // Afterwards, since a lazy parameter gets its shape from the weights.
      do throws(StateError) {
        try optimizer.load(self.optimizer)
      } catch {
        for (parameter, value) in parameters { parameter.value = value }
        for (buffer, value) in buffers { buffer.value = value }
        throw error
      }
    } catch {
      throw FormatError(path, "is of another model or optimiser: \(error)")
    }
    if let scheduleStep { scheduler?.stepCount = scheduleStep }
    for (name, generator) in generators {
      if let state = random[name] { generator.state = state }
    }
  }
}

/// How a checkpoint lies in a file.
extension TrainingCheckpoint {
  package static let format = "volute training checkpoint"
  private static let valuePrefix = "value."
  private static let modelPrefix = "model."
  private static let optimizerPrefix = "optimizer."
  private static let randomPrefix = "random."

  /// Writes the checkpoint to `path`, whole or not at all.
  ///
  /// - Throws: ``FormatError`` when the file cannot be written; what was there is then untouched.
  public func write(to path: String) throws(FormatError) {
    var tensors: [String: Tensor] = [:]
    for (key, tensor) in model { tensors[Self.modelPrefix + key] = tensor }
    for (key, tensor) in optimizer { tensors[Self.optimizerPrefix + key] = tensor }
    for (name, state) in random { tensors[Self.randomPrefix + name] = Tensor(state.integers) }
    var metadata = ["format": Self.format, "version": "1", "step": "\(step)"]
    if let scheduleStep { metadata["schedule_step"] = "\(scheduleStep)" }
    for (name, value) in values { metadata[Self.valuePrefix + name] = value }
    metadata["checksum"] = Self.checksum(tensors, metadata)
    try Safetensors.write(tensors, to: path, metadata: metadata)
  }

  /// Reads the checkpoint at `path`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, is damaged, or is no checkpoint of a training run.
  public init(_ path: String) throws(FormatError) {
    let file = try SafetensorsFile(path)
    var metadata = file.metadata
    guard metadata["format"] == Self.format else {
      throw FormatError(
        path, "is no checkpoint of a training run: its metadata do not say '\(Self.format)'",
        mend: "weights alone are loaded with load(_:strict:)")
    }
    guard metadata["version"] == "1" else {
      throw FormatError(
        path, "is a checkpoint of version '\((metadata["version"] ?? "").shown)', but only version 1 is known"
      )
    }
    var tensors: [String: Tensor] = [:]
    for key in file.keys { tensors[key] = try file.tensor(for: key) }
    let checksum = metadata.removeValue(forKey: "checksum")
    guard checksum == Self.checksum(tensors, metadata) else {
      throw FormatError(path, "is damaged: its contents do not have the checksum that was written with them")
    }
    func count(_ key: String) throws(FormatError) -> Int? {
      guard let text = metadata[key] else { return nil }
      if let number = Int(text), number >= 0 { return number }
      throw FormatError(path, "the metadata '\(key)' are '\(text.shown)', not a number of steps")
    }
    guard let step = try count("step") else { throw FormatError(path, "has no metadata 'step'") }
    self.step = step
    scheduleStep = try count("schedule_step")
    model = tensors.part(Self.modelPrefix)
    optimizer = tensors.part(Self.optimizerPrefix)
    values = metadata.part(Self.valuePrefix)
    random = [:]
    for (name, numbers) in tensors.part(Self.randomPrefix) {
      guard numbers.dtype == .int64, let state = Generator.State(integers: numbers.elements()) else {
        throw FormatError(path, "the tensor '\((Self.randomPrefix + name).shown)' is no state of a generator")
      }
      random[name] = state
    }
    self.path = path
  }

  /// CRC-32 of everything that is said and of every element, as hexadecimal digits.
  private static func checksum(_ tensors: [String: Tensor], _ metadata: [String: String]) -> String {
    var result: UInt32 = 0
    func add(_ text: String) {
      Array(text.utf8).withUnsafeBytes { result = Deflate.checksum($0, after: result) }
    }
    for (key, value) in metadata.sorted(by: { $0.key.precedes($1.key) }) {
      add("\(key.quotedAsJSON):\(value.quotedAsJSON)\n")
    }
    for (key, tensor) in tensors.sorted(by: { $0.key.precedes($1.key) }) {
      add("\(key.quotedAsJSON):\(tensor.dtype.rawValue)\(tensor.shape)\n")
      tensor.withUnsafeBytes { result = Deflate.checksum($0, after: result) }
    }
    let digits = String(result, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

extension Dictionary where Key == String {
  /// The entries whose keys start with `prefix`, without it.
  fileprivate func part(_ prefix: String) -> Self {
    var result: Self = [:]
    for (key, value) in self where key.hasPrefix(prefix) {
      result[String(key.dropFirst(prefix.count))] = value
    }
    return result
  }
}
