import VoluteEngine

/// The parameters that PyTorch's convolution, transposed convolution and linear layers start with.
///
/// Weight, then bias, are uniform within `±1/√fanIn`, where `fanIn` is the product of the weight's sizes but the
/// first. (In a transposed convolution that counts the outputs; so does PyTorch.)
///
/// - Parameters:
///   - weightShape: The weight's sizes, at least two.
///   - biasCount: The number of biases; `nil` for a layer without.
///   - dtype: the type of both.
///   - generator: what random numbers are drawn from.
public func defaultParameters(
  weightShape: [Int], biasCount: Int?, dtype: DType = .float32, generator: Generator = .default
) -> (weight: Tensor, bias: Tensor?) {
  precondition(
    weightShape.count >= 2,
    "default_parameters: fan in can not be computed for a weight with fewer than 2 dimensions, got \(weightShape)"
  )
  let fanIn = weightShape.dropFirst().reduce(1, *)
  let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
  func draw(_ shape: [Int]) -> Tensor {
    .uniform(shape, low: -bound, high: bound, dtype: dtype, generator: generator)
  }
  let weight = draw(weightShape)
  return (weight, biasCount.map { draw([$0]) })
}
