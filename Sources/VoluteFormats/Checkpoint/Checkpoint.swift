import Volute

/// A checkpoint of PyTorch: what `torch.save` wrote, as a ZIP archive (`.pt`, `.pth`) or in the form before
/// PyTorch 1.6.
///
/// ```swift
/// let checkpoint = try Checkpoint("run.pt")        // {"state_dict": {"0.weight": ...}, "epoch": 3}
/// print(checkpoint.root["epoch"]?.number ?? 0)     // 3.0
/// for (name, tensor) in try checkpoint.tensors() { print(name, tensor.shape) }  // state_dict.0.weight [8, 1, 3]
/// ```
///
/// Tensors, parameters, dictionaries, lists, tuples, sets, numbers, strings, bytes, bools and None are read. A pickle
/// can ask Python to run anything; here nothing is run, and whatever else it asks for is refused by its name. Tensors
/// that are views stay views: they share bytes as they did in Python, and elements that are aligned in the file are
/// mapped, not copied.
public struct Checkpoint: Sendable {
  /// The file, or what stands for it in errors.
  public let path: String
  /// What was saved.
  public let root: CheckpointValue

  /// Reads the checkpoint at `path`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, is damaged, or asks for what weights are not made of.
  public init(_ path: String) throws(FormatError) {
    try self.init(FileBytes(path: path))
  }

  /// Reads the checkpoint in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are damaged, or ask for what weights are not made of.
  public init(bytes: [UInt8], name: String = "checkpoint") throws(FormatError) {
    try self.init(FileBytes(name: name, copying: bytes))
  }

  private init(_ file: FileBytes) throws(FormatError) {
    if file.bytes.starts(with: Array("PK".utf8)) {
      try self.init(ZipArchive(file))
    } else {
      try self.init(legacy: file)
    }
  }

  /// Every tensor with its dotted name, in the order of the file: keys, and places in lists, joined by dots. A
  /// checkpoint that is one tensor calls it `arr_0`.
  ///
  /// - Throws: ``FormatError`` when two tensors come to one name.
  public func tensors() throws(FormatError) -> [(name: String, tensor: Tensor)] {
    if case .tensor(let tensor) = root { return [(TensorFile.defaultName, tensor)] }
    var names: Set<String> = []
    var result: [(name: String, tensor: Tensor)] = []
    for (name, value) in try root.leaves(path: path) {
      guard case .tensor(let tensor) = value else { continue }
      guard names.insert(name).inserted else {
        throw FormatError(path, "two tensors are called '\(name.shown)'")
      }
      result.append((name, tensor))
    }
    return result
  }

  /// Everything else with its dotted name: epochs, rates and the like.
  ///
  /// - Throws: ``FormatError`` when the names are too long for any memory.
  public func otherValues() throws(FormatError) -> [(name: String, value: CheckpointValue)] {
    try root.leaves(path: path).filter { $0.value.tensor == nil }
  }
}

// MARK: Archives

extension Checkpoint {
  private static let pickleName = "data.pkl"

  /// The folder in the archive that holds a checkpoint; nil when there is none.
  static func folder(of archive: ZipArchive) -> String? {
    archive.members.first { $0.name == pickleName || $0.name.hasSuffix("/\(pickleName)") }
      .map { String($0.name.dropLast(pickleName.count)) }
  }

  /// ```
  /// run/data.pkl | run/byteorder | run/data/0 | run/data/1 | ...
  /// ```
  init(_ archive: ZipArchive) throws(FormatError) {
    let path = archive.file.name
    guard let folder = Self.folder(of: archive) else {
      throw FormatError(path, "is a ZIP archive without \(Self.pickleName), not a checkpoint of PyTorch")
    }
    var members: [String: ZipArchive.Member] = [:]
    for member in archive.members where member.name.hasPrefix(folder) {
      members[String(member.name.dropFirst(folder.count))] = member
    }
    guard members["constants.pkl"] == nil else {
      throw FormatError(
        path, "is a TorchScript program, not a checkpoint",
        mend: "in Python, save its weights: torch.save(torch.jit.load(path).state_dict(), other)")
    }
    func contents(_ name: String) throws(FormatError) -> FileBytes? {
      guard let member = members[name] else { return nil }
      return try archive.contents(of: member)
    }
    var isBigEndian = false
    if let order = try contents("byteorder") {
      let text = String(decoding: order.bytes.prefix(80), as: UTF8.self)
      guard text == "little" || text == "big" else {
        throw FormatError(
          order.name, "names the byte order '\(text.shown)'", mend: "known are little and big")
      }
      isBigEndian = text == "big"
    }
    guard let program = try contents(Self.pickleName) else {
      throw FormatError(path, "has no \(Self.pickleName)")
    }
    var reader = try ByteReader(program.name, program.bytes)
    let pickle = try Pickle(&reader)
    var parts: [String: FileBytes] = [:]
    for storage in pickle.storages where parts[storage.key] == nil {
      parts[storage.key] = try contents("data/\(storage.key)")
    }
    var tree = CheckpointTree(pickle, parts, isBigEndian: isBigEndian)
    self.path = path
    root = try tree.value()
  }
}

// MARK: The form before PyTorch 1.6

extension Checkpoint {
  /// 0x1950a86a20f9469cfc6c, low byte first.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let protocolVersion = 1001

  /// Whether `bytes` start like a pickle of protocol 2 or later.
  static func isPickle(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 1 && bytes[0] == PickleOpcode.proto.rawValue && (2...5).contains(bytes[1])
  }

  /// ```
  /// pickles: magic | version | machine | what was saved | [keys] | then for each key: count: 8 bytes | elements
  /// ```
  ///
  /// Numbers are little-endian whatever the machine was.
  init(legacy file: FileBytes) throws(FormatError) {
    guard Self.isPickle(file.bytes) else {
      throw FormatError(file.name, "is not a checkpoint of PyTorch: it is neither a ZIP archive nor a pickle")
    }
    var reader = try ByteReader(file.name, file.bytes)
    let first = try Pickle(&reader)
    guard case .largeInteger(Self.magic) = first.nodes[first.root] else {
      throw FormatError(
        file.name, "is a pickle, but not one of torch.save", mend: "in Python, save it by torch.save")
    }
    let second = try Pickle(&reader)
    guard case .integer(Self.protocolVersion) = second.nodes[second.root] else {
      throw FormatError(
        file.name, "is of an unknown version of torch.save", mend: "version \(Self.protocolVersion) is known")
    }
    _ = try Pickle(&reader)
    let pickle = try Pickle(&reader)
    let keys = try Pickle(&reader)
    var tree = CheckpointTree(pickle, try Self.parts(of: file, keys, pickle.storages, &reader))
    path = file.name
    root = try tree.value()
  }

  /// The storages' bytes, which follow in the order of their keys.
  private static func parts(
    of file: FileBytes, _ keys: Pickle, _ storages: [PickleStorage], _ reader: inout ByteReader
  ) throws(FormatError) -> [String: FileBytes] {
    guard case .list(let places) = keys.nodes[keys.root] else {
      throw FormatError(file.name, "has no list of its storages")
    }
    let known = Dictionary(storages.map { ($0.key, $0) }) { first, _ in first }
    var parts: [String: FileBytes] = [:]
    for place in places {
      guard case .string(let key) = keys.nodes[place], let storage = known[key], parts[key] == nil else {
        throw FormatError(file.name, "lists a storage that nothing refers to, or one twice")
      }
      let name = "\(file.name):\(key.shown)"
      let count: UInt64 = try reader.number("the size of the storage '\(key.shown)'")
      guard count == storage.count else {
        throw FormatError(name, "has \(count) elements, but the pickle says \(storage.count)")
      }
      let (size, overflow) = storage.count.multipliedReportingOverflow(by: storage.elementSize)
      guard !overflow else { throw FormatError(name, "has more elements than memory can hold") }
      let start = reader.offset
      _ = try reader.take(size, "the storage '\(key.shown)'")
      parts[key] = file.part(start..<start + size, name: name)
    }
    return parts
  }
}
