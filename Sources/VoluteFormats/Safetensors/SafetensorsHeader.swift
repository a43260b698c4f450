import Volute

/// What stands before the elements of a safetensors file.
///
/// ```
/// length: 8 bytes | {"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, ...} | elements
/// ```
///
/// Offsets count from the end of the header. The tensors fill what follows without a gap.
struct SafetensorsHeader {
  struct Entry {
    var key: String
    var format: ElementFormat
    var shape: [Int]
    /// Where the elements are in the file.
    var bytes: Range<Int>
  }

  /// In the order of their bytes.
  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  /// What the library of the format takes, too.
  static let largestLength = 100_000_000
  static let metadataKey = "__metadata__"

  /// The order in which the library writes tensors: by type from the first to the last, then by name.
  static let types: [(name: String, dtype: DType)] = [
    ("I64", .int64), ("F64", .float64), ("F32", .float32), ("I32", .int32), ("BF16", .bfloat16),
    ("F16", .float16), ("I16", .int16), ("I8", .int8), ("U8", .uint8), ("BOOL", .bool),
  ]

  static func read(_ file: FileBytes) throws(FormatError) -> SafetensorsHeader {
    var reader = try ByteReader(file.name, file.bytes)
    let length: UInt64 = try reader.number("the header's length")
    guard length <= largestLength else {
      throw FormatError(
        file.name, "declares a header of \(length) bytes", mend: "the format allows \(largestLength)")
    }
    let text = try reader.take(Int(length), "the header")
    guard text.first == UInt8(ascii: "{") else {
      throw FormatError(file.name, "is not a safetensors file: its header does not start with {")
    }
    let start = reader.offset
    var json = JSONReader(name: file.name, text)
    var header = SafetensorsHeader()
    try json.object { (json, key) throws(FormatError) in
      if key == metadataKey {
        header.metadata = try strings(&json)
      } else {
        header.entries.append(try entry(key, &json, file, start: start))
      }
    }
    try json.end()
    try header.checkPlaces(file, start: start)
    return header
  }

  private static func strings(_ json: inout JSONReader) throws(FormatError) -> [String: String] {
    var result: [String: String] = [:]
    try json.object { (json, key) throws(FormatError) in
      result[key] = try json.string("the metadata '\(key.shown)'")
    }
    return result
  }

  private static func entry(
    _ key: String, _ json: inout JSONReader, _ file: FileBytes, start: Int
  ) throws(FormatError) -> Entry {
    func fault(_ message: String) -> FormatError {
      FormatError(file.name, "the tensor '\(key.shown)' \(message)")
    }
    var format: ElementFormat?
    var shape: [Int]?
    var offsets: [Int]?
    try json.object { (json, field) throws(FormatError) in
      switch field {
      case "dtype":
        let name = try json.string("a type")
        format = elementFormat(name)
        guard format != nil else {
          throw FormatError(
            file.name, "the tensor '\(key.shown)' is of type '\(name.shown)', which no tensor has",
            mend: "save it as one of \(types.map(\.name).joined(separator: ", "))")
        }
      case "shape": shape = try json.wholeNumbers("a size")
      case "data_offsets": offsets = try json.wholeNumbers("an offset")
      default: throw fault("has the unknown entry '\(field.shown)'")
      }
    }
    guard let format else { throw fault("has no entry 'dtype'") }
    guard let shape else { throw fault("has no entry 'shape'") }
    guard let offsets else { throw fault("has no entry 'data_offsets'") }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw fault("has data_offsets \(offsets.prefix(4)), which are no start and end")
    }
    guard offsets[1] <= file.bytes.count - start else {
      throw fault(
        "ends at offset \(offsets[1]), but only \(file.bytes.count - start) bytes follow the header")
    }
    let size = try file.elementCount(shape) * format.size
    guard size == offsets[1] - offsets[0] else {
      throw fault(
        "of shape \(shape) and \(format.size)-byte elements takes \(size) bytes, but its data_offsets "
          + "\(offsets) hold \(offsets[1] - offsets[0])")
    }
    return Entry(key: key, format: format, shape: shape, bytes: start + offsets[0]..<start + offsets[1])
  }

  /// Sorts the entries by their places, which must follow each other without gaps up to the file's end.
  private mutating func checkPlaces(_ file: FileBytes, start: Int) throws(FormatError) {
    entries.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end = start
    for entry in entries {
      let place = entry.bytes.lowerBound
      guard place == end else {
        let fault = place < end ? "overlaps the tensor before it" : "leaves a gap after the tensor before it"
        throw FormatError(
          file.name,
          "the tensor '\(entry.key.shown)' at offset \(place - start) \(fault), which ends at "
            + "\(end - start)")
      }
      end = entry.bytes.upperBound
    }
    guard end == file.bytes.count else {
      throw FormatError(file.name, "\(file.bytes.count - end) bytes at the end belong to no tensor")
    }
  }

  private static func elementFormat(_ name: String) -> ElementFormat? {
    switch name {
    case "U16": ElementFormat(.unsigned(2))
    case "U32": ElementFormat(.unsigned(4))
    case "U64": ElementFormat(.unsigned(8))
    default: types.first { $0.name == name }.map { ElementFormat(.native($0.dtype)) }
    }
  }

  /// The header of a file that holds `tensors` in this order, padded so that the elements are aligned to 8.
  static func encode(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String]
  ) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.precedes($1.key) }
      let text = pairs.map { "\($0.key.quotedAsJSON):\($0.value.quotedAsJSON)" }.joined(separator: ",")
      members.append("\"\(metadataKey)\":{\(text)}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.count * tensor.dtype.size
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(name.quotedAsJSON):{\"dtype\":\"\(types[rank(tensor.dtype)].name)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    var result: [UInt8] = []
    result.append(littleEndian: UInt64(text.count))
    return result + text
  }

  /// The place of a type in `types`.
  static func rank(_ dtype: DType) -> Int { types.firstIndex { $0.dtype == dtype } ?? 0 }
}

extension String {
  /// The order of the bytes, which is that of the code points.
  func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
