import Testing
import Volute
import VoluteArithmetic

/// What the plans for rings promise, through the real operations.
@Suite struct RingTests {
  private func random(_ shape: [Int], _ generator: inout Generator) -> Tensor {
    let values = (0..<shape.reduce(1, *)).map { _ in Int64(generator.below(2001)) - 1000 }
    return Tensor(values, shape: shape)
  }

  private func down(_ x: Tensor, _ weight: Tensor, _ axis: Axis) throws -> Tensor {
    try conv1d(
      x, weight, stride: PerAxis(axis.stride),
      padding: [.sides(axis.paddingBefore, axis.paddingAfter, mode: .circular)])
  }

  private func up(_ x: Tensor, _ weight: Tensor, _ axis: Axis) throws -> Tensor {
    try convTranspose1d(
      x, weight, stride: PerAxis(axis.stride),
      padding: [.sides(axis.paddingBefore, axis.paddingAfter, mode: .circular)],
      outputPadding: PerAxis(axis.outputPadding))
  }

  /// Down through all levels, turning the ring by the product of the strides turns the result by one; and up again, the
  /// whole turns by what its input turned.
  @Test func plansTurn() throws {
    var generator = Generator(seed: 3)
    for size in 2...50 {
      for wished in [[2, 2], [3, 2], [2, 5]] {
        for kernel in [1, 3, 4, 7] {
          let plan = try RingPlan.plans(ring: size, strides: wished)[0]
          let pairs = plan.pairs(kernel: kernel)
          let weights = pairs.map { _ in random([1, 1, kernel], &generator) }
          let x = random([1, 1, size], &generator)
          func network(_ x: Tensor) throws -> (small: Tensor, large: Tensor) {
            var small = x
            for (pair, weight) in zip(pairs, weights) { small = try down(small, weight, pair.down) }
            var large = small
            for (pair, weight) in zip(pairs, weights).reversed() { large = try up(large, weight, pair.up) }
            return (small, large)
          }
          let step = plan.strides.reduce(1, *)
          let (still, turned) = (try network(x), try network(x.rolled([step], [2])))
          #expect(still.small.shape[2] == plan.sizes.last)
          #expect(still.large.shape[2] == size)
          #expect(turned.small.isEqual(to: still.small.rolled([1], [2])))
          #expect(turned.large.isEqual(to: still.large.rolled([step], [2])))
        }
      }
    }
  }

  /// Up, from n to n s: turning by one turns by s, for every size, kernel and stride.
  @Test func upAlwaysTurns() throws {
    var generator = Generator(seed: 4)
    for size in 1...12 {
      for kernel in 1...7 {
        for stride in 1...5 {
          let pair = ResamplingPair(kernel: kernel, stride: stride, mode: .circular)
          let (x, weight) = (random([1, 1, size], &generator), random([1, 1, kernel], &generator))
          let y = try up(x, weight, pair.up)
          #expect(y.shape[2] == size * stride)
          #expect(try up(x.rolled([1], [2]), weight, pair.up).isEqual(to: y.rolled([stride], [2])))
        }
      }
    }
  }

  /// From 5 to 2 and from 25 to 12, whatever the kernel and the padding: turning by the stride is no turn of the output.
  @Test(arguments: [(5, 2), (25, 2), (10, 3), (7, 4)])
  func noLayerTurns(size: Int, stride: Int) throws {
    var generator = Generator(seed: 5)
    var count = 0
    for kernel in 2...7 {
      for before in 0...4 {
        for after in 0...4 {
          let axis = Axis(
            kernel: kernel, stride: stride, paddingBefore: before, paddingAfter: after, mode: .circular)
          guard axis.outputSize(size) == size / stride else { continue }
          count += 1
          let (x, weight) = (random([1, 1, size], &generator), random([1, 1, kernel], &generator))
          let y = try down(x, weight, axis)
          let turned = try down(x.rolled([stride], [2]), weight, axis)
          #expect((0..<size / stride).allSatisfy { !turned.isEqual(to: y.rolled([$0], [2])) })
        }
      }
    }
    #expect(count > 5)
  }
}
