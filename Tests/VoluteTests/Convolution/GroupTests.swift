import Testing
import Volute
import VoluteEngine

/// Many groups, which lie side by side in the lanes: one axis, several outputs of a group or both, which stencils by rows
/// refuse; rows that are cut, rows that strips do not divide, four axes, strides, dilation, the last lanes empty,
/// transposed sums whose results lie apart.
@Suite struct GroupTests {
  struct Shape {
    var input: [Int]
    /// Output channels and input channels of a group.
    var outputs = 1
    var inputs = 1
    var kernel: [Int]
    var stride = 1
    var dilation = 1
    var padding: AxisPadding = 0
    var isTransposed = false

    func geometry(_ mode: PaddingMode) throws -> ConvolutionGeometry {
      let groups = input[1] / inputs
      var padding = padding
      padding.mode = mode
      return isTransposed
        ? try ConvolutionGeometry(
          transposing: input, weightShape: [groups, outputs] + kernel, stride: PerAxis(repeating: stride),
          padding: .amounts(PerAxis(repeating: padding)), groups: groups)
        : try ConvolutionGeometry(
          inputShape: input, weightShape: [groups * outputs, inputs] + kernel,
          stride: PerAxis(repeating: stride), padding: .amounts(PerAxis(repeating: padding)),
          dilation: PerAxis(repeating: dilation), groups: groups)
    }
  }

  static let shapes = [
    Shape(input: [2, 19, 700], kernel: [9], padding: .sides(3, 5)),
    Shape(input: [1, 17, 9000], kernel: [15], padding: 7),
    Shape(input: [1, 34, 41, 60], outputs: 2, kernel: [3, 3], padding: 1),
    Shape(input: [1, 18, 3, 5, 4, 7], outputs: 2, kernel: [2, 3, 1, 3], padding: 1),
    Shape(input: [1, 48, 50], outputs: 3, inputs: 2, kernel: [4], stride: 2, dilation: 3),
    Shape(input: [1, 21, 37, 300], outputs: 2, kernel: [3, 5], padding: 2),
    Shape(input: [3, 34, 23, 17], outputs: 2, inputs: 2, kernel: [4, 3], stride: 3, padding: 1),
    Shape(input: [1, 16, 5, 21, 33], outputs: 2, kernel: [3, 4, 7], padding: .sides(2, 4)),
    Shape(input: [1, 30, 9, 14, 11], outputs: 2, kernel: [3, 2, 3], dilation: 2, padding: .zeros(3)),
    Shape(input: [2, 20, 15, 12], outputs: 2, kernel: [4, 3], stride: 2, isTransposed: true),
    Shape(input: [1, 33, 40], outputs: 2, kernel: [5], stride: 3, padding: 1, isTransposed: true),
  ]

  @Test(arguments: shapes, [PaddingMode.zeros, .circular])
  func agreesWithTheDefinition(_ shape: Shape, _ mode: PaddingMode) throws {
    try shape.check(mode, .stencil, tolerance: (2e-5, 1e-13))
  }

  /// Windows that reach so far that a block of a single output would be too large are left to others.
  @Test(arguments: [[1, 16, 1, 1, 1], [16, 1, 1, 1, 1]]) func windowsOverTooManyPlacesAreRefused(shape: [Int])
    throws
  {
    let geometry = try ConvolutionGeometry(
      inputShape: shape, weightShape: [shape[1], 1, 3, 3, 3], padding: 256, dilation: 256, groups: shape[1])
    let plan = try Engine.plan(geometry, .forward, .float32)
    let refusal = plan.candidates.first { $0.algorithm == .batch }?.refusal
    #expect(refusal?.contains(shape[0] == 1 ? "a batch of 1" : "too many to be packed") == true)
  }

  /// Few groups leave lanes empty, and nothing else takes one axis.
  @Test func fewGroupsAreRefused() throws {
    let geometry = try ConvolutionGeometry(inputShape: [1, 1, 40], weightShape: [1, 1, 3])
    let error = #expect(throws: ShapeError.self) {
      try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.stencil))
    }
    #expect(error?.description.contains("one axis, and too few groups (1) to fill") == true)
  }
}

extension GroupTests.Shape {
  /// What an algorithm makes of it against the definition, with and without bias.
  ///
  /// - Parameters:
  ///   - tolerance: largest error of Float32 and of Float64.
  ///   - isWanted: what the plan must say.
  func check(
    _ mode: PaddingMode, _ algorithm: ConvolutionAlgorithm,
    tolerance: (single: Double, double: Double), _ isWanted: (ConvolutionPlan) -> Bool = { _ in true }
  ) throws {
    let geometry = try geometry(mode)
    let rank = kernel.count
    var cases = Cases(seed: UInt64(rank))
    let (x, w) = (cases.normal(geometry.inputShape, .float64), cases.normal(geometry.weightShape, .float64))
    let expected = try convolve(geometry, x, w, nil, policy: .algorithm(.reference))
    for dtype in [DType.float32, .float64] {
      let bias = cases.normal([geometry.outputChannels], dtype)
      let plan = try Engine.plan(geometry, .forward, dtype, policy: .algorithm(algorithm))
      #expect(plan.algorithm == algorithm && isWanted(plan))
      let tolerance = dtype == .float32 ? tolerance.single : tolerance.double
      for bias in [nil, bias] {
        let actual = try convolve(geometry, x.to(dtype), w.to(dtype), bias, policy: .algorithm(algorithm))
        var wanted = expected
        if let bias {
          wanted = expected + bias.to(.float64).reshaped([-1] + Array(repeating: 1, count: rank))
        }
        #expect((actual.to(.float64) - wanted).abs().max().item(as: Double.self) < tolerance)
      }
    }
  }
}
