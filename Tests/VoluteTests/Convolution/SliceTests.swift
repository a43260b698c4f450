import Testing
import Volute
import VoluteEngine

/// Winograd's tiles of many channels, which are transformed and multiplied slice by slice: slices of different sizes,
/// last panels that are not full, shares of panels, groups, strides whose phases have weights of their own, samples in
/// the lanes.
@Suite struct SliceTests {
  struct Shape {
    var input: [Int]
    var outputs: Int
    var kernel: [Int]
    var stride: PerAxis<Int> = 1
    var padding: AxisPadding = 0
    var groups = 1
  }

  static let shapes = [
    Shape(input: [1, 131, 6, 20, 50], outputs: 50, kernel: [3, 3, 3], stride: [1, 2, 2], padding: 1),
    Shape(
      input: [1, 258, 9, 12, 37], outputs: 36, kernel: [3, 4, 4], stride: [1, 2, 2], padding: .circular(2),
      groups: 2),
    Shape(input: [2, 60, 11, 26, 60], outputs: 40, kernel: [3, 3, 3], stride: 2, padding: 1),
    Shape(input: [33, 90, 21, 20], outputs: 24, kernel: [3, 4], stride: 2, padding: .sides(1, 2)),
  ]

  @Test(arguments: shapes) func agreesWithTheDefinition(_ shape: Shape) throws {
    let channels = shape.input[1]
    let geometry = try ConvolutionGeometry(
      inputShape: shape.input, weightShape: [shape.outputs, channels / shape.groups] + shape.kernel,
      stride: shape.stride, padding: .amounts(PerAxis(repeating: shape.padding)), groups: shape.groups)
    var isTaken = false
    try expectTilesAgree(geometry, with: .direct) { plan, _ in isTaken = isTaken || plan.isSliced }
    // Narrow vectors leave less to be cut.
    if InstructionSet.current.name == "avx512" { #expect(isTaken) }
  }
}
