import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The transform of one row of complex numbers: its first pass makes the lanes of vectors of what is one row in
/// memory, and the transform of lines side by side does the rest.
///
/// ```
/// row         a b c d e f g h         two lanes: a and e, b and f, ... are one vector each
/// first pass  (a e) (b f) (c g) (d h) become the sums and differences of even and of odd frequencies
/// rest        two lines of four, whose values k come out at places 2 k and 2 k + 1
/// ```
final class FourierRow: Sendable {
  let size: Int
  private let line: FourierLine
  /// The first pass' twiddle factors, of the one type that the row is for.
  private let single: [Float]
  private let double: [Double]

  /// - Parameter size: one that ``size(atLeast:_:)`` has given for the type.
  init<T: KernelElement>(_ size: Int, _ type: T.Type) {
    self.size = size
    let lanes = T.kernels.lanes
    let length = size / lanes
    line = FourierLine.of(length)
    let angles = (0..<lanes).flatMap { lane in
      (0..<length).map { -2 * Double.pi * Double(lane * $0) / Double(size) }
    }
    let twiddles = angles.map { cos($0) } + angles.map { sin($0) }
    single = T.self == Float.self ? twiddles.map(Float.init) : []
    double = T.self == Float.self ? [] : twiddles
  }

  /// The cheapest size from `least` on: lanes times a length of no fewer.
  static func size<T: KernelElement>(atLeast least: Int, _ type: T.Type) -> Int {
    let lanes = T.kernels.lanes
    return FourierLine.size(atLeast: max((least + lanes - 1) / lanes, lanes)) * lanes
  }

  /// Operations of one transform.
  static func cost<T: KernelElement>(_ size: Int, _ type: T.Type) -> Double {
    Double(size) * (FourierLine.cost(size / T.kernels.lanes) + 20)
  }

  /// A complex row in memory.
  typealias Parts<T> = (re: UnsafeMutablePointer<T>, im: UnsafeMutablePointer<T>)

  /// Transforms a row to `to`; neither that nor `other` may overlap it. Backwards, with the parts exchanged in what is
  /// given and in what comes out.
  @inline(__always)
  func run<T: KernelElement>(
    _ re: UnsafePointer<T>, _ im: UnsafePointer<T>, to: Parts<T>, other: Parts<T>
  ) {
    // So that the last pass ends where the result belongs.
    let (first, second) = line.passes % 2 == 0 ? (to, other) : (other, to)
    let firstPass = T.kernels.table.fft_first
    if T.self == Float.self {
      firstPass?(line.size, single, re, im, first.re, first.im)
    } else {
      firstPass?(line.size, double, re, im, first.re, first.im)
    }
    line.run(first.re, first.im, other: second.re, second.im)
  }
}
