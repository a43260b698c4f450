#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The transform along one axis: its factors and twiddle factors, computed once for each size and kept for good, outside
/// the counting of references, which would take as long as a short transform.
// Unchecked: all of it is constant, what the pointers lead to as well.
struct FourierLine: @unchecked Sendable {
  let size: Int
  let passes: Int
  private let factors: UnsafePointer<Int>
  private let single: UnsafePointer<Float>
  private let double: UnsafePointer<Double>

  private static let known = Lock<[Int: FourierLine]>([:])

  static func of(_ size: Int) -> FourierLine {
    if let line = known.withLock({ $0[size] }) { return line }
    let line = FourierLine(size)
    known.withLock { $0[size] = line }
    return line
  }

  private init(_ size: Int) {
    self.size = size
    let factors = Self.factors(size)
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
    passes = factors.count
    self.factors = Self.constant(factors)
    double = Self.constant(twiddles)
    single = Self.constant(twiddles.map(Float.init))
  }

  private static func constant<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: max(values.count, 1))
    for (index, value) in values.enumerated() { (place + index).initialize(to: value) }
    return UnsafePointer(place)
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

  /// The cheapest size from `least` on, among those that `fits` lets pass; it must let all large ones pass.
  static func size(atLeast least: Int, where fits: (Int) -> Bool = { _ in true }) -> Int {
    var size = max(least, 1)
    var (first, best, bestCost) = (0, 0, Double.infinity)
    while first == 0 || size <= first + min(first * 2 / 5 + 8, 1024) {
      var left = size
      for prime in [2, 3, 5, 7] { while left % prime == 0 { left /= prime } }
      if left == 1 && fits(size) {
        if first == 0 { first = size }
        let total = cost(size) * Double(size)
        if total < bestCost { (best, bestCost) = (size, total) }
      }
      size += 1
    }
    return best
  }

  /// Transforms `lanes` lines in the first half of `values`, `[re, im, other re, other im]` of `size` vectors each;
  /// backwards with `isInverse`. Returns where the result is.
  @inline(__always)
  func run<T: KernelElement>(
    _ values: UnsafeMutablePointer<T>, isInverse: Bool
  ) -> (re: UnsafeMutablePointer<T>, im: UnsafeMutablePointer<T>) {
    let length = size * T.kernels.lanes
    let (re, im) = (values, values + length)
    let (otherRe, otherIm) = (values + 2 * length, values + 3 * length)
    // The inverse is the transform with real and imaginary parts exchanged.
    if isInverse {
      run(im, re, other: otherIm, otherRe)
    } else {
      run(re, im, other: otherRe, otherIm)
    }
    return passes % 2 == 0 ? (re, im) : (otherRe, otherIm)
  }

  /// Transforms `lanes` lines; after an odd number of passes the result is in `otherRe` and `otherIm`.
  @inline(__always)
  func run<T: KernelElement>(
    _ re: UnsafeMutablePointer<T>, _ im: UnsafeMutablePointer<T>, other otherRe: UnsafeMutablePointer<T>,
    _ otherIm: UnsafeMutablePointer<T>
  ) {
    let twiddles = T.self == Float.self ? UnsafeRawPointer(single) : UnsafeRawPointer(double)
    _ = T.kernels.table.fft?(size, passes, factors, twiddles, re, im, otherRe, otherIm)
  }
}
