import Testing
import Volute
import VoluteEngine

/// Kernels of one place and few channels, whose outputs are mixed line by line: rows that begin anywhere in a line of
/// the cache, groups, samples, both directions, and outputs that are written past the caches.
@Suite struct PointTests {
  static let shapes: [(input: [Int], weight: [Int], groups: Int)] = [
    (input: [1, 1, 65, 67], weight: [3, 1, 1, 1], groups: 1),
    (input: [2, 7, 19, 17, 15], weight: [1, 7, 1, 1, 1], groups: 1),
    (input: [2, 6, 71, 73], weight: [20, 3, 1, 1], groups: 2),
    (input: [3, 8, 4096], weight: [5, 8, 1], groups: 1),
    (input: [1, 2, 103, 101, 97], weight: [12, 2, 1, 1, 1], groups: 1),
    (input: [1, 7, 105, 103, 101], weight: [1, 7, 1, 1, 1], groups: 1),
  ]

  @Test(arguments: shapes) func agreesWithTheDefinition(
    _ shape: (input: [Int], weight: [Int], groups: Int)
  ) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: shape.input, weightShape: shape.weight, groups: shape.groups)
    var cases = Cases(seed: 17)
    for dtype in [DType.float32, .float64] {
      let x = cases.normal(geometry.inputShape, dtype)
      let y = cases.normal(geometry.outputShape, dtype)
      let w = cases.normal(geometry.weightShape, dtype)
      let tolerance = dtype == .float32 ? 1e-5 : 1e-14
      // Lines that are mixed where they lie need no room but the weights'; a packed block is larger than this.
      for direction in [ConvolutionDirection.forward, .inputGradient] {
        if direction == .inputGradient && shape.weight[0] / shape.groups > 8 { continue }
        let plan = try Engine.plan(geometry, direction, dtype, policy: .algorithm(.direct))
        #expect(plan.workspace < 1024 * dtype.size)
      }
      for bias in [nil, cases.normal([geometry.outputChannels], dtype)] {
        let expected = try convolve(geometry, x, w, bias, policy: .algorithm(.reference))
        let actual = try convolve(geometry, x, w, bias, policy: .algorithm(.direct))
        #expect((actual - expected).abs().max().item(as: Double.self) < tolerance)
      }
      let expected = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.reference))
      let actual = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.direct))
      #expect((actual - expected).abs().max().item(as: Double.self) < tolerance)
    }
  }
}
