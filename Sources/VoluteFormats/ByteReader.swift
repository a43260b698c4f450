/// Reads bytes in order and refuses to go beyond their end. Numbers are little-endian.
///
/// It owns nothing: whoever made it keeps the bytes alive.
package struct ByteReader {
  /// What messages call the bytes.
  package let name: String
  package let bytes: UnsafeRawBufferPointer
  /// The place of the next byte.
  package private(set) var offset: Int

  /// - Throws: ``FormatError`` when `offset` lies outside of `bytes`.
  package init(
    _ name: String, _ bytes: UnsafeRawBufferPointer, at offset: Int = 0, _ what: String = "data"
  ) throws(FormatError) {
    self.name = name
    self.bytes = bytes
    self.offset = 0
    _ = try take(offset, "what comes before the \(what)")
  }

  package var remaining: Int { bytes.count - offset }

  /// The next `count` bytes.
  package mutating func take(_ count: Int, _ what: String) throws(FormatError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw FormatError(
        name, "\(what) needs \(count) bytes at offset \(offset), but only \(remaining) are left")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// The next number.
  package mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ what: String, as type: Number.Type = Number.self
  ) throws(FormatError) -> Number {
    let bytes = try take(MemoryLayout<Number>.size, what)
    return Number(littleEndian: bytes.loadUnaligned(as: Number.self))
  }
}

extension [UInt8] {
  /// Appends a number, low byte first.
  package mutating func append(littleEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}
