import Testing
import VoluteArithmetic

@Suite struct RoundTripTests {
  /// The published pair: kernel 4, padding 1; up wraps the ring by one and takes 3 off on both sides.
  private static func published(stride: Int, outputPadding: Int = 0) -> ResamplingPair {
    ResamplingPair(
      down: Axis(kernel: 4, stride: stride, paddingBefore: 1, paddingAfter: 1, mode: .circular),
      up: Axis(
        kernel: 4, stride: stride, paddingBefore: 3, paddingAfter: 3, outputPadding: outputPadding),
      wrap: 1)
  }

  /// The notebook's table of round trips, those that fail and those that do not.
  @Test(arguments: [
    (1, [10, 9, 8]), (2, [10, 5, 10]), (2, [15, 7, 14]), (3, [10, 3, 10]), (3, [12, 4, 13]),
    (3, [15, 5, 16]), (4, [12, 3, 14]), (5, [15, 3, 18]),
  ])
  func notebook(stride: Int, sizes: [Int]) throws {
    let trip = try RoundTrip(size: sizes[0], pairs: [Self.published(stride: stride)])
    #expect(trip.levels.map { [$0.size, $0.smaller, $0.returned] } == [sizes])
    #expect(trip.meets == (sizes[0] == sizes[2]))
    try Self.checkMends(trip)
  }

  /// Every size up to 60, kernel up to 7 and stride up to 5 returns with each of its mends, as the validator sees it.
  @Test(arguments: [PaddingMode.zeros, .circular])
  func everyMendReturns(mode: PaddingMode) throws {
    var (count, adjoints) = (0, 0)
    for size in 1...60 {
      for kernel in 1...7 {
        for stride in 1...5 {
          for padding in [0, kernel / 2] {
            let down = Axis(
              kernel: kernel, stride: stride, paddingBefore: padding, paddingAfter: padding, mode: mode)
            guard let trip = try? RoundTrip(size: size, pairs: [ResamplingPair(down: down, up: down)]) else {
              #expect(size + 2 * padding < kernel)
              continue
            }
            count += 1
            try Self.checkMends(trip)
            // The adjoint asks for nothing: the size itself is what its layer is told to give.
            let level = trip.levels[0]
            let adjoint = level.pair.adjoint(for: size)
            if try Self.result(of: adjoint, from: level.smaller) == size { adjoints += 1 }
          }
        }
      }
    }
    #expect(count > 4000)
    #expect(adjoints == count)
  }

  /// `n s` to `n` and back, for every kernel, stride and dilation, without a mend.
  @Test(arguments: [PaddingMode.zeros, .circular])
  func exactPairs(mode: PaddingMode) throws {
    for kernel in 1...7 {
      for stride in 1...5 {
        for dilation in 1...3 {
          let pair = ResamplingPair(kernel: kernel, stride: stride, dilation: dilation, mode: mode)
          for size in 1...12 {
            #expect(pair.smaller(size * stride) == size)
            #expect(try Self.result(of: pair.up, from: size) == size * stride)
          }
        }
      }
    }
  }

  /// 45 x 50 x 18 through the published network's two levels: which skip connections meet, and the published mend.
  @Test func cylindricalNetwork() throws {
    let z = Axis(kernel: 3, stride: 2, paddingBefore: 1, paddingAfter: 1)
    let phi = Self.published(stride: 2)
    let r = Axis(kernel: 4, stride: 2, paddingBefore: 1, paddingAfter: 1)
    let trips = [
      try RoundTrip(size: 45, pairs: [ResamplingPair(down: z, up: z), ResamplingPair(down: z, up: z)]),
      try RoundTrip(size: 50, pairs: [phi, phi]),
      try RoundTrip(size: 18, pairs: [ResamplingPair(down: r, up: r), ResamplingPair(down: r, up: r)]),
    ]
    #expect(trips.map { $0.levels.map(\.smaller) } == [[23, 12], [25, 12], [9, 4]])
    #expect(trips.map { $0.levels.map(\.meets) } == [[true, true], [true, false], [true, false]])
    #expect(trips[1].levels[1].mends.first == .outputPadding(1))
    #expect(trips[2].levels[1].mends.first == .outputPadding(1))
    for trip in trips { try Self.checkMends(trip) }
  }

  @Test func tooSmall() {
    let error = #expect(throws: ShapeError.self) {
      try RoundTrip(size: 5, pairs: Array(repeating: ResamplingPair(kernel: 4, stride: 2), count: 3))
    }
    #expect(
      error?.description
        == "round trip: level 3: a window of 4 does not fit into 3 elements (pad by 1 more)")
  }

  /// Makes each mend and asks the validator for the size.
  private static func checkMends(_ trip: RoundTrip) throws {
    for level in trip.levels {
      #expect(level.mends.isEmpty == level.meets)
      for mend in level.mends {
        let pair = mend.applied(to: level.pair)
        var returned = try result(of: pair.up, from: level.smaller + 2 * pair.wrap)
        if case .crop(let amount) = mend { returned -= amount }
        #expect(returned == level.size, "\(mend) at \(level)")
      }
    }
  }

  private static func result(of up: Axis, from size: Int) throws -> Int {
    try ConvolutionGeometry(
      transposing: [1, 1, size], weightShape: [1, 1, up.kernel], stride: PerAxis(up.stride),
      padding: [.sides(up.paddingBefore, up.paddingAfter, mode: up.mode)],
      outputPadding: PerAxis(up.outputPadding), dilation: PerAxis(up.dilation)
    ).outputSize[0]
  }
}
