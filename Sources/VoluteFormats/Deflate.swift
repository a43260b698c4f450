import CZlib

/// The compression of ZIP members, by the system's zlib: raw deflate streams without a header.
enum Deflate {
  /// No stream expands further: a match of 258 bytes takes at least 2 bits.
  static let largestRatio = 1032

  /// CRC-32 of `bytes`, continuing from that of what came before.
  static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
    guard !bytes.isEmpty else { return previous }
    return UInt32(
      truncatingIfNeeded: crc32_z(
        UInt(previous), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  /// What `bytes` inflate to, which must be exactly `size` bytes; no more than that is ever written.
  static func inflated(
    _ bytes: UnsafeRawBufferPointer, size: Int, name: String
  ) throws(FormatError) -> FileBytes {
    guard (size - 1) / largestRatio <= bytes.count else {
      throw FormatError(
        name,
        "\(bytes.count) compressed bytes cannot inflate to the declared \(size): deflate expands "
          + "\(largestRatio) times at most")
    }
    return try FileBytes(name: name, byteCount: size) { (output) throws(FormatError) in
      let reached = try run(name, bytes, into: output)
      guard reached == size else {
        throw FormatError(name, "the compressed data ends after \(reached) of the declared \(size) bytes")
      }
    }
  }

  private static func run(
    _ name: String, _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(FormatError) -> Int {
    let stream = newStream()
    defer { stream.deallocate() }
    guard
      inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw FormatError(name, "zlib has no memory to inflate with") }
    defer { inflateEnd(stream) }
    var input = bytes
    var rest = output
    // One byte beyond the declared size, to see a stream that goes on.
    var beyond: UInt8 = 0
    return try withUnsafeMutableBytes(of: &beyond) { (spare) throws(FormatError) in
      while true {
        let source = UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
        let target = rest.isEmpty ? spare : UnsafeMutableRawBufferPointer(rebasing: rest.prefix(1 << 30))
        let status = stream.step(source, target) { inflate($0, Z_NO_FLUSH) }
        let taken = source.count - Int(stream.pointee.avail_in)
        let given = target.count - Int(stream.pointee.avail_out)
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(taken))
        if rest.isEmpty && given > 0 {
          throw FormatError(name, "the compressed data goes on after the declared \(output.count) bytes")
        }
        rest = UnsafeMutableRawBufferPointer(rebasing: rest.dropFirst(given))
        if status == Z_STREAM_END { break }
        guard status == Z_OK || status == Z_BUF_ERROR else {
          let reason = stream.pointee.msg.map { ": \(String(cString: $0))" } ?? ""
          throw FormatError(
            name, "the compressed data is damaged at byte \(bytes.count - input.count)\(reason)")
        }
        if taken == 0 && given == 0 {
          throw FormatError(
            name,
            "the compressed data is cut short after \(output.count - rest.count) of the declared "
              + "\(output.count) bytes")
        }
      }
      guard input.isEmpty else {
        throw FormatError(name, "\(input.count) bytes follow the end of the compressed data")
      }
      return output.count - rest.count
    }
  }

  /// The parts, one after the other, as one compressed stream.
  static func deflated(_ parts: [UnsafeRawBufferPointer], name: String) throws(FormatError) -> [UInt8] {
    let stream = newStream()
    defer { stream.deallocate() }
    guard
      deflateInit2_(
        stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw FormatError(name, "zlib has no memory to deflate with") }
    defer { deflateEnd(stream) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    for (index, part) in (parts + [empty]).enumerated() {
      let flush = index == parts.count ? Z_FINISH : Z_NO_FLUSH
      var input = part
      var status = Z_OK
      repeat {
        let source = UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
        let given = chunk.withUnsafeMutableBytes { target in
          status = stream.step(source, target) { deflate($0, flush) }
          return target.count - Int(stream.pointee.avail_out)
        }
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(source.count - Int(stream.pointee.avail_in)))
        result.append(contentsOf: chunk[..<given])
      } while flush == Z_FINISH ? status != Z_STREAM_END : !input.isEmpty
    }
    return result
  }

  /// A stream in a place of its own: zlib remembers where it is.
  private static func newStream() -> UnsafeMutablePointer<z_stream> {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    return stream
  }
}

extension UnsafeMutablePointer<z_stream> {
  /// One call of zlib from `source` to `target`, each of less than 4 GiB.
  fileprivate func step(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer,
    _ call: (UnsafeMutablePointer<z_stream>) -> Int32
  ) -> Int32 {
    pointee.next_in = UnsafeMutableRawPointer(mutating: source.baseAddress)?.assumingMemoryBound(
      to: UInt8.self)
    pointee.avail_in = UInt32(source.count)
    pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
    pointee.avail_out = UInt32(target.count)
    return call(self)
  }
}
