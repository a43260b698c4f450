import Volute

/// A small generator of repeatable test cases: splitmix64.
struct Cases {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(word() % UInt64(range.count))
  }

  mutating func pick<T>(_ values: [T]) -> T { values[int(0...values.count - 1)] }

  /// Small integers over eight: exact in every floating-point type, and so are their products and short sums.
  mutating func tensor(_ shape: [Int], _ dtype: DType = .float64) -> Tensor {
    let values = (0..<shape.reduce(1, *)).map { _ in
      dtype.isFloatingPoint ? Double(int(-16...16)) / 8 : Double(int(-9...9))
    }
    return Tensor(values, shape: shape).to(dtype)
  }

  /// A valid convolution of `rank` axes, or `nil` when the draw does not fit together.
  mutating func geometry(rank: Int, isTransposed: Bool) -> ConvolutionGeometry? {
    let groups = pick([1, 1, 2, 3])
    let inputs = groups * int(1...3)
    let outputs = groups * int(1...3)
    let kernel = (0..<rank).map { _ in int(1...4) }
    let size = (0..<rank).map { _ in int(1...(rank > 2 ? 6 : 9)) }
    let stride = PerAxis((0..<rank).map { _ in int(1...3) })
    let dilation = PerAxis((0..<rank).map { _ in int(1...3) })
    let padding = Padding.amounts(
      .init(
        (0..<rank).map { _ in
          AxisPadding.sides(int(0...5), int(0...5), mode: pick(PaddingMode.allCases))
        }))
    let shape = [int(0...2), inputs] + size
    if isTransposed {
      return try? ConvolutionGeometry(
        transposing: shape, weightShape: [inputs, outputs / groups] + kernel, stride: stride,
        padding: padding, outputPadding: PerAxis((0..<rank).map { _ in int(0...1) }), dilation: dilation,
        groups: groups)
    }
    return try? ConvolutionGeometry(
      inputShape: shape, weightShape: [outputs, inputs / groups] + kernel, stride: stride,
      padding: padding, dilation: dilation, groups: groups)
  }
}
