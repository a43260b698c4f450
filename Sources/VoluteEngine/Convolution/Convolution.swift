import VoluteArithmetic

/// How a convolution is computed.
public enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable {
  /// Term by term in the order of the definition: any type, any size, slow; what the others are checked against.
  case reference
  /// A blocked matrix product whose right side is gathered through the axis maps: Float32 and Float64.
  case matrix
}

extension Engine {
  /// The algorithm that ``convolution(_:input:weight:bias:to:algorithm:)`` takes by itself.
  public static func convolutionAlgorithm(
    for geometry: ConvolutionGeometry, _ dtype: DType
  ) -> ConvolutionAlgorithm {
    let hasKernel = dtype == .float32 || dtype == .float64
    return hasKernel && geometry.rank <= WindowTable.maximumRank ? .matrix : .reference
  }

  /// A convolution or transposed convolution over contiguous arrays of one type.
  ///
  /// - Parameters:
  ///   - bias: one element an output channel, or `nil`.
  ///   - algorithm: `nil` chooses. `.matrix` is for Float32 and Float64 and at most nine spatial axes.
  public static func convolution(
    _ geometry: ConvolutionGeometry, input: StridedArray, weight: StridedArray, bias: StridedArray?,
    to output: StridedArray, algorithm: ConvolutionAlgorithm? = nil
  ) {
    if output.count == 0 { return }
    switch (algorithm ?? convolutionAlgorithm(for: geometry, output.dtype), output.dtype) {
    case (.matrix, .float32):
      matrixConvolution(geometry, input, weight, bias, output, Float.self)
    case (.matrix, .float64):
      matrixConvolution(geometry, input, weight, bias, output, Double.self)
    default:
      output.dtype.dispatch(
        ReferenceConvolution(
          geometry: geometry, input: input, weight: weight, bias: bias, output: output))
    }
  }
}

/// The definition, element by element, accumulated in the arithmetic type.
private struct ReferenceConvolution: ElementVisitor {
  let geometry: ConvolutionGeometry
  let input: StridedArray
  let weight: StridedArray
  let bias: StridedArray?
  let output: StridedArray

  func visit<T: Element>(_ type: T.Type) {
    let from = input.pointer(as: T.self)
    let factors = weight.pointer(as: T.self)
    let to = output.pointer(as: T.self)
    let sums = UnsafeMutablePointer<T.Math>.allocate(capacity: output.count)
    defer { sums.deallocate() }
    let plane = geometry.outputSize.reduce(1, *)
    let offsets = bias?.pointer(as: T.self)
    for place in 0..<output.count {
      let start = offsets.map { $0[place / plane % geometry.outputChannels].math } ?? .zero
      (sums + place).initialize(to: start)
    }
    geometry.forEachTerm { input, weight, output in
      sums[output] = T.Math.add(sums[output], T.Math.multiply(from[input].math, factors[weight].math))
    }
    for place in 0..<output.count { to[place] = T(math: sums[place]) }
  }
}
