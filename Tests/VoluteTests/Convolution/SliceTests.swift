import Testing
import Volute
import VoluteEngine

/// Parts of the depth that Winograd's products are made of one after the other, or passed over.
@Suite struct SliceTests {
  struct Shape {
    var input: [Int]
    var outputs: Int
    var kernel: [Int]
    var stride: PerAxis<Int> = 1
    var padding: AxisPadding = 0
    var groups = 1
  }

  /// Many channels: slices of different sizes, last panels that are not full, groups, strides along one axis and more,
  /// samples in the lanes.
  static let shapes = [
    Shape(input: [1, 131, 6, 20, 50], outputs: 50, kernel: [3, 3, 3], stride: [1, 2, 2], padding: 1),
    Shape(
      input: [1, 258, 9, 12, 37], outputs: 36, kernel: [3, 4, 4], stride: [1, 2, 2], padding: .circular(2),
      groups: 2),
    Shape(input: [2, 60, 11, 26, 60], outputs: 40, kernel: [3, 3, 3], stride: 2, padding: 1),
    Shape(input: [33, 90, 21, 20], outputs: 24, kernel: [3, 4], stride: 2, padding: .sides(1, 2)),
  ]

  /// Kernels that the stride does not divide: some phases have a tap less. One tiled axis and two, axes that keep their
  /// taps, several groups, a stride of three.
  static let unevenShapes = [
    Shape(input: [2, 3, 61, 150], outputs: 40, kernel: [5, 5], stride: 2, padding: .circular(2)),
    Shape(
      input: [1, 12, 19, 23, 130], outputs: 36, kernel: [3, 3, 3], stride: [2, 2, 1], padding: 1, groups: 2),
    Shape(input: [1, 6, 40, 95], outputs: 33, kernel: [4, 3], stride: [3, 1], padding: .sides(2, 1)),
  ]

  @Test(arguments: shapes) func slicesAgreeWithTheDefinition(_ shape: Shape) throws {
    try shape.check(\.isSliced)
  }

  @Test(arguments: unevenShapes) func unevenPhasesAgreeWithTheDefinition(_ shape: Shape) throws {
    try shape.check(\.hasPhasesFirst)
  }
}

extension SliceTests.Shape {
  /// Compares with the definition, and expects that a plan is as it is meant to be.
  fileprivate func check(_ isMeant: (ConvolutionPlan) -> Bool) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: input, weightShape: [outputs, input[1] / groups] + kernel, stride: stride,
      padding: .amounts(PerAxis(repeating: padding)), groups: groups)
    var isTaken = false
    try expectTilesAgree(geometry, with: .direct) { plan, _ in
      isTaken = isTaken || isMeant(plan)
    }
    // Narrow vectors leave less to be cut, and other lanes to be filled.
    if InstructionSet.current.name == "avx512" { #expect(isTaken) }
  }
}
