import Testing
import Volute
import VoluteEngine

/// What is kept of weights between calls. One after the other: the limit belongs to the whole process.
@Suite(.serialized) struct PackedWeightTests {
  /// A batch of two, so that spectra of kernels are shared from the first call on.
  private static let shape = [2, 12, 14, 15]
  private static let weightShape = [16, 12, 3, 3]

  private func kept(_ weight: Tensor) -> (entries: Int, byteCount: Int, hits: Int) {
    Engine.packedWeights(of: weight.storage.identity)
  }

  private func normal(_ shape: [Int], _ seed: Int) -> Tensor {
    .randn(shape, generator: Generator(seed: seed))
  }

  @Test(arguments: [ConvolutionAlgorithm.direct, .winograd2, .winograd4, .fourier])
  func theSecondCallFindsTheWeightPacked(algorithm: ConvolutionAlgorithm) throws {
    let (x, weight) = (normal(Self.shape, 1), normal(Self.weightShape, 2))
    let policy = ConvolutionPolicy.algorithm(algorithm)
    let before = Engine.memory
    let first = try convolution(x, weight, padding: 1, policy: policy)
    #expect(kept(weight).entries == 1 && kept(weight).hits == 0)
    #expect(kept(weight).byteCount >= weight.count * 4)
    let second = try convolution(x, weight, padding: 1, policy: policy)
    #expect(kept(weight).entries == 1 && kept(weight).hits == 1)
    #expect(second.isEqual(to: first))
    // The same values elsewhere are packed for themselves.
    #expect(try convolution(x, weight.cloned(), padding: 1, policy: policy).isEqual(to: first))
    let after = Engine.memory
    #expect(after.packedWeightHits > before.packedWeightHits)
    #expect(after.packedWeightMisses > before.packedWeightMisses)
    #expect(after.packedWeights > 0)
  }

  /// Whatever is kept or not, the first, second and third call give the bits of a call that finds nothing.
  @Test(arguments: ConvolutionAlgorithm.allCases) func bitsDoNotDependOnWhatIsKept(
    algorithm: ConvolutionAlgorithm
  ) throws {
    let geometries = [
      try ConvolutionGeometry(inputShape: [1, 12, 17, 40], weightShape: [16, 12, 3, 3], padding: 1),
      try ConvolutionGeometry(inputShape: [9, 8, 12, 12], weightShape: [9, 8, 3, 3]),
      try ConvolutionGeometry(inputShape: [2, 8, 30, 31], weightShape: [1, 8, 9, 15]),
      try ConvolutionGeometry(inputShape: [2, 3, 300], weightShape: [4, 3, 128]),
      try ConvolutionGeometry(inputShape: [1, 40, 8, 32, 32], weightShape: [2, 40, 2, 4, 4], stride: 4),
      try ConvolutionGeometry(
        transposing: [2, 12, 10, 11], weightShape: [12, 10, 4, 5], stride: 2, dilation: [1, 3]),
    ]
    var checked = 0
    for (geometry, direction) in geometries.flatMap({ geometry in
      [ConvolutionDirection.forward, .inputGradient].map { (geometry, $0) }
    }) {
      let policy = ConvolutionPolicy.algorithm(algorithm)
      if (try? Engine.plan(geometry, direction, .float32, policy: policy)) == nil { continue }
      let x = normal(direction == .forward ? geometry.inputShape : geometry.outputShape, 5)
      let weight = normal(geometry.weightShape, 6)
      func result(_ weight: Tensor) throws -> Tensor {
        direction == .forward
          ? try convolve(geometry, x, weight, nil, policy: policy)
          : try convolutionInputGradient(geometry, x, weight, policy: policy)
      }
      let expected = try result(weight.cloned())
      for call in 1...3 {
        #expect(try result(weight).isEqual(to: expected), "call \(call), \(direction), \(geometry)")
      }
      checked += 1
    }
    #expect(checked > 0 || algorithm == .correlation)
  }

  /// One tile of one sample transforms each kernel once, where it is used: it is kept when calls repeat.
  @Test func spectraThatAreUsedOnceAreKeptFromTheSecondCallOn() throws {
    let (x, weight) = (normal([1, 2, 20, 20], 1), normal([2, 2, 9, 9], 2))
    let results = try (0..<3).map { _ in try convolution(x, weight, policy: .algorithm(.fourier)) }
    #expect(kept(weight).entries == 1 && kept(weight).hits == 1)
    #expect(results[1].isEqual(to: results[0]) && results[2].isEqual(to: results[0]))
  }

  /// Batches and sizes share what is packed; types, views and gradients do not.
  @Test func packingsAreToldApart() throws {
    let weight = normal(Self.weightShape, 2)
    let direct = ConvolutionPolicy.algorithm(.direct)
    let geometry = try ConvolutionGeometry(inputShape: Self.shape, weightShape: Self.weightShape)
    _ = try convolve(geometry, normal(Self.shape, 1), weight, nil, policy: direct)
    _ = try convolution(normal([1, 12, 9, 9], 1), weight, policy: direct)
    #expect(kept(weight).entries == 1 && kept(weight).hits == 1)
    _ = try convolutionInputGradient(geometry, normal(geometry.outputShape, 3), weight, policy: direct)
    #expect(kept(weight).entries == 2)
    // Other elements of the same bytes.
    let part = weight.sliced(0, 4..<16)
    let x = normal([1, 12, 9, 9], 4)
    let ofPart = try convolution(x, part, policy: direct)
    #expect(kept(weight).entries == 3)
    #expect(ofPart.isEqual(to: try convolution(x, part.cloned(), policy: direct)))
    let turned = weight.transposed(2, 3)
    let ofTurned = try convolution(x, turned, policy: direct)
    #expect(kept(weight).entries == 4)
    #expect(ofTurned.isEqual(to: try convolution(x, turned.cloned(), policy: direct)))
  }

  @Test func halvesAreKeptAsTheyAreComputed() throws {
    let (x, weight) = (normal(Self.shape, 1).to(.bfloat16), normal(Self.weightShape, 2).to(.bfloat16))
    let first = try convolution(x, weight)
    let second = try convolution(x, weight)
    #expect(kept(weight).hits == 1)
    #expect(second.isEqual(to: first))
  }

  /// Whatever writes the weight, the next result is that of what it holds then.
  @Test func aWriteIsSeen() throws {
    let x = normal(Self.shape, 1)
    var weight = normal(Self.weightShape, 2)
    func check(_ what: String) throws {
      let result = try convolution(x, weight, padding: 1)
      let fresh = try convolution(x, weight.cloned(), padding: 1)
      #expect(result.isEqual(to: fresh), "\(what)")
      let again = try convolution(x, weight, padding: 1)
      #expect(again.isEqual(to: fresh), "\(what), again")
    }
    try check("fresh")
    let identity = weight.storage.identity
    let version = weight.storage.version
    weight[3] = Tensor(Float(7))
    #expect(weight.storage.identity == identity && weight.storage.version != version)
    #expect(kept(weight).entries == 0)
    try check("an element")
    weight += Tensor(Float(1))
    try check("in place")
    var view = weight.sliced(0, 0..<4)
    view[0] = Tensor(Float(-2))
    try check("beside a view that was written")
    let ofView = try convolution(x, view, padding: 1)
    #expect(ofView.isEqual(to: try convolution(x, view.cloned(), padding: 1)))
  }

  @Test func anOptimizersStepIsSeen() throws {
    let x = normal(Self.shape, 1)
    let layer = Conv2d(
      inChannels: 12, outChannels: 16, kernelSize: 3, padding: 1, generator: Generator(seed: 3))
    let optimizer = SGD(layer.parameters, learningRate: 0.1)
    for step in 0..<3 {
      optimizer.zeroGrad()
      let y = try layer(x)
      let weight = layer.weight.value.detached().cloned()
      let expected = try convolution(x, weight, bias: layer.bias?.value.detached(), padding: 1)
      #expect(y.detached().isEqual(to: expected), "step \(step)")
      (y * y).mean().backward()
      optimizer.step()
      #expect(kept(layer.weight.value).entries == 0)
    }
  }

  @Test func whatIsKeptHoldsNoTensorAlive() throws {
    let x = normal(Self.shape, 1)
    weak var storage: Storage?
    var identity: UInt64 = 0
    do {
      let weight = normal(Self.weightShape, 2)
      _ = try convolution(x, weight)
      storage = weight.storage
      identity = weight.storage.identity
      #expect(Engine.packedWeights(of: identity).entries == 1)
    }
    #expect(storage == nil)
    #expect(Engine.packedWeights(of: identity).entries == 0)
  }

  @Test func theLimitIsKeptAndTheOldestGoFirst() throws {
    let limit = Engine.packedWeightLimit
    defer { Engine.packedWeightLimit = limit }
    let x = normal(Self.shape, 1)
    let weights = (0..<3).map { normal(Self.weightShape, 10 + $0) }
    let direct = ConvolutionPolicy.algorithm(.direct)
    Engine.packedWeightLimit = 0
    _ = try convolution(x, weights[0], policy: direct)
    #expect(kept(weights[0]).entries == 0 && Engine.memory.packedWeights == 0)
    Engine.packedWeightLimit = limit
    _ = try convolution(x, weights[0], policy: direct)
    let size = kept(weights[0]).byteCount
    #expect(size > 0)
    // Other tests keep theirs meanwhile, so what is still there is not for sure; what is too much is.
    Engine.packedWeightLimit = size * 5 / 2
    for index in [0, 1, 0, 2] {
      _ = try convolution(x, weights[index], policy: direct)
      #expect(Engine.memory.packedWeights <= size * 5 / 2)
    }
    #expect(weights.map { kept($0).byteCount }.reduce(0, +) <= 2 * size)
    #expect(kept(weights[1]).entries == 0)
    Engine.releasePackedWeights()
    #expect(kept(weights[0]).entries == 0 && kept(weights[2]).entries == 0)
  }

  /// Packing a few hundred numbers costs less than looking for them.
  @Test func smallWeightsAreNotKept() throws {
    let weight = normal([2, 2, 3, 3], 2)
    _ = try convolution(normal([1, 2, 9, 9], 1), weight)
    #expect(kept(weight).entries == 0)
  }

  @Test func manyAtOnce() async throws {
    let x = normal(Self.shape, 1)
    let shared = normal(Self.weightShape, 2)
    let expected = try convolution(x, shared.cloned(), padding: 1)
    let differences = await withTaskGroup(of: Int.self) { group in
      for task in 0..<8 {
        group.addTask {
          var own = self.normal(Self.weightShape, 100 + task)
          var differences = 0
          for round in 0..<20 {
            do {
              if try !convolution(x, shared, padding: 1).isEqual(to: expected) { differences += 1 }
              own[round % 16] = Tensor(Float(round))
              let result = try convolution(x, own, padding: 1)
              if try !convolution(x, own, padding: 1).isEqual(to: result) { differences += 1 }
              if round % 5 == 0, try !convolution(x, own.cloned(), padding: 1).isEqual(to: result) {
                differences += 1
              }
              if round == 10 && task == 0 { Engine.releasePackedWeights() }
            } catch {
              differences += 1
            }
          }
          return differences
        }
      }
      return await group.reduce(0, +)
    }
    #expect(differences == 0)
  }
}
