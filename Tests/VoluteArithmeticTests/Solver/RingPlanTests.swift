import Testing
import VoluteArithmetic

@Suite struct RingPlanTests {
  /// Whether the windows of the map itself turn with the ring: each output's window is its neighbour's, `stride` on.
  private func turns(_ axis: Axis, _ size: Int) -> Bool {
    let count = axis.outputSize(size)
    let map = AxisMap(axis, inputSize: size, outputSize: count)
    return (0..<count).allSatisfy { output in
      (0..<axis.kernel).allSatisfy { tap in
        map.source(output: (output + 1) % count, tap: tap)
          == (map.source(output: output, tap: tap) + axis.stride) % size
      }
    }
  }

  @Test func equivarianceIsWhatTheMapSays() {
    for size in 1...24 {
      for kernel in 1...5 {
        for stride in 1...5 {
          for before in 0...3 {
            for after in 0...3 {
              let axis = Axis(
                kernel: kernel, stride: stride, paddingBefore: before, paddingAfter: after, mode: .circular)
              guard axis.outputSize(size) >= 1 else { continue }
              #expect(axis.isEquivariant(ring: size) == turns(axis, size))
            }
          }
        }
      }
    }
    #expect(!Axis(kernel: 3).isEquivariant(ring: 5))
  }

  /// 5 to 2 and 25 to 12: whatever the padding, no layer turns with the ring; where the stride divides, the pair does.
  @Test func onlyDivisorsTurn() {
    for size in 1...30 {
      for stride in 1...5 {
        for kernel in 1...7 {
          for padding in 0...(kernel + stride) {
            let axis = Axis(
              kernel: kernel, stride: stride, paddingBefore: padding / 2,
              paddingAfter: padding - padding / 2, mode: .circular)
            guard axis.outputSize(size) == size / stride, size >= stride else { continue }
            #expect(axis.isEquivariant(ring: size) == (size % stride == 0))
          }
          if size % stride == 0 {
            let pair = ResamplingPair(kernel: kernel, stride: stride, mode: .circular)
            #expect(turns(pair.down, size))
            #expect(pair.larger(pair.smaller(size)) == size)
          }
        }
      }
    }
  }

  @Test func plans() throws {
    #expect(try RingPlan.plans(ring: 10, strides: [2, 2])[0].sizes == [10, 5, 5])
    #expect(try RingPlan.plans(ring: 50, strides: [2, 2])[0].sizes == [50, 25, 25])
    #expect(try RingPlan.plans(ring: 16, strides: [2, 2])[0].sizes == [16, 8, 4])
    #expect(try RingPlan.plans(ring: 50, strides: [2, 4])[0].sizes == [50, 25, 5])
    #expect(try RingPlan.plans(ring: 10, strides: [3])[0].strides == [2])
    for size in 1...60 {
      for plan in try RingPlan.plans(ring: size, strides: [2, 3, 2]) {
        let trip = try RoundTrip(size: size, pairs: plan.pairs(kernel: 4))
        #expect(trip.meets)
        #expect(trip.levels.map(\.smaller) == Array(plan.sizes.dropFirst()))
        for level in trip.levels { #expect(turns(level.pair.down, level.size)) }
      }
    }
  }

  @Test func refusals() {
    #expect(throws: ShapeError.self) { try RingPlan.plans(ring: 0, strides: [2]) }
    #expect(throws: ShapeError.self) { try RingPlan.plans(ring: 4, strides: []) }
    #expect(throws: ShapeError.self) { try RingPlan.plans(ring: 4, strides: [0]) }
  }
}
