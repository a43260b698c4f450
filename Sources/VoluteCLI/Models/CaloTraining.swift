import Volute
import VoluteFormats
import VoluteModels

/// A run of training on showers, from its beginning or from a checkpoint.
final class CaloTraining {
  let model: CaloModel
  private(set) var step = 0
  /// The loss of each step that this process made.
  private(set) var losses: [Double] = []
  /// How the held-out showers went so far.
  private(set) var record = HeldOutRecord()
  private let optimizer: Adam
  private let plateau: ReduceLROnPlateau<AdamRule>
  private let loader: DataLoader<ShowerRows>
  private let heldOut: DataLoader<ShowerRows>?
  private let path: String?
  /// The step of the checkpoint under `path`, where there is one.
  private var savedStep: Int?

  var settings: CaloSettings { model.settings }
  var learningRate: Double { optimizer.groups[0].learningRate }

  /// A line for each step that this process made: its number and its loss.
  var log: String {
    let first = step - losses.count
    return losses.enumerated().reduce(into: "step,loss\n") {
      $0 += "\(first + $1.offset + 1),\($1.element)\n"
    }
  }

  var isDone: Bool { step >= settings.steps || stoppedEarly }
  var stoppedEarly: Bool { settings.earlyStop > 0 && record.since >= settings.earlyStop }

  /// - Parameter path: of the checkpoint; `nil` keeps none.
  init(_ settings: CaloSettings, path: String?) throws {
    self.path = path
    var settings = settings
    let data = try Self.data(&settings)
    if let problem = settings.problem(count: data.count) {
      throw FormatError(settings.data.isEmpty ? "synthetic showers" : settings.data, problem)
    }
    let held = settings.heldOutCount(of: data.count)
    var (rows, others) = (Array(0..<data.count), [Int]())
    if held > 0 {
      let order = Tensor.randperm(data.count, generator: Generator(seed: settings.seed &+ 2)).integers()
      (rows, others) = (order.dropLast(held).sorted(), order.suffix(held).sorted())
    }
    loader = DataLoader(
      ShowerRows(data, rows), batchSize: settings.batchSize, shuffleSeed: settings.seed, dropsLast: true)
    heldOut = held > 0 ? DataLoader(ShowerRows(data, others), batchSize: settings.batchSize) : nil
    model = try CaloModel(settings)
    optimizer = Adam(model.networks.model.parameters, learningRate: settings.learningRate)
    plateau = ReduceLROnPlateau(optimizer, factor: 0.1, patience: settings.patience)
  }

  /// Showers and energies as the network takes them; a binning that nobody trained on before is measured first.
  private static func data(_ settings: inout CaloSettings) throws -> TensorDataset {
    if settings.data.isEmpty {
      let synthetic = SyntheticShowers(settings.preset, count: settings.showers, seed: settings.seed)
      let progress = Progress("making synthetic showers", of: synthetic.count)
      defer { progress.finish() }
      let parts = try synthetic.batch(
        (0..<synthetic.count).map { index in
          progress.advance()
          return synthetic.element(at: index)
        })
      if settings.geometry.wantsStandard {
        try settings.geometry.measure(ShowerSet(showers: parts[0], energies: parts[1]))
      }
      let preset = settings.preset
      return try TensorDataset(
        preset.normalized(showers: parts[0], energies: parts[1]), preset.normalized(energies: parts[1]))
    }
    var file = try ShowerFile(settings.data, of: settings.preset)
    if settings.geometry.wantsStandard {
      try settings.geometry.measure(file.showers(0..<min(file.count, 1000)))
      file = try ShowerFile(settings.data, of: settings.preset)
    }
    let progress = Progress("reading \(settings.data)", of: file.parts.count)
    defer { progress.finish() }
    let found = try file.normalized { progress.advance() }
    return try TensorDataset(found.showers, found.energies)
  }

  /// Goes back to where a checkpoint was made.
  func resume(_ checkpoint: TrainingCheckpoint) throws(FormatError) {
    guard let record = HeldOutRecord(values: checkpoint.values) else {
      throw FormatError(path ?? "checkpoint", "does not say how the held-out showers went")
    }
    try checkpoint.restore(model.networks, optimizer)
    step = checkpoint.step
    savedStep = step
    self.record = record
    plateau.state = record.plateau
  }

  private func save(isBest: Bool = false) throws(FormatError) {
    guard let path else { return }
    let checkpoint = TrainingCheckpoint(
      step: step, model: model.networks, optimizer, values: settings.values.merging(record.values) { $1 })
    guard checkpoint.model.values.allSatisfy({ !$0.dtype.isFloatingPoint || $0.isFinite().all() }) else {
      throw stopped("step \(step) made weights that are no numbers")
    }
    if isBest {
      try checkpoint.write(to: Self.best(path))
    } else {
      try checkpoint.write(to: path)
      savedStep = step
    }
  }

  /// Where the weights lie that were best on the held-out showers.
  static func best(_ path: String) -> String { path.dropLast(".safetensors".count) + "-best.safetensors" }

  private func stopped(_ message: String) -> FormatError {
    let advice = "a smaller --learning-rate"
    guard let path else { return FormatError("training", message, mend: "try \(advice)") }
    guard let savedStep else {
      return FormatError(path, message, mend: "there is no checkpoint yet; try \(advice)")
    }
    return FormatError(
      path, message,
      mend: "the last good state is step \(savedStep) in \(path); --initial-weights takes it, with \(advice)")
  }

  /// Trains to the end, or until `shouldStop` says so; a checkpoint is left at times, and when it stops.
  func run(savingEvery interval: Duration, until shouldStop: (CaloTraining) -> Bool) throws {
    let progress = Progress("training", of: settings.steps, from: step)
    defer { progress.finish() }
    let start = ContinuousClock.now
    var saved = start
    var recent: Double?
    model.networks.train()
    while !isDone {
      let epoch = loader.epoch(step / loader.batchCount, from: step % loader.batchCount)
      for number in epoch.batches {
        let loss = try trainStep(epoch.batch(at: number))
        losses.append(loss)
        // Before anything is saved, so that a checkpoint between epochs knows of it.
        if step % loader.batchCount == 0 { try endEpoch() }
        let shown = recent.map { $0 * 0.95 + loss * 0.05 } ?? loss
        recent = shown
        let speed = Double(losses.count * settings.batchSize) / ((ContinuousClock.now - start) / .seconds(1))
        let held = record.last.map { "  held out \(decimals($0, 4))" } ?? ""
        progress.advance("loss \(decimals(shown, 4))\(held)  \(decimals(speed, 1)) showers/s")
        if isDone || shouldStop(self) { return try save() }
        if ContinuousClock.now - saved > interval {
          try save()
          saved = .now
        }
      }
    }
  }

  /// One step; what is random about it comes from its number, so that a run that goes on draws the same.
  private func trainStep(_ batch: [Tensor]) throws -> Double {
    optimizer.zeroGrad()
    func loss() throws(ShapeError) -> Tensor {
      try self.loss(batch, sampleStream(seed: settings.seed &+ 1, index: step), dropped: settings.dropped)
    }
    let found = try loss()
    let value = found.item(as: Double.self)
    guard value.isFinite else {
      let layer = try NonFiniteFinder.layer(of: model.networks.model) { _ = try loss() }
      throw stopped(
        "the loss of step \(step + 1) is \(value); the first numbers that are not finite came out of "
          + (layer.map { "the layer '\($0)'" } ?? "the loss itself"))
    }
    found.backward()
    // The last parameter is the one that the pass back came to first.
    let parameters = model.networks.model.namedParameters
    if let odd = parameters.last(where: { $0.parameter.grad.map { !$0.isFinite().all() } ?? false }) {
      throw stopped("the gradient of '\(odd.key)' in step \(step + 1) is not finite")
    }
    optimizer.step()
    model.networks.update()
    step += 1
    return value
  }

  private func loss(_ batch: [Tensor], _ stream: Generator, dropped: Double) throws(ShapeError) -> Tensor {
    let (clean, energies) = (batch[0], batch[1])
    let levels = (0..<clean.shape[0]).map { _ in
      model.diffusion.schedule.trainingLevel(generator: stream)
    }
    let noise = Tensor.randn(clean.shape, generator: stream)
    let isDropped = Tensor.bernoulli(energies.shape, probability: dropped, generator: stream).to(.float32)
    let told = energies * (1 - isDropped) + isDropped * CaloModel.withheldEnergy
    let network = model.networks.model
    return try model.diffusion.loss(clean, noise: noise, levels: levels) { (x, time) throws(ShapeError) in
      try network(x, energy: told, time: time)
    }
  }

  /// Judges the network by the showers that it has not seen, each time at the same levels of noise.
  private func endEpoch() throws {
    guard let heldOut else { return }
    var (sum, count) = (0.0, 0)
    try noGrad {
      let epoch = heldOut.epoch()
      for number in epoch.batches {
        let batch = try epoch.batch(at: number)
        let part = try loss(batch, sampleStream(seed: settings.seed &+ 3, index: number), dropped: 0)
        sum += part.item(as: Double.self) * Double(batch[0].shape[0])
        count += batch[0].shape[0]
      }
    }
    let mean = sum / Double(count)
    guard mean.isFinite else { throw stopped("the loss of held-out showers after step \(step) is \(mean)") }
    if settings.patience > 0 { plateau.step(mean) }
    record.add(mean, epoch: step / loader.batchCount, plateau: plateau.state)
    if record.since == 0 { try save(isBest: true) }
  }
}
