import Testing
import Volute
import VoluteEngine

/// The phases of a stride along the last axis, which Winograd's whole rows take together.
@Suite struct PhaseTests {
  @Test func phasesOfEqualWindowsAreOneSum() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [1, 3, 5, 6, 7], weightShape: [3, 2, 4, 4, 4], stride: 2, padding: 1)
    let sums = WindowSums(geometry, .forward).sums
    #expect(sums.map(\.phases.count) == [2, 2, 2, 2])
    let parts = sums.flatMap(\.parts)
    #expect(parts.count == 8)
    #expect(parts.allSatisfy { $0.phases.isEmpty })
    #expect(parts.reduce(0) { $0 + $1.positions } == 10 * 12 * 14)
    // Each output once.
    let places = parts.flatMap { part in
      part.axes.reduce([part.outputOffset]) { places, axis in
        places.flatMap { place in (0..<axis.count).map { place + $0 * axis.outputStep } }
      }
    }
    #expect(places.sorted() == Array(0..<10 * 12 * 14))
  }

  @Test func phasesOfUnequalWindowsStayApart() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [1, 3, 5, 7], weightShape: [3, 2, 3, 3], stride: 2, padding: 1)
    #expect(WindowSums(geometry, .forward).sums.allSatisfy { $0.phases.isEmpty })
  }

  /// Two phases between whose outputs nothing lies, as many of each or one more of the first; three of them, which are
  /// written one by one; kernels longer along another axis; rows that are cut into blocks, the last shorter.
  static let transposed: [(shape: [Int], weight: [Int], stride: Int, padding: Int, more: Int)] = [
    (shape: [2, 8, 9, 10, 21], weight: [8, 12, 4, 4, 4], stride: 2, padding: 1, more: 0),
    (shape: [1, 8, 9, 10, 21], weight: [8, 9, 4, 4, 4], stride: 2, padding: 2, more: 1),
    (shape: [1, 16, 30, 33], weight: [16, 16, 4, 4], stride: 2, padding: 0, more: 1),
    (shape: [1, 8, 21, 40], weight: [8, 24, 6, 6], stride: 3, padding: 2, more: 2),
    (shape: [1, 8, 40, 3001], weight: [8, 8, 4, 4], stride: 2, padding: 1, more: 0),
    (shape: [1, 8, 40, 3001], weight: [8, 8, 4, 4], stride: 2, padding: 1, more: 1),
    (shape: [1, 8, 20, 31], weight: [8, 8, 6, 4], stride: 2, padding: 1, more: 0),
  ]

  /// The same with too few channels to lie in the lanes of long vectors, so that rows do.
  static let ofFewChannels = transposed.map { shape in
    var shape = shape
    (shape.shape[1], shape.weight[0]) = (3, 3)
    return shape
  }

  @Test(arguments: transposed + ofFewChannels, [ConvolutionAlgorithm.winograd2, .winograd4])
  func agreesWithTheDefinition(
    _ shape: (shape: [Int], weight: [Int], stride: Int, padding: Int, more: Int),
    _ algorithm: ConvolutionAlgorithm
  ) throws {
    let geometry = try ConvolutionGeometry(
      transposing: shape.shape, weightShape: shape.weight, stride: PerAxis(repeating: shape.stride),
      padding: Padding(shape.padding), outputPadding: PerAxis(repeating: shape.more))
    var cases = Cases(seed: 31)
    for dtype in [DType.float32, .float64] {
      let plan = try Engine.plan(geometry, .forward, dtype, policy: .algorithm(algorithm))
      // Vectors of eight may hold output channels instead, and rows are then read for each phase.
      #expect(Set(plan.phasesAtOnce) == [shape.stride] || plan.hasOutputsInLanes)
      let x = cases.normal(geometry.inputShape, dtype)
      let w = cases.normal(geometry.weightShape, dtype)
      let bias = cases.normal([geometry.outputChannels], dtype)
      let expected = try convolve(
        geometry, x.to(.float64), w.to(.float64), bias.to(.float64), policy: .algorithm(.reference))
      for threads in [1, 2] {
        Engine.threadCount = threads
        let actual = try convolve(geometry, x, w, bias, policy: .algorithm(algorithm)).to(.float64)
        let difference = actual - expected
        let error = (difference * difference).mean().sqrt() / (expected * expected).mean().sqrt()
        let bound = 2 * algorithm.errorBound().rms * (dtype == .float32 ? 1 : 1e-8)
        #expect(error.item(as: Double.self) <= bound)
      }
    }
    Engine.threadCount = Engine.processorCount
  }

  /// Together they need the weights of all at once: where the limit does not allow that, they go one by one.
  @Test func phasesGoOneByOneWithinTheLimit() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [1, 512, 8, 8, 33], weightShape: [512, 3, 4, 4, 4], stride: 2, padding: 1)
    let free = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    #expect(Set(free.phasesAtOnce) == [2])
    let tight = try Engine.plan(
      geometry, .forward, .float32, policy: .algorithm(.winograd2), workspaceLimit: free.workspace - 1)
    // Vectors of four hold these channels, and rows then come second.
    #expect(Set(tight.phasesAtOnce) == [free.hasChannelsInLanes ? 2 : 1])
    #expect(tight.workspace < free.workspace)
  }

  /// Round a ring, the rows under both phases begin at its end.
  @Test func gradientsRoundARing() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [2, 8, 24, 36], weightShape: [3, 8, 4, 4], stride: 2, padding: 1,
      paddingMode: [.zeros, .circular])
    var cases = Cases(seed: 5)
    let y = cases.normal(geometry.outputShape, .float64)
    let w = cases.normal(geometry.weightShape, .float64)
    let expected = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.reference))
    let plan = try Engine.plan(geometry, .inputGradient, .float64, policy: .algorithm(.winograd4))
    #expect(plan.phasesAtOnce.contains(2))
    let actual = try convolutionInputGradient(geometry, y, w, policy: .algorithm(.winograd4))
    #expect((actual - expected).abs().max().item(as: Double.self) < 1e-10)
  }
}
