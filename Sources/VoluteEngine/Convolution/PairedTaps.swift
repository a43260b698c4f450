/// Winograd's F(2, 2) along one axis: two neighbouring results from three sums over half of the taps each, in place of
/// two sums over all of them.
///
/// ```
/// first  = sum over j of (x[2j] - x[2j + 1]) * w[2j]  +  sum over j of x[2j + 1] * (w[2j] + w[2j + 1])
/// second = sum over j of x[2j + 1] * (w[2j] + w[2j + 1])  -  sum over j of (x[2j + 1] - x[2j + 2]) * w[2j + 1]
/// ```
///
/// There may be any number of taps; if it is odd, the first result also meets the place behind its window, and loses it
/// to rounding. Sums of differences, which cancel what the sum between them has too much, are added to it last: where all
/// values are about as large, no more digits are lost than in one sum over all taps.
struct PairedTaps: Sendable {
  private let kernel: Int
  /// How many taps each of the three sums has.
  let counts: [Int]
  /// The place under the first tap of each sum, or the first of the two places; those of the next tap lie two further.
  static let firsts = [0, 1, 1]

  init(kernel: Int) {
    self.kernel = kernel
    counts = [(kernel + 1) / 2, (kernel + 1) / 2, kernel / 2]
  }

  /// Why results along an axis, which has `name`, do not go in pairs.
  static func reasonAgainst(_ axis: WindowSum.Axis, _ name: String) -> String? {
    if axis.stride > 1 || axis.dilation > 1 {
      return "a stride or dilation along the \(name), that go in pairs"
    }
    if axis.kernel < 2 { return "a single tap along the \(name), of which two go together" }
    return nil
  }

  /// The axis as it is read: pairs of results by pairs of taps.
  static func read(_ axis: WindowSum.Axis) -> WindowSum.Axis {
    var axis = axis
    axis.kernel += axis.kernel % 2
    return axis
  }

  /// For each sum of the pair that begins with `output`, its taps from the first to the last that read anything but
  /// padding.
  func held(_ axis: WindowSum.Axis, output: Int) -> [Range<Int>] {
    zip(counts, [0..<2, 1..<2, 1..<3]).map { count, places in
      let ranges = places.map { axis.held(from: output + $0, step: 2, count: count) }.filter { !$0.isEmpty }
      return (ranges.map(\.lowerBound).min() ?? 0)..<(ranges.map(\.upperBound).max() ?? 0)
    }
  }

  /// The weights of the three sums, one's behind the other's.
  ///
  /// - Parameters:
  ///   - weights: for each of `outer` and each tap `line` values.
  ///   - sums: the same for each sum.
  func pair<T: KernelElement>(
    _ weights: UnsafePointer<T>, outer: Int, line: Int, into sums: UnsafeMutablePointer<T>
  ) {
    var first = sums
    var both = first + outer * counts[0] * line
    var second = both + outer * counts[1] * line
    for outer in 0..<outer {
      for tap in stride(from: 0, to: kernel, by: 2) {
        let even = weights + (outer * kernel + tap) * line
        first.update(from: even, count: line)
        if tap + 1 < kernel {
          let odd = even + line
          for index in 0..<line {
            both[index] = T.add(even[index], odd[index])
            second[index] = T.subtract(.zero, odd[index])
          }
          second += line
        } else {
          both.update(from: even, count: line)
        }
        first += line
        both += line
      }
    }
  }
}
