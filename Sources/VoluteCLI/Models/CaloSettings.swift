import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

/// How the noise of a diffusion grows.
enum NamedSchedule: String, ExpressibleByArgument, CaseIterable {
  case cosine, linear, edm

  var schedule: NoiseSchedule {
    switch self {
    case .cosine: .cosine()
    case .linear: .linear()
    case .edm: .logNormal()
    }
  }
}

extension DiffusionObjective: ExpressibleByArgument {}
extension DiffusionSampler: ExpressibleByArgument {}

/// What decides how a run of training on showers goes, apart from the machine: a checkpoint keeps it.
struct CaloSettings {
  var geometry: CaloGeometry
  var schedule = NamedSchedule.cosine
  var objective: DiffusionObjective
  var steps = 1000
  var batchSize = 32
  var learningRate: Double
  var seed = 1
  /// Synthetic ones, where no file is given.
  var showers = 2000
  /// The file of showers, or nothing.
  var data = ""
  /// The share of showers that are shown without their energy.
  var dropped = 0.0
  /// The share of showers that are not trained on, but judge each epoch.
  var heldOut = 0.0
  /// Epochs without getting better after which the learning rate falls to a tenth; 0 leaves it.
  var patience = 0
  /// Epochs without getting better after which the run ends; 0 goes on.
  var earlyStop = 0

  var preset: ShowerPreset { geometry.preset }

  init(_ geometry: CaloGeometry = CaloGeometry()) {
    self.geometry = geometry
    objective = geometry.base.objective
    learningRate = geometry.base.learningRate
  }

  /// By the options' names.
  var values: [String: String] {
    geometry.values.merging([
      "schedule": schedule.rawValue, "objective": objective.rawValue, "steps": "\(steps)",
      "batch-size": "\(batchSize)", "learning-rate": "\(learningRate)", "seed": "\(seed)",
      "showers": "\(showers)", "data": data, "drop-energy": "\(dropped)", "held-out": "\(heldOut)",
      "patience": "\(patience)", "early-stop": "\(earlyStop)",
    ]) { $1 }
  }

  /// Those of a checkpoint; `nil` if they are not all there.
  init?(values: [String: String]) {
    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    func number(_ name: String) -> Double? { values[name].flatMap { Double($0) } }
    guard let geometry = CaloGeometry(values: values),
      let schedule = values["schedule"].flatMap({ NamedSchedule(rawValue: $0) }),
      let objective = values["objective"].flatMap({ DiffusionObjective(rawValue: $0) }),
      let steps = integer("steps"), let batchSize = integer("batch-size"),
      let learningRate = number("learning-rate"), let seed = integer("seed"),
      let showers = integer("showers"), let data = values["data"], let dropped = number("drop-energy"),
      let heldOut = number("held-out"), let patience = integer("patience"),
      let earlyStop = integer("early-stop")
    else { return nil }
    self.geometry = geometry
    self.schedule = schedule
    self.objective = objective
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    self.showers = showers
    self.data = data
    self.dropped = dropped
    self.heldOut = heldOut
    self.patience = patience
    self.earlyStop = earlyStop
    if problem != nil { return nil }
  }

  /// What cannot be, in a clause.
  var problem: String? {
    for (name, value) in [("steps", steps), ("batch-size", batchSize), ("showers", showers)] {
      if value < 1 { return "--\(name) \(value) is none; give 1 or more" }
      if value > 10_000_000 { return "--\(name) \(value) is too many; give 10000000 or fewer" }
    }
    guard learningRate > 0, learningRate.isFinite else {
      return "--learning-rate \(learningRate) teaches nothing; give a positive number"
    }
    if !(0...1 ~= dropped) { return "--drop-energy \(dropped) is no share; give 0 to 1" }
    if !(0..<1 ~= heldOut) {
      return "--held-out \(heldOut) leaves nothing to learn from; give 0 to less than 1"
    }
    for (name, value) in [("patience", patience), ("early-stop", earlyStop)] {
      if value < 0 { return "--\(name) \(value) is no number of epochs; give 1 or more, or 0 for never" }
      if value > 0 && heldOut == 0 {
        return "--\(name) looks at showers that are held out; give --held-out 0.15 too"
      }
    }
    if data.isEmpty { return problem(count: showers) }
    return nil
  }

  /// The number of so many showers that are held out.
  func heldOutCount(of count: Int) -> Int { Int((Double(count) * heldOut).rounded()) }

  /// What cannot be with so many showers, in a clause.
  func problem(count: Int) -> String? {
    let held = heldOutCount(of: count)
    if heldOut > 0 && held == 0 { return "--held-out \(heldOut) of \(count) showers is none" }
    if count - held < batchSize {
      return "\(count - held) showers to learn from do not fill a batch of \(batchSize)"
    }
    return nil
  }
}
