import VoluteArithmetic

/// How a convolution is computed.
public enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable {
  /// Term by term in the order of the definition: any type, any size, slow; what the others are checked against.
  case reference
  /// A matrix product over shifted rows of the packed input.
  case direct
  /// The same with samples side by side in the lanes of vectors: many samples of short rows.
  case batch
  /// Rows of one output channel at once, or of many groups side by side in the lanes: depthwise convolutions and single
  /// outputs.
  case stencil
  /// Rows of windows that do not overlap, for a few output channels: as fast as the input can be read.
  case patches
  /// A matrix product with all taps at once, whose rows are added where their taps point: transposed convolutions and
  /// gradients by the input.
  case scatter
  /// A matrix product that is summed over the places of a large window: gradients by the weight.
  case correlation
  /// Winograd's tiles of four points, F(2, 3) and F(3, 2), along one axis or more; of depthwise
  /// convolutions and other groups tiles of three points, F(2, 2), along rows or planes, for windows of any length.
  case winograd2
  /// Winograd's tiles of six points, 0, 1, -1, 1/2, -2 and infinity, along one axis or more: F(5, 2), F(4, 3), F(3, 4)
  /// and F(2, 5), of the taps themselves or of those of each phase of a stride.
  case winograd4
  /// A product of spectra, of the whole input or of overlapping tiles. One NaN or infinity reaches its whole tile.
  case fourier
  /// A product of spectra along one axis: long rows, of any number of axes.
  case fourierRows = "fourier-rows"

  /// Whether each output is the sum of the products of the definition, so that infinities and NaN stay where they
  /// belong.
  public var isExact: Bool {
    switch self {
    case .reference, .direct, .batch, .stencil, .patches, .scatter, .correlation: true
    case .winograd2, .winograd4, .fourier, .fourierRows: false
    }
  }

  /// The error to expect in Float32, relative to the root mean square of the result: root mean square and largest,
  /// for 64 channels of normal numbers in three dimensions. It grows with the channels; that of
  /// ``winograd2`` was measured at twice as much without fused multiply-add, as in baseline x86-64.
  public func errorBound(_ direction: ConvolutionDirection = .forward) -> (rms: Double, maximum: Double) {
    let sum = (rms: 7e-7, maximum: 5e-6)
    return switch self {
    case .reference, .direct, .batch, .stencil, .patches, .scatter, .correlation: sum
    // A gradient by the weight adds up all positions, whatever the products.
    case .winograd2: direction == .weightGradient ? sum : (3.7e-7, 1.1e-6)
    case .winograd4: (2.7e-6, 1.0e-5)
    case .fourier, .fourierRows: (3.3e-7, 1.6e-6)
    }
  }
}

/// The arrays of a convolution or of one of its gradients, contiguous and of one type.
///
/// Forward: input, weight, output. By the input: the output's gradient, the weight, the input's gradient. By the
/// weight: the side that the window reads, the side that it is moved along, the weight's gradient.
struct ConvolutionOperands {
  var input: StridedArray
  var weight: StridedArray
  /// Where the weight was taken from; `nil` when nothing that is made of it shall be kept.
  var weightOrigin: WeightOrigin?
  /// One element an output channel.
  var bias: StridedArray?
  var output: StridedArray
}

extension Engine {
  /// A convolution or transposed convolution over contiguous arrays of one type.
  ///
  /// - Parameters:
  ///   - plan: what `plan` has made.
  ///   - input: what is read.
  ///   - weight: the weights.
  ///   - weightOrigin: where the weights were taken from, so that what is made of them is kept for the next time;
  ///     `nil` keeps nothing.
  ///   - bias: one element an output channel, or `nil`.
  ///   - output: where the results go.
  public static func convolution(
    _ plan: ConvolutionPlan, input: StridedArray, weight: StridedArray, weightOrigin: WeightOrigin? = nil,
    bias: StridedArray?, to output: StridedArray
  ) {
    run(
      plan,
      ConvolutionOperands(
        input: input, weight: weight, weightOrigin: weightOrigin, bias: bias, output: output))
  }

  /// The gradient of a convolution by its input, from the gradient by its output.
  public static func convolutionInputGradient(
    _ plan: ConvolutionPlan, outputGradient: StridedArray, weight: StridedArray,
    weightOrigin: WeightOrigin? = nil, to inputGradient: StridedArray
  ) {
    run(
      plan,
      ConvolutionOperands(
        input: outputGradient, weight: weight, weightOrigin: weightOrigin, output: inputGradient))
  }

  /// The gradient of a convolution by its weight, from its input and the gradient by its output.
  public static func convolutionWeightGradient(
    _ plan: ConvolutionPlan, input: StridedArray, outputGradient: StridedArray,
    to weightGradient: StridedArray
  ) {
    let (read, moved) = plan.geometry.isTransposed ? (outputGradient, input) : (input, outputGradient)
    run(plan, ConvolutionOperands(input: read, weight: moved, output: weightGradient))
  }

  private static func run(_ plan: ConvolutionPlan, _ operands: ConvolutionOperands) {
    if operands.output.count == 0 { return }
    switch (plan.algorithm, plan.dtype) {
    case (.reference, _):
      operands.output.dtype.dispatch(
        ReferenceConvolution(geometry: plan.geometry, direction: plan.direction, operands: operands))
    case (_, .float64): run(plan, operands, Double.self)
    default: run(plan, operands, Float.self)
    }
  }

  private static func run<T: KernelElement>(
    _ plan: ConvolutionPlan, _ operands: ConvolutionOperands, _ type: T.Type
  ) {
    let bias = operands.bias.map { UnsafePointer($0.pointer(as: T.self)) }
    let output = operands.output.pointer(as: T.self)
    if plan.needsFill {
      // Gradients have no bias, and are filled in one piece for each channel of whichever side they are on.
      let plane =
        plan.direction == .forward
        ? plan.geometry.outputSize.reduce(1, *) : plan.geometry.inputSize.reduce(1, *)
      parallel(operands.output.count / plane) { channel in
        let value = bias.map { $0[channel % plan.geometry.outputChannels] } ?? .zero
        (output + channel * plane).update(repeating: value, count: plane)
      }
    }
    for sum in plan.sums {
      sum.run(
        UnsafePointer(operands.input.pointer(as: T.self)), UnsafePointer(operands.weight.pointer(as: T.self)),
        operands.weightOrigin, bias, output)
    }
  }
}
