import Testing
import Volute

/// Pooling, padding, resampling and unfolding of random geometries, against finite changes.
@Suite struct WindowGradientTests {
  /// Draws until `count` draws fit together, and checks those: once, and once more where it is small.
  private func check(
    seed: UInt64, count: Int = 15,
    _ draw: (inout Cases, Tensor, Int) throws -> (([Tensor]) throws -> [Tensor])
  ) throws {
    var cases = Cases(seed: seed)
    var checked = 0
    for attempt in 0..<2_000 where checked < count {
      let rank = cases.int(1...3)
      let size = (0..<rank).map { _ in cases.int(2...(rank == 3 ? 4 : 7)) }
      // No two alike: a maximum of equals has no gradient.
      let x = Tensor.uniform(
        [cases.int(1...2), cases.int(1...2)] + size, low: 0.5, high: 2, dtype: .float64,
        generator: Generator(seed: attempt)
      ).requiringGrad()
      let function = try draw(&cases, x, rank)
      do {
        _ = try function([x])
      } catch is ShapeError {
        continue
      }
      try gradcheck([x], function)
      if x.count <= 40 { try gradgradcheck([x], function) }
      checked += 1
    }
    #expect(checked == count)
  }

  private func perAxis(_ cases: inout Cases, _ rank: Int, _ range: ClosedRange<Int>) -> PerAxis<Int> {
    PerAxis((0..<rank).map { _ in cases.int(range) })
  }

  @Test func pools() throws {
    try check(seed: 1) { cases, _, rank in
      let (kernel, stride) = (perAxis(&cases, rank, 1...4), perAxis(&cases, rank, 1...3))
      let (padding, dilation) = (perAxis(&cases, rank, 0...2), perAxis(&cases, rank, 1...2))
      let isCeil = cases.int(0...1) == 1
      switch cases.int(0...2) {
      case 0:
        return {
          [
            try maxPool(
              $0[0], rank: rank, kernelSize: kernel, stride: stride, padding: padding, dilation: dilation,
              isCeil: isCeil
            ).values
          ]
        }
      case 1:
        return {
          [
            try averagePool(
              $0[0], rank: rank, kernelSize: kernel, stride: stride, padding: padding, isCeil: isCeil,
              countsPadding: !isCeil)
          ]
        }
      default:
        return {
          [try lpPool($0[0], rank: rank, norm: 2, kernelSize: kernel, stride: stride, isCeil: isCeil)]
        }
      }
    }
  }

  @Test func adaptivePools() throws {
    try check(seed: 2) { cases, _, rank in
      let size = PerAxis<Int?>((0..<rank).map { _ in cases.int(1...5) })
      if cases.int(0...1) == 0 {
        return { [try adaptiveMaxPool($0[0], rank: rank, outputSize: size).values] }
      }
      return { [try adaptiveAveragePool($0[0], rank: rank, outputSize: size)] }
    }
  }

  @Test func paddings() throws {
    try check(seed: 3) { cases, _, rank in
      let amounts = (0..<2 * rank).map { _ in cases.int(-2...5) }
      let mode = cases.pick([PaddingGeometry.Fill.constant] + PaddingMode.allCases.map { .mode($0) })
      return { [try pad($0[0], amounts, mode: mode, value: 2)] }
    }
  }

  @Test func resamplings() throws {
    try check(seed: 4) { cases, _, rank in
      let size = (0..<rank).map { _ in cases.int(1...9) }
      let mode = cases.pick([InterpolationMode.nearest, .nearestExact, .linear, .cubic, .area])
      let isSmooth = mode == .linear || mode == .cubic
      let aligns = isSmooth ? cases.int(0...1) == 1 : nil
      let isAntialiased = isSmooth && cases.int(0...1) == 1
      return {
        [try interpolate($0[0], size: size, mode: mode, alignsCorners: aligns, isAntialiased: isAntialiased)]
      }
    }
  }

  @Test func unfoldings() throws {
    try check(seed: 5) { cases, _, rank in
      let (kernel, stride) = (perAxis(&cases, rank, 1...3), perAxis(&cases, rank, 1...2))
      let (padding, dilation) = (perAxis(&cases, rank, 0...1), perAxis(&cases, rank, 1...2))
      return {
        [
          try unfold(
            $0[0], kernelSize: kernel, dilation: dilation, padding: padding, stride: stride, rank: rank)
        ]
      }
    }
  }

  @Test func normalisations() throws {
    try check(seed: 6) { cases, x, rank in
      let channels = x.shape[1]
      let weight = cases.tensor([channels])
      switch cases.int(0...2) {
      case 0: return { [try groupNorm($0[0], groups: channels, weight: weight, bias: weight)] }
      case 1: return { [try batchNorm($0[0], weight: weight, isTraining: true)] }
      default:
        let shape = Array(x.shape.suffix(rank))
        return { [try layerNorm($0[0], shape: shape), try rmsNorm($0[0], shape: shape)] }
      }
    }
  }
}
