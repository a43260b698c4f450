import Testing
import VoluteEngine

/// Rows of 16-bit numbers to Float and back, beside the conversions of one number.
@Suite struct ConversionTests {
  /// `values` as another type; `step` 2 keeps every other place between them free.
  private func converted<From: Element, To: Element>(
    _ values: [From], to type: To.Type, step: Int = 1
  ) -> [To] {
    var from = values.flatMap { Array(repeating: $0, count: step) }
    var to = Array(repeating: To(math: .one), count: values.count * step)
    from.withUnsafeMutableBytes { from in
      to.withUnsafeMutableBytes { to in
        Engine.copy(
          StridedArray(base: from.baseAddress!, dtype: From.dtype, shape: [values.count], strides: [step]),
          to: StridedArray(base: to.baseAddress!, dtype: To.dtype, shape: [values.count], strides: [step]))
      }
    }
    return stride(from: 0, to: to.count, by: step).map { to[$0] }
  }

  /// Whether two floats have the same bits, or are quiet NaN of the same sign.
  private func agree(_ left: Float, _ right: Float) -> Bool {
    if left.isNaN { return right.isNaN && !left.isSignalingNaN && left.sign == right.sign }
    return left.bitPattern == right.bitPattern
  }

  @Test func everyHalfWidens() {
    let halves = (0...UInt16.max).map { Float16(bitPattern: $0) }
    let floats = converted(halves, to: Float.self)
    #expect(zip(halves, floats).allSatisfy { agree($1, Float($0)) })
    // And back: nothing is lost.
    let back = converted(floats, to: Float16.self)
    #expect(
      zip(halves, back).allSatisfy {
        $0.isNaN ? $1.isNaN && !$1.isSignalingNaN && $0.sign == $1.sign : $0.bitPattern == $1.bitPattern
      })
  }

  @Test func everyBrainFloatWidens() {
    let brains = (0...UInt16.max).map { BFloat16(bitPattern: $0) }
    let floats = converted(brains, to: Float.self)
    #expect(zip(brains, floats).allSatisfy { $0.float.bitPattern == $1.bitPattern })
    let back = converted(floats, to: BFloat16.self)
    #expect(
      zip(brains, back).allSatisfy {
        $0.float.isNaN ? $1.bitPattern == 0x7FC0 : $0.bitPattern == $1.bitPattern
      })
  }

  /// Any bits, and those at and beside the middle between two numbers of 16 bits.
  private func floats() -> [Float] {
    var state: UInt64 = 99
    func word() -> UInt32 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(truncatingIfNeeded: state >> 32)
    }
    return (0..<100_003).map { _ in Float(bitPattern: word()) }
      + (0..<100_003).flatMap { _ -> [Float] in
        let half = Float(Float16(bitPattern: UInt16(truncatingIfNeeded: word()))).bitPattern | 0x1000
        let brain = (word() << 16) | 0x8000
        return [half &- 1, half, half &+ 1, brain &- 1, brain, brain &+ 1].map { Float(bitPattern: $0) }
      }
  }

  @Test func floatsAreRoundedToTheNearestHalf() {
    let values = floats()
    for (value, half) in zip(values, converted(values, to: Float16.self)) {
      let isRight =
        value.isNaN ? half.isNaN && !half.isSignalingNaN : half.bitPattern == Float16(value).bitPattern
      if !isRight { Issue.record("\(value) became \(half)") }
    }
  }

  @Test func floatsAreRoundedToTheNearestBrainFloat() {
    let values = floats()
    for (value, brain) in zip(values, converted(values, to: BFloat16.self)) {
      if brain.bitPattern != BFloat16(value).bitPattern { Issue.record("\(value) became \(brain)") }
    }
  }

  /// Rows of every length, and elements that do not lie side by side, are converted alike.
  @Test func tailsAndStridesAgree() {
    let values = Array(floats().filter { !$0.isNaN }.prefix(200))
    for count in 0..<values.count {
      let row = Array(values[..<count])
      let halves = converted(row, to: Float16.self)
      #expect(halves.map(\.bitPattern) == row.map { Float16($0).bitPattern })
      #expect(halves.map(\.bitPattern) == converted(row, to: Float16.self, step: 2).map(\.bitPattern))
      #expect(converted(halves, to: Float.self) == halves.map { Float($0) })
      #expect(converted(row, to: BFloat16.self).map(\.bitPattern) == row.map { BFloat16($0).bitPattern })
    }
  }
}
