/// What an operation costs, in counts that do not depend on the machine.
public struct Cost: Hashable, Sendable {
  /// Learned values, bias included.
  public var parameters: Int
  /// Multiplications followed by an addition, padding included, as is customary.
  public var multiplyAdds: Double
  /// Elements read and written once each: input, output, parameters.
  public var elements: Double

  /// Bytes of input, output and parameters for elements of `size` bytes.
  public func bytes(elementSize size: Int) -> Double { elements * Double(size) }
}

extension ConvolutionGeometry {
  /// The cost of one evaluation.
  ///
  /// A transposed convolution multiplies once for each *input* element and tap: counting its outputs instead, as
  /// some tools do, is wrong by the stride.
  public func cost(bias: Bool) -> Cost {
    let weights = weightShape.reduce(1, *)
    let parameters = weights + (bias ? outputChannels : 0)
    let positions = (isTransposed ? inputSize : outputSize).reduce(1.0) { $0 * Double($1) }
    let elements =
      inputShape.reduce(1.0) { $0 * Double($1) } + outputShape.reduce(1.0) { $0 * Double($1) }
    return Cost(
      parameters: parameters, multiplyAdds: Double(batch) * positions * Double(weights),
      elements: elements + Double(parameters))
  }
}
