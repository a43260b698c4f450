/// Writes a ZIP file, member after member.
///
/// Stored members are placed so that their data are aligned to 64 bytes, and can be mapped. Nothing depends on the
/// clock: the same members give the same bytes.
package struct ZipWriter<Sink: ByteSink> {
  package private(set) var sink: Sink
  private let name: String
  /// Sizes and offsets from here on are written in their zip64 form.
  private let narrowLimit: Int
  private var directory: [UInt8] = []
  private var names: Set<String> = []

  /// - Parameters:
  ///   - name: the archive's, for errors.
  ///   - narrowLimit: what the 32-bit fields do not hold; less than that only to try the zip64 form.
  package init(_ sink: Sink, name: String, narrowLimit: Int = 0xFFFF_FFFF) {
    self.sink = sink
    self.name = name
    self.narrowLimit = narrowLimit
  }

  /// Appends a member: `header`, then `body`.
  ///
  /// - Throws: ``FormatError`` when the name is taken or not fit for an archive, or the sink refuses.
  package mutating func add(
    _ member: String, header: [UInt8] = [], body: UnsafeRawBufferPointer, isCompressed: Bool = false
  ) throws(FormatError) {
    if let fault = ZipRecord.fault(inName: member) {
      throw FormatError(name, "the name of the member '\(member)' \(fault)")
    }
    guard names.insert(member).inserted else {
      throw FormatError(name, "two members are called '\(member)'")
    }
    try header.withUnsafeBufferPointer { (head) throws(FormatError) in
      try write(member, parts: [UnsafeRawBufferPointer(head), body], isCompressed: isCompressed)
    }
  }

  private mutating func write(
    _ member: String, parts: [UnsafeRawBufferPointer], isCompressed: Bool
  ) throws(FormatError) {
    var checksum: UInt32 = 0
    for part in parts { checksum = Deflate.checksum(part, after: checksum) }
    let size = parts.reduce(0) { $0 + $1.count }
    let deflated = isCompressed ? try Deflate.deflated(parts, name: "\(name):\(member)") : []
    let compressedSize = isCompressed ? deflated.count : size
    let offset = sink.count
    let isWide = size >= narrowLimit || compressedSize >= narrowLimit
    func common(version: UInt16) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: version)
      // Bit 11: the name is UTF-8.
      bytes.append(littleEndian: UInt16(member.utf8.allSatisfy { $0 < 0x80 } ? 0 : 0x800))
      bytes.append(littleEndian: UInt16(isCompressed ? 8 : 0))
      // The first of January 1980, midnight.
      bytes.append(littleEndian: UInt32(0x0021_0000))
      bytes.append(littleEndian: checksum)
      return bytes
    }
    let nameLength = UInt16(member.utf8.count)

    var local: [UInt8] = []
    local.append(littleEndian: ZipRecord.local)
    local += common(version: isWide ? 45 : 20)
    local.append(littleEndian: isWide ? UInt32.max : UInt32(compressedSize))
    local.append(littleEndian: isWide ? UInt32.max : UInt32(size))
    var extra = isWide ? Self.zip64Field([size, compressedSize]) : []
    if !isCompressed {
      extra += Self.alignment(after: offset + local.count + 4 + member.utf8.count + extra.count)
    }
    local.append(littleEndian: nameLength)
    local.append(littleEndian: UInt16(extra.count))
    try sink.write(local + Array(member.utf8) + extra)
    if isCompressed {
      try sink.write(deflated)
    } else {
      for part in parts { try sink.write(part) }
    }

    var wide: [Int] = []
    func narrow(_ value: Int) -> UInt32 {
      if value < narrowLimit { return UInt32(value) }
      wide.append(value)
      return .max
    }
    let narrowSize = narrow(size)
    let narrowCompressedSize = narrow(compressedSize)
    let narrowOffset = narrow(offset)
    let field = wide.isEmpty ? [] : Self.zip64Field(wide)
    directory.append(littleEndian: ZipRecord.central)
    // Made by Unix.
    directory.append(littleEndian: UInt16(3 << 8 | 45))
    directory += common(version: wide.isEmpty ? 20 : 45)
    directory.append(littleEndian: narrowCompressedSize)
    directory.append(littleEndian: narrowSize)
    directory.append(littleEndian: nameLength)
    directory.append(littleEndian: UInt16(field.count))
    // No comment, the first disk, no internal attributes; a regular file of mode 644.
    directory += [0, 0, 0, 0, 0, 0]
    directory.append(littleEndian: UInt32(0o100644 << 16))
    directory.append(littleEndian: narrowOffset)
    directory += Array(member.utf8) + field
  }

  /// Writes the directory, and gives the sink back.
  package consuming func finish() throws(FormatError) -> Sink {
    let offset = sink.count
    let count = names.count
    var end: [UInt8] = []
    if count >= 0xFFFF || offset >= narrowLimit || directory.count >= narrowLimit {
      end.append(littleEndian: ZipRecord.end64)
      end.append(littleEndian: UInt64(ZipRecord.end64Size - 12))
      end.append(littleEndian: UInt16(3 << 8 | 45))
      end.append(littleEndian: UInt16(45))
      end.append(littleEndian: UInt64(0))
      end.append(littleEndian: UInt64(count))
      end.append(littleEndian: UInt64(count))
      end.append(littleEndian: UInt64(directory.count))
      end.append(littleEndian: UInt64(offset))
      end.append(littleEndian: ZipRecord.locator64)
      end.append(littleEndian: UInt32(0))
      end.append(littleEndian: UInt64(offset + directory.count))
      end.append(littleEndian: UInt32(1))
    }
    end.append(littleEndian: ZipRecord.end)
    end.append(littleEndian: UInt32(0))
    end.append(littleEndian: UInt16(min(count, 0xFFFF)))
    end.append(littleEndian: UInt16(min(count, 0xFFFF)))
    end.append(littleEndian: directory.count < narrowLimit ? UInt32(directory.count) : .max)
    end.append(littleEndian: offset < narrowLimit ? UInt32(offset) : .max)
    end.append(littleEndian: UInt16(0))
    try sink.write(directory + end)
    return sink
  }

  private static func zip64Field(_ values: [Int]) -> [UInt8] {
    var field: [UInt8] = []
    field.append(littleEndian: ZipRecord.zip64Field)
    field.append(littleEndian: UInt16(8 * values.count))
    for value in values { field.append(littleEndian: UInt64(value)) }
    return field
  }

  /// A field of zeros after which the data start at a multiple of 64, `position` being where it would start.
  private static func alignment(after position: Int) -> [UInt8] {
    let gap = (64 - position % 64) % 64
    if gap == 0 { return [] }
    // The field's own head takes 6 bytes.
    let length = gap < 6 ? gap + 64 : gap
    var field: [UInt8] = []
    field.append(littleEndian: ZipRecord.alignmentField)
    field.append(littleEndian: UInt16(length - 4))
    field.append(littleEndian: UInt16(64))
    return field + [UInt8](repeating: 0, count: length - 6)
  }
}
