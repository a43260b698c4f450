import CVolute

/// All that decides the next random numbers: it can be copied, compared and stored.
public struct RandomState: Hashable, Sendable {
  var twister: MersenneTwister
  /// The second value of the last pair of normals, unless it has been given out.
  private var spareNormal: Double?

  /// The state that PyTorch's CPU generator has after the same seed; only the seed's low 32 bits count.
  public init(seed: Int) {
    twister = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
  }

  /// The state as integers, for a file: the twister's words, its position, and the spare normal's bits.
  public var integers: [Int64] {
    let spare = spareNormal.map { [Int64(bitPattern: $0.bitPattern)] } ?? []
    return twister.words.map(Int64.init) + [Int64(twister.position)] + spare
  }

  /// The state that `integers` was read from; `nil` for numbers that no state gives.
  public init?(integers: [Int64]) {
    let words = integers.prefix(MersenneTwister.length).compactMap(UInt32.init(exactly:))
    let rest = Array(integers.dropFirst(MersenneTwister.length))
    guard 1...2 ~= rest.count, let twister = MersenneTwister(words: words, position: Int(rest[0])) else {
      return nil
    }
    self.twister = twister
    spareNormal = rest.count == 2 ? Double(bitPattern: UInt64(bitPattern: rest[1])) : nil
  }

  /// A standard normal value, by Box and Muller's method in double precision.
  mutating func normal() -> Double {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let turn = Double.uniform(from: &twister)
    let radius = (-2 * log1p(-Double.uniform(from: &twister))).squareRoot()
    let angle = 2 * Double.pi * turn
    spareNormal = radius * sin(angle)
    return radius * cos(angle)
  }
}

/// The real types that random numbers are drawn in.
protocol RandomReal: Arithmetic, BinaryFloatingPoint {
  /// A multiple of the type's precision in [0, 1).
  static func uniform(from twister: inout MersenneTwister) -> Self
}

extension Float: RandomReal {
  @inline(__always)
  static func uniform(from twister: inout MersenneTwister) -> Float {
    Float(twister.next() & (1 << 24 - 1)) * 0x1p-24
  }
}

extension Double: RandomReal {
  @inline(__always)
  static func uniform(from twister: inout MersenneTwister) -> Double {
    Double(twister.next64() & (1 << 53 - 1)) * 0x1p-53
  }
}
