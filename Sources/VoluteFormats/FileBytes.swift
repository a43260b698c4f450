#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Bytes that stay where they are for as long as somebody holds this object: a mapped file, a part of one, or
/// memory. Tensors borrow from it.
///
/// Mapping is the reason why opening a large file is instant and costs no memory. Its price: when another process
/// shortens the file while it is mapped, touching the missing part ends the process with `SIGBUS`, and what it
/// overwrites shows through. Files written by ``AtomicFile`` are replaced, never changed in place, and have neither
/// trouble.
// Unchecked: the bytes are never written once the initialiser has returned.
package final class FileBytes: @unchecked Sendable {
  /// The file's path, or what stands for it in messages.
  package let name: String
  package let bytes: UnsafeRawBufferPointer
  private let release: @Sendable (UnsafeRawBufferPointer) -> Void

  private init(
    name: String, bytes: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    self.name = name
    self.bytes = bytes
    self.release = release
  }

  deinit { release(bytes) }

  /// The bytes of the file at `path`: mapped where that is possible, read to the end (a pipe, a device) where not.
  package convenience init(path: String) throws(FormatError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(path, "cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(path, "cannot be examined") }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    if isRegular, let size = Int(exactly: status.st_size), size > 0,
      let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    {
      self.init(name: path, bytes: UnsafeRawBufferPointer(start: base, count: size)) {
        munmap(UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
      }
      return
    }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      if count > 0 {
        contents.append(contentsOf: chunk[..<count])
      } else if errno != EINTR {
        throw .system(path, "cannot be read beyond byte \(contents.count)")
      }
    }
    try self.init(name: path, copying: contents)
  }

  /// A copy of `source`.
  package convenience init(name: String, copying source: [UInt8]) throws(FormatError) {
    try self.init(name: name, byteCount: source.count) { $0.copyBytes(from: source) }
  }

  /// A copy of `source`.
  package convenience init(name: String, copying source: UnsafeRawBufferPointer) throws(FormatError) {
    try self.init(name: name, byteCount: source.count) { $0.copyMemory(from: source) }
  }

  /// `byteCount` bytes that `fill` writes, aligned to 64.
  ///
  /// - Throws: what `fill` throws, and ``FormatError`` where the memory is not to be had.
  package convenience init(
    name: String, byteCount: Int, filling fill: (UnsafeMutableRawBufferPointer) throws(FormatError) -> Void
  ) throws(FormatError) {
    var base: UnsafeMutableRawPointer?
    guard posix_memalign(&base, 64, max(byteCount, 1)) == 0, let base else {
      throw FormatError(name, "\(byteCount) bytes of memory are not to be had")
    }
    do {
      try fill(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    } catch {
      free(base)
      throw error
    }
    self.init(name: name, bytes: UnsafeRawBufferPointer(start: base, count: byteCount)) {
      free(UnsafeMutableRawPointer(mutating: $0.baseAddress))
    }
  }

  /// The bytes `range`, under another name; nothing is copied.
  ///
  /// - Precondition: `range` lies inside of `bytes`.
  package func part(_ range: Range<Int>, name: String) -> FileBytes {
    FileBytes(name: name, bytes: UnsafeRawBufferPointer(rebasing: bytes[range])) { _ in
      withExtendedLifetime(self) {}
    }
  }
}

extension FormatError {
  /// `message` and what the operating system says about it: to be made right after the call that failed.
  static func system(_ path: String, _ message: String) -> FormatError {
    FormatError(path, "\(message): \(String(cString: strerror(errno)))")
  }
}
