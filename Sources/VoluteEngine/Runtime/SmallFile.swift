#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Files that are small and may fail.
enum SmallFile {
  /// The bytes of a file, or `nil` if there is none, it cannot be read or is larger than `most`.
  static func bytes(of path: String, atMost most: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while bytes.count <= most {
      let part = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        count = max(read(descriptor, buffer.baseAddress, buffer.count), 0)
      }
      if part.isEmpty { return bytes }
      bytes += part
    }
    return nil
  }

  /// Replaces a file as a whole, making its folders, or leaves it as it was.
  static func replace(_ path: String, with bytes: [UInt8]) {
    for index in path.indices.dropFirst() where path[index] == "/" { mkdir(String(path[..<index]), 0o700) }
    let temporary = "\(path).\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { break }
      rest = rest.dropFirst(count)
    }
    let isClosed = close(descriptor) == 0
    if !rest.isEmpty || !isClosed || rename(temporary, path) != 0 { unlink(temporary) }
  }
}
