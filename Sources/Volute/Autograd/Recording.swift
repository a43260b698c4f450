extension Tensor {
  /// Whether gradients by this tensor are computed: it is a leaf that asks for one, or was made of such.
  ///
  /// Setting it makes the tensor a leaf of a new graph, or a constant. Copies share the leaf's gradient.
  public var requiresGrad: Bool {
    get { node != nil }
    set {
      precondition(
        !newValue || dtype.isFloatingPoint,
        "requires_grad: only tensors of floating point dtype can require gradients, got \(dtype.rawValue)")
      if newValue == requiresGrad { return }
      precondition(
        newValue || isLeaf,
        "requires_grad: you can only change it for leaves; use detached() for a tensor without a graph")
      node = newValue ? GradientNode(nil, inputs: [], shape: shape, dtype: dtype) : nil
    }
  }

  /// A leaf with the same elements that asks for a gradient.
  public func requiringGrad(_ requiresGrad: Bool = true) -> Tensor {
    var result = detached()
    result.requiresGrad = requiresGrad
    return result
  }

  /// Whether the tensor was not made by a recorded operation.
  public var isLeaf: Bool { node?.isLeaf ?? true }

  /// The operation that made the tensor, if it was recorded.
  public var gradientFunction: GradientNode? { isLeaf ? nil : node }

  /// The gradient that `backward()` has accumulated: in leaves, and where ``retainGrad()`` asked for it.
  public var grad: Tensor? {
    get { node?.gradient }
    nonmutating set {
      guard let node else {
        precondition(newValue == nil, "grad: the tensor does not require a gradient")
        return
      }
      if let newValue {
        precondition(
          newValue.shape == shape && newValue.dtype == dtype,
          "grad: expected a gradient of shape \(shape) and dtype \(dtype.rawValue), but got \(newValue.shape) "
            + "and \(newValue.dtype.rawValue)")
      }
      node.gradient = newValue
    }
  }

  /// Makes `backward()` keep this tensor's gradient though it is not a leaf.
  public func retainGrad() {
    guard let node else {
      preconditionFailure("retain_grad: can't retain_grad on a tensor that does not require a gradient")
    }
    node.keepsGradient = true
  }

  /// The same elements without a graph; shares bytes.
  public func detached() -> Tensor {
    if node == nil { return self }
    var result = self
    result.node = nil
    return result
  }

  /// Calls `body` with the gradient by this tensor whenever it has been computed; what it returns replaces it.
  @discardableResult
  public func registerHook(_ body: @escaping @Sendable (Tensor) -> Tensor?) -> HookHandle {
    guard let node else {
      preconditionFailure(
        "register_hook: cannot register a hook on a tensor that does not require a gradient")
    }
    return HookHandle(node: node, id: node.addHook(body))
  }

  /// Records that this tensor was made of `inputs`, if any of them requires a gradient and recording is on.
  ///
  /// ```swift
  /// struct DoubledBackward: Backward {
  ///   func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient * 2] }
  /// }
  /// func doubled(_ x: Tensor) -> Tensor { (x.detached() * 2).recorded([x], DoubledBackward()) }
  /// ```
  public func recorded(_ inputs: [Tensor?], _ backward: @autoclosure () -> any Backward) -> Tensor {
    guard inputs.contains(where: { $0?.node != nil }), GradientMode.isEnabled, dtype.isFloatingPoint else {
      return self
    }
    var result = self
    result.node = GradientNode(backward(), inputs: inputs.map { $0?.node }, shape: shape, dtype: dtype)
    return result
  }

  /// See ``recorded(_:_:)-([Tensor?],_)``.
  func recorded(_ input: Tensor, _ backward: @autoclosure () -> any Backward) -> Tensor {
    // Without a list, since most calls record nothing.
    guard input.node != nil, GradientMode.isEnabled, dtype.isFloatingPoint else { return self }
    var result = self
    result.node = GradientNode(backward(), inputs: [input.node], shape: shape, dtype: dtype)
    return result
  }

  /// Whether an operation on this tensor would be recorded.
  var isRecording: Bool { node != nil && GradientMode.isEnabled }
}

/// Removes a hook.
public struct HookHandle: Sendable {
  let node: GradientNode
  let id: Int

  /// Ends the calls of the hook.
  public func remove() { node.removeHook(id) }
}
