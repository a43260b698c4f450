import Volute

/// The safetensors format of Hugging Face: named tensors in one file, nothing in it to be executed.
///
/// | safetensors | Tensor |
/// |---|---|
/// | `F16`, `BF16`, `F32`, `F64` | float16, bfloat16, float32, float64 |
/// | `I8`, `I16`, `I32`, `I64`, `U8` | int8, int16, int32, int64, uint8 |
/// | `BOOL` | bool; bytes other than 0 and 1 are true |
/// | `U16`, `U32` | int32, int64 |
/// | `U64` | int64; refused where a value does not fit |
///
/// Other types are refused by name. To open a file and read some of its tensors, see ``SafetensorsFile``.
public enum Safetensors {
  /// Every tensor of the file at `path`.
  ///
  /// The file is mapped: aligned elements are not copied. While a tensor lives nobody may shorten the file;
  /// replacing it, as ``write(_:to:metadata:)`` does, is harmless.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read or is not such a file.
  public static func read(_ path: String) throws(FormatError) -> [String: Tensor] {
    try dictionary(SafetensorsFile(path))
  }

  /// Every tensor in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are not such a file.
  public static func decode(
    _ bytes: [UInt8], name: String = "safetensors"
  ) throws(FormatError) -> [String: Tensor] {
    try dictionary(SafetensorsFile(bytes: bytes, name: name))
  }

  private static func dictionary(_ file: SafetensorsFile) throws(FormatError) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for key in file.keys { result[key] = try file.tensor(for: key) }
    return result
  }

  /// A file that holds `tensors`, byte for byte the one that the format's own library writes: ordered by type, then
  /// by key, so the same tensors always give the same bytes.
  ///
  /// - Throws: ``FormatError`` when a key is `__metadata__`, which the format keeps for itself, or the keys are longer
  ///   than its header may be.
  public static func encode(
    _ tensors: [String: Tensor], metadata: [String: String] = [:]
  ) throws(FormatError) -> [UInt8] {
    var result: [UInt8] = []
    try write(tensors, metadata, into: &result, name: "safetensors")
    return result
  }

  /// Writes ``encode(_:metadata:)`` to `path`, whole or not at all.
  ///
  /// - Throws: ``FormatError`` as encoding does, and when the file cannot be written.
  public static func write(
    _ tensors: [String: Tensor], to path: String, metadata: [String: String] = [:]
  ) throws(FormatError) {
    try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FormatError) in
      try write(tensors, metadata, into: &sink, name: path)
    }
  }

  private static func write(
    _ tensors: [String: Tensor], _ metadata: [String: String], into sink: inout some ByteSink, name: String
  ) throws(FormatError) {
    guard tensors[SafetensorsHeader.metadataKey] == nil else {
      throw FormatError(
        name, "no tensor may be called '\(SafetensorsHeader.metadataKey)', which the format keeps for itself")
    }
    let ordered = tensors.map { (name: $0.key, tensor: $0.value) }.sorted { left, right in
      let (first, second) = (left.tensor.dtype, right.tensor.dtype)
      return first == second
        ? left.name.precedes(right.name)
        : SafetensorsHeader.rank(first) < SafetensorsHeader.rank(second)
    }
    let header = SafetensorsHeader.encode(ordered, metadata: metadata)
    guard header.count - 8 <= SafetensorsHeader.largestLength else {
      throw FormatError(
        name, "the header would take \(header.count - 8) bytes",
        mend: "the format allows \(SafetensorsHeader.largestLength)")
    }
    try sink.write(header)
    for (_, tensor) in ordered {
      try tensor.withUnsafeBytes { (bytes) throws(FormatError) in try sink.write(bytes) }
    }
  }
}

/// A safetensors file, opened and read one tensor at a time.
///
/// ```swift
/// let weights = try SafetensorsFile("weights.safetensors")
/// for key in weights.keys { print(key, try weights.shape(for: key)) }
/// let first = try weights.tensor(for: "0.weight")
/// ```
///
/// Opening maps the file and reads its header only. A tensor borrows its elements where they are aligned.
public struct SafetensorsFile: Sendable {
  /// The tensors' names, in the order of their bytes.
  public let keys: [String]
  /// What the writer said of the file.
  public let metadata: [String: String]
  private let file: FileBytes
  private let entries: [String: SafetensorsHeader.Entry]

  /// Opens the file at `path`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, or its header is damaged or contradicts its size.
  public init(_ path: String) throws(FormatError) {
    try self.init(FileBytes(path: path))
  }

  /// Opens the file in `bytes`; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the header is damaged or contradicts the size.
  public init(bytes: [UInt8], name: String = "safetensors") throws(FormatError) {
    try self.init(FileBytes(name: name, copying: bytes))
  }

  init(_ file: FileBytes) throws(FormatError) {
    let header = try SafetensorsHeader.read(file)
    self.file = file
    keys = header.entries.map(\.key)
    metadata = header.metadata
    entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.key, $0) })
  }

  /// The sizes of the tensor called `key`.
  ///
  /// - Throws: ``FormatError`` when there is none.
  public func shape(for key: String) throws(FormatError) -> [Int] { try entry(key).shape }

  /// The type that the tensor called `key` has once it is read.
  ///
  /// - Throws: ``FormatError`` when there is none.
  public func dtype(for key: String) throws(FormatError) -> DType { try entry(key).format.dtype }

  /// The tensor called `key`.
  ///
  /// - Throws: ``FormatError`` when there is none, or an unsigned number does not fit.
  public func tensor(for key: String) throws(FormatError) -> Tensor {
    let entry = try entry(key)
    return try file.tensor(entry.format, shape: entry.shape, at: entry.bytes.lowerBound)
  }

  private func entry(_ key: String) throws(FormatError) -> SafetensorsHeader.Entry {
    if let entry = entries[key] { return entry }
    throw .missing(key, in: file.name, known: keys)
  }
}
