import Volute
import VoluteArithmetic

/// The uneven overlap of a transposed convolution's windows along one axis: some outputs are made of more taps than
/// their neighbours, which shows as a checkerboard.
public struct Checkerboard: Hashable, Sendable {
  /// How many taps the outputs of each phase of the stride are made of, away from the borders.
  public let taps: [Int]
  /// The smallest larger kernel that overlaps evenly; `nil` where this one does, or where none does.
  public let kernel: Int?

  /// Whether all outputs are made of equally many taps.
  public var isEven: Bool { Set(taps).count <= 1 }

  /// The overlap of a transposed convolution along `axis`.
  public init(_ axis: Axis) {
    taps = Self.taps(kernel: axis.kernel, axis)
    let isEven = Set(taps).count <= 1
    kernel =
      isEven
      ? nil
      : (axis.kernel...axis.kernel + axis.stride).first { Set(Self.taps(kernel: $0, axis)).count == 1 }
  }

  private static func taps(kernel: Int, _ axis: Axis) -> [Int] {
    var counts = Array(repeating: 0, count: axis.stride)
    for tap in 0..<kernel { counts[tap * axis.dilation % axis.stride] += 1 }
    return counts
  }

  /// What is wrong and what mends it, for one axis; `nil` where nothing is.
  public func remedy(_ axis: Axis) -> String? {
    guard !isEven else { return nil }
    let range = "outputs are made of \(taps.min() ?? 0) to \(taps.max() ?? 0) taps"
    guard let kernel else { return "\(range); resize first and convolve with stride 1" }
    let pair = ResamplingPair(kernel: kernel, stride: axis.stride, dilation: axis.dilation)
    let (before, after) = (pair.up.paddingBefore, pair.up.paddingAfter)
    return "\(range); a kernel of \(kernel) with padding "
      + (before == after ? "\(before)" : "\(before):\(after)")
      + " overlaps evenly, or resize first and convolve with stride 1"
  }
}
