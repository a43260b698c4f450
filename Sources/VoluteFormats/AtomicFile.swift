#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Takes bytes in order: a file being written, or an array.
package protocol ByteSink {
  /// How many bytes have been taken.
  var count: Int { get }
  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError)
}

extension ByteSink {
  package mutating func write(_ bytes: [UInt8]) throws(FormatError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(FormatError) in
      try write(UnsafeRawBufferPointer(buffer))
    }
  }
}

extension [UInt8]: ByteSink {
  package mutating func write(_ bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }
}

/// Writes files whole or not at all.
///
/// The bytes go to a temporary file beside the target, which takes the target's name only once they are on the
/// disk. Whatever goes wrong before that, a crash included, leaves under the name what was there. An existing file
/// keeps its permissions, a symbolic link stays one, and a device or a pipe is simply written to.
public enum AtomicFile {
  /// Writes `bytes` as the whole contents of the file at `path`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be written; what was there is then untouched.
  public static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
    try write(to: path) { (sink: inout Sink) throws(FormatError) in try sink.write(bytes) }
  }

  /// Writes `text` in UTF-8 as the whole contents of the file at `path`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be written; what was there is then untouched.
  public static func write(_ text: String, to path: String) throws(FormatError) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes what `body` puts into the sink; when `body` throws, the file stays as it was.
  package static func write(
    to path: String, _ body: (inout Sink) throws(FormatError) -> Void
  ) throws(FormatError) {
    var target = path
    var status = stat()
    var mode: mode_t?
    if stat(path, &status) == 0 {
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        guard access(path, W_OK) == 0 else { throw .system(path, "cannot be written") }
        mode = status.st_mode & 0o7777
        // The file that a link leads to is replaced, not the link.
        if let resolved = realpath(path, nil) {
          target = String(cString: resolved)
          free(resolved)
        }
      case S_IFDIR:
        throw FormatError(path, "is a directory")
      default:
        return try overwrite(path, body)
      }
    }
    let directory = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "./"
    let temporary = try create(in: directory, for: path)
    var isInPlace = false
    defer { if !isInPlace { unlink(temporary.path) } }
    try fill(temporary.descriptor, for: path) { (sink: inout Sink) throws(FormatError) in
      try body(&sink)
      if let mode, fchmod(temporary.descriptor, mode) != 0 {
        throw .system(path, "cannot be given the permissions of the file that it replaces")
      }
      guard fsync(temporary.descriptor) == 0 else { throw .system(path, "cannot be brought to the disk") }
    }
    guard rename(temporary.path, target) == 0 else { throw .system(path, "cannot be put in place") }
    isInPlace = true
    // The file is whole by now, and not every file system can do this: failure is not an error.
    let folder = open(directory, O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  /// An open file.
  package struct Sink: ByteSink {
    let path: String
    let descriptor: Int32
    package private(set) var count = 0

    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        let written = systemWrite(descriptor, part)
        if written >= 0 {
          rest = rest.dropFirst(written)
          count += written
        } else if errno != EINTR {
          throw .system(path, "cannot be written beyond byte \(count)")
        }
      }
    }
  }

  /// A device or a pipe has no contents to protect and no name to give away.
  private static func overwrite(
    _ path: String, _ body: (inout Sink) throws(FormatError) -> Void
  ) throws(FormatError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(path, "cannot be opened") }
    try fill(descriptor, for: path, body)
  }

  /// Lets `body` write and closes the file in any case.
  private static func fill(
    _ descriptor: Int32, for path: String, _ body: (inout Sink) throws(FormatError) -> Void
  ) throws(FormatError) {
    var sink = Sink(path: path, descriptor: descriptor)
    do {
      try body(&sink)
    } catch {
      close(descriptor)
      throw error
    }
    guard close(descriptor) == 0 else { throw .system(path, "cannot be closed") }
  }

  /// A new file of a name that nobody has.
  private static func create(
    in directory: String, for path: String
  ) throws(FormatError) -> (path: String, descriptor: Int32) {
    for _ in 0..<100 {
      let tag = String(UInt64.random(in: .min ... .max), radix: 36)
      let temporary = "\(directory).volute-\(tag).tmp"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (temporary, descriptor) }
      if errno != EEXIST { break }
    }
    throw .system(path, "cannot be created")
  }
}

/// The system's `write`, which a method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
