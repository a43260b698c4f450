/// Gradients that are not those that finite changes of the inputs show.
public struct GradientMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  /// Which input, and which of its elements in row-major order.
  public let input: Int
  /// The place of the element in its input, in row-major order.
  public let element: Int
  /// The derivative that the backward pass gave.
  public let analytical: Double
  /// The derivative by central differences.
  public let numerical: Double

  public var description: String {
    "gradcheck: gradient mismatch for input \(input), element \(element): \(analytical) by backward, "
      + "\(numerical) by finite changes"
  }
}

/// Compares the gradients of `function` with central differences of its values.
///
/// The outputs are weighed with fixed random numbers, so one backward pass checks every input's gradient; `function` is
/// called twice for each element of the inputs.
///
/// - Parameters:
///   - inputs: float64; those that require a gradient are checked.
///   - step: by which an element is changed to either side.
///   - absolute: a difference of `absolute + relative * |numerical|` is let pass.
///   - relative: a difference of `absolute + relative * |numerical|` is let pass.
///   - function: makes outputs of the inputs, the same ones each time.
/// - Throws: ``GradientMismatch`` for the first element that differs; what `function` throws; ``ShapeError`` when no
///   output depends on the inputs.
public func gradcheck(
  _ inputs: [Tensor], step: Double = 1e-6, absolute: Double = 1e-5, relative: Double = 1e-3,
  _ function: ([Tensor]) throws -> [Tensor]
) throws {
  let leaves = inputs.map { $0.requiresGrad ? $0.requiringGrad() : $0 }
  for (index, leaf) in leaves.enumerated() where leaf.requiresGrad && leaf.dtype != .float64 {
    throw ShapeError(
      "gradcheck", parameter: "inputs",
      "input \(index) is \(leaf.dtype.rawValue), too coarse for finite changes",
      mend: "use float64")
  }
  let outputs = try enableGrad { try function(leaves) }
  let generator = Generator(seed: 2_718_281_828)
  let weights = outputs.map {
    $0.dtype.isFloatingPoint
      ? Tensor.uniform($0.shape, low: 0.5, high: 1.5, dtype: $0.dtype, generator: generator) : nil
  }
  let differentiable = outputs.indices.filter { outputs[$0].requiresGrad }
  let checked = leaves.indices.filter { leaves[$0].requiresGrad }
  let gradients = try grad(
    of: differentiable.map { outputs[$0] }, with: checked.map { leaves[$0] },
    gradients: differentiable.map { weights[$0] }, allowUnused: true)

  func value(_ inputs: [Tensor]) throws -> Double {
    try noGrad {
      try zip(function(inputs), weights).reduce(0) { sum, pair in
        guard let weight = pair.1 else { return sum }
        return sum + (pair.0.to(.float64) * weight.to(.float64)).sum().item(as: Double.self)
      }
    }
  }
  for (gradient, index) in zip(gradients, checked) {
    let shape = leaves[index].shape
    let analytical = gradient?.elements(as: Double.self) ?? Array(repeating: 0, count: leaves[index].count)
    let elements = leaves[index].elements(as: Double.self)
    for element in elements.indices {
      func shifted(_ change: Double) throws -> Double {
        var moved = elements
        moved[element] += change
        var arguments = leaves.map { $0.detached() }
        arguments[index] = Tensor(moved, shape: shape)
        return try value(arguments)
      }
      let numerical = try (shifted(step) - shifted(-step)) / (2 * step)
      if abs(analytical[element] - numerical) <= absolute + relative * abs(numerical) { continue }
      throw GradientMismatch(
        input: index, element: element, analytical: analytical[element], numerical: numerical)
    }
  }
}

/// ``gradcheck(_:step:absolute:relative:_:)`` of the gradients of `function`: checks second derivatives.
///
/// - Throws: as ``gradcheck(_:step:absolute:relative:_:)``.
public func gradgradcheck(
  _ inputs: [Tensor], step: Double = 1e-6, absolute: Double = 1e-5, relative: Double = 1e-3,
  _ function: ([Tensor]) throws -> [Tensor]
) throws {
  let count = inputs.count
  let outputs = try function(inputs.map { $0.requiresGrad ? $0.requiringGrad() : $0 })
    .enumerated().filter { $0.element.requiresGrad }
  let generator = Generator(seed: 1_618_033_988)
  let cotangents = outputs.map {
    Tensor.uniform($0.element.shape, low: 0.5, high: 1.5, dtype: $0.element.dtype, generator: generator)
      .requiringGrad()
  }
  let places = outputs.map(\.offset)
  try gradcheck(inputs + cotangents, step: step, absolute: absolute, relative: relative) { arguments in
    // Finite changes run without recording, so what is differentiated here asks for it again.
    try enableGrad {
      let leaves = arguments.prefix(count).enumerated().map { index, tensor in
        inputs[index].requiresGrad && !tensor.requiresGrad ? tensor.requiringGrad() : tensor
      }
      let values = try function(leaves)
      let wanted = leaves.filter(\.requiresGrad)
      return try grad(
        of: places.map { values[$0] }, with: wanted, gradients: Array(arguments.suffix(places.count)),
        createGraph: true, allowUnused: true
      ).enumerated().map { $1 ?? Tensor.zeros(wanted[$0].shape, dtype: .float64) }
    }
  }
}
