import Volute
import VoluteFormats

/// Sound checkpoints of PyTorch, put together by hand: there is no writer of pickles in Volute.
enum CheckpointSeeds {
  /// A dictionary of dictionaries with tensors of several types, views among them, and other values.
  static let pickles = [pickle(isLegacy: false, protocol: 2), pickle(isLegacy: false, protocol: 4)]

  static let legacy: [[UInt8]] = {
    var file = PickleText(protocol: 2)
    file.bytes += [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    var version = PickleText(protocol: 2)
    version.integer(1001)
    var machine = PickleText(protocol: 2)
    machine.code("}")
    var keys = PickleText(protocol: 2)
    keys.code("](")
    for key in storages.indices { keys.string("\(key)") }
    keys.code("e")
    var bytes =
      [file, version, machine].flatMap(\.finished) + pickle(isLegacy: true, protocol: 2) + keys.finished
    for storage in storages {
      bytes.append(littleEndian: UInt64(storage.count))
      storage.tensor.withUnsafeBytes { bytes += $0 }
    }
    return [bytes]
  }()

  /// A ZIP archive of `pickle` and the storages.
  static func archive(of pickle: [UInt8], isCompressed: Bool) -> [UInt8] {
    func add(_ name: String, _ bytes: [UInt8], _ writer: inout ZipWriter<[UInt8]>) {
      bytes.withUnsafeBytes { try? writer.add("run/\(name)", body: $0, isCompressed: isCompressed) }
    }
    var writer = ZipWriter([UInt8](), name: "fuzz")
    add("data.pkl", pickle, &writer)
    add("byteorder", Array("little".utf8), &writer)
    for (key, storage) in storages.enumerated() {
      add("data/\(key)", storage.tensor.withUnsafeBytes { Array($0) }, &writer)
    }
    return (try? writer.finish()) ?? []
  }

  private static let storages: [(type: String, count: Int, tensor: Tensor)] = [
    ("FloatStorage", 12, .arange(12, dtype: .float32)), ("LongStorage", 1, .arange(1)),
    ("BFloat16Storage", 6, .arange(6, dtype: .bfloat16)), ("BoolStorage", 4, .ones([4], dtype: .bool)),
  ]

  private static func pickle(isLegacy: Bool, protocol version: UInt8) -> [UInt8] {
    var text = PickleText(protocol: version)
    func tensor(_ name: String, _ storage: Int, _ offset: Int, _ shape: [Int], _ strides: [Int]) {
      text.string(name)
      text.global("torch._utils", "_rebuild_tensor_v2")
      text.code("((")
      text.string("storage")
      text.global("torch", storages[storage].type)
      text.string("\(storage)")
      text.string("cpu")
      text.integer(storages[storage].count)
      text.code(isLegacy ? "NtQ" : "tQ")
      text.integer(offset)
      for sizes in [shape, strides] {
        text.code("(")
        sizes.forEach { text.integer($0) }
        text.code("t")
      }
      text.bytes.append(0x89)
      text.global("collections", "OrderedDict")
      text.code(")RtR")
    }
    text.code("}(")
    text.string("state_dict")
    text.global("collections", "OrderedDict")
    text.code(")R(")
    tensor("0.weight", 0, 0, [3, 4], [4, 1])
    tensor("0.transposed", 0, 0, [4, 3], [1, 4])
    tensor("0.row", 0, 4, [4], [1])
    tensor("1.steps", 1, 0, [], [])
    tensor("1.mask", 3, 1, [3], [1])
    text.code("u")
    text.string("groups")
    text.code("](}(")
    tensor("half", 2, 2, [2, 2], [2, 1])
    text.string("rate")
    text.bytes += [0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]
    text.code("ue")
    text.string("epoch")
    text.integer(3)
    text.string("note")
    text.code("N")
    text.string("raw")
    text.global("_codecs", "encode")
    text.code("(")
    text.string("raw")
    text.string("latin1")
    text.code("tRu")
    return text.finished
  }
}

/// The instructions of a pickle, one after the other.
private struct PickleText {
  var bytes: [UInt8]
  private let isLate: Bool

  init(protocol version: UInt8) {
    bytes = [0x80, version]
    isLate = version >= 4
  }

  var finished: [UInt8] { bytes + Array(".".utf8) }

  mutating func code(_ text: String) { bytes += Array(text.utf8) }

  mutating func string(_ text: String) {
    if isLate {
      bytes += [0x8C, UInt8(text.utf8.count)]
    } else {
      code("X")
      bytes.append(littleEndian: UInt32(text.utf8.count))
    }
    code(text)
  }

  mutating func integer(_ value: Int) {
    code("M")
    bytes.append(littleEndian: UInt16(value))
  }

  mutating func global(_ module: String, _ name: String) {
    if isLate {
      string(module)
      string(name)
      bytes.append(0x93)
    } else {
      code("c\(module)\n\(name)\n")
    }
  }
}
