import Testing
import Volute
import VoluteEngine

/// Parts of the depth that Winograd's products are made of one after the other, or passed over.
@Suite struct SliceTests {
  /// Many channels: slices of different sizes, last panels that are not full, groups, strides along one axis and more,
  /// more samples than lanes.
  static let shapes = [
    TileShape(input: [1, 131, 6, 20, 50], outputs: 50, kernel: [3, 3, 3], stride: [1, 2, 2], padding: 1),
    TileShape(
      input: [1, 258, 9, 12, 37], outputs: 36, kernel: [3, 4, 4], stride: [1, 2, 2], padding: .circular(2),
      groups: 2),
    TileShape(input: [2, 60, 11, 26, 60], outputs: 40, kernel: [3, 3, 3], stride: 2, padding: 1),
    TileShape(input: [33, 90, 21, 20], outputs: 24, kernel: [3, 4], stride: 2, padding: .sides(1, 2)),
  ]

  /// Kernels that the stride does not divide: some phases have a tap less. Two axes and three, several groups, a stride
  /// of three.
  static let unevenShapes = [
    TileShape(input: [2, 3, 61, 150], outputs: 40, kernel: [5, 5], stride: 2, padding: .circular(2)),
    TileShape(
      input: [1, 12, 19, 23, 130], outputs: 36, kernel: [3, 3, 3], stride: [2, 2, 1], padding: 1, groups: 2),
    TileShape(input: [1, 6, 40, 95], outputs: 33, kernel: [4, 3], stride: [3, 1], padding: .sides(2, 1)),
  ]

  @Test(arguments: shapes) func slicesAgreeWithTheDefinition(_ shape: TileShape) throws {
    try shape.check(\.isSliced)
  }

  @Test(arguments: unevenShapes) func unevenPhasesAgreeWithTheDefinition(_ shape: TileShape) throws {
    try shape.check(\.hasPhasesFirst)
  }
}

extension TileShape {
  /// Compares with the definition, and expects that a plan is as it is meant to be.
  fileprivate func check(_ isMeant: (ConvolutionPlan) -> Bool) throws {
    var isTaken = false
    try expectTilesAgree(geometry(), with: .direct) { plan, _ in
      isTaken = isTaken || isMeant(plan)
    }
    // Narrow vectors leave less to be cut, and other lanes to be filled.
    if InstructionSet.current.name == "avx512" { #expect(isTaken) }
  }
}
