import Testing
import Volute

extension GoldenCase {
  /// The result of an activation with settings, a normalisation, a loss, an index or a shuffle; `nil` for others.
  func learningOperation() throws -> [Tensor]? {
    try (activation() ?? normalization() ?? loss() ?? place()).map { [$0] }
  }

  private func activation() throws -> Tensor? {
    switch op {
    case "leaky_relu": return try input("0").leakyRelu(slope: double("slope") ?? 0.01)
    case "elu": return try input("0").elu(alpha: double("alpha") ?? 1)
    case "softplus":
      return try input("0").softplus(beta: double("beta") ?? 1, threshold: double("threshold") ?? 20)
    case "prelu": return try input("0").prelu(input("1"))
    default: return nil
    }
  }

  private func normalization() throws -> Tensor? {
    guard op.hasSuffix("_norm") else { return nil }
    let (x, weight, bias) = (try input("0"), try optionalInput("weight"), try optionalInput("bias"))
    let epsilon = try double("eps")
    switch op {
    case "group_norm":
      return try groupNorm(
        x, groups: int("groups") ?? 1, weight: weight, bias: bias, epsilon: epsilon ?? 1e-5)
    case "layer_norm":
      return try layerNorm(
        x, shape: ints("shape") ?? [], weight: weight, bias: bias, epsilon: epsilon ?? 1e-5)
    case "rms_norm": return try rmsNorm(x, shape: ints("shape") ?? [], weight: weight, epsilon: epsilon)
    case "instance_norm": return try instanceNorm(x, weight: weight, bias: bias, epsilon: epsilon ?? 1e-5)
    case "batch_norm":
      return try batchNorm(x, weight: weight, bias: bias, isTraining: true, epsilon: epsilon ?? 1e-5)
    default: return nil
    }
  }

  private func loss() throws -> Tensor? {
    let reductions: [String: LossReduction] = ["mean": .mean, "batchmean": .mean, "sum": .sum, "none": .none]
    guard let reduction = reductions[text("reduction") ?? ""], op != "reduce" else { return nil }
    let (x, y, weight) = (try input("0"), try input("1"), try optionalInput("weight"))
    let ignored = int("ignore_index") ?? -100
    switch op {
    case "mse_loss": return try mseLoss(x, y, reduction: reduction)
    case "l1_loss": return try l1Loss(x, y, reduction: reduction)
    case "huber_loss": return try huberLoss(x, y, delta: double("delta") ?? 1, reduction: reduction)
    case "bce_with_logits":
      return try binaryCrossEntropyWithLogits(
        x, y, weight: weight, positiveWeight: optionalInput("pos_weight"), reduction: reduction)
    case "nll_loss": return try nllLoss(x, y, weight: weight, ignoredIndex: ignored, reduction: reduction)
    case "cross_entropy":
      return try crossEntropy(
        x, y, weight: weight, ignoredIndex: ignored, smoothing: double("label_smoothing") ?? 0,
        reduction: reduction)
    case "kl_div":
      return try klDivergence(
        x, y, isLogarithm: bool("log_target") ?? false, averagesOverBatch: text("reduction") == "batchmean",
        reduction: reduction)
    default: return nil
    }
  }

  private func place() throws -> Tensor? {
    switch op {
    case "pixel_shuffle": return try pixelShuffle(input("0"), ints("factors") ?? [])
    case "pixel_unshuffle": return try pixelUnshuffle(input("0"), ints("factors") ?? [])
    case "index": return try input("0")[subscripts()]
    case "assign":
      // A leaf cannot be written to.
      var result = try input("0").cloned()
      result[try subscripts()] = try input("1")
      return result
    default: return nil
    }
  }

  /// `index`: numbers, `[start, stop, step]`, `"..."` and `"new"`.
  private func subscripts() throws -> [TensorIndex] {
    try #require(arguments["index"] as? [Any]).map { part in
      if let place = part as? Int { return TensorIndex(at: place) }
      if let word = part as? String { return word == "new" ? .newAxis : .ellipsis }
      let bounds = try #require(part as? [Any])
      let (start, stop) = (bounds[0] as? Int ?? 0, bounds[1] as? Int)
      let step = bounds.count > 2 ? bounds[2] as? Int ?? 1 : 1
      return stop.map { .stepping(start..<$0, by: step) } ?? .stepping(start..., by: step)
    }
  }
}
