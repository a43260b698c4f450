import Testing
import Volute
import VoluteEngine

/// Depthwise planes in tiles, each point of which is a stencil over rows.
@Suite struct TiledStencilTests {
  typealias Shape = GroupTests.Shape

  /// Kernels of all lengths; tiles that do not divide the planes, or have more; windows that see little but padding; rows
  /// cut into blocks; dilation; results that lie apart. Along no other axis could there be tiles.
  static let shapes = [
    Shape(input: [2, 3, 9, 20, 40], kernel: [4, 9, 9], padding: 4),
    Shape(input: [1, 2, 8, 13, 21], kernel: [5, 6, 8], padding: 4),
    Shape(input: [1, 1, 2, 9, 70], kernel: [6, 7, 6], padding: .zeros(5)),
    Shape(input: [1, 3, 18, 22, 25], kernel: [7, 6, 7], dilation: 2, padding: .sides(4, 2)),
    Shape(input: [1, 2, 31, 9, 19], kernel: [8, 6, 9], padding: .sides(1, 5)),
    Shape(input: [1, 2, 19, 8, 13], kernel: [9, 6, 6], padding: 2),
    Shape(input: [1, 1, 9, 40, 150], kernel: [7, 6, 7], padding: 3),
    Shape(input: [1, 4, 8, 30, 41], kernel: [3, 9, 9], padding: 3),
    Shape(input: [1, 3, 9, 8, 12], kernel: [7, 7, 6], isTransposed: true),
  ]

  @Test(arguments: shapes, [PaddingMode.zeros, .circular])
  func agreesWithTheDefinition(_ shape: Shape, _ mode: PaddingMode) throws {
    try shape.check(mode, .winograd4, tolerance: (1e-3, 4e-12), \.isTiledStencil)
  }

  /// A stride along the rows and columns, and the gradient by the input, whose results lie apart.
  @Test(arguments: [ConvolutionDirection.forward, .inputGradient])
  func stridesBesideTheTiles(_ direction: ConvolutionDirection) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [2, 3, 9, 24, 35], weightShape: [3, 1, 7, 12, 14], stride: [1, 2, 2], padding: 3, groups: 3)
    var cases = Cases(seed: 9)
    let w = cases.normal(geometry.weightShape, .float64)
    let left = cases.normal(direction == .forward ? geometry.inputShape : geometry.outputShape, .float64)
    func compute(_ policy: ConvolutionPolicy) throws -> Tensor {
      direction == .forward
        ? try convolve(geometry, left, w, nil, policy: policy)
        : try convolutionInputGradient(geometry, left, w, policy: policy)
    }
    let plan = try Engine.plan(geometry, direction, .float64, policy: .algorithm(.winograd4))
    #expect(plan.isTiledStencil)
    let difference = try compute(.algorithm(.winograd4)) - compute(.algorithm(.reference))
    #expect(difference.abs().max().item(as: Double.self) < 1e-11)
  }

  /// Large windows keep within the stated error, whether values have both signs or one; threads change nothing.
  @Test(arguments: [false, true]) func errorsAreAsStated(isPositive: Bool) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 2, 18, 20, 30], weightShape: [2, 1, 7, 7, 7], padding: 3, groups: 2)
    var cases = Cases(seed: 3)
    let (drawn, w) = (
      cases.normal(geometry.inputShape, .float64), cases.normal(geometry.weightShape, .float64)
    )
    let x = isPositive ? drawn.abs() : drawn
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd4))
    #expect(plan.isTiledStencil)
    let expected = try convolve(geometry, x, w, nil, policy: .algorithm(.reference))
    defer { Engine.threadCount = Engine.processorCount }
    let results = try [1, 2].map { threads in
      Engine.threadCount = threads
      return try convolve(geometry, x.to(.float32), w.to(.float32), nil, policy: .algorithm(.winograd4))
    }
    #expect(results[0].isEqual(to: results[1]))
    let difference = results[0].to(.float64) - expected
    let error = ((difference * difference).mean() / (expected * expected).mean()).sqrt()
    #expect(error.item(as: Double.self) < ConvolutionAlgorithm.winograd4.errorBound().rms)
    let largest = difference.abs().max() / (expected * expected).mean().sqrt()
    #expect(largest.item(as: Double.self) < 2 * ConvolutionAlgorithm.winograd4.errorBound().maximum)
  }
}
