import Volute

/// Tensors in files whose format the name decides: `.npy`, `.npz`, and `archive.npz:name` for one array of an archive.
public enum TensorFile {
  /// The tensor in the file at `path`: of an archive the named one, or the only one.
  ///
  /// - Throws: ``FormatError`` when the name has no known ending, the file cannot be read, or it holds several
  ///   arrays and `path` names none.
  public static func read(_ path: String) throws(FormatError) -> Tensor {
    switch try Place(path) {
    case .npy:
      return try NPY.read(path)
    case .npz(let archive, let name?):
      return try NPZ(archive).tensor(name)
    case .npz(let archive, nil):
      let contents = try NPZ(archive)
      guard contents.names.count == 1 else {
        let names = contents.names.prefix(10).joined(separator: ", ")
        throw FormatError(
          path, "holds \(contents.names.count) arrays, not one",
          mend: contents.names.isEmpty ? nil : "name one as \(archive):NAME, of \(names)")
      }
      return try contents.tensor(contents.names[0])
    }
  }

  /// Every tensor in the file at `path`, by name; an `.npy` file's is called `arr_0`, as NumPy calls it in archives.
  ///
  /// - Throws: ``FormatError`` when the name has no known ending or the file cannot be read.
  public static func readAll(_ path: String) throws(FormatError) -> [(name: String, tensor: Tensor)] {
    switch try Place(path) {
    case .npy: return [(defaultName, try NPY.read(path))]
    case .npz(let archive, let name?): return [(name, try NPZ(archive).tensor(name))]
    case .npz(let archive, nil): return try NPZ.read(archive)
    }
  }

  /// Writes `tensor` as the whole contents of the file at `path`; in an archive it is called what `path` says, or
  /// `arr_0`.
  ///
  /// - Throws: ``FormatError`` when the name has no known ending or the file cannot be written.
  public static func write(_ tensor: Tensor, to path: String) throws(FormatError) {
    switch try Place(path) {
    case .npy: try NPY.write(tensor, to: path)
    case .npz(let archive, let name): try NPZ.write([(name ?? defaultName, tensor)], to: archive)
    }
  }

  static let defaultName = "arr_0"

  private enum Place {
    case npy
    case npz(archive: String, name: String?)

    init(_ path: String) throws(FormatError) {
      let lowercased = path.lowercased()
      if let mark = Place.colon(in: path) {
        self = .npz(archive: String(path[..<mark]), name: String(path[path.index(after: mark)...]))
      } else if lowercased.hasSuffix(".npy") {
        self = .npy
      } else if lowercased.hasSuffix(".npz") {
        self = .npz(archive: path, name: nil)
      } else {
        throw FormatError(
          path, "has no ending that says what it holds", mend: "known are .npy, .npz and archive.npz:name")
      }
    }

    /// The colon of the first `.npz:`.
    private static func colon(in path: String) -> String.Index? {
      path.indices.first { path[$0] == ":" && path[..<$0].lowercased().hasSuffix(".npz") }
    }
  }
}
