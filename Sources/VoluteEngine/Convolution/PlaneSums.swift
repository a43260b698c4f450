import CVolute

/// The sums over planes of the input that a stencil's outputs are made of: one over all taps or, for pairs of planes of
/// outputs, three over half of them.
struct PlaneSums: Sendable {
  /// One of the sums.
  private struct Sum {
    /// Which of the planes.
    let planes: Range<Int>
    /// Those of a tap of the first axis.
    let planesOfTap: Int
  }

  /// The taps of a pair of planes; `nil` where each is summed alone.
  let pairs: PairedTaps?
  /// The planes of each sum, and in it of each input channel: each combination of the other axes' taps and the last two
  /// axes' phases.
  let planes: [volute_plane]
  private let sums: [Sum]
  private let channels: Int
  private let inputs: Int
  /// For each tap of a channel, as planes have them, where its weight lies relative to the first.
  private let weightOffsets: [Int]
  private let tapsOfFirst: Int
  /// Weights of a group as the sums have them, and of one of its input channels.
  let depth: Int
  var depthOfChannel: Int { depth / inputs }
  /// Whether weights lie in the order in which they are wanted.
  let isInOrder: Bool

  /// Why planes do not go in pairs.
  static func reasonAgainstPairs(_ sum: WindowSum) -> String? {
    if sum.axes.count < 3 { return "fewer axes than three, and so no planes, that go in pairs" }
    if sum.inputs > 1 { return "\(sum.inputs) input channels to a group, not 1" }
    return PairedTaps.reasonAgainst(sum.axes[0], "planes")
  }

  /// The axes of a sum as they are read.
  static func axes(_ sum: WindowSum, isPaired: Bool) -> [WindowSum.Axis] {
    var axes = sum.axes
    if isPaired { axes[0] = PairedTaps.read(axes[0]) }
    return axes
  }

  /// - Parameters:
  ///   - lattice: of the ``axes(_:isPaired:)``.
  ///   - channels: input channels packed at once, behind which differences lie.
  init(_ sum: WindowSum, _ lattice: Lattice, isPaired: Bool, channels: Int) {
    let last = sum.axes.count - 1
    self.channels = channels
    inputs = sum.inputs
    // Tap offsets are row-major; the first tap of each phase of the last two axes starts a plane.
    let kernels = sum.axes.map(\.kernel)
    var phases: [(tap: Int, plane: volute_plane)] = []
    var order: [Int] = []
    for row in 0..<min(kernels[last - 1], sum.axes[last - 1].stride) {
      for column in 0..<min(kernels[last], sum.axes[last].stride) {
        let rowTaps = stride(from: row, to: kernels[last - 1], by: sum.axes[last - 1].stride)
        let columnTaps = stride(from: column, to: kernels[last], by: sum.axes[last].stride)
        phases.append(
          (
            row * kernels[last] + column,
            volute_plane(
              input: 0, weight: order.count, rows: rowTaps.underestimatedCount,
              columns: columnTaps.underestimatedCount)
          ))
        for tapRow in rowTaps {
          for tapColumn in columnTaps { order.append(tapRow * kernels[last] + tapColumn) }
        }
      }
    }
    let outerTaps = kernels.dropLast(2).reduce(1, *)
    let offsets = sum.weightTapOffsets
    let weights = (0..<outerTaps).flatMap { outer in order.map { offsets[outer * order.count + $0] } }
    weightOffsets = weights
    // Of two axes there is one plane.
    let taps = kernels.count > 2 ? kernels[0] : 1
    tapsOfFirst = weights.count / taps
    let pairs = isPaired ? PairedTaps(kernel: taps) : nil
    self.pairs = pairs
    isInOrder =
      !isPaired && weights.elementsEqual(0..<weights.count) && sum.weightSteps.input == weights.count
      && sum.weightSteps.group == sum.depth
    let rest = outerTaps / taps
    var planes: [volute_plane] = []
    var depth = 0
    sums = (pairs?.counts ?? [taps]).enumerated().map { index, count in
      let (start, step) = isPaired ? (PairedTaps.firsts[index], 2) : (0, 1)
      // Differences lie behind what they are of.
      let base = isPaired && index != 1 ? lattice.channelSize : 0
      let first = planes.count
      for channel in 0..<channels {
        for tap in 0..<count * rest {
          let (place, inner) = tap.quotientAndRemainder(dividingBy: rest)
          let outer = (start + place * step) * rest + inner
          planes += phases.map {
            volute_plane(
              input: base + channel * lattice.channelSize + lattice.tapOffsets[outer * order.count + $0.tap],
              weight: depth + channel * weights.count + tap * order.count + $0.plane.weight,
              rows: $0.plane.rows,
              columns: $0.plane.columns)
          }
        }
      }
      depth += count * rest * order.count
      return Sum(planes: first..<planes.count, planesOfTap: rest * phases.count)
    }
    self.planes = planes
    self.depth = depth * sum.inputs
  }

  /// Products to an output where so many planes of outputs are made at once, the last of which may be alone.
  func products(planes: Int) -> Double {
    guard let pairs else { return Double(depth) }
    let counts = pairs.counts
    let taps = planes / 2 * counts.reduce(0, +) + planes % 2 * (counts[0] + counts[1])
    return Double(taps * tapsOfFirst * inputs) / Double(planes)
  }

  /// Rows of the planes of the weight that have the fewest.
  var leastRows: Int { planes.map(\.rows).min() ?? 1 }

  /// For each sum, the taps along the first axis that read anything but padding.
  func held(_ axis: WindowSum.Axis, output: Int) -> [Range<Int>] {
    pairs?.held(axis, output: output) ?? [axis.taps(of: output)]
  }

  /// For each sum, the first of its planes and how many there are.
  ///
  /// - Parameters:
  ///   - held: which taps along the first axis; all of them if there are none.
  ///   - channels: of how many input channels.
  func planes(held: [Range<Int>], channels: Int) -> [(first: Int, count: Int)] {
    sums.enumerated().map { index, sum in
      if held.isEmpty { return (sum.planes.lowerBound, sum.planes.count / self.channels * channels) }
      return (
        sum.planes.lowerBound + held[index].lowerBound * sum.planesOfTap, held[index].count * sum.planesOfTap
      )
    }
  }

  /// The weights of a group as the sums have them.
  ///
  /// - Parameters:
  ///   - channelStep: between input channels.
  ///   - own: room for those of a channel.
  func pack<T: KernelElement>(
    _ weight: UnsafePointer<T>, channelStep: Int, own: UnsafeMutablePointer<T>,
    into sums: UnsafeMutablePointer<T>
  ) {
    for channel in 0..<inputs {
      let from = weight + channel * channelStep
      let to = pairs == nil ? sums + channel * depthOfChannel : own
      for (index, offset) in weightOffsets.enumerated() { to[index] = from[offset] }
      pairs?.pair(own, outer: 1, line: tapsOfFirst, into: sums)
    }
  }
}
