import Testing
import Volute

/// What PyTorch does not have, against its recurrence written out in plain numbers.
@Suite struct RecurrenceTests {
  /// Gradients of ten steps.
  private let gradients = GoldenCase.generated([10, 5], .float64, seed: 77)

  private func close(_ ours: [Double], _ expected: [Double]) -> Bool {
    ours.count == expected.count && zip(ours, expected).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
  }

  /// `u = sign(b1 m + (1 - b1) g)`, `p = p (1 - rate decay) - rate u`, `m = b2 m + (1 - b2) g`.
  @Test(arguments: [0, 0.3]) func lion(decay: Double) {
    let (rate, b1, b2) = (0.05, 0.8, 0.95)
    let parameter = Parameter(GoldenCase.generated([5], .float64, seed: 4))
    var p = parameter.value.elements(as: Double.self)
    var m = [Double](repeating: 0, count: p.count)
    let optimizer = Lion([parameter], learningRate: rate, betas: (b1, b2), weightDecay: decay)
    for step in 0..<10 {
      parameter.grad = gradients[step]
      optimizer.step()
      for (i, g) in gradients[step].elements(as: Double.self).enumerated() {
        let mixture = b1 * m[i] + (1 - b1) * g
        let sign: Double = mixture > 0 ? 1 : mixture < 0 ? -1 : 0
        p[i] = p[i] * (1 - rate * decay) - rate * sign
        m[i] = b2 * m[i] + (1 - b2) * g
      }
      #expect(close(parameter.value.elements(as: Double.self), p), "step \(step + 1)")
    }
    #expect(close(optimizer.stateDictionary["state.0.exp_avg"]?.elements(as: Double.self) ?? [], m))
  }

  /// `a = d a + (1 - d) p`, from the first parameter on.
  @Test func movingAverage() {
    let parameter = Parameter(GoldenCase.generated([5], .float64, seed: 4))
    let start = parameter.value.elements(as: Double.self)
    let average = ExponentialMovingAverage([parameter], decay: 0.9)
    var expected = start
    for step in 0..<10 {
      parameter.update { $0 += gradients[step] }
      average.update()
      let now = parameter.value.elements(as: Double.self)
      for i in expected.indices { expected[i] = 0.9 * expected[i] + 0.1 * now[i] }
      #expect(close(average.averages[0].elements(as: Double.self), expected), "step \(step + 1)")
    }
    let present = parameter.value.elements(as: Double.self)
    let inside = average.withAverages { parameter.value.elements(as: Double.self) }
    #expect(close(inside, expected))
    #expect(parameter.value.elements(as: Double.self) == present && present != start)
  }

  /// A straight rise, and then the other schedule from its own beginning.
  @Test func warmUp() {
    let cosine = CosineAnnealingLR(period: 8, minimum: 0.01)
    let schedule = WarmUp(steps: 5, start: 0.2, then: cosine)
    let optimizer = SGD([Parameter(.zeros([1]))], learningRate: 0.4)
    let scheduler = Scheduler(optimizer, schedule)
    for step in 0..<15 {
      let expected =
        step < 5
        ? 0.4 * (0.2 + 0.8 * Double(step) / 5) : cosine.rate(at: step - 5, initial: 0.4)
      #expect(close([optimizer.groups[0].learningRate], [expected]), "step \(step)")
      scheduler.step()
    }
    #expect(WarmUp(steps: 4).rate(at: 0, initial: 1) == 0)
    #expect(WarmUp(steps: 4).rate(at: 100, initial: 0.3) == 0.3)
  }

  /// The momentum follows the schedule that comes after the warm-up.
  @Test func warmUpBeforeOneCycle() {
    let cycle = OneCycleLR(maximum: 0.1, total: 10)
    let schedule = WarmUp(steps: 3, then: cycle)
    #expect(schedule.momentum(at: 2) == nil)
    #expect(schedule.momentum(at: 3) == cycle.momentum(at: 0))
    #expect(schedule.rate(at: 7, initial: 1) == cycle.rate(at: 4, initial: 1))
  }
}

/// Initial values that are not drawn as PyTorch draws them, by what defines them.
@Suite struct InitializerPropertyTests {
  /// `M Mᵀ` of the shorter side is the gain's square on the diagonal and nothing beside it.
  @Test(arguments: [[4, 4], [3, 7], [6, 2], [4, 2, 3]]) func orthogonal(shape: [Int]) {
    let drawn = Tensor.orthogonal(shape, gain: .relu, dtype: .float64, generator: Generator(seed: 3))
    #expect(drawn.shape == shape)
    let matrix = drawn.reshaped(shape[0], -1)
    let wide = matrix.shape[0] <= matrix.shape[1] ? matrix : matrix.transposed()
    let product = wide.matmul(wide.transposed())
    #expect(product.isClose(to: Tensor.eye(product.shape[0], dtype: .float64) * 2.0))
  }

  @Test func truncatedNormal() {
    let drawn = Tensor.truncatedNormal(
      [200, 50], mean: 0.5, deviation: 2, low: -1, high: 1.5, dtype: .float64, generator: Generator(seed: 3))
    let values = drawn.elements(as: Double.self)
    #expect(values.allSatisfy { $0 >= -1 && $0 <= 1.5 })
    #expect(Set(values).count > 9000)
    // The mean of a normal distribution cut off at both ends.
    let mean = values.reduce(0, +) / 10_000
    #expect(abs(mean - 0.2809) < 0.03)
  }

  /// Many numbers have the deviation that the rule asks for.
  @Test func deviations() {
    let shape = [120, 40, 3]
    func deviation(_ x: Tensor) -> Double { x.to(.float64).standardDeviation().item(as: Double.self) }
    let generator = Generator(seed: 8)
    for (drawn, expected) in [
      (Tensor.kaimingNormal(shape, generator: generator), (2.0 / 120).squareRoot()),
      (Tensor.kaimingUniform(shape, mode: .fanOut, generator: generator), (2.0 / 360).squareRoot()),
      (Tensor.xavierNormal(shape, generator: generator), (2.0 / 480).squareRoot()),
      (Tensor.xavierUniform(shape, gain: .tanh, generator: generator), 5.0 / 3 * (2.0 / 480).squareRoot()),
    ] {
      #expect(abs(deviation(drawn) / expected - 1) < 0.03)
    }
  }
}
