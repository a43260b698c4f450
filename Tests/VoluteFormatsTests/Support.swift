import Testing
import Volute
import VoluteFormats

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The path of a file that Python wrote; see Fixtures/README.md.
func fixture(_ name: String) -> String {
  let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
  return "/\(folder)/Fixtures/\(name)"
}

/// Runs `body` with a directory of its own, which is then removed with the files in it.
func withDirectory<Result>(_ body: (String) throws -> Result) rethrows -> Result {
  var template = Array("/tmp/volute-tests-XXXXXX".utf8CString)
  let path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  defer {
    for name in contents(of: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }
  return try body(path)
}

/// The names in a directory, sorted.
func contents(of directory: String) -> [String] {
  guard let stream = opendir(directory) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// The bytes of a file.
func bytes(of path: String) throws -> [UInt8] {
  let file = try FileBytes(path: path)
  return Array(file.bytes)
}

/// The text of the error that `body` throws.
func refusal<Result>(_ body: () throws(FormatError) -> Result) -> String {
  do {
    _ = try body()
    return "nothing was thrown"
  } catch {
    return error.description
  }
}

/// Same type, shape and bytes.
func expectSame(_ left: Tensor, _ right: Tensor, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(left.dtype == right.dtype, sourceLocation: sourceLocation)
  #expect(left.shape == right.shape, sourceLocation: sourceLocation)
  #expect(
    left.withUnsafeBytes { Array($0) } == right.withUnsafeBytes { Array($0) }, sourceLocation: sourceLocation)
}

/// A version 1.0 file of a given dictionary and the bytes after it.
func npy(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
  var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
  bytes.append(littleEndian: UInt16(header.utf8.count))
  return bytes + Array(header.utf8) + data
}

/// What the scripts that made the fixtures put into every array: 0, 1, 2, ..., or -3, -2, -1, ... where there is a
/// sign.
func counted(_ shape: [Int], _ dtype: DType) -> Tensor {
  let count = shape.reduce(1, *)
  if dtype == .bool { return Tensor((0..<count).map { $0 % 2 == 1 }, shape: shape) }
  let start = dtype == .uint8 ? 0 : -3
  return Tensor.arange(start, start + count).to(dtype).reshaped(shape)
}
