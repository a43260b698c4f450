import Testing
import Volute

private typealias Each = RandomValues.Each
private typealias Sequence = RandomValues.Sequence

@Suite struct RandomTests {
  private let generator = Generator(seed: 0)

  private func floats(_ tensor: Tensor) -> [Float] { tensor.elements() }

  private func isNear(_ tensor: Tensor, _ expected: [Float], within tolerance: Float = 2e-6) -> Bool {
    let values = floats(tensor)
    return values.count == expected.count
      && zip(values, expected).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  @Test func eachFirstDrawIsPyTorchs() {
    func seeded() -> Generator { Generator(seed: 0) }
    #expect(floats(.rand([5], generator: seeded())) == Each.rand5)
    #expect(floats(.randn([5], generator: seeded())) == Each.randn5)
    #expect(floats(.randn([15], generator: seeded())) == Each.randn15)
    #expect(isNear(.randn([16], generator: seeded()), Each.randn16))
    #expect(isNear(.randn([17], generator: seeded()), Each.randn17))
    #expect(isNear(.randn([20], generator: seeded()), Each.randn20))
    #expect(isNear(.randn([3, 17], generator: seeded()), Each.randn3x17))
    #expect(isNear(.normal([20], mean: 1, deviation: 2, generator: seeded()), Each.normal20, within: 4e-6))
    #expect(floats(.uniform([8], low: -1, high: 1, generator: seeded())) == Each.uniform8)
    #expect(Tensor.randint(0, 10, [12], generator: seeded()).integers() == Each.randint12)
    #expect(Tensor.randperm(10, generator: seeded()).integers() == Each.randperm10)
  }

  /// One draw leaves the generator where PyTorch's would be.
  @Test func drawsInTurnArePyTorchs() {
    #expect(floats(.rand([5], generator: generator)) == Sequence.rand5)
    #expect(floats(.randn([5], generator: generator)) == Sequence.randn5)
    #expect(isNear(.randn([20], generator: generator), Sequence.randn20))
    #expect(isNear(.randn([3, 17], generator: generator), Sequence.randn3x17))
    #expect(Tensor.randint(0, 10, [12], generator: generator).integers() == Sequence.randint12)
    #expect(Tensor.randperm(10, generator: generator).integers() == Sequence.randperm10)
    #expect(floats(.uniform([8], low: -1, high: 1, generator: generator)) == Sequence.uniform8)
    #expect(
      isNear(.normal([20], mean: 1, deviation: 2, generator: generator), Sequence.normal20, within: 4e-6))
    let conv3d = defaultParameters(weightShape: [1, 7, 13, 13, 13], biasCount: 1, generator: generator)
    #expect(floats(conv3d.weight).suffix(4) == Sequence.conv3dWeight[...])
    #expect(conv3d.bias.map(floats) == Sequence.conv3dBias)
    let conv1d = defaultParameters(weightShape: [3, 3, 1], biasCount: 3, generator: generator)
    #expect(floats(conv1d.weight) == Sequence.conv1dWeight)
    #expect(conv1d.bias.map(floats) == Sequence.conv1dBias)
    let transposed = defaultParameters(weightShape: [4, 6, 3, 3], biasCount: 6, generator: generator)
    #expect(floats(transposed.weight).suffix(4) == Sequence.convTransposeWeight[...])
    #expect(transposed.bias.map(floats) == Sequence.convTransposeBias)
    let linear = defaultParameters(weightShape: [32, 1], biasCount: 32, generator: generator)
    #expect(floats(linear.weight) == Sequence.linearWeight)
    #expect(linear.bias.map(floats) == Sequence.linearBias)
  }

  @Test func doublesAreDrawnFrom53Bits() {
    #expect(
      Tensor.rand([3], dtype: .float64, generator: Generator(seed: 0)).elements(as: Double.self)
        == [0.9700530018065531, 0.707819864399788, 0.45938294312745087])
    let normals = Tensor.randn([20], dtype: .float64, generator: Generator(seed: 0)).elements(as: Double.self)
    let expected = [
      -0.8910030351707375, 0.6748575435940039, 1.0468653769814655, 0.15429517864658948, -0.7498915228391941,
    ]
    #expect(zip(normals.suffix(5), expected).allSatisfy { abs($0 - $1) < 1e-15 })
    let moved = Tensor.normal([2], mean: 0.1, deviation: 1.7, dtype: .float64, generator: generator)
    #expect(moved.elements(as: Double.self) == [2.7196933840148736, -0.39882913979360884])
  }

  @Test func the16BitTypesRoundFloats() {
    #expect(
      floats(.rand([3], dtype: .float16, generator: Generator(seed: 0)))
        == [0.496337890625, 0.76806640625, 0.0885009765625])
    #expect(
      floats(.uniform([4], low: -0.3, high: 0.9, dtype: .float16, generator: Generator(seed: 0)))
        == [0.29541015625, 0.6220703125, -0.19384765625, -0.1416015625])
    let normals = Tensor.randn([18], dtype: .bfloat16, generator: generator)
    #expect(floats(normals).suffix(4) == [1.390625, 1.5859375, 0.9453125, -0.84375])
    #expect(floats(.rand([1], generator: generator)) == [0.17591017])
  }

  /// Few 16-bit numbers lie in [0, 1), so many draws round up to the end.
  @Test func theUpperBoundIsLeftOut() {
    let values = floats(.rand([4000], dtype: .bfloat16, generator: generator))
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(values.contains(0))
    let high = 1 + 0x1p-21
    let narrow = floats(.uniform([1000], low: 1, high: high, generator: generator))
    let steps = (0..<4).map { 1 + Float($0) * 0x1p-23 }
    #expect(Set(narrow) == Set(steps))
  }

  @Test func wideRangesTakeTwoWords() {
    #expect(
      Tensor.randint(-5, 1 << 40, [4], generator: Generator(seed: 0)).integers()
        == [741_234_585_336, 506_077_272_957, 291_397_093_751, 841_111_833_108])
    #expect(
      Tensor.randint(.min, .max, [2], generator: Generator(seed: 0)).integers()
        == [900_450_186_894_289_455, 3_969_543_146_641_149_120])
    #expect(
      Tensor.randint(0, 1 << 28 - 1, [2], generator: generator).integers() == [209_652_404, 130_329_144])
    #expect(Tensor.randint(0, 1 << 28, [2], generator: generator).integers() == [136_432_832, 195_187_451])
  }

  @Test func truthIsARareUniform() {
    let values = Tensor.bernoulli([12], probability: 0.3, generator: generator)
    #expect(values.integers() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1])
    #expect(values.dtype == .bool)
    #expect(
      !Tensor.bernoulli([100], probability: 0, generator: generator).elements(as: Bool.self).contains(true))
    #expect(
      !Tensor.bernoulli([100], probability: 1, generator: generator).elements(as: Bool.self).contains(false))
  }

  @Test func seedsCountTheirLow32Bits() {
    #expect(floats(.rand([1], generator: Generator(seed: -1))) == [0.9937994])
    #expect(Generator(seed: 3).state == Generator(seed: 1 << 32 + 3).state)
    #expect(Generator(seed: 3).state != Generator(seed: 4).state)
  }

  @Test func aStateGoesBackToWhereItWasTaken() {
    // An odd number of normals leaves one over, which belongs to the state.
    _ = Tensor.randn([5], generator: generator)
    let state = generator.state
    let first = floats(.randn([3], generator: generator))
    _ = Tensor.rand([1000], generator: generator)
    generator.state = state
    #expect(floats(.randn([3], generator: generator)) == first)
    let other = Generator(seed: 9)
    other.state = state
    #expect(floats(.randn([3], generator: other)) == first)
    #expect(Generator.State(integers: state.integers) == state)
    #expect(Generator.State(integers: Generator(seed: 1).state.integers) == Generator(seed: 1).state)
    #expect(Generator.State(integers: Array(state.integers.dropFirst(2))) == nil)
    #expect(Generator.State(integers: [-1] + state.integers.dropFirst()) == nil)
    #expect(Generator.State(integers: state.integers + [0]) == nil)
  }

  @Test func permutationsHoldEveryNumberOnce() {
    let count = 1000
    let values = Tensor.randperm(count, generator: generator).integers()
    #expect(values.sorted() == Array(0..<count))
    #expect(values != Array(0..<count))
    #expect(Tensor.randperm(0).integers() == [])
    #expect(Tensor.randperm(1).integers() == [0])
  }

  @Test func theDefaultGeneratorCanBeSeeded() {
    // Another test may draw from it at any moment.
    let succeeds = (0..<100).contains { _ in
      manualSeed(17)
      return Generator.default.state == Generator(seed: 17).state
    }
    #expect(succeeds)
  }
}
