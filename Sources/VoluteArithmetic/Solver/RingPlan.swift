extension Axis {
  /// Whether turning a ring of `size` elements by the stride turns what comes out of this layer by one, and so for
  /// its adjoint the other way round.
  ///
  /// The windows of neighbouring outputs are `stride` apart, so those of the last and the first are too exactly when
  /// all the windows together go around the ring a whole number of times: `m s` is a multiple of `n`. A layer from
  /// `n` to `n / s` therefore needs an `s` that divides `n`; where it does not, none can do it.
  public func isEquivariant(ring size: Int) -> Bool {
    mode == .circular && outputSize(size) >= 1 && outputSize(size) * stride % size == 0
  }
}

/// Strides for the levels of a network over a ring, each of which divides the size that it meets: then sizes are exact
/// on the way down and up, and rotations go through.
public struct RingPlan: Hashable, Sendable {
  /// The stride of each level, outermost first.
  public let strides: [Int]
  /// The ring at the top and after each level.
  public let sizes: [Int]

  /// The layers of each level for kernels of `kernel` taps.
  public func pairs(kernel: Int, dilation: Int = 1) -> [ResamplingPair] {
    strides.map { ResamplingPair(kernel: kernel, stride: $0, dilation: dilation, mode: .circular) }
  }

  /// The plans for a ring of `size`, those closest to the strides wished for first, and of equally close ones those
  /// that keep the first strides.
  ///
  /// - Parameters:
  ///   - size: the spatial size that comes out; either this or `scaleFactor`.
  ///   - strides: what is wished for, one a level.
  ///   - largest: the largest stride that is considered.
  ///   - count: how many plans are given at most.
  /// - Throws: ``ShapeError`` when there is nothing to plan for.
  public static func plans(
    ring size: Int, strides: [Int], largest: Int = 8, count: Int = 5
  ) throws(ShapeError) -> [RingPlan] {
    guard (1...Limits.parameter).contains(size) else {
      throw ShapeError("ring", parameter: "input", "a ring of \(size) elements", mend: "at least 1")
    }
    guard (1...8).contains(strides.count), strides.allSatisfy({ (1...64).contains($0) }) else {
      throw ShapeError(
        "ring", parameter: "stride", "strides \(strides)", mend: "one to eight levels, strides from 1 to 64")
    }
    var plans = [RingPlan(strides: [], sizes: [size])]
    for (level, wished) in strides.enumerated() {
      plans = plans.flatMap { plan in
        let ring = plan.sizes[level]
        return (1...min(max(wished, largest), 64)).filter { ring % $0 == 0 }.map {
          RingPlan(strides: plan.strides + [$0], sizes: plan.sizes + [ring / $0])
        }
      }
      // A ring has few divisors; the cut only bounds the work for huge ones.
      plans.sort { $0.rank(strides) < $1.rank(strides) }
      plans = Array(plans.prefix(4096))
    }
    return Array(plans.prefix(count))
  }

  /// Distance from the strides wished for, then the distance level by level.
  private func rank(_ wished: [Int]) -> Rank {
    let distances = zip(strides, wished).map { abs($0 - $1) }
    return Rank(values: [distances.reduce(0, +)] + distances + strides)
  }

  private struct Rank: Comparable {
    let values: [Int]
    static func < (a: Self, b: Self) -> Bool { a.values.lexicographicallyPrecedes(b.values) }
  }
}
