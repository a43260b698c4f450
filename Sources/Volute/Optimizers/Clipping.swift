import VoluteEngine

/// Scales all gradients together so that their norm is at most `maximum`.
///
/// Source: Pascanu and others, "On the difficulty of training recurrent neural networks" (2013).
///
/// - Returns: the norm before, of all gradients as one vector.
@discardableResult
public func clipGradNorm(_ parameters: [Parameter], maximum: Double, order: Double = 2) -> Double {
  noGrad {
    let gradients = parameters.compactMap(\.grad)
    if gradients.isEmpty { return 0 }
    let norms = gradients.map { $0.norm(order: order).item(as: Double.self) }
    let total = Tensor(norms).norm(order: order).item(as: Double.self)
    let scale = maximum / (total + 1e-6)
    if scale < 1 {
      for parameter in parameters { parameter.grad = parameter.grad.map { $0 * scale } }
    }
    return total
  }
}

/// Clamps every element of every gradient to `-maximum...maximum`.
public func clipGradValue(_ parameters: [Parameter], maximum: Double) {
  noGrad {
    for parameter in parameters { parameter.grad = parameter.grad?.clamped(-maximum, maximum) }
  }
}

/// A running mean of parameters: `average = decay average + (1 - decay) parameter`.
///
/// Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992).
public final class ExponentialMovingAverage {
  /// The share of the old average, 0 to 1.
  public let decay: Double
  private let parameters: [Parameter]
  /// In the order of the parameters.
  public private(set) var averages: [Tensor]

  /// Averages that start as the parameters are now.
  public init(_ parameters: [Parameter], decay: Double = 0.999) {
    precondition(decay >= 0 && decay <= 1, "ema: decay must be between 0 and 1, but got \(decay)")
    self.parameters = parameters
    self.decay = decay
    averages = parameters.map { $0.value.detached().cloned() }
  }

  /// Takes in what the parameters are now.
  public func update() {
    noGrad {
      for (index, parameter) in parameters.enumerated() {
        averages[index] = averages[index] * decay + parameter.value.detached() * (1 - decay)
      }
    }
  }

  /// Runs `body` with the averages in place of the parameters.
  ///
  /// - Throws: what `body` throws.
  public func withAverages<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let present = parameters.map { $0.value.detached() }
    for (parameter, average) in zip(parameters, averages) { parameter.value = average }
    defer {
      for (parameter, value) in zip(parameters, present) { parameter.value = value }
    }
    return try body()
  }

  /// The averages as `average.0`, `average.1`, ...
  public var stateDictionary: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: averages.enumerated().map { ("average.\($0)", $1) })
  }

  /// - Throws: ``StateError`` with every key that is missing, unexpected or of another shape; nothing is changed then.
  public func load(_ tensors: [String: Tensor]) throws(StateError) {
    var problems = StateError()
    var loaded: [Tensor] = []
    for (index, average) in averages.enumerated() {
      guard let tensor = tensors["average.\(index)"] else {
        problems.missing.append("average.\(index)")
        continue
      }
      if tensor.shape != average.shape {
        problems.mismatched.append(
          .init(key: "average.\(index)", expected: average.shape, found: tensor.shape))
      }
      loaded.append(tensor.to(average.dtype).cloned())
    }
    let known = Set(averages.indices.map { "average.\($0)" })
    problems.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    if !problems.isEmpty { throw problems }
    averages = loaded
  }
}
