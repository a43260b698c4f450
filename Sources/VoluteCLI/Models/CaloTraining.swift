import Volute
import VoluteFormats
import VoluteModels

/// A run of training on showers, from its beginning or from a checkpoint.
final class CaloTraining {
  let model: CaloModel
  private(set) var step = 0
  /// The loss of each step that this process made.
  private(set) var losses: [Double] = []
  private let optimizer: Adam
  private let loader: DataLoader<TensorDataset>
  private let path: String?

  var settings: CaloSettings { model.settings }

  /// A line for each step that this process made: its number and its loss.
  var log: String {
    let first = step - losses.count
    return losses.enumerated().reduce(into: "step,loss\n") {
      $0 += "\(first + $1.offset + 1),\($1.element)\n"
    }
  }

  var isDone: Bool { step >= settings.steps }

  /// - Parameter path: of the checkpoint; `nil` keeps none.
  init(_ settings: CaloSettings, path: String?) throws {
    self.path = path
    let preset = settings.preset
    let set: ShowerSet
    if settings.data.isEmpty {
      let synthetic = SyntheticShowers(preset, count: settings.showers, seed: settings.seed)
      let progress = Progress("making synthetic showers", of: synthetic.count)
      defer { progress.finish() }
      let parts = try synthetic.batch(
        (0..<synthetic.count).map { index in
          progress.advance()
          return synthetic.element(at: index)
        })
      set = try ShowerSet(showers: parts[0], energies: parts[1])
    } else {
      set = try ShowerSet(settings.data, of: preset)
      if set.count < settings.batchSize {
        throw FormatError(
          settings.data, "has \(set.count) showers, which do not fill a batch of \(settings.batchSize)")
      }
    }
    let normalized = try TensorDataset(
      preset.normalized(showers: set.showers, energies: set.energies),
      preset.normalized(energies: set.energies))
    loader = DataLoader(
      normalized, batchSize: settings.batchSize, shuffleSeed: settings.seed, dropsLast: true)
    model = try CaloModel(settings)
    optimizer = Adam(model.networks.model.parameters, learningRate: settings.learningRate)
  }

  /// Goes back to where a checkpoint was made.
  func resume(_ checkpoint: TrainingCheckpoint) throws(FormatError) {
    try checkpoint.restore(model.networks, optimizer)
    step = checkpoint.step
  }

  private func save() throws(FormatError) {
    guard let path else { return }
    try TrainingCheckpoint(step: step, model: model.networks, optimizer, values: settings.values)
      .write(to: path)
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
        let shown = recent.map { $0 * 0.95 + loss * 0.05 } ?? loss
        recent = shown
        let speed = Double(losses.count * settings.batchSize) / ((ContinuousClock.now - start) / .seconds(1))
        progress.advance("loss \(decimals(shown, 4))  \(decimals(speed, 1)) showers/s")
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
    let (clean, energies) = (batch[0], batch[1])
    let stream = sampleStream(seed: settings.seed &+ 1, index: step)
    let levels = (0..<clean.shape[0]).map { _ in
      model.diffusion.schedule.trainingLevel(generator: stream)
    }
    let noise = Tensor.randn(clean.shape, generator: stream)
    let isDropped = Tensor.bernoulli(energies.shape, probability: settings.dropped, generator: stream)
      .to(.float32)
    let told = energies * (1 - isDropped) + isDropped * CaloModel.withheldEnergy
    optimizer.zeroGrad()
    let network = model.networks.model
    let loss = try model.diffusion.loss(clean, noise: noise, levels: levels) { (x, time) throws(ShapeError) in
      try network(x, energy: told, time: time)
    }
    let value = loss.item(as: Double.self)
    guard value.isFinite else {
      throw FormatError(
        path ?? "training", "the loss of step \(step + 1) is \(value)",
        mend: path.map { "the last good state is in \($0); try a smaller --learning-rate" })
    }
    loss.backward()
    optimizer.step()
    model.networks.update()
    step += 1
    return value
  }
}
