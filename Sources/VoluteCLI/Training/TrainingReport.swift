import VoluteEngine
import VoluteInsight

/// What a run of training came to.
struct TrainingReport {
  let settings: DigitSettings
  let parameters: Int
  let steps: Int
  let epochs: [DigitTraining.Epoch]
  let time: Duration
  /// Images a second in training; `nil` if this process made no step.
  let speed: Double?
  let confusion: Confusion
  /// The share that the nearest mean image gets right.
  let baseline: Double

  init(_ training: DigitTraining, confusion: Confusion, baseline: Double) {
    settings = training.settings
    parameters = training.net.parameterCount
    steps = training.step
    epochs = training.epochs
    time = training.time
    let images = Double(training.ownSteps * settings.batchSize)
    speed = images > 0 ? images / (time / .seconds(1)) : nil
    self.confusion = confusion
    self.baseline = baseline
  }

  var text: String {
    var rows = [
      ("network", "\(grouped(parameters)) parameters"),
      (
        "training",
        "\(grouped(settings.images)) rendered digits, \(grouped(steps)) steps of \(settings.batchSize), "
          + "\(settings.epochs) epoch\(settings.epochs == 1 ? "" : "s")"
      ),
    ]
    if let speed { rows.append(("time", "\(timeText(time)), \(grouped(Int(speed))) images/s")) }
    rows.append(("held out", "\(percent(confusion.accuracy)) of \(grouped(confusion.total)) right"))
    rows.append(("for comparison", "\(percent(baseline)) by the nearest of ten mean images"))
    return "\n" + Report.text(rows) + "\n" + confusion.text.dropLast()
  }

  var json: JSON {
    .object([
      ("accuracy", .number(confusion.accuracy)), ("baseline", .number(baseline)),
      ("confusion", .array(confusion.counts.map(JSON.integers))),
      (
        "epochs",
        .array(
          epochs.map { epoch in
            .object([
              ("epoch", .integer(epoch.number)), ("loss", .number(epoch.loss)),
              ("accuracy", .number(epoch.accuracy)),
            ])
          })
      ),
      ("steps", .integer(steps)), ("batch_size", .integer(settings.batchSize)),
      ("learning_rate", .number(settings.learningRate)), ("seed", .integer(settings.seed)),
      ("images", .integer(settings.images)), ("held_out", .integer(settings.heldOut)),
      ("parameters", .integer(parameters)), ("threads", .integer(Engine.threadCount)),
      ("seconds", .number(time / .seconds(1))), ("images_per_second", speed.map(JSON.number) ?? .null),
    ])
  }
}
