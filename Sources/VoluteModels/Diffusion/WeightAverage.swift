import Volute

/// A model beside a running average of its weights, which gives better samples than the weights themselves.
///
/// State: the model's under `model.`, the average's under `average.`, and the number of updates.
public final class WeightAverage<Model: Module>: Module {
  /// What is trained.
  public let model: Model
  /// A model of its own with the averaged weights.
  public let average: Model
  /// What the average keeps of itself in an update.
  public let decay: Double
  private let updates = Buffer(Tensor(0))

  /// - Parameters:
  ///   - model: what is trained.
  ///   - average: a model made the same way; it takes the model's weights.
  ///   - decay: what the average keeps of itself in an update; less in the first ones.
  /// - Throws: `StateError` when the models differ.
  public init(_ model: Model, average: Model, decay: Double = 0.999) throws(StateError) {
    self.model = model
    self.average = average
    self.decay = decay
    try average.load(model.stateDictionary)
  }

  /// Takes in the model's present weights.
  public func update() {
    let count = updates.value.item(as: Int64.self) + 1
    updates.value = Tensor(Int(count))
    // An average over what there has been so far, as long as that is shorter.
    let kept = Swift.min(decay, Double(count) / Double(count + 9))
    noGrad {
      for (mean, parameter) in zip(average.parameters, model.parameters) {
        mean.value = mean.value.detached() * kept + parameter.value.detached() * (1 - kept)
      }
    }
  }
}
