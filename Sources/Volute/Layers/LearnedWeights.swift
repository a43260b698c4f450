/// The weight and the bias of a layer, drawn as PyTorch draws them: at once, or when the first input says how many
/// inputs there are.
struct LearnedWeights: Sendable {
  let weight: Parameter
  let bias: Parameter?
  private let outputs: Int
  private let generator: Generator
  /// The weight's shape for a number of inputs.
  private let shape: @Sendable (_ inputs: Int) -> [Int]

  /// - Parameter inputs: `nil` waits for ``draw(inputs:)``.
  init(
    inputs: Int?, outputs: Int, hasBias: Bool, dtype: DType, generator: Generator,
    shape: @escaping @Sendable (_ inputs: Int) -> [Int]
  ) {
    self.outputs = outputs
    self.generator = generator
    self.shape = shape
    weight = .lazy(dtype: dtype)
    bias = hasBias ? Parameter(.zeros([outputs], dtype: dtype)) : nil
    if let inputs { draw(inputs: inputs) }
  }

  /// Draws the weights of a layer that has none yet.
  func draw(inputs: Int) {
    let start = defaultParameters(
      weightShape: shape(inputs), biasCount: bias.map { _ in outputs }, dtype: weight.dtype,
      generator: generator)
    weight.value = start.weight
    if let drawn = start.bias { bias?.value = drawn }
  }
}
