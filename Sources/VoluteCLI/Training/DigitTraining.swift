import Volute
import VoluteFormats

/// A run of training on digits, from its beginning or from a checkpoint.
final class DigitTraining {
  /// What an epoch came to.
  struct Epoch {
    let number: Int
    /// The mean over the steps that this process made.
    let loss: Double
    let accuracy: Double
  }

  let settings: DigitSettings
  let net: DigitNet
  private(set) var step = 0
  private(set) var epochs: [Epoch] = []
  /// Steps that this process made, and the time it took over them.
  private(set) var ownSteps = 0
  private(set) var time = Duration.zero
  private let optimizer: Adam
  private let scheduler: Scheduler<AdamRule>
  private let loader: DataLoader<TensorDataset>
  private let heldOut: DataLoader<TensorDataset>
  private let checkpointPath: String?

  var stepCount: Int { settings.epochs * loader.batchCount }
  var isDone: Bool { step == stepCount }

  /// Renders the data and draws the weights.
  init(_ settings: DigitSettings, checkpointPath: String?, workers: Int) async throws {
    self.settings = settings
    self.checkpointPath = checkpointPath
    manualSeed(settings.seed)
    net = DigitNet()
    optimizer = Adam(net.parameters, learningRate: settings.learningRate)
    let training = try await Self.rendered(.training, settings.images, settings.seed, workers)
    let others = try await Self.rendered(.heldOut, settings.heldOut, settings.seed, workers)
    loader = DataLoader(training, batchSize: settings.batchSize, shuffleSeed: settings.seed)
    heldOut = DataLoader(others, batchSize: 250)
    scheduler = Scheduler(
      optimizer, OneCycleLR(maximum: settings.learningRate, total: settings.epochs * loader.batchCount))
  }

  private static func rendered(
    _ part: RenderedDigits.Part, _ count: Int, _ seed: Int, _ workers: Int
  ) async throws -> TensorDataset {
    let loader = DataLoader(
      RenderedDigits(count: count, seed: seed, part: part), batchSize: 100, workers: workers)
    let progress = Progress(
      "rendering \(part == .training ? "digits" : "held-out digits")", of: loader.batchCount)
    defer { progress.finish() }
    var (images, labels): ([Tensor], [Tensor]) = ([], [])
    for try await batch in loader.epoch() {
      images.append(batch[0])
      labels.append(batch[1])
      progress.advance()
    }
    return try TensorDataset(concatenate(images), concatenate(labels))
  }

  /// Goes back to where a checkpoint was made.
  func resume(_ checkpoint: TrainingCheckpoint) throws {
    try checkpoint.restore(net, optimizer, scheduler)
    step = checkpoint.step
  }

  private func save() throws(FormatError) {
    guard let checkpointPath else { return }
    try TrainingCheckpoint(step: step, model: net, optimizer, scheduler, values: settings.values)
      .write(to: checkpointPath)
  }

  /// Trains to the end, or until `shouldStop` says so; a checkpoint is left after every epoch, and when it stops.
  ///
  /// - Parameter didEndEpoch: is told of each epoch.
  func run(until shouldStop: (DigitTraining) -> Bool, didEndEpoch: (Epoch) -> Void) async throws {
    while !isDone {
      let number = step / loader.batchCount
      let start = ContinuousClock.now
      let loss = try await trainEpoch(number, until: shouldStop)
      time += ContinuousClock.now - start
      try save()
      if step % loader.batchCount != 0 { return }
      let epoch = Epoch(number: number + 1, loss: loss, accuracy: try evaluate().accuracy)
      epochs.append(epoch)
      didEndEpoch(epoch)
      if shouldStop(self) { return }
    }
  }

  /// The rest of an epoch.
  private func trainEpoch(_ number: Int, until shouldStop: (DigitTraining) -> Bool) async throws -> Double {
    let first = step % loader.batchCount
    let progress = Progress(
      "epoch \(number + 1) of \(settings.epochs)", of: loader.batchCount, from: first)
    defer { progress.finish() }
    let start = ContinuousClock.now
    var (sum, seen, recent) = (0.0, 0, 0.0)
    net.train()
    for try await batch in loader.epoch(number, from: first) {
      optimizer.zeroGrad()
      let loss = try crossEntropy(net(batch[0]), batch[1])
      loss.backward()
      optimizer.step()
      scheduler.step()
      step += 1
      ownSteps += 1
      let value = loss.item(as: Double.self)
      sum += value
      seen += 1
      // What is shown forgets slowly.
      recent = seen == 1 ? value : recent * 0.95 + value * 0.05
      let speed = Double(seen * settings.batchSize) / ((ContinuousClock.now - start) / .seconds(1))
      progress.advance("loss \(decimals(recent, 4))  \(grouped(Int(speed))) images/s")
      if shouldStop(self) { break }
    }
    return sum / Double(max(seen, 1))
  }

  /// How the network does on the images that it has never seen.
  func evaluate() throws -> Confusion {
    var result = Confusion(classes: RenderedDigits.classes)
    net.eval()
    try noGrad {
      try heldOut.epoch().forEach { batch in
        result.add(shown: batch[1].integers(), said: try net(batch[0]).argmax(1).integers())
      }
    }
    return result
  }

  /// How much one gets right without learning anything: by the nearest of the ten mean images.
  func baseline() throws -> Confusion {
    let (images, labels) = (loader.dataset.tensors[0].flattened(1, -1), loader.dataset.tensors[1])
    let members = try oneHot(labels, classes: RenderedDigits.classes).to(.float32)
    let means = try matmul(members.transposed(), images) / members.sum([0]).clamped(1, nil).unsqueezed(1)
    var result = Confusion(classes: RenderedDigits.classes)
    let (others, digits) = (heldOut.dataset.tensors[0].flattened(1, -1), heldOut.dataset.tensors[1])
    // |x - m|² without the |x|², which is the same for all.
    let nearness = try matmul(others, means.transposed()) * 2 - means.square().sum([1])
    result.add(shown: digits.integers(), said: nearness.argmax(1).integers())
    return result
  }
}
