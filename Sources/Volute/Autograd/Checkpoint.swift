/// Runs `function` without keeping what its backward needs, which runs it again instead: half the memory for half as
/// much work again.
///
/// Source: Chen and others, "Training Deep Nets with Sublinear Memory Cost" (2016).
///
/// `function` must give the same result each time; draws from the default generator are repeated. Leaves that it closes
/// over, such as the parameters of layers, get their gradients too; what it closes over beside leaves and `inputs`
/// counts as constant.
///
/// - Throws: what `function` throws the first time.
public func checkpoint(
  _ inputs: [Tensor], _ function: @escaping @Sendable ([Tensor]) throws -> Tensor
) throws -> Tensor {
  let state = Generator.default.state
  let detached = inputs.map { $0.detached() }
  let result = try noGrad { try function(detached) }
  // The anchor makes the result a part of the graph also where only what the function closes over has a gradient.
  let anchor = Tensor.zeros([]).requiringGrad()
  return result.recorded(
    inputs + [anchor], CheckpointBackward(inputs: inputs, state: state, function: function))
}

private struct CheckpointBackward: Backward {
  let inputs: [Tensor]
  let state: Generator.State
  let function: @Sendable ([Tensor]) throws -> Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let createsGraph = GradientMode.isEnabled
    let present = Generator.default.state
    Generator.default.state = state
    defer { Generator.default.state = present }
    // With a graph wanted the inputs stay connected, so that second derivatives reach what they were made of.
    let leaves = inputs.enumerated().map { index, input in
      !createsGraph && context.needs(index) ? input.requiringGrad() : input
    }
    let output: Tensor
    do {
      output = try enableGrad { try function(leaves) }
    } catch {
      preconditionFailure("checkpoint: the function threw when it ran again: \(error)")
    }
    guard output.requiresGrad else { return [] }
    let needed = inputs.indices.filter(context.needs)
    let found = trapping { () throws(ShapeError) in
      // Parameters that the function closes over are leaves of their own: one pass accumulates in them too.
      try BackwardPass.gradients(
        of: output, gradient, at: needed.map { leaves[$0] }, createsGraph: createsGraph)
    }
    var result: [Tensor?] = inputs.map { _ in nil }
    for (place, index) in needed.enumerated() { result[index] = found[place] }
    return result
  }
}
