import Volute

/// NumPy's `.npz`: a ZIP archive of named arrays, opened and read one array at a time.
///
/// ```swift
/// let weights = try NPZ("weights.npz")
/// for name in weights.names { print(name, try weights.tensor(name).shape) }
/// ```
///
/// Members that are stored are mapped like an `.npy` file of their own, and borrowed where they are aligned, as in
/// archives that ``write(_:to:compressed:)`` made. Checksums are verified. A damaged or hostile archive is refused
/// with an error, and never takes more memory than its bytes can inflate to.
public struct NPZ: Sendable {
  /// The arrays' names, members' without `.npy`, in the archive's order.
  public let names: [String]
  /// The members that are no arrays: directories, and whatever does not end in `.npy`.
  public let otherMembers: [String]
  private let archive: ZipArchive
  private let places: [String: Int]

  /// Opens the archive at `path`, reading only its directory.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read or its directory is damaged.
  public init(_ path: String) throws(FormatError) {
    self.init(try ZipArchive(FileBytes(path: path)))
  }

  /// Opens the archive in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the directory is damaged.
  public init(bytes: [UInt8], name: String = "npz") throws(FormatError) {
    self.init(try ZipArchive(FileBytes(name: name, copying: bytes)))
  }

  init(_ archive: ZipArchive) {
    self.archive = archive
    var names: [String] = []
    var others: [String] = []
    var places: [String: Int] = [:]
    for (place, member) in archive.members.enumerated() {
      if member.name.hasSuffix(Self.suffix) {
        let name = String(member.name.dropLast(Self.suffix.count))
        names.append(name)
        places[name] = place
      } else {
        others.append(member.name)
      }
    }
    self.names = names
    otherMembers = others
    self.places = places
  }

  private static let suffix = ".npy"

  /// The array called `name`.
  ///
  /// - Throws: ``FormatError`` when there is none, or it is damaged or of a type that tensors lack; see ``NPY``.
  public func tensor(_ name: String) throws(FormatError) -> Tensor {
    guard let place = places[name] else { throw .missing(name, in: archive.file.name, known: names) }
    return try NPY.tensor(in: archive.contents(of: archive.members[place]))
  }

  /// All arrays, in the archive's order.
  ///
  /// - Throws: ``FormatError`` when one of them is damaged or of a type that tensors lack.
  public func tensors() throws(FormatError) -> [(name: String, tensor: Tensor)] {
    var result: [(name: String, tensor: Tensor)] = []
    for name in names { result.append((name, try tensor(name))) }
    return result
  }
}

extension NPZ {
  /// All arrays of the archive at `path`, in its order.
  ///
  /// - Throws: ``FormatError`` when the archive or one of its arrays cannot be read.
  public static func read(_ path: String) throws(FormatError) -> [(name: String, tensor: Tensor)] {
    try NPZ(path).tensors()
  }

  /// All arrays of the archive in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the archive or one of its arrays cannot be read.
  public static func decode(
    _ bytes: [UInt8], name: String = "npz"
  ) throws(FormatError) -> [(name: String, tensor: Tensor)] {
    try NPZ(bytes: bytes, name: name).tensors()
  }

  /// An archive of `arrays`, deflated when `compressed` and stored, aligned for mapping, otherwise.
  ///
  /// - Throws: ``FormatError`` when a name is given twice, is empty of meaning to an archive (a path that is absolute
  ///   or leads upwards, a backslash, a zero byte) or too long.
  public static func encode(
    _ arrays: [(name: String, tensor: Tensor)], compressed: Bool = false
  ) throws(FormatError) -> [UInt8] {
    try write(arrays, ZipWriter([UInt8](), name: "npz"), compressed: compressed)
  }

  /// Writes ``encode(_:compressed:)`` to `path`, whole or not at all.
  ///
  /// - Throws: ``FormatError`` as encoding does, and when the file cannot be written.
  public static func write(
    _ arrays: [(name: String, tensor: Tensor)], to path: String, compressed: Bool = false
  ) throws(FormatError) {
    try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FormatError) in
      sink = try write(arrays, ZipWriter(sink, name: path), compressed: compressed)
    }
  }

  package static func write<Sink>(
    _ arrays: [(name: String, tensor: Tensor)], _ writer: consuming ZipWriter<Sink>, compressed: Bool
  ) throws(FormatError) -> Sink {
    var writer = writer
    for (name, tensor) in arrays {
      try tensor.withUnsafeBytes { (bytes) throws(FormatError) in
        try writer.add(
          name + suffix, header: NPYHeader.encode(tensor), body: bytes, isCompressed: compressed)
      }
    }
    return try writer.finish()
  }
}
