import Testing
import Volute
import VoluteEngine

/// Winograd's tiles with channels in the lanes: all phases of a stride at once, along one axis and two, beside axes that
/// are not tiled, whose taps are not all there in every phase; sizes that tiles do not divide, outputs that no place gives
/// to, last vectors of channels that are not full, samples that blocks do not divide, groups.
@Suite struct ChannelTests {
  static let shapes = [
    TileShape(input: [2, 64, 3, 5, 15], outputs: 64, kernel: [3, 4, 4], stride: 2, isTransposed: true),
    TileShape(
      input: [3, 40, 13, 11], outputs: 36, kernel: [4, 4], stride: 2, padding: 1, isTransposed: true),
    TileShape(
      input: [5, 19, 7, 9], outputs: 17, kernel: [4, 3], stride: 2, padding: 1, outputPadding: 1,
      isTransposed: true),
    TileShape(
      input: [1, 33, 6, 5, 7], outputs: 20, kernel: [5, 6, 4], stride: [2, 3, 2], padding: 2,
      isTransposed: true),
    TileShape(
      input: [2, 24, 90], outputs: 50, kernel: [8], stride: 4, padding: .sides(1, 3), isTransposed: true),
    TileShape(
      input: [2, 96, 9, 11], outputs: 128, kernel: [4, 4], stride: 2, padding: 1, groups: 2,
      isTransposed: true),
    TileShape(
      input: [1, 32, 4, 3, 12, 10], outputs: 16, kernel: [2, 3, 4, 4], stride: [1, 2, 2, 2], padding: 1,
      isTransposed: true),
    TileShape(input: [7, 64, 5, 6], outputs: 64, kernel: [3, 3], padding: 1),
    TileShape(input: [1, 96, 7, 7], outputs: 100, kernel: [3, 3], padding: 1),
    TileShape(
      input: [5, 32, 5, 12, 15], outputs: 32, kernel: [3, 4, 4], stride: 2, padding: 1),
    TileShape(input: [3, 20, 23, 31], outputs: 24, kernel: [3, 5], stride: 2, padding: 2),
    TileShape(input: [4, 32, 200], outputs: 40, kernel: [7], stride: 3, padding: 2),
    TileShape(
      input: [2, 33, 5, 8, 14], outputs: 20, kernel: [5, 3, 4], stride: [2, 1, 2], padding: .sides(2, 3),
      dilation: [2, 1, 1]),
    TileShape(
      input: [1, 40, 9, 7, 7], outputs: 48, kernel: [3, 3, 3], padding: 2, dilation: [2, 1, 1]),
  ]

  @Test(arguments: shapes) func agreesWithTheDefinition(_ shape: TileShape) throws {
    let geometry = try shape.geometry()
    try expectTilesAgree(geometry, with: shape.isTransposed ? .scatter : .direct) { plan, name in
      // Narrow vectors leave fewer lanes empty elsewhere.
      let isNarrow = InstructionSet.current.name != "avx512"
      #expect(plan.hasChannelsInLanes || isNarrow && plan.hasOutputsInLanes, name)
    }
  }

  /// Windows over so many planes that a block of a single tile would be too large, and more taps than are listed.
  @Test(arguments: [
    (shape: [1, 64, 5000, 4], weight: [64, 64, 5000, 3]),
    (shape: [1, 16, 10_000, 4], weight: [16, 16, 5000, 3]),
  ])
  func windowsOverTooManyPlanesAreLeft(shape: [Int], weight: [Int]) throws {
    let geometry = try ConvolutionGeometry(inputShape: shape, weightShape: weight)
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    #expect(!plan.hasChannelsInLanes)
  }

  /// A stride beyond all sizes has no more phases than there are places.
  @Test func aHugeStride() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 16, 3, 5], weightShape: [16, 16, 3, 3], stride: [1 << 30, 1])
    var cases = Cases(seed: 9)
    let (y, w) = (cases.normal(geometry.outputShape, .float64), cases.normal(geometry.weightShape, .float64))
    let plan = try Engine.plan(geometry, .inputGradient, .float64, policy: .algorithm(.winograd2))
    #expect(plan.hasChannelsInLanes)
    let actual = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.winograd2))
    let expected = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.reference))
    #expect((actual - expected).abs().max().item(as: Double.self) < 1e-10)
  }

  /// The weights of all phases take more room than those of one: where the limit does not allow that, something else is
  /// found, under the same name.
  @Test func whatIsLargerThanTheLimitIsLeft() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [2, 64, 3, 5, 15], weightShape: [64, 64, 3, 4, 4], stride: 2)
    let free = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    #expect(free.hasChannelsInLanes)
    let tight = try Engine.plan(
      geometry, .forward, .float32, policy: .algorithm(.winograd2), workspaceLimit: free.workspace - 1)
    #expect(tight.workspace < free.workspace)
  }
}
