import Testing
import Volute
import VoluteEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Every algorithm against the definition, over random geometries that it was made for: sizes, strides, dilations,
/// groups, asymmetric padding in all modes, transposed, both gradients, both types, with and without bias.
@Suite struct AlgorithmTests {
  static let named = ConvolutionAlgorithm.allCases.filter { $0 != .reference }
  /// Cases for each algorithm; `VOLUTE_ALGORITHM_CASES` asks for more.
  static let cases = environment("VOLUTE_ALGORITHM_CASES") ?? 700

  @Test(arguments: named) func agreesWithTheDefinition(algorithm: ConvolutionAlgorithm) throws {
    var cases = Cases(seed: UInt64(algorithm.rawValue.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) }))
    var declined: [String: Int] = [:]
    var checked = 0
    var drawn = 0
    var largest = 0.0
    while checked < Self.cases {
      guard let (geometry, direction) = cases.convolution(for: algorithm) else { continue }
      drawn += 1
      let dtype = cases.pick([DType.float32, .float32, .float64])
      let plan: ConvolutionPlan
      do {
        plan = try Engine.plan(geometry, direction, dtype, policy: .algorithm(algorithm))
      } catch {
        declined[error.description, default: 0] += 1
        continue
      }
      checked += 1
      #expect(plan.algorithm == algorithm)
      Engine.threadCount = cases.pick([1, 2, 3])
      let left = cases.normal(direction == .inputGradient ? geometry.outputShape : geometry.inputShape, dtype)
      let right = cases.normal(
        direction == .weightGradient ? geometry.outputShape : geometry.weightShape, dtype)
      let bias = cases.int(0...1) == 0 ? cases.normal([geometry.outputChannels], dtype) : nil
      let actual = try compute(
        geometry, direction, left, right, bias, .algorithm(algorithm)
      ).elements(as: Double.self)
      let expected = try compute(
        geometry, direction, left.to(.float64), right.to(.float64), bias?.to(.float64), .algorithm(.reference)
      ).elements(as: Double.self)
      // The error of a transform is relative to what a full window gives, even where all but padding is zero.
      let depth = geometry.cost(bias: false).multiplyAdds / Double(max(expected.count, 1))
      var scale = max(rootMeanSquare(expected), algorithm.isOfSpectra ? depth.squareRoot() : 1e-3)
      if expected.count < 8 {
        // It is chance how large a few sums are: what they are on average follows from their products' squares.
        let squares = try compute(
          geometry, direction, (left * left).to(.float64), (right * right).to(.float64), nil,
          .algorithm(.reference))
        scale = max(scale, squares.mean().item(as: Double.self).squareRoot())
      }
      let error = rootMeanSquare(zip(actual, expected).map { $0 - $1 }) / scale
      let bound = algorithm.errorBound(direction).rms * 2 * (dtype == .float32 ? 1 : 1e-8)
      largest = max(largest, error / bound)
      #expect(
        error <= bound,
        "\(algorithm) \(direction) \(dtype): rms error \(error), at most \(bound): \(geometry)")
    }
    Engine.threadCount = Engine.processorCount
    #expect(Double(declined.values.reduce(0, +)) <= Double(drawn) / 10, "declined: \(declined)")
  }

  /// The same bits whatever the number of threads, and whatever the call before left in the scratch: here NaN.
  @Test(arguments: named) func threadsDoNotMatter(algorithm: ConvolutionAlgorithm) throws {
    var cases = Cases(seed: 77)
    var checked = 0
    while checked < min(Self.cases, 40) {
      guard let (geometry, direction) = cases.convolution(for: algorithm),
        (try? Engine.plan(geometry, direction, .float32, policy: .algorithm(algorithm))) != nil
      else { continue }
      checked += 1
      let left = cases.normal(
        direction == .inputGradient ? geometry.outputShape : geometry.inputShape, .float32)
      let right = cases.normal(
        direction == .weightGradient ? geometry.outputShape : geometry.weightShape, .float32)
      let noNumbers = Tensor(full: left.shape, Float.nan)
      let results = try [1, 2, 5].map { threads in
        Engine.threadCount = threads
        _ = try compute(geometry, direction, noNumbers, right, nil, .algorithm(algorithm))
        return try compute(geometry, direction, left, right, nil, .algorithm(algorithm))
      }
      #expect(results[1].isEqual(to: results[0]) && results[2].isEqual(to: results[0]))
    }
    Engine.threadCount = Engine.processorCount
  }

  /// `.exact` never takes an algorithm that spreads an infinity or a NaN beyond the windows that it lies in.
  @Test func exactKeepsInfinitiesInTheirWindows() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 32, 24, 24], weightShape: [32, 32, 3, 3], padding: 1)
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .exact)
    #expect(plan.algorithm.isExact)
    var cases = Cases(seed: 5)
    var x = cases.normal(geometry.inputShape, .float32)
    x[0, 3, 10, 10] = Tensor(Float.infinity)
    let y = try convolve(geometry, x, cases.normal(geometry.weightShape, .float32), nil, policy: .exact)
    let finite = y.elements(as: Float.self).map(\.isFinite)
    for (place, isFinite) in finite.enumerated() {
      let (row, column) = (place / 24 % 24, place % 24)
      #expect(isFinite == (abs(row - 10) > 1 || abs(column - 10) > 1))
    }
  }

  /// Rows that are cut, more taps than the kernel takes at once, and four axes, none of which the draws come to.
  @Test(arguments: [
    (shape: [1, 3, 700], weight: [3, 2, 40], stride: 1),
    (shape: [1, 3, 700], weight: [3, 2, 80], stride: 2),
    (shape: [2, 2, 3, 4, 3, 5], weight: [2, 3, 2, 3, 2, 3], stride: 2),
  ])
  func scatteringFarAndWide(shape: [Int], weight: [Int], stride: Int) throws {
    let geometry = try ConvolutionGeometry(
      transposing: shape, weightShape: weight, stride: PerAxis(repeating: stride), padding: 1)
    var cases = Cases(seed: 8)
    let (x, w) = (cases.normal(shape, .float32), cases.normal(weight, .float32))
    let bias = cases.normal([geometry.outputChannels], .float32)
    let y = try convolve(geometry, x, w, bias, policy: .algorithm(.scatter))
    let expected = try convolve(geometry, x, w, bias, policy: .algorithm(.reference))
    #expect(y.isClose(to: expected, absolute: 1e-4))
  }

  /// Windows over tables that would not fit are refused before they are made.
  @Test func scatteringRefusesWhatReachesTooFar() throws {
    for (shape, weight, reason) in [
      ([1, 1, 480_000], [1, 1, 24_000], "a window of 24000 places is too large"),
      ([1, 1, 100_000, 8], [1, 1, 500, 1], "windows reach far beyond blocks"),
    ] {
      let geometry = try ConvolutionGeometry(inputShape: shape, weightShape: weight)
      let error = #expect(throws: ShapeError.self) {
        try Engine.plan(geometry, .inputGradient, .float32, policy: .algorithm(.scatter))
      }
      #expect(error?.description.contains(reason) == true)
    }
  }

  /// So many channels that one point after the other is multiplied by all panels, of the second shape in parts, with
  /// vectors of 16: as direct sums in double precision have it, with a last panel that is not full and a bias.
  @Test(arguments: [[1, 128, 4, 25, 130], [1, 512, 4, 7, 260]]) func manyChannelsPointByPoint(shape: [Int])
    throws
  {
    let geometry = try ConvolutionGeometry(
      inputShape: shape, weightShape: [124, shape[1], 3, 3, 3], stride: [1, 2, 2], padding: 1)
    var cases = Cases(seed: 12)
    let x = cases.normal(geometry.inputShape, .float32)
    let w = cases.normal(geometry.weightShape, .float32)
    let bias = cases.normal([124], .float32)
    let expected = try convolve(
      geometry, x.to(.float64), w.to(.float64), bias.to(.float64), policy: .algorithm(.direct)
    ).elements(as: Double.self)
    for threads in [1, 2] {
      Engine.threadCount = threads
      let actual = try convolve(geometry, x, w, bias, policy: .algorithm(.winograd4)).elements(
        as: Double.self)
      let error = rootMeanSquare(zip(actual, expected).map { $0 - $1 }) / rootMeanSquare(expected)
      #expect(error < 2 * ConvolutionAlgorithm.winograd4.errorBound().rms)
    }
    Engine.threadCount = Engine.processorCount
  }

  /// The gradient by the weight adds up a large window block by block: in one sum, as tiles of a convolution are added
  /// up, this one of 20,000 places would lose more than the bound allows.
  @Test func aLargeWindowIsAddedUpByBlocks() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [64, 5, 9, 5, 8], weightShape: [3, 5, 2, 1, 3], stride: [1, 3, 1],
      padding: .amounts([.sides(4, 0), .sides(0, 3), .sides(2, 1)]))
    var cases = Cases(seed: 14)
    let x = cases.normal(geometry.inputShape, .float32)
    let y = cases.normal(geometry.outputShape, .float32)
    let actual = try convolutionWeightGradient(geometry, x, y, policy: .algorithm(.winograd2))
    let expected = try convolutionWeightGradient(
      geometry, x.to(.float64), y.to(.float64), policy: .algorithm(.reference)
    ).elements(as: Double.self)
    let error =
      rootMeanSquare(zip(actual.elements(as: Double.self), expected).map { $0 - $1 })
      / rootMeanSquare(expected)
    #expect(error <= 2 * ConvolutionAlgorithm.winograd2.errorBound(.weightGradient).rms)
  }

  /// Without input channels there is nothing to add up: the output is the bias.
  @Test(arguments: [[1, 0, 10], [2, 0, 4, 5]]) func noChannelsGiveTheBias(shape: [Int]) throws {
    let weight = [4, 0] + Array(repeating: 3, count: shape.count - 2)
    let geometry = try ConvolutionGeometry(inputShape: shape, weightShape: weight)
    let bias = Tensor([1, 2, 3, 4] as [Float], shape: [4])
    let y = try convolve(
      geometry, Tensor.zeros(shape), Tensor.zeros(weight), bias, policy: .automatic)
    let plane = geometry.outputSize.reduce(1, *)
    let values = y.elements(as: Float.self)
    #expect(values.indices.allSatisfy { values[$0] == Float($0 / plane % 4 + 1) })
  }

  /// Nor does an infinite weight reach what its tap does not: products with padding are not made.
  @Test func scatteringMakesNoProductWithPadding() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [1, 8, 9, 9], weightShape: [8, 5, 4, 4], stride: 2, padding: 1)
    var cases = Cases(seed: 6)
    var w = cases.normal(geometry.weightShape, .float32)
    w[2, 1, 0, 3] = Tensor(Float.infinity)
    let y = try convolve(
      geometry, cases.normal(geometry.inputShape, .float32), w, nil, policy: .algorithm(.scatter))
    #expect(y.shape == [1, 5, 18, 18])
    for (place, value) in y.elements(as: Float.self).enumerated() {
      let (channel, row, column) = (place / 324, place / 18 % 18, place % 18)
      // The tap at (0, 3) gives place (p, q) to row 2p - 1 and column 2q + 2.
      let isReached = channel == 1 && row % 2 == 1 && row < 17 && column % 2 == 0 && column >= 2
      #expect(value.isFinite == !isReached, "\(channel), \(row), \(column): \(value)")
    }
  }

  @Test func anAlgorithmThatCannotIsRefusedInWords() throws {
    let geometry = try ConvolutionGeometry(inputShape: [1, 1, 9], weightShape: [1, 1, 4])
    let error = #expect(throws: ShapeError.self) {
      try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd4))
    }
    #expect(
      error?.description.contains(
        "winograd4 cannot compute this forward: a kernel of 4 taps, not 3, no axis beside it has 2 to 5 taps, or as "
          + "many for each phase of its stride, and 1 and 1 channels") == true)
  }

  /// The automatic choice stays within the bound that it promises.
  @Test func theWorkspaceLimitIsKept() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 64, 56, 56], weightShape: [64, 64, 3, 3], padding: 1)
    let free = try Engine.plan(geometry, .forward, .float32)
    let tight = try Engine.plan(
      geometry, .forward, .float32, policy: .automatic, workspaceLimit: free.workspace - 1)
    #expect(tight.workspace < free.workspace)
    let least = try Engine.plan(geometry, .forward, .float32, policy: .automatic, workspaceLimit: 1000)
    #expect(least.workspace <= 1000)
    #expect(least.candidates.contains { $0.refusal?.contains("more than the limit") == true })
  }

  /// The limit of all plans; raised, as others run beside this.
  @Test func theWorkspaceLimitMayBeRaised() throws {
    let geometry = try ConvolutionGeometry(
      inputShape: [1, 8192, 8, 8], weightShape: [8192, 8192, 3, 3], padding: 1)
    let before = Engine.workspaceLimit
    defer { Engine.workspaceLimit = before }
    #expect(throws: ShapeError.self) {
      try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    }
    Engine.workspaceLimit = 1 << 40
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .algorithm(.winograd2))
    #expect(plan.workspace > before)
  }
}

private func compute(
  _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ left: Tensor, _ right: Tensor,
  _ bias: Tensor?, _ policy: ConvolutionPolicy
) throws -> Tensor {
  switch direction {
  case .forward: try convolve(geometry, left, right, bias, policy: policy)
  case .inputGradient: try convolutionInputGradient(geometry, left, right, policy: policy)
  case .weightGradient: try convolutionWeightGradient(geometry, left, right, policy: policy)
  }
}

extension ConvolutionAlgorithm {
  fileprivate var isOfSpectra: Bool { self == .fourier || self == .fourierRows }
}

private func rootMeanSquare(_ values: [Double]) -> Double {
  values.isEmpty ? 0 : (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
}

private func environment(_ name: String) -> Int? {
  getenv(name).flatMap { Int(String(cString: $0)) }
}

extension Cases {
  /// Normal numbers by the sum of twelve uniform ones.
  mutating func normal(_ shape: [Int], _ dtype: DType) -> Tensor {
    let values = (0..<shape.reduce(1, *)).map { _ in
      (0..<12).reduce(-6.0) { sum, _ in sum + Double(word() >> 11) / Double(1 << 53) }
    }
    return Tensor(values, shape: shape).to(.float32).to(dtype)
  }

  /// A convolution of the kind that `algorithm` is for, or `nil` when the draw does not fit together.
  mutating func convolution(
    for algorithm: ConvolutionAlgorithm
  ) -> (ConvolutionGeometry, ConvolutionDirection)? {
    let isWinograd = algorithm == .winograd2 || algorithm == .winograd4
    let isDepthwise = algorithm == .stencil
    // So many groups that they lie in the lanes, which are up to 16.
    let isGrouped = isDepthwise && int(0...1) == 0
    let rank = isDepthwise && !isGrouped || algorithm == .fourier ? int(2...3) : int(1...3)
    var direction = pick(ConvolutionDirection.allCases)
    var isTransposed = int(0...2) == 0
    if isWinograd {
      direction = pick([.forward, .forward, .inputGradient, rank > 1 ? .weightGradient : .forward])
    } else if algorithm == .correlation {
      direction = .weightGradient
    } else if algorithm == .patches {
      (direction, isTransposed) = (.forward, false)
    } else if algorithm == .stencil {
      direction = pick([.forward, .inputGradient])
      isTransposed = int(0...1) == 0
    } else if algorithm == .scatter {
      isTransposed = int(0...1) == 0
      direction = isTransposed ? .forward : .inputGradient
    }
    // So many channels on both sides that they lie in the lanes.
    let isWide = isWinograd && direction != .weightGradient && int(0...2) == 0
    // Groups of which rows go in pairs, so many that they lie in the lanes, or planes.
    let isPaired =
      algorithm == .winograd2 && direction != .weightGradient && !isWide && rank > 1 && int(0...2) == 0
    let pairedAxis = isPaired ? rank == 3 && int(0...1) == 0 ? 0 : rank - 2 : nil
    let isPlanes = isPaired && pairedAxis != rank - 2
    let groups =
      isGrouped || isPaired && !isPlanes
      ? int(8...35) : isWide ? pick([1, 1, 2]) : isDepthwise ? int(1...5) : pick([1, 1, 1, 2, 3])
    // The stencil's one output channel may be either side's.
    let writesInput = (direction == .inputGradient) != isTransposed
    let isBatch = algorithm == .batch
    let reads =
      groups
      * (isWide
        ? int(8...40)
        : isPlanes
          ? 1
          : isDepthwise || isPaired
            ? int(1...3) : isBatch && direction == .weightGradient ? int(8...20) : int(1...9))
    let writes =
      groups
      * (isWide
        ? int(8...40)
        : isPlanes
          ? 1
          : isGrouped || isPaired
            ? pick([1, 1, 2])
            : isDepthwise ? 1 : (algorithm == .patches ? int(1...4) : pick([1, 2, 3, 5, 8, 14, 17])))
    // Elements' channels, and positions' channels.
    let (elements, positions) = writesInput ? (writes, reads) : (reads, writes)
    // Rows that are cut into tiles and pieces.
    let isLong = algorithm == .fourierRows && rank == 1 && int(0...1) == 0
    let largest = isLong ? 1500 : rank == 1 ? 70 : rank == 2 ? 24 : 11
    // Lanes are up to 16; the gradient by the weight has its input channels side by side.
    let isMany =
      isBatch && direction != .weightGradient || isWinograd && !isWide && !isPaired && int(0...2) == 0
    let batch = isMany ? int(8...35) : int(1...3)
    // Winograd needs a few taps, of each phase if what is read is strided, along one axis only; three where that is
    // the last and lanes lie along it.
    let isCorrelation = algorithm == .correlation || isWinograd && direction == .weightGradient
    let tile =
      isWinograd
      ? tile(algorithm, mayStride: !isCorrelation && isWide == writesInput) : (kernel: 3, stride: 1)
    let dense =
      isWide
      ? rank - 1 : int(0...(rank > 1 && (isCorrelation || tile != (3, 1) && !isMany) ? rank - 2 : rank - 1))
    let isPlain = dense == rank - 1 && !isMany && !isWide
    let isDense = (0..<rank).map { isWinograd && !isPaired && ($0 == dense || int(0...1) == 0) }
    let kernel = (0..<rank).map { axis in
      if isLong { return int(1...400) }
      if isDense[axis] { return axis == dense && !isPlain ? tile.kernel : 3 }
      let isSeveral = algorithm == .patches && axis == rank - 1 || axis == pairedAxis
      return int((isSeveral ? 2 : 1)...(rank == 3 ? 4 : 6))
    }
    let size = (0..<rank).map { axis in int((isCorrelation ? largest / 2 : isPaired ? 2 : 1)...largest) }
    let isPatches = algorithm == .patches
    let stride = PerAxis(
      (0..<rank).map { axis in
        axis == pairedAxis
          ? 1
          : isDense[axis]
            ? axis == dense && !isPlain ? tile.stride : 1
            : isPatches && axis == rank - 1
              ? kernel[axis] + pick([0, 0, 1]) : isWide && !writesInput ? 1 : int(1...3)
      })
    let dilation = PerAxis(
      (0..<rank).map {
        isPatches && $0 == rank - 1 || $0 == pairedAxis
          || isCorrelation && isWinograd && $0 == dense
          || isWide && (writesInput || $0 == dense) ? 1 : pick([1, 1, 1, 2, 3])
      })
    let modes = isWide && writesInput && int(0...3) > 0 ? [.zeros] : PaddingMode.allCases
    let padding = Padding.amounts(
      .init(
        (0..<rank).map { axis in
          isPatches && axis == rank - 1
            ? .zeros(0) : AxisPadding.sides(int(0...4), int(0...4), mode: pick(modes))
        }))
    let geometry =
      isTransposed
      ? try? ConvolutionGeometry(
        transposing: [batch, positions] + size, weightShape: [positions, elements / groups] + kernel,
        stride: stride, padding: padding, outputPadding: PerAxis((0..<rank).map { _ in int(0...1) }),
        dilation: dilation, groups: groups)
      : try? ConvolutionGeometry(
        inputShape: [batch, elements] + size, weightShape: [positions, elements / groups] + kernel,
        stride: stride, padding: padding, dilation: dilation, groups: groups)
    guard let geometry, geometry.cost(bias: false).multiplyAdds < 2e6 else { return nil }
    if isCorrelation {
      let places = (isTransposed ? geometry.inputSize : geometry.outputSize).reduce(1, *)
      if places < 4 * kernel.reduce(1, *) { return nil }
    }
    return (geometry, direction)
  }

  /// Along an axis that Winograd's tiles lie along.
  private mutating func tile(_ algorithm: ConvolutionAlgorithm, mayStride: Bool) -> (kernel: Int, stride: Int)
  {
    let taps = int(2...(algorithm == .winograd2 ? 3 : 5))
    let stride = mayStride ? pick([1, 1, 2, 3]) : 1
    return (taps * stride - int(0...stride - 1), stride)
  }
}
