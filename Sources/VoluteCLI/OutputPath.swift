import ArgumentParser
import VoluteFormats

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Looks at where results will go before the work is done, so that no long work is lost to a wrong name.
enum OutputPath {
  /// Refuses names that say nothing of the format, and one name for two files.
  static func checkNames(tensors: [String?], picture: String?) throws {
    for path in tensors.compactMap({ $0 }) where !hasEnding(file(path), [".npy", ".npz"]) {
      throw ValidationError("'\(path)' should end in .npy or .npz")
    }
    if let picture, !hasEnding(picture, [".svg"]) {
      throw ValidationError("'\(picture)' should end in .svg; pictures are SVG")
    }
    let files = (tensors + [picture]).compactMap { $0.map(file) }
    if Set(files).count < files.count {
      throw ValidationError("two results cannot go to one file; give each a name of its own")
    }
  }

  /// Refuses a place where nothing can be written.
  static func check(_ path: String) throws(FormatError) {
    let file = file(path)
    var status = stat()
    if stat(file, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR { throw FormatError(path, "is a directory") }
      if access(file, W_OK) != 0 { throw FormatError(path, "cannot be written: \(reason)") }
    }
    let folder = file.lastIndex(of: "/").map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
    if access(folder, W_OK) != 0 { throw FormatError(path, "cannot be created in \(folder): \(reason)") }
  }

  /// The file of a path that may name an array in an archive.
  private static func file(_ path: String) -> String {
    let marks = path.indices.filter { path[$0] == ":" && path[..<$0].lowercased().hasSuffix(".npz") }
    return marks.first.map { String(path[..<$0]) } ?? path
  }

  static func hasEnding(_ path: String, _ endings: [String]) -> Bool {
    endings.contains { path.lowercased().hasSuffix($0) }
  }

  private static var reason: String { String(cString: strerror(errno)) }
}
