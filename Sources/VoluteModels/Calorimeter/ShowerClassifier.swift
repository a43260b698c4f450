import Volute

/// How well a small network tells two kinds of rows apart that it has not seen: samples that are like the reference leave it
/// to guess.
///
/// Rows are parted into 60 % for training, 20 % for when to stop, and 20 % for the verdict.
public struct ShowerClassifier: Sendable {
  /// The share of pairs of a sample and a reference that are put in the right order: 0.5 is guessing, 1 is certainty.
  public let auc: Double
  /// The deviation of ``auc`` by chance where there is nothing to tell.
  public let uncertainty: Double
  /// Passes over the rows before the verdict on the held-out ones was best.
  public let epochs: Int

  /// Trains and judges.
  ///
  /// # Shapes
  /// - `reference`, `samples`: `[count, features]`, five of each at least; the larger is cut to the smaller.
  ///
  /// - Parameters:
  ///   - reference: features of real rows.
  ///   - samples: features of made ones.
  ///   - width: of the two hidden layers.
  ///   - epochs: passes over the rows, at most.
  ///   - patience: passes without getting better before it stops.
  ///   - seed: of weights, order and parts.
  ///   - didEpoch: is told of each pass.
  /// - Throws: `ShapeError` when the features differ or there are too few rows.
  public init(
    reference: Tensor, samples: Tensor, width: Int = 128, epochs: Int = 40, patience: Int = 6, seed: Int = 1,
    didEpoch: () -> Void = {}
  ) throws(ShapeError) {
    let count = Swift.min(reference.shape.first ?? 0, samples.shape.first ?? 0)
    guard reference.rank == 2, samples.rank == 2, reference.shape[1] == samples.shape[1], count >= 5 else {
      throw ShapeError(
        "shower_classifier", parameter: "samples",
        "expected two times [count, features] with five rows or more, but got \(reference.shape) and "
          + "\(samples.shape)", shapes: [reference.shape, samples.shape])
    }
    let generator = Generator(seed: seed)
    let rows = try concatenate([reference, samples].map { $0.sliced(0, 0..<count).to(.float32) })
    let labels = Tensor((0..<2 * count).map { Float($0 / count) })
    // The same places of both kinds, so that each part has as many of either.
    let order = Tensor.randperm(count, generator: generator).integers()
    let (held, tested) = (Swift.max(count / 5, 1), Swift.max(count / 5, 1))
    func part(_ range: Range<Int>) throws(ShapeError) -> (rows: Tensor, labels: Tensor) {
      let places = Tensor(range.map { order[$0] } + range.map { order[$0] + count })
      return (
        try indexSelect(rows, axis: 0, indices: places), try indexSelect(labels, axis: 0, indices: places)
      )
    }
    let training = try part(0..<count - held - tested)
    let holding = try part(count - held - tested..<count - tested)
    let testing = try part(count - tested..<count)
    let mean = training.rows.mean([0])
    let deviation = (training.rows - mean).square().mean([0]).sqrt().clamped(1e-6, nil)
    // What hardly changes in training must not be blown up elsewhere.
    func standardized(_ x: Tensor) -> Tensor { ((x - mean) / deviation).clamped(-10, 10) }
    let net = Sequential(
      Linear(inFeatures: rows.shape[1], outFeatures: width, generator: generator), LeakyReLU(),
      Linear(inFeatures: width, outFeatures: width, generator: generator), LeakyReLU(),
      Linear(inFeatures: width, outFeatures: 1, generator: generator))
    let optimizer = AdamW(net.parameters, learningRate: 1e-3, weightDecay: 0.01)
    func verdict(_ part: (rows: Tensor, labels: Tensor)) throws(ShapeError) -> (auc: Double, loss: Double) {
      try noGrad { () throws(ShapeError) in
        let logits = try net(standardized(part.rows)).flattened()
        let loss = try binaryCrossEntropyWithLogits(logits, part.labels)
        return (
          Self.areaUnderCurve(
            logits.elements(as: Double.self), part.labels.elements(as: Double.self).map { $0 > 0 }),
          loss.item(as: Double.self)
        )
      }
    }
    let inputs = standardized(training.rows)
    let batch = Swift.min(128, inputs.shape[0])
    var best = (loss: Double.infinity, epoch: 0, weights: net.stateDictionary)
    for epoch in 1...Swift.max(epochs, 1) {
      let order = Tensor.randperm(inputs.shape[0], generator: generator)
      for start in stride(from: 0, through: inputs.shape[0] - batch, by: batch) {
        let places = order.sliced(0, start..<start + batch)
        optimizer.zeroGrad()
        let logits = try net(indexSelect(inputs, axis: 0, indices: places)).flattened()
        try binaryCrossEntropyWithLogits(logits, indexSelect(training.labels, axis: 0, indices: places))
          .backward()
        optimizer.step()
      }
      let found = try verdict(holding)
      if found.loss < best.loss { best = (found.loss, epoch, net.stateDictionary.mapValues { $0.cloned() }) }
      didEpoch()
      if epoch - best.epoch >= patience { break }
    }
    // Its own weights fit.
    _ = trapping { () throws(StateError) in try net.load(best.weights) }
    auc = try verdict(testing).auc
    uncertainty = (Double(2 * tested + 1) / (12 * Double(tested * tested))).squareRoot()
    self.epochs = best.epoch
  }

  /// The share of pairs of a true and a false place whose scores are in order; equal scores count half.
  public static func areaUnderCurve(_ scores: [Double], _ isTrue: [Bool]) -> Double {
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    var (ranks, start) = (0.0, 0)
    while start < order.count {
      var end = start + 1
      while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
      // The mean of the ranks start + 1 ... end.
      let rank = Double(start + end + 1) / 2
      ranks += rank * Double(order[start..<end].count { isTrue[$0] })
      start = end
    }
    let positives = Double(isTrue.count { $0 })
    let negatives = Double(isTrue.count) - positives
    if positives == 0 || negatives == 0 { return 0.5 }
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
  }
}
