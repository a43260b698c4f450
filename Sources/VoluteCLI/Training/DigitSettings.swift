import ArgumentParser
import VoluteFormats

/// What decides how a run goes, apart from the machine: a checkpoint keeps it.
struct DigitSettings: RunSettings {
  var epochs = 5
  var batchSize = 64
  var learningRate = 3e-3
  var seed = 1
  var images = 20_000
  var heldOut = 4_000

  init() {}

  /// By the options' names.
  var values: [String: String] {
    [
      "epochs": "\(epochs)", "batch-size": "\(batchSize)", "learning-rate": "\(learningRate)",
      "seed": "\(seed)", "images": "\(images)", "held-out": "\(heldOut)",
    ]
  }

  /// Those of a checkpoint; `nil` if they are not all there.
  init?(values: [String: String]) {
    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    guard let epochs = integer("epochs"), let batchSize = integer("batch-size"),
      let learningRate = values["learning-rate"].flatMap({ Double($0) }), let seed = integer("seed"),
      let images = integer("images"), let heldOut = integer("held-out")
    else { return nil }
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    self.images = images
    self.heldOut = heldOut
    if problem != nil { return nil }
  }

  /// What cannot be, in a clause.
  var problem: String? {
    Self.problem(
      counts: [
        ("epochs", epochs), ("batch-size", batchSize), ("images", images), ("held-out", heldOut),
      ], learningRate: learningRate)
  }
}
