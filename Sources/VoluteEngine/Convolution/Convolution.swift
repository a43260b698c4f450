import VoluteArithmetic

/// How a convolution is computed.
public enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable {
  /// Term by term in the order of the definition: any type, any size, slow; what the others are checked against.
  case reference
  /// A matrix product over shifted rows of the packed input.
  case direct
  /// Winograd's F(2, 3) along the last axes.
  case winograd2
  /// Winograd's F(4, 3) along the last axes.
  case winograd4
}

/// The arrays of a convolution or of one of its gradients, contiguous and of one type.
///
/// Forward: input, weight, output. By the input: the output's gradient, the weight, the input's gradient. By the
/// weight: the side that the window reads, the side that it is moved along, the weight's gradient.
struct ConvolutionOperands {
  var input: StridedArray
  var weight: StridedArray
  /// One element an output channel.
  var bias: StridedArray?
  var output: StridedArray
}

extension Engine {
  /// The algorithm that is taken when none is named.
  public static func convolutionAlgorithm(
    for geometry: ConvolutionGeometry, _ dtype: DType
  ) -> ConvolutionAlgorithm {
    dtype == .float32 || dtype == .float64 ? .direct : .reference
  }

  /// A convolution or transposed convolution over contiguous arrays of one type.
  ///
  /// - Parameters:
  ///   - bias: one element an output channel, or `nil`.
  ///   - algorithm: `nil` chooses. All but `.reference` are for Float32 and Float64.
  public static func convolution(
    _ geometry: ConvolutionGeometry, input: StridedArray, weight: StridedArray, bias: StridedArray?,
    to output: StridedArray, algorithm: ConvolutionAlgorithm? = nil
  ) {
    run(
      geometry, .forward, ConvolutionOperands(input: input, weight: weight, bias: bias, output: output),
      algorithm)
  }

  /// The gradient of a convolution by its input, from the gradient by its output.
  public static func convolutionInputGradient(
    _ geometry: ConvolutionGeometry, outputGradient: StridedArray, weight: StridedArray,
    to inputGradient: StridedArray, algorithm: ConvolutionAlgorithm? = nil
  ) {
    run(
      geometry, .inputGradient,
      ConvolutionOperands(input: outputGradient, weight: weight, output: inputGradient), algorithm)
  }

  /// The gradient of a convolution by its weight, from its input and the gradient by its output.
  public static func convolutionWeightGradient(
    _ geometry: ConvolutionGeometry, input: StridedArray, outputGradient: StridedArray,
    to weightGradient: StridedArray, algorithm: ConvolutionAlgorithm? = nil
  ) {
    let (read, moved) = geometry.isTransposed ? (outputGradient, input) : (input, outputGradient)
    run(
      geometry, .weightGradient, ConvolutionOperands(input: read, weight: moved, output: weightGradient),
      algorithm)
  }

  private static func run(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ operands: ConvolutionOperands,
    _ algorithm: ConvolutionAlgorithm?
  ) {
    if operands.output.count == 0 { return }
    switch (algorithm ?? convolutionAlgorithm(for: geometry, operands.output.dtype), operands.output.dtype) {
    case (.winograd2, .float32): DevTile.tile = .two; direct(geometry, direction, operands, Float.self); DevTile.tile = nil
    case (.winograd4, .float32): DevTile.tile = .four; direct(geometry, direction, operands, Float.self); DevTile.tile = nil
    case (.winograd2, .float64): DevTile.tile = .two; direct(geometry, direction, operands, Double.self); DevTile.tile = nil
    case (.winograd4, .float64): DevTile.tile = .four; direct(geometry, direction, operands, Double.self); DevTile.tile = nil
    case (.direct, .float32): direct(geometry, direction, operands, Float.self)
    case (.direct, .float64): direct(geometry, direction, operands, Double.self)
    default:
      operands.output.dtype.dispatch(
        ReferenceConvolution(geometry: geometry, direction: direction, operands: operands))
    }
  }

  private static func direct<T: KernelElement>(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ operands: ConvolutionOperands,
    _ type: T.Type
  ) {
    let plan = WindowSums(geometry, direction)
    let bias = operands.bias.map { UnsafePointer($0.pointer(as: T.self)) }
    let output = operands.output.pointer(as: T.self)
    if plan.needsFill || plan.sums.isEmpty {
      let plane = geometry.outputSize.reduce(1, *)
      for index in 0..<operands.output.count {
        output[index] = bias.map { $0[index / plane % geometry.outputChannels] } ?? .zero
      }
    }
    for sum in plan.sums {
      if let tile = DevTile.tile, WinogradConvolution.reasonAgainst(sum, tiles: min(sum.axes.count, 2)) == nil {
        let winograd = WinogradConvolution(sum, tiles: Array(repeating: tile, count: min(sum.axes.count, 2)), T.self)
        let weights = WinogradWeights<T>(sum, UnsafePointer(operands.weight.pointer(as: T.self)), tiles: winograd.tiles, height: winograd.height)
        winograd.run(UnsafePointer(operands.input.pointer(as: T.self)), weights, sum.accumulates ? nil : bias, output)
        continue
      }
      let direct = DirectConvolution(sum, T.self)
      let weights = WeightPanels<T>.packed(
        sum, UnsafePointer(operands.weight.pointer(as: T.self)), height: direct.height)
      direct.run(
        UnsafePointer(operands.input.pointer(as: T.self)), weights, sum.accumulates ? nil : bias, output)
    }
  }
}

import CVolute
enum DevTile { nonisolated(unsafe) static var tile: WinogradTile? = nil }
