#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif
import Volute
import VoluteFormats

/// Makes damaged files of one format, and reads them.
struct Fuzzer {
  enum Format: String { case npy, npz }

  let format: Format
  private let arrays: [[UInt8]]
  private let archives: [[UInt8]]

  init?(_ name: String) {
    guard let format = Format(rawValue: name) else { return nil }
    self.format = format
    let tensors = DType.allCases.map { Tensor.arange(6).to($0).reshaped(2, 3) }
    let shapes = [Tensor(3.5), .zeros([2, 0, 3]), .arange(5), .ones([1, 2, 1, 3, 1])]
    let fortran = NPY.encode(.arange(24).to(.float32).reshaped(2, 3, 4)).replacing("False", with: "True ")
    let bigEndian = NPY.encode(.arange(6, dtype: .int32)).replacing("<i4", with: ">i4")
    let unsigned = NPY.encode(.arange(6, dtype: .int64)).replacing("<i8", with: "<u8")
    arrays = (tensors + shapes).map(NPY.encode) + [fortran, bigEndian, unsigned]
    let named = tensors.enumerated().map { (name: "tensor\($0.offset)", tensor: $0.element) }
    let sets = [named.prefix(3), named.suffix(2), [(name: "zeros", tensor: .zeros([64, 64]))]]
    archives = [false, true].flatMap { isCompressed in
      [20, Int.max].flatMap { narrowLimit in
        sets.compactMap {
          try? NPZ.write(
            Array($0), ZipWriter([], name: "seed", narrowLimit: narrowLimit), compressed: isCompressed)
        }
      }
    }
  }

  func read(_ bytes: [UInt8]) throws(FormatError) -> [Tensor] {
    switch format {
    case .npy: [try NPY.decode(bytes)]
    case .npz: try NPZ.decode(bytes).map(\.tensor)
    }
  }

  func makeCase(_ number: Int) -> [UInt8] {
    var random = XorShift(seed: number)
    switch format {
    case .npy:
      return damaged(arrays[random.below(arrays.count)], &random)
    case .npz where random.below(2) == 0:
      return damaged(archives[random.below(archives.count)], &random)
    case .npz:
      // A sound archive of a damaged array, which checksums do not give away.
      return archive(
        of: damaged(arrays[random.below(arrays.count)], &random), isCompressed: random.below(2) == 0)
    }
  }

  private func archive(of array: [UInt8], isCompressed: Bool) -> [UInt8] {
    let archive = array.withUnsafeBytes { bytes -> [UInt8]? in
      var writer = ZipWriter([UInt8](), name: "fuzz")
      try? writer.add("array.npy", body: bytes, isCompressed: isCompressed)
      return try? writer.finish()
    }
    return archive ?? []
  }

  /// `bytes` after one to four mishaps.
  private func damaged(_ bytes: [UInt8], _ random: inout XorShift) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(1 + random.below(4)) where !bytes.isEmpty {
      // What decides is at the start of an array and at the end of an archive.
      let whole = random.below(bytes.count)
      let place =
        random.below(2) == 0
        ? whole
        : format == .npy ? whole % min(bytes.count, 128) : bytes.count - 1 - whole % min(bytes.count, 200)
      switch random.below(8) {
      case 0:
        bytes[place] ^= 1 << UInt8(random.below(8))
      case 1:
        bytes[place] = UInt8(random.below(256))
      case 2:
        bytes.removeLast(bytes.count - place)
      case 3:
        bytes.remove(at: place)
      case 4:
        bytes.insert(UInt8(random.below(256)), at: place)
      case 5:
        // A number of 2, 4 or 8 bytes at one of its extremes.
        let value = Self.extremes[random.below(Self.extremes.count)]
        for index in 0..<(2 << random.below(3)) where place + index < bytes.count {
          bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
      case 6:
        let word = Array(Self.words[random.below(Self.words.count)].utf8)
        let end = min(bytes.count, place + (random.below(2) == 0 ? word.count : random.below(4)))
        bytes.replaceSubrange(place..<end, with: word)
      default:
        let end = place + random.below(min(bytes.count - place, 64) + 1)
        let target = random.below(bytes.count)
        bytes.insert(contentsOf: Array(bytes[place..<end]), at: target)
      }
    }
    return bytes
  }

  private static let extremes: [UInt64] = [
    0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF, .max >> 1, .max - 1,
    .max,
  ]
  private static let words = [
    "9223372036854775807", "99999999999999999999", "-1", "0", "(", ")", "()", "(,)", ",", "'", "{", "}",
    "True",
    "False", "'<f8'", "|O", ">i2", "|b1", "<u8", "<V2", "[('a', '<f4')]",
    "'shape': (1, 0, 4611686018427387904), ",
    "../", "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}",
  ]
}

extension [UInt8] {
  /// With the first occurrence of `old` overwritten by `new`, of the same length.
  fileprivate func replacing(_ old: String, with new: String) -> [UInt8] {
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    guard let place = indices.first(where: { self[$0...].starts(with: old) }) else { return self }
    return self[..<place] + new + self[(place + old.count)...]
  }
}

/// Marsaglia's xorshift: a few lines, and the same numbers everywhere.
struct XorShift {
  private var state: UInt64

  init(seed: Int) {
    state = (UInt64(bitPattern: Int64(seed)) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    if state == 0 { state = 1 }
  }

  mutating func below(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int((state >> 11) % UInt64(bound))
  }
}

/// Lets the process have 8 GiB of addresses: an allocation that a file does not justify then fails.
func limitMemory() {
  #if os(Linux)
    var limit = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  #endif
}

@inline(never)
func blackHole(_ tensor: Tensor) {}
