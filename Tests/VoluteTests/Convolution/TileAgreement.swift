import Testing
import Volute
import VoluteEngine

/// A convolution or transposed convolution whose tiles are compared.
struct TileShape {
  var input: [Int]
  var outputs: Int
  var kernel: [Int]
  var stride: PerAxis<Int> = 1
  var padding: AxisPadding = 0
  var outputPadding: PerAxis<Int> = 0
  var dilation: PerAxis<Int> = 1
  var groups = 1
  var isTransposed = false

  func geometry() throws -> ConvolutionGeometry {
    let padding = Padding.amounts(PerAxis(repeating: padding))
    return isTransposed
      ? try ConvolutionGeometry(
        transposing: input, weightShape: [input[1], outputs / groups] + kernel, stride: stride,
        padding: padding, outputPadding: outputPadding, groups: groups)
      : try ConvolutionGeometry(
        inputShape: input, weightShape: [outputs, input[1] / groups] + kernel, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
  }
}

/// Both of Winograd's algorithms, float32 and float64, beside what adds up the products of the definition: within twice the
/// stated error, and the same with one thread and with two.
///
/// - Parameters:
///   - exact: the algorithm to compare with, in float64.
///   - check: is called with each plan, and what it is of.
func expectTilesAgree(
  _ geometry: ConvolutionGeometry, with exact: ConvolutionAlgorithm,
  _ check: (ConvolutionPlan, Comment) -> Void
) throws {
  var cases = Cases(seed: UInt64(geometry.inputShape[1]))
  let (x, w) = (cases.normal(geometry.inputShape, .float64), cases.normal(geometry.weightShape, .float64))
  let bias = cases.normal([geometry.outputChannels], .float64)
  let expected = try convolve(geometry, x, w, bias, policy: .algorithm(exact)).elements(as: Double.self)
  let scale = (expected.reduce(0) { $0 + $1 * $1 } / Double(expected.count)).squareRoot()
  defer { Engine.threadCount = Engine.processorCount }
  for algorithm in [ConvolutionAlgorithm.winograd2, .winograd4] {
    for dtype in [DType.float32, .float64] {
      let plan = try Engine.plan(geometry, .forward, dtype, policy: .algorithm(algorithm))
      check(plan, "\(algorithm) \(dtype)")
      let results = try [1, 2].map { threads in
        Engine.threadCount = threads
        return try convolve(
          geometry, x.to(dtype), w.to(dtype), bias.to(dtype), policy: .algorithm(algorithm))
      }
      #expect(results[0].isEqual(to: results[1]))
      let actual = results[0].elements(as: Double.self)
      let total = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let error = (total / Double(expected.count)).squareRoot() / scale
      let bound = 2 * algorithm.errorBound().rms * (dtype == .float32 ? 1 : 1e-8)
      #expect(error < bound, "\(algorithm) \(dtype)")
    }
  }
}
