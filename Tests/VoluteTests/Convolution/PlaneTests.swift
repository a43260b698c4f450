import Testing
import Volute
import VoluteEngine

/// Planes of padding, which Winograd's rows and gradients by the weight pass over: a depth of few planes, windows of
/// nothing but padding, dilation, more on one side, and depths that blocks do not divide.
@Suite struct PlaneTests {
  typealias Shape = (input: [Int], weight: [Int], padding: [AxisPadding], dilation: Int)

  static let shapes: [Shape] = [
    (input: [3, 5, 1, 12, 30], weight: [6, 5, 3, 3, 3], padding: [1, 1, 1], dilation: 1),
    (input: [20, 16, 3, 7, 19], weight: [17, 16, 3, 3, 3], padding: [1, 1, 1], dilation: 1),
    (input: [17, 4, 5, 10, 14], weight: [8, 4, 3, 3, 3], padding: [.sides(2, 0), 1, 1], dilation: 1),
    (input: [2, 8, 2, 9, 33], weight: [8, 8, 3, 3, 3], padding: [4, 1, 0], dilation: 1),
    (input: [2, 8, 4, 14, 33], weight: [9, 8, 3, 3, 3], padding: [.sides(1, 3), 2, 2], dilation: 2),
    (input: [1, 8, 37, 12, 40], weight: [8, 8, 5, 3, 3], padding: [.sides(3, 1), 1, 1], dilation: 1),
    (input: [4, 9, 11, 70], weight: [8, 9, 3, 3], padding: [.sides(3, 1), 1], dilation: 1),
  ]

  @Test(arguments: shapes, [ConvolutionAlgorithm.winograd2, .winograd4])
  func agreesWithTheDefinition(_ shape: Shape, _ algorithm: ConvolutionAlgorithm) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: shape.input, weightShape: shape.weight, padding: .amounts(.init(shape.padding)),
      dilation: PerAxis(repeating: shape.dilation))
    var cases = Cases(seed: 37)
    let (x, w) = (cases.normal(geometry.inputShape, .float64), cases.normal(geometry.weightShape, .float64))
    let bias = cases.normal([geometry.outputChannels], .float64)
    let y = cases.normal(geometry.outputShape, .float64)
    for dtype in [DType.float32, .float64] {
      func check(
        _ direction: ConvolutionDirection, _ compute: (DType, ConvolutionPolicy) throws -> Tensor
      ) throws {
        guard let plan = try? Engine.plan(geometry, direction, dtype, policy: .algorithm(algorithm)) else {
          // The gradient by the weight of a dilated kernel has a stride.
          #expect(shape.dilation > 1 && direction == .weightGradient)
          return
        }
        #expect(plan.algorithm == algorithm)
        let expected = try compute(.float64, .algorithm(.reference))
        let difference = try compute(dtype, .algorithm(algorithm)).to(.float64) - expected
        let error = (difference * difference).mean().sqrt() / (expected * expected).mean().sqrt()
        let bound = 2 * algorithm.errorBound(direction).rms * (dtype == .float32 ? 1 : 1e-8)
        #expect(error.item(as: Double.self) <= bound)
      }
      try check(.forward) { try convolve(geometry, x.to($0), w.to($0), bias.to($0), policy: $1) }
      try check(.inputGradient) { try convolutionInputGradient(geometry, y.to($0), w.to($0), policy: $1) }
      try check(.weightGradient) { try convolutionWeightGradient(geometry, x.to($0), y.to($0), policy: $1) }
    }
  }
}
