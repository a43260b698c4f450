import Testing
import Volute
import VoluteEngine

/// Winograd's tiles with output channels in the lanes: rows read where they lie and rows that are packed, one row at a
/// time and two, strides and dilations along them, axes that keep their taps, sizes that tiles do not divide, channels
/// that do not fill a vector, or more than two, groups.
@Suite struct OutputTests {
  static let shapes = [
    TileShape(input: [6, 16, 5, 12, 30], outputs: 16, kernel: [3, 4, 4], stride: 2),
    TileShape(input: [6, 16, 5, 12, 31], outputs: 14, kernel: [3, 4, 4], stride: 2),
    TileShape(input: [6, 16, 7, 13, 30], outputs: 16, kernel: [3, 4, 4], stride: 2),
    TileShape(input: [2, 12, 5, 12, 30], outputs: 16, kernel: [3, 4, 4], stride: 2, padding: .sides(1, 2)),
    TileShape(input: [1, 3, 40, 37], outputs: 64, kernel: [5, 7], stride: 2, padding: 3),
    TileShape(input: [1, 3, 41, 67], outputs: 40, kernel: [5, 3], stride: 2, padding: 1),
    TileShape(input: [2, 24, 9, 14, 21], outputs: 32, kernel: [3, 3, 3], stride: [1, 1, 2], groups: 2),
    TileShape(
      input: [2, 9, 9, 26, 21], outputs: 17, kernel: [2, 4, 3], stride: [1, 2, 2], padding: .circular(1),
      dilation: [3, 1, 2]),
    TileShape(input: [3, 4, 30, 18], outputs: 16, kernel: [3, 9], dilation: [1, 1]),
  ]

  @Test(arguments: shapes) func agreesWithTheDefinition(_ shape: TileShape) throws {
    let geometry = try shape.geometry()
    var isTaken = false
    try expectTilesAgree(geometry, with: .direct) { plan, _ in isTaken = isTaken || plan.hasOutputsInLanes }
    // Narrow vectors are filled by something else more often.
    if InstructionSet.current.name == "avx512" { #expect(isTaken) }
  }
}
