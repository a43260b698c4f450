import VoluteEngine

/// How the losses of the elements become one.
public enum LossReduction: Sendable {
  /// The mean of the losses, a scalar.
  case mean
  /// The sum of the losses, a scalar.
  case sum
  /// They do not.
  case none
}

extension Tensor {
  fileprivate func reduced(_ reduction: LossReduction) -> Tensor {
    switch reduction {
    case .mean: mean()
    case .sum: sum()
    case .none: self
    }
  }
}

private func checkShapes(
  _ operation: String, _ prediction: Tensor, _ target: Tensor
) throws(ShapeError) {
  if prediction.shape == target.shape { return }
  throw ShapeError(
    operation, parameter: "target",
    "expected a target of the prediction's shape \(prediction.shape), but got \(target.shape)",
    mend: "reshape one of them: broadcasting would average over pairs",
    shapes: [prediction.shape, target.shape])
}

/// The mean squared difference.
///
/// - Throws: ``ShapeError`` when the shapes differ.
public func mseLoss(
  _ prediction: Tensor, _ target: Tensor, reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  try checkShapes("mse_loss", prediction, target)
  return (prediction - target).square().reduced(reduction)
}

/// The mean absolute difference.
///
/// - Throws: ``ShapeError`` when the shapes differ.
public func l1Loss(
  _ prediction: Tensor, _ target: Tensor, reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  try checkShapes("l1_loss", prediction, target)
  return (prediction - target).abs().reduced(reduction)
}

/// Half the square of a difference up to `delta`, and a straight line beyond.
///
/// Source: Huber, "Robust Estimation of a Location Parameter" (1964).
///
/// - Throws: ``ShapeError`` when the shapes differ or `delta` is not positive.
public func huberLoss(
  _ prediction: Tensor, _ target: Tensor, delta: Double = 1, reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  try checkShapes("huber_loss", prediction, target)
  guard delta > 0 else {
    throw ShapeError("huber_loss", parameter: "delta", "delta must be positive, but got \(delta)")
  }
  let difference = prediction - target
  let distance = difference.abs()
  // The square sees no more than delta, so that it stays finite where the line is taken.
  let square = difference.clamped(-delta, delta).square() * 0.5
  return try `where`(distance .< delta, square, (distance - delta / 2) * delta).reduced(reduction)
}

/// The binary cross entropy of `sigmoid(logits)`, without overflow.
///
/// - Parameters:
///   - logits: any numbers; sigmoid or softmax make probabilities of them.
///   - target: probabilities of the positive class, of the logits' shape.
///   - weight: factors of the losses.
///   - positiveWeight: broadcasts over the logits.
///   - reduction: what becomes of the losses of single elements.
/// - Throws: ``ShapeError`` when the shapes differ.
public func binaryCrossEntropyWithLogits(
  _ logits: Tensor, _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil,
  reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  try checkShapes("binary_cross_entropy_with_logits", logits, target)
  for case let factor? in [weight, positiveWeight] {
    _ = try broadcastShape([logits.shape, factor.shape], operation: "binary_cross_entropy_with_logits")
  }
  // -log sigmoid(z) = log(1 + exp(-z)).
  let shared = (-logits).logOnePlusExp()
  var loss: Tensor
  if let positiveWeight {
    loss = (1 - target) * logits + ((positiveWeight - 1) * target + 1) * shared
  } else {
    loss = (1 - target) * logits + shared
  }
  if let weight { loss = loss * weight }
  return loss.reduced(reduction)
}

/// The negative logarithm of the probability that was given to the right class.
///
/// # Shapes
/// - `logProbabilities`: `[batch, classes, size...]` or `[classes]`.
/// - `target`: int64 `[batch, size...]`, or a single number.
/// - `weight`: `[classes]`; a mean is over the weights of the targets.
///
/// - Parameters:
///   - logProbabilities: as `logSoftmax` gives them.
///   - target: what is right, as said above.
///   - weight: factors of the losses.
///   - ignoredIndex: targets with it do not count.
///   - reduction: what becomes of the losses of single elements.
/// - Throws: ``ShapeError`` when shapes or types do not fit or a target is no class.
public func nllLoss(
  _ logProbabilities: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoredIndex: Int = -100,
  reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  let axis = try classAxis("nll_loss", logProbabilities, target)
  let classes = logProbabilities.shape[axis]
  guard target.dtype == .int64 else {
    throw ShapeError(
      "nll_loss", parameter: "target", "expected targets of dtype int64, but got \(target.dtype.rawValue)")
  }
  let isKept = target .!= ignoredIndex
  if let bad = target.integers().first(where: { $0 != ignoredIndex && ($0 < 0 || $0 >= classes) }) {
    throw ShapeError(
      "nll_loss", parameter: "target", "target \(bad) is out of bounds: there are \(classes) classes")
  }
  let places = target * isKept.to(.int64)
  let picked = try gather(logProbabilities, axis: axis, indices: places.unsqueezed(axis)).squeezed(axis)
  var weights = isKept.to(logProbabilities.dtype)
  if let weight {
    try checkWeight("nll_loss", weight, classes: classes)
    weights =
      weights
      * (try indexSelect(weight, axis: 0, indices: places.reshaped([-1])).reshaped(places.shape))
  }
  let losses = masked(isKept, -picked) * weights
  return reduction == .mean ? losses.sum() / weights.sum() : losses.reduced(reduction)
}

/// The cross entropy of `softmax(logits)` and the targets.
///
/// # Shapes
/// - `logits`: `[batch, classes, size...]` or `[classes]`.
/// - `target`: classes, int64 `[batch, size...]`; or probabilities of the logits' shape.
///
/// - Parameters:
///   - logits: any numbers; sigmoid or softmax make probabilities of them.
///   - target: what is right, as said above.
///   - weight: factors of the losses.
///   - ignoredIndex: targets with it do not count.
///   - smoothing: the share of a target that is spread over all classes.
///   - reduction: what becomes of the losses of single elements.
/// - Throws: ``ShapeError`` when shapes or types do not fit or a target is no class.
public func crossEntropy(
  _ logits: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoredIndex: Int = -100, smoothing: Double = 0,
  reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  guard smoothing >= 0, smoothing <= 1 else {
    throw ShapeError(
      "cross_entropy", parameter: "smoothing",
      "label_smoothing must be between 0.0 and 1.0, but got \(smoothing)")
  }
  let axis = logits.rank > 1 ? 1 : 0
  let logarithms = logits.logSoftmax(axis)
  let classes = logits.rank > 0 ? logits.shape[axis] : 0
  if let weight { try checkWeight("cross_entropy", weight, classes: classes) }
  let overClasses = weight.map { $0.reshaped([-1] + Array(repeating: 1, count: logits.rank - 1 - axis)) }
  if target.dtype.isFloatingPoint && target.shape == logits.shape {
    let smooth = smoothing == 0 ? target : target * (1 - smoothing) + smoothing / Double(classes)
    let terms = overClasses.map { logarithms * smooth * $0 } ?? logarithms * smooth
    let losses = -terms.sum([axis])
    return reduction == .mean ? losses.sum() / Double(Swift.max(losses.count, 1)) : losses.reduced(reduction)
  }
  let hard = try nllLoss(
    logarithms, target, weight: weight, ignoredIndex: ignoredIndex, reduction: reduction)
  if smoothing == 0 { return hard }
  let isKept = target .!= ignoredIndex
  let all = -(overClasses.map { logarithms * $0 } ?? logarithms).sum([axis])
  let spread = masked(isKept, all)
  let soft: Tensor
  if reduction == .mean {
    let kept = isKept.to(logits.dtype)
    let weights = try weight.map { (weight) throws(ShapeError) in
      try indexSelect(weight, axis: 0, indices: (target * isKept.to(.int64)).reshaped([-1]))
        .reshaped(target.shape) * kept
    }
    soft = spread.sum() / (weights ?? kept).sum()
  } else {
    soft = spread.reduced(reduction)
  }
  return hard * (1 - smoothing) + soft * (smoothing / Double(classes))
}

/// How much information is lost by taking `input` for `target`: the mean, or sum, of `target (log target - input)`.
///
/// - Parameters:
///   - input: logarithms of probabilities.
///   - target: the probabilities that they are compared with.
///   - isLogarithm: `target` holds logarithms too.
///   - averagesOverBatch: divide a sum by the first size, which is the mathematical mean, instead of by the
///     count.
///   - reduction: what becomes of the losses of single elements.
/// - Throws: ``ShapeError`` when the shapes differ.
public func klDivergence(
  _ input: Tensor, _ target: Tensor, isLogarithm: Bool = false, averagesOverBatch: Bool = false,
  reduction: LossReduction = .mean
) throws(ShapeError) -> Tensor {
  try checkShapes("kl_div", input, target)
  let terms: Tensor
  if isLogarithm {
    terms = target.exp() * (target - input)
  } else {
    // 0 log 0 is 0.
    let isPositive = target .> 0
    let safe = try `where`(isPositive, target, Tensor(full: [], 1, dtype: target.dtype))
    terms = target * safe.log() - target * input
  }
  if averagesOverBatch && reduction == .mean {
    return terms.sum() / Double(input.rank > 0 ? Swift.max(input.shape[0], 1) : 1)
  }
  return terms.reduced(reduction)
}

/// The axis of the classes, after checking that the targets have the other axes.
private func classAxis(
  _ operation: String, _ input: Tensor, _ target: Tensor
) throws(ShapeError) -> Int {
  guard input.rank > 0 else {
    throw ShapeError(operation, parameter: "input", "expected an input with classes, but got a single number")
  }
  let axis = input.rank > 1 ? 1 : 0
  var expected = input.shape
  expected.remove(at: axis)
  guard target.shape == expected else {
    throw ShapeError(
      operation, parameter: "target",
      "expected targets of shape \(expected) for an input of shape \(input.shape), but got \(target.shape)",
      shapes: [input.shape, target.shape])
  }
  return axis
}

private func checkWeight(
  _ operation: String, _ weight: Tensor, classes: Int
) throws(ShapeError) {
  if weight.shape == [classes] { return }
  throw ShapeError(
    operation, parameter: "weight",
    "weight tensor should be defined either for all \(classes) classes or no classes, but got shape "
      + "\(weight.shape)", shapes: [weight.shape])
}
