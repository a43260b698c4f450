import VoluteEngine

/// Computes the gradients of `outputs` by every leaf that they were made of, and adds them to the leaves' ``Tensor/grad``.
///
/// - Parameters:
///   - outputs: what is differentiated.
///   - gradients: of the shapes of `outputs`; may be left out for single numbers, which count once.
///   - retainGraph: keep what the graph has saved, for another pass; by default as `createGraph`.
///   - createGraph: record the pass itself, so that its gradients can be differentiated.
/// - Throws: ``ShapeError`` when an output requires no gradient, a gradient is missing or does not fit, or the graph
///   has been released by an earlier pass.
public func backward(
  _ outputs: [Tensor], gradients: [Tensor?]? = nil, retainGraph: Bool? = nil, createGraph: Bool = false
) throws(ShapeError) {
  _ = try BackwardPass(
    operation: "backward", retainsGraph: retainGraph ?? createGraph, createsGraph: createGraph, wanted: nil
  ).run(outputs, gradients)
}

/// The gradients of `outputs` by `inputs`; the leaves' ``Tensor/grad`` stays as it is.
///
/// - Parameters:
///   - outputs: what is differentiated.
///   - inputs: tensors that require a gradient.
///   - gradients: of the shapes of `outputs`; may be left out for single numbers.
///   - retainGraph: keep what the graph has saved, for another pass; by default as `createGraph`.
///   - createGraph: record the pass itself, so that its gradients can be differentiated.
///   - allowUnused: give `nil` for an input that the outputs do not depend on, instead of throwing.
/// - Returns: one gradient an input, of its shape.
/// - Throws: ``ShapeError`` as ``backward(_:gradients:retainGraph:createGraph:)``, and for unused inputs.
public func grad(
  of outputs: [Tensor], with inputs: [Tensor], gradients: [Tensor?]? = nil, retainGraph: Bool? = nil,
  createGraph: Bool = false, allowUnused: Bool = false
) throws(ShapeError) -> [Tensor?] {
  var wanted: [ObjectIdentifier: Int] = [:]
  var slots: [Int] = []
  for (index, input) in inputs.enumerated() {
    guard let node = input.node else {
      throw ShapeError(
        "grad", parameter: "inputs", "input \(index) does not require a gradient",
        mend: "set requiresGrad before it is used")
    }
    let slot = wanted[ObjectIdentifier(node)] ?? wanted.count
    wanted[ObjectIdentifier(node)] = slot
    slots.append(slot)
  }
  let found = try BackwardPass(
    operation: "grad", retainsGraph: retainGraph ?? createGraph, createsGraph: createGraph, wanted: wanted
  ).run(outputs, gradients)
  var result: [Tensor?] = []
  for (index, slot) in slots.enumerated() {
    if found[slot] == nil && !allowUnused {
      throw ShapeError(
        "grad", parameter: "inputs",
        "one of the differentiated tensors appears to not have been used in the graph: input \(index)",
        mend: "set allowUnused if this is the desired behaviour")
    }
    result.append(found[slot])
  }
  return result
}

/// The gradient of a single number by one tensor. See
/// ``grad(of:with:gradients:retainGraph:createGraph:allowUnused:)``.
public func grad(
  of output: Tensor, with input: Tensor, retainGraph: Bool? = nil, createGraph: Bool = false
) throws(ShapeError) -> Tensor {
  let found = try grad(
    of: [output], with: [input], retainGraph: retainGraph, createGraph: createGraph)
  // An unused input has thrown.
  return found[0] ?? Tensor.zeros(input.shape, dtype: input.dtype)
}

extension Tensor {
  /// See ``Volute/backward(_:gradients:retainGraph:createGraph:)``; traps where that throws.
  public func backward(
    _ gradient: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false
  ) {
    trapping { () throws(ShapeError) in
      try Volute.backward(
        [self], gradients: [gradient], retainGraph: retainGraph, createGraph: createGraph)
    }
  }
}

/// One walk over a graph, from the outputs to the leaves.
struct BackwardPass {
  let operation: String
  let retainsGraph: Bool
  let createsGraph: Bool
  /// The nodes whose gradients are asked for, with their places; `nil` to accumulate in the leaves.
  let wanted: [ObjectIdentifier: Int]?
  /// Accumulate in all other leaves too.
  var accumulatesElsewhere = false

  /// The gradients of a recomputed output at `inputs`; every other leaf accumulates its own.
  static func gradients(
    of output: Tensor, _ gradient: Tensor, at inputs: [Tensor], createsGraph: Bool
  ) throws(ShapeError) -> [Tensor?] {
    var wanted: [ObjectIdentifier: Int] = [:]
    var slots: [Int?] = []
    for input in inputs {
      guard let node = input.node else {
        slots.append(nil)
        continue
      }
      let slot = wanted[ObjectIdentifier(node)] ?? wanted.count
      wanted[ObjectIdentifier(node)] = slot
      slots.append(slot)
    }
    let found = try BackwardPass(
      operation: "checkpoint", retainsGraph: createsGraph, createsGraph: createsGraph, wanted: wanted,
      accumulatesElsewhere: true
    ).run([output], [gradient])
    return slots.map { $0.flatMap { found[$0] } }
  }

  func run(_ outputs: [Tensor], _ given: [Tensor?]?) throws(ShapeError) -> [Tensor?] {
    var pending: [ObjectIdentifier: Tensor] = [:]
    var roots: [GradientNode] = []
    for (index, output) in outputs.enumerated() {
      guard let node = output.node else {
        throw ShapeError(
          operation, parameter: "outputs",
          "element \(index) of tensors does not require grad and does not have a grad_fn",
          mend: "set requiresGrad on a leaf before computing, outside of noGrad")
      }
      let gradient = try initial(output, given.flatMap { $0.indices.contains(index) ? $0[index] : nil })
      add(gradient, to: ObjectIdentifier(node), in: &pending)
      roots.append(node)
    }
    return try withGradientMode(createsGraph) { () throws(ShapeError) in
      try walk(from: roots, &pending)
    }
  }

  private func initial(_ output: Tensor, _ given: Tensor?) throws(ShapeError) -> Tensor {
    guard let given else {
      guard output.count == 1 else {
        throw ShapeError(
          operation, parameter: "gradient",
          "grad can be implicitly created only for scalar outputs, but the "
            + "output has shape \(output.shape)", mend: "give a gradient of that shape",
          shapes: [output.shape])
      }
      return Tensor.ones(output.shape, dtype: output.dtype)
    }
    guard given.shape == output.shape else {
      throw ShapeError(
        operation, parameter: "gradient",
        "mismatch in shape: the gradient has a shape of \(given.shape) and the output has a shape of "
          + "\(output.shape)", shapes: [given.shape, output.shape])
    }
    return given.to(output.dtype)
  }

  private func walk(
    from roots: [GradientNode], _ pending: inout [ObjectIdentifier: Tensor]
  ) throws(ShapeError) -> [Tensor?] {
    var found: [Tensor?] = Array(repeating: nil, count: wanted?.count ?? 0)
    // A node is younger than its inputs, so the order of birth, backwards, visits it after all that use it.
    let nodes = sorted(from: roots)
    let useful = leading(nodes)
    for node in nodes {
      let id = ObjectIdentifier(node)
      func isUseful(_ node: GradientNode) -> Bool { useful?.contains(ObjectIdentifier(node)) ?? true }
      guard var gradient = pending.removeValue(forKey: id) else { continue }
      gradient = node.hooked(gradient)
      if let place = wanted?[id] {
        found[place] = gradient
        // What lies below an input that is asked for belongs to the caller's graph.
        if accumulatesElsewhere { continue }
      } else if wanted == nil || accumulatesElsewhere, node.keepsGradient {
        node.accumulate(gradient)
      }
      let needs = node.inputs.map { $0.map(isUseful) ?? false }
      if !needs.contains(true) { continue }
      guard let backward = node.backward else {
        throw ShapeError(
          operation, parameter: "outputs",
          "trying to backward through the graph a second time: what \(node.name) saved has been released",
          mend: "set retainGraph in the first pass")
      }
      let gradients = backward.gradients(gradient, BackwardContext(node: node, needed: needs))
      for (input, part) in zip(node.inputs, gradients) {
        guard let input, let part, isUseful(input) else { continue }
        assert(
          part.shape == input.shape && part.dtype == input.dtype, "\(node.name): gradient of a wrong shape")
        add(part, to: ObjectIdentifier(input), in: &pending)
      }
      if !retainsGraph { node.release() }
    }
    return found
  }

  /// Those of `nodes` that lead to what is asked for; `nil` stands for all.
  private func leading(_ nodes: [GradientNode]) -> Set<ObjectIdentifier>? {
    guard let wanted, !accumulatesElsewhere else { return nil }
    var result = Set(wanted.keys)
    for node in nodes.reversed()
    where node.inputs.contains(where: { $0.map { result.contains(ObjectIdentifier($0)) } ?? false }) {
      result.insert(ObjectIdentifier(node))
    }
    return result
  }

  /// All nodes below `roots`, the youngest first.
  private func sorted(from roots: [GradientNode]) -> [GradientNode] {
    var seen: Set<ObjectIdentifier> = []
    var nodes: [GradientNode] = []
    var waiting = roots
    while let node = waiting.popLast() {
      guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
      nodes.append(node)
      for case let input? in node.inputs where !seen.contains(ObjectIdentifier(input)) {
        waiting.append(input)
      }
    }
    return nodes.sorted { $0.order > $1.order }
  }

  private func add(
    _ gradient: Tensor, to id: ObjectIdentifier, in pending: inout [ObjectIdentifier: Tensor]
  ) {
    guard var sum = pending.removeValue(forKey: id) else {
      pending[id] = gradient
      return
    }
    sum.accumulate(gradient)
    pending[id] = sum
  }
}

extension Tensor {
  /// Adds `other`, in place where nobody else sees the bytes and nothing is recorded.
  fileprivate mutating func accumulate(_ other: Tensor) {
    if isRecording || other.isRecording {
      self = self + other
      return
    }
    withMutableStrided { sum in
      other.withStrided { Engine.binary(.add, sum, $0, to: sum) }
    }
  }
}
