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
  enum Format: String, CaseIterable { case npy, npz, safetensors, checkpoint, png }

  let format: Format
  private let arrays: [[UInt8]]
  private let archives: [[UInt8]]
  private let safetensors: [[UInt8]]

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
    safetensors = [named, Array(named.suffix(2)), []].compactMap { set in
      let tensors = Dictionary(set.map { ($0.name, $0.tensor) }) { first, _ in first }
      return try? Safetensors.encode(tensors, metadata: ["format": "pt"])
    }
  }

  /// The sound files that the damaged ones are made of.
  var seeds: [[UInt8]] {
    switch format {
    case .npy: arrays
    case .npz: archives
    case .safetensors: safetensors
    case .checkpoint:
      CheckpointSeeds.legacy
        + CheckpointSeeds.pickles.map { CheckpointSeeds.archive(of: $0, isCompressed: false) }
    case .png: ImageSeeds.files
    }
  }

  func read(_ bytes: [UInt8]) throws(FormatError) -> [Tensor] {
    switch format {
    case .npy: [try NPY.decode(bytes)]
    case .npz: try NPZ.decode(bytes).map(\.tensor)
    case .safetensors: try Array(Safetensors.decode(bytes).values)
    case .checkpoint: try weights(Checkpoint(bytes: bytes))
    case .png: [try ImageFile.decode(bytes)]
    }
  }

  private func weights(_ checkpoint: Checkpoint) throws(FormatError) -> [Tensor] {
    for (_, value) in try checkpoint.otherValues() { blackHole(value.description) }
    return try checkpoint.tensors().map(\.tensor)
  }

  /// The most bytes of tensors that a file justifies: widening doubles, deflate expands 1032 times, and what views
  /// of a checkpoint share counts for each of them.
  func largestResult(of bytes: [UInt8]) -> Int {
    format == .checkpoint ? 16 * (bytes.count * 1032 + 1 << 20) : bytes.count * 2 * 1032
  }

  func makeCase(_ number: Int) -> [UInt8] {
    var random = XorShift(seed: number)
    switch format {
    case .npy:
      return damaged(arrays, .head(128), &random)
    case .npz where random.below(2) == 0:
      return damaged(archives, .tail(200), &random)
    case .npz:
      // A sound archive of a damaged array, which checksums do not give away.
      return archive(of: damaged(arrays, .head(128), &random), isCompressed: random.below(2) == 0)
    case .safetensors:
      return damaged(safetensors, .head(400), &random)
    case .checkpoint where random.below(4) == 0:
      let pickle = CheckpointSeeds.pickles[random.below(CheckpointSeeds.pickles.count)]
      return damaged([CheckpointSeeds.archive(of: pickle, isCompressed: false)], .tail(400), &random)
    case .checkpoint where random.below(2) == 0:
      return damaged(CheckpointSeeds.legacy, .head(.max), &random)
    case .checkpoint:
      return CheckpointSeeds.archive(
        of: damaged(CheckpointSeeds.pickles, .head(.max), &random), isCompressed: random.below(4) == 0)
    case .png where random.below(2) == 0:
      return damaged(ImageSeeds.files, .head(64), &random)
    case .png:
      // Sound chunks of a damaged header or damaged lines, which checksums do not give away.
      var (header, lines) = ImageSeeds.parts[random.below(ImageSeeds.parts.count)]
      if random.below(2) == 0 {
        header = damaged([header], .head(.max), &random)
      } else {
        lines = damaged([lines], .head(.max), &random)
      }
      return (try? PNG.file(header: header, lines: lines)) ?? []
    }
  }

  /// Where a file is decided on: so many bytes at its start or its end.
  private enum Focus {
    case head(Int)
    case tail(Int)
  }

  private func archive(of array: [UInt8], isCompressed: Bool) -> [UInt8] {
    let archive = array.withUnsafeBytes { bytes -> [UInt8]? in
      var writer = ZipWriter([UInt8](), name: "fuzz")
      try? writer.add("array.npy", body: bytes, isCompressed: isCompressed)
      return try? writer.finish()
    }
    return archive ?? []
  }

  /// One of `files` after one to four mishaps.
  private func damaged(_ files: [[UInt8]], _ focus: Focus, _ random: inout XorShift) -> [UInt8] {
    var bytes = files[random.below(files.count)]
    // Half of the files suffer one small mishap, and so get further before they are refused.
    let isGentle = random.below(2) == 0
    let kinds = isGentle ? [0, 0, 1, 5] : Array(0..<8)
    for _ in 0...(isGentle ? 0 : random.below(1 + random.below(4))) where !bytes.isEmpty {
      let whole = random.below(bytes.count)
      var place = whole
      if random.below(2) == 0 {
        switch focus {
        case .head(let count): place = whole % min(bytes.count, count)
        case .tail(let count): place = bytes.count - 1 - whole % min(bytes.count, count)
        }
      }
      switch kinds[random.below(kinds.count)] {
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
        let word = words[random.below(words.count)]
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

  /// What means something to the readers.
  private var words: [[UInt8]] {
    switch format {
    case .npy, .npz: Self.arrayWords
    case .safetensors: Self.headerWords
    case .checkpoint: Self.pickleWords
    case .png: Self.imageWords
    }
  }

  private static let arrayWords = [
    "9223372036854775807", "99999999999999999999", "-1", "0", "(", ")", "()", "(,)", ",", "'", "{", "}",
    "True",
    "False", "'<f8'", "|O", ">i2", "|b1", "<u8", "<V2", "[('a', '<f4')]",
    "'shape': (1, 0, 4611686018427387904), ",
    "../", "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}",
  ].map { Array($0.utf8) }
  private static let headerWords = [
    "9223372036854775807", "99999999999999999999", "-1", "0", "00", "1e3", "[", "]", "[]", "{", "}", "{}",
    ",",
    "\"", "\\", "\\ud800", "\\ud83d\\ude00", "\\u0000", ":", "null", "true", "BOOL", "U64", "F8_E4M3", "BF16",
    "__metadata__", "\"tensor1\"", "\"dtype\":\"U8\",", "\"shape\":[0,4611686018427387904],",
    "\"data_offsets\":[0,0],",
  ].map { Array($0.utf8) }
  private static let imageWords =
    ["IHDR", "IDAT", "IEND", "PLTE", "tEXt", "P5 ", "P6\n", "#", " ", "65535", "99999999", "255\n", "0"]
    .map { Array($0.utf8) } + [
      [0x89, 0x50, 0x4E, 0x47], [0x78, 0x9C], [8, 3, 0, 0, 0], [16, 2], [0, 0, 1],
    ]
  private static let pickleWords =
    [
      "cposix\nsystem\n", "ctorch\nDoubleStorage\n", "ctorch\nSize\n", "ctorch.storage\nUntypedStorage\n",
      "ctorch._utils\n_rebuild_parameter\n", "c__builtin__\nset\n", "ccollections\nOrderedDict\n", ")R", "tR",
      "(", "t", "tQ", "]", "e", "a", "}", "u", "s", "N", "0", "1", "2", "l", "d", "b", "h\0", "q\0", "q\u{1}",
      "h\u{1}", "]q\0h\0a", "X\0\0\0\0", "K\0",
    ].map { Array($0.utf8) }
    + [
      [0x85], [0x86], [0x87], [0x81], [0x8F], [0x90], [0x91], [0x93], [0x94], [0x88], [0x8A, 0], [0x8A, 9],
      [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127], [0x8D, 255, 255, 255, 255, 255, 255, 255, 255],
      [0x58, 255, 255, 255, 127], [0x8B, 255, 255, 255, 255],
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
func blackHole<Value>(_ value: Value) {}
