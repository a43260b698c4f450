import Testing
import Volute

extension GoldenCase {
  /// Derivatives that are other than PyTorch's on purpose, each at a point where there is none.
  static let otherDerivatives = [
    "prelu-3 second": "at zero PyTorch's second derivative takes the other side than its first",
    "grad-lp_pool2d-float32-batched-1 gradients":
      "a window's sum of zero has PyTorch's slope 0 and ours 1, the sum's",
    "grad-lp_pool2d-float32-batched-1 second": "as the gradients",
    "grad-pow1d-float32-unbatched-1 second":
      "at 0 to the power of 0 PyTorch multiplies zero by the logarithm of zero",
    "grad-var1d-float32-unbatched-2 second":
      "what divides by n - 1 = 0 is not a number, nor is its derivative",
  ]

  /// Runs the case with leaves for inputs and compares the result, its gradients for fixed cotangents, and the gradients of
  /// the gradients' weighted sum.
  func checkGradients() throws {
    var golden = self
    let keys = try #require(line["leaves"] as? [String])
    for key in keys { golden.given[key] = try input(key).requiringGrad() }
    let leaves = keys.compactMap { golden.given[$0] }
    let results: [Tensor]
    do {
      results = try golden.result().filter(\.requiresGrad)
    } catch let refusal as ShapeError {
      Issue.record("\(name): refused: \(refusal)")
      return
    }
    if line["outputs"] != nil {
      for (ours, theirs) in zip(results, try outputs()) { compare(ours.detached(), theirs, "output") }
    }
    let seed = UInt64(try #require(line["seed"] as? Int))
    let cotangents = results.enumerated().map {
      Self.generated($1.shape, $1.dtype, seed: seed + UInt64($0)).requiringGrad()
    }
    let first = try grad(
      of: results, with: leaves, gradients: cotangents, createGraph: true, allowUnused: true)
    try compare(keys, first, leaves, "gradients")
    guard line["second"] != nil else { return }
    var weighed = Tensor(0.0)
    for (place, gradient) in first.enumerated() {
      guard let gradient else { continue }
      let weights = Self.generated(gradient.shape, gradient.dtype, seed: seed + 100 + UInt64(place))
      weighed = weighed + (gradient * weights).sum()
    }
    let inputs = leaves + cotangents
    let second =
      weighed.requiresGrad
      ? try grad(of: [weighed], with: inputs, allowUnused: true) : inputs.map { _ in nil }
    try compare(keys + cotangents.indices.map { "cotangent\($0)" }, second, inputs, "second")
  }

  /// Compares tensors with those written under `field`; one that is missing on either side counts as zeros.
  private func compare(_ keys: [String], _ ours: [Tensor?], _ inputs: [Tensor], _ field: String) throws {
    if Self.otherDerivatives["\(name) \(field)"] != nil { return }
    let written = try #require(line[field] as? [String: Any])
    for (place, key) in keys.enumerated() {
      let zeros = Tensor.zeros(inputs[place].shape, dtype: inputs[place].dtype)
      let theirs = try written[key].map(Self.tensor) ?? zeros
      compare(ours[place]?.detached() ?? zeros, theirs, "\(field) \(key)")
    }
  }
}
