import Testing
import Volute
import VoluteEngine

/// Stencils take several rows of outputs at once, in whatever order suits them; each output adds up its window in the
/// same order all the same, so that equal windows give equal bits wherever they lie.
@Suite struct StencilTests {
  static let shapes: [(input: [Int], weight: [Int])] = [
    (input: [1, 1, 3, 4], weight: [1, 1, 2, 2]),
    (input: [1, 3, 29, 37], weight: [3, 1, 7, 5]),
    (input: [2, 2, 9, 23, 40], weight: [2, 1, 3, 7, 3]),
    (input: [1, 4, 9, 13, 20], weight: [2, 2, 4, 3, 3]),
    (input: [1, 24, 29, 37], weight: [48, 1, 7, 5]),
  ]

  @Test(arguments: shapes) func equalRowsGiveEqualRows(_ shape: (input: [Int], weight: [Int])) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: shape.input, weightShape: shape.weight, groups: shape.input[1] / shape.weight[1])
    var cases = Cases(seed: 41)
    let rows = shape.input.count - 2
    var line = shape.input
    line[rows] = 1
    for dtype in [DType.float32, .float64] {
      let x = cases.normal(line, dtype).expanded(shape.input)
      let w = cases.normal(shape.weight, dtype)
      let result = try convolve(geometry, x, w, nil, policy: .algorithm(.stencil))
      let first = result.sliced(rows, 0..<1).expanded(result.shape)
      #expect((result - first).abs().max().item(as: Double.self) == 0)
    }
  }
}
