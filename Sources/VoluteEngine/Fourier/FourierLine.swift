#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The transform along one axis: its factors and twiddle factors, computed once for each size.
final class FourierLine: Sendable {
  let size: Int
  let factors: [Int]
  private let single: [Float]
  private let double: [Double]

  private static let known = Lock<[Int: FourierLine]>([:])

  static func of(_ size: Int) -> FourierLine {
    if let line = known.withLock({ $0[size] }) { return line }
    let line = FourierLine(size)
    known.withLock { $0[size] = line }
    return line
  }

  private init(_ size: Int) {
    self.size = size
    factors = Self.factors(size)
    var twiddles: [Double] = []
    var left = size
    for factor in factors {
      let count = left / factor
      for place in 0..<count {
        for value in 1..<factor {
          let angle = -2 * Double.pi * Double(place * value) / Double(left)
          twiddles += [cos(angle), sin(angle)]
        }
      }
      left = count
    }
    double = twiddles
    single = twiddles.map(Float.init)
  }

  /// Eights first, as they do most for a pass over the data.
  static func factors(_ size: Int) -> [Int] {
    var factors: [Int] = []
    var left = size
    for factor in [8, 4, 2, 7, 5, 3] {
      while left % factor == 0 && left > 1 {
        factors.append(factor)
        left /= factor
      }
    }
    precondition(left == 1, "a transform of \(size) has a factor other than 2, 3, 5, 7")
    return factors
  }

  /// Operations for each element, a little more for each pass over the data.
  static func cost(_ size: Int) -> Double {
    factors(size).reduce(0) { sum, factor in
      sum + [2: 3.5, 3: 5.5, 4: 5.0, 5: 8.0, 7: 11.0, 8: 7.0][factor, default: 8] + 2
    }
  }

  /// The cheapest size from `least` on.
  static func size(atLeast least: Int) -> Int {
    var best = 0
    var bestCost = Double.infinity
    for size in max(least, 1)...max(2 * least, 2) {
      var left = size
      for prime in [2, 3, 5, 7] { while left % prime == 0 { left /= prime } }
      if left != 1 { continue }
      let total = cost(size) * Double(size)
      if total < bestCost { (best, bestCost) = (size, total) }
      if Double(size) > Double(least) * 1.4 + 8 { break }
    }
    return best
  }

  @inline(__always)
  func withTwiddles<T: KernelElement>(_ type: T.Type, _ body: (UnsafeRawPointer?) -> Void) {
    if T.self == Float.self {
      single.withUnsafeBytes { body($0.baseAddress) }
    } else {
      double.withUnsafeBytes { body($0.baseAddress) }
    }
  }

  /// Transforms `lanes` lines in the first half of `values`, `[re, im, other re, other im]` of `size` vectors each;
  /// backwards with `isInverse`. Returns where the result is.
  @inline(__always)
  func run<T: KernelElement>(
    _ values: UnsafeMutablePointer<T>, isInverse: Bool
  ) -> (re: UnsafeMutablePointer<T>, im: UnsafeMutablePointer<T>) {
    let kernels = T.kernels
    let length = size * kernels.lanes
    let (re, im) = (values, values + length)
    let (otherRe, otherIm) = (values + 2 * length, values + 3 * length)
    var isElsewhere: Int32 = 0
    withTwiddles(T.self) { twiddles in
      factors.withUnsafeBufferPointer { factors in
        // The inverse is the transform with real and imaginary parts exchanged.
        isElsewhere =
          isInverse
          ? kernels.table.fft?(size, factors.count, factors.baseAddress, twiddles, im, re, otherIm, otherRe)
            ?? 0
          : kernels.table.fft?(size, factors.count, factors.baseAddress, twiddles, re, im, otherRe, otherIm)
            ?? 0
      }
    }
    return isElsewhere != 0 ? (otherRe, otherIm) : (re, im)
  }
}
