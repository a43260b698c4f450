import Testing
import Volute
import VoluteEngine

/// Two rows or planes of results at once, by three sums in place of four.
@Suite struct PairTests {
  typealias Shape = GroupTests.Shape

  /// Rows in pairs, groups in the lanes: a last one alone, in a block or a strip; even and odd windows; those that see
  /// little but padding; rows cut into pieces, three and four axes, several channels.
  static let rows = [
    Shape(input: [2, 19, 9, 21], kernel: [2, 3], padding: 1),
    Shape(input: [1, 96, 21, 30], kernel: [7, 7], padding: 3),
    Shape(input: [1, 17, 2, 40], outputs: 2, kernel: [5, 1], padding: .zeros(4)),
    Shape(input: [1, 16, 13, 300], kernel: [4, 6], padding: .sides(0, 3)),
    Shape(input: [1, 34, 41, 33], outputs: 2, inputs: 2, kernel: [6, 5], padding: 2),
    Shape(input: [1, 16, 5, 21, 33], outputs: 2, kernel: [3, 4, 7], padding: .sides(2, 4)),
    Shape(input: [2, 54, 6, 7, 11], inputs: 3, kernel: [4, 5, 2], padding: 1),
    Shape(input: [1, 18, 3, 5, 8, 7], outputs: 2, kernel: [2, 3, 4, 3], padding: 1),
    Shape(input: [1, 40, 15, 12], kernel: [5, 4], isTransposed: true),
  ]

  /// Planes in pairs, places of a row in the lanes: a last one alone, even and odd windows, those that see little but
  /// padding, a stride and dilation along other axes, four axes.
  static let planes = [
    Shape(input: [2, 3, 9, 11, 40], kernel: [4, 3, 5], padding: 1),
    Shape(input: [1, 2, 8, 13, 21], kernel: [5, 4, 4], padding: 3),
    Shape(input: [1, 1, 2, 9, 70], kernel: [6, 4, 1], padding: .zeros(5)),
    Shape(input: [1, 3, 14, 12, 25], kernel: [7, 4, 5], dilation: 2, padding: .sides(4, 2)),
    Shape(input: [1, 2, 5, 4, 9, 19], kernel: [4, 2, 5, 1], padding: .sides(1, 2)),
    Shape(input: [1, 3, 9, 8, 12], kernel: [4, 5, 2], isTransposed: true),
  ]

  @Test(arguments: rows + planes, [PaddingMode.zeros, .circular])
  func agreesWithTheDefinition(_ shape: Shape, _ mode: PaddingMode) throws {
    try shape.check(mode, .winograd2, tolerance: (4e-5, 2e-13), \.isPaired)
  }

  /// A stride along the rows and columns, and the gradient by the input, whose results lie apart.
  @Test(arguments: [ConvolutionDirection.forward, .inputGradient])
  func stridesBesideThePairs(_ direction: ConvolutionDirection) throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [2, 3, 9, 14, 31], weightShape: [3, 1, 5, 7, 11], stride: [1, 2, 3], padding: 2, groups: 3)
    var cases = Cases(seed: 9)
    let w = cases.normal(geometry.weightShape, .float64)
    let left = cases.normal(direction == .forward ? geometry.inputShape : geometry.outputShape, .float64)
    func compute(_ policy: ConvolutionPolicy) throws -> Tensor {
      direction == .forward
        ? try convolve(geometry, left, w, nil, policy: policy)
        : try convolutionInputGradient(geometry, left, w, policy: policy)
    }
    let plan = try Engine.plan(geometry, direction, .float64, policy: .algorithm(.winograd2))
    #expect(plan.isPaired)
    let difference = try compute(.algorithm(.winograd2)) - compute(.algorithm(.reference))
    #expect(difference.abs().max().item(as: Double.self) < 2e-13)
  }

  /// In one sum, to which products of differences were added after those that they cancel, a large window would lose
  /// digits.
  @Test(arguments: [(input: [1, 16, 48, 48], kernel: [31, 31]), ([1, 2, 20, 20, 40], [9, 9, 9])])
  func largeWindowsKeepTheirDigits(_ shape: (input: [Int], kernel: [Int])) throws {
    let groups = shape.input[1]
    let geometry = try ConvolutionGeometry(
      inputShape: shape.input, weightShape: [groups, 1] + shape.kernel, groups: groups)
    var cases = Cases(seed: 3)
    let (x, w) = (cases.normal(geometry.inputShape, .float64), cases.normal(geometry.weightShape, .float64))
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    #expect(plan.isPaired)
    let expected = try convolve(geometry, x, w, nil, policy: .algorithm(.reference))
    let actual = try convolve(geometry, x.to(.float32), w.to(.float32), nil, policy: .algorithm(.winograd2))
    let difference = actual.to(.float64) - expected
    let error = ((difference * difference).mean() / (expected * expected).mean()).sqrt()
    #expect(error.item(as: Double.self) < 6.4e-7)
  }

  /// Windows that could just be packed if rows were taken one by one, and not in pairs, whatever the vector.
  @Test(arguments: [40_000, 80_000, 160_000, 320_000]) func windowsTooLargeForPairsAreRefused(dilation: Int)
    throws
  {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 16, 4, 1], weightShape: [16, 1, 3, 3], padding: .amounts([1, .zeros(dilation)]),
      dilation: [1, dilation], groups: 16)
    let plan = try Engine.plan(geometry, .forward, .float32)
    let pairs = plan.candidates.first { $0.algorithm == .winograd2 }
    #expect(pairs?.refusal?.contains("too many to be packed") == true || (pairs?.workspace ?? 0) > 0)
  }
}
