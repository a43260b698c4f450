import Volute
import VoluteFormats

/// A run of training by numbered steps, from its beginning or from a checkpoint. What a step draws comes from its number,
/// so that a run that was stopped ends as one that was not.
final class StepRun<Model: Module> {
  let model: Model
  let total: Int
  private(set) var step = 0
  /// The loss of each step that this process made, and the time it took over them.
  private(set) var losses: [Double] = []
  private(set) var time = Duration.zero
  private let optimizer: Adam
  private let scheduler: Scheduler<AdamRule>
  private let path: String?
  private let values: [String: String]

  var isDone: Bool { step >= total }

  /// - Parameters:
  ///   - learningRate: the largest of the cycle that it goes through.
  ///   - path: of the checkpoint; `nil` keeps none.
  ///   - values: the run's settings, which a checkpoint keeps.
  init(_ model: Model, steps: Int, learningRate: Double, path: String?, values: [String: String]) {
    self.model = model
    total = steps
    optimizer = Adam(model.parameters, learningRate: learningRate)
    scheduler = Scheduler(optimizer, OneCycleLR(maximum: learningRate, total: steps))
    self.path = path
    self.values = values
  }

  /// Goes back to where a checkpoint was made.
  func resume(_ checkpoint: TrainingCheckpoint) throws(FormatError) {
    try checkpoint.restore(model, optimizer, scheduler)
    step = checkpoint.step
  }

  private func save() throws(FormatError) {
    guard let path else { return }
    try TrainingCheckpoint(step: step, model: model, optimizer, scheduler, values: values).write(to: path)
  }

  /// Trains to the end, or until `shouldStop` says so; a checkpoint is left every minute, and when it stops.
  ///
  /// - Parameter lossOfStep: of the step of that number.
  func run(until shouldStop: (StepRun) -> Bool, loss lossOfStep: (_ step: Int) throws -> Tensor) throws {
    let progress = Progress("training", of: total, from: step)
    defer { progress.finish() }
    let start = ContinuousClock.now
    var saved = start
    var recent: Double?
    model.train()
    while !isDone {
      optimizer.zeroGrad()
      let loss = try lossOfStep(step)
      let value = loss.item(as: Double.self)
      guard value.isFinite else {
        throw FormatError(
          path ?? "training", "the loss of step \(step + 1) is \(value)",
          mend: "try a smaller --learning-rate")
      }
      loss.backward()
      optimizer.step()
      scheduler.step()
      step += 1
      losses.append(value)
      let shown = recent.map { $0 * 0.95 + value * 0.05 } ?? value
      recent = shown
      progress.advance("loss \(decimals(shown, 4))")
      if shouldStop(self) { break }
      if ContinuousClock.now - saved > .seconds(60) {
        try save()
        saved = .now
      }
    }
    time = ContinuousClock.now - start
    try save()
  }

  /// How the loss changed: `0.1200 at first, 0.0031 at last`.
  var lossText: String? {
    if losses.isEmpty { return nil }
    let part = Swift.max(losses.count / 10, 1)
    func mean(_ part: ArraySlice<Double>) -> Double { part.reduce(0, +) / Double(part.count) }
    return
      "\(decimals(mean(losses.prefix(part)), 4)) at first, \(decimals(mean(losses.suffix(part)), 4)) at last"
  }
}
