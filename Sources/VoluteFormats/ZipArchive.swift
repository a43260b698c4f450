/// A ZIP file opened for reading: its central directory, checked, and its members on request.
///
/// ```
/// [local header | name | extra | data] ... [central directory] [zip64 end, locator] [end | comment]
/// ```
///
/// Stored and deflated members are read, with or without zip64. Sizes and checksums come from the central directory,
/// so members written with data descriptors need nothing special. Nothing is ever unpacked to the disk; names that
/// would lead an unpacker astray are refused all the same.
package struct ZipArchive: Sendable {
  package struct Member: Hashable, Sendable {
    package var name: String
    package var method: UInt16
    package var isEncrypted: Bool
    package var checksum: UInt32
    package var compressedSize: Int
    package var size: Int
    /// Where the local header starts.
    package var offset: Int
    /// Where the next member, or the central directory, starts.
    package var limit: Int
  }

  package let file: FileBytes
  /// In the order of the central directory.
  package let members: [Member]

  /// - Throws: ``FormatError`` when the central directory is damaged, or describes members that lie outside of the
  ///   file, overlap, share a name or have a dangerous one.
  package init(_ file: FileBytes) throws(FormatError) {
    self.file = file
    members = try ZipDirectory(file).members(of: file)
  }

  /// The uncompressed bytes of `member`: a part of the file itself when the member is stored.
  ///
  /// - Throws: ``FormatError`` when the member is encrypted, compressed by a method other than deflate, or damaged.
  package func contents(of member: Member) throws(FormatError) -> FileBytes {
    let name = "\(file.name):\(member.name)"
    guard !member.isEncrypted else { throw FormatError(name, "the member is encrypted") }
    guard member.method == 0 || member.method == 8 else {
      throw FormatError(
        name, "the member is compressed by method \(member.method)",
        mend: "0, stored, and 8, deflate, are known")
    }
    let data = try dataRange(of: member, name: name)
    let contents: FileBytes
    if member.method == 8 {
      contents = try Deflate.inflated(
        UnsafeRawBufferPointer(rebasing: file.bytes[data]), size: member.size, name: name)
    } else {
      guard member.size == member.compressedSize else {
        throw FormatError(
          name, "the stored member declares \(member.size) bytes, but takes \(member.compressedSize)")
      }
      contents = file.part(data, name: name)
    }
    let checksum = Deflate.checksum(contents.bytes)
    guard checksum == member.checksum else {
      throw FormatError(
        name,
        "the contents have checksum \(hexadecimal(checksum)), but \(hexadecimal(member.checksum)) is declared",
        mend: "the file is damaged")
    }
    return contents
  }

  /// Where the data of `member` lie, by its local header.
  private func dataRange(of member: Member, name: String) throws(FormatError) -> Range<Int> {
    var reader = try ByteReader(name, file.bytes, at: member.offset, "local header")
    guard try reader.number("the local header", as: UInt32.self) == ZipRecord.local else {
      throw FormatError(name, "there is no local header at offset \(member.offset)")
    }
    _ = try reader.take(22, "the local header")
    let nameLength = Int(try reader.number("the local header", as: UInt16.self))
    let extraLength = Int(try reader.number("the local header", as: UInt16.self))
    let localName = try reader.take(nameLength, "the local name")
    guard localName.elementsEqual(member.name.utf8) else {
      throw FormatError(name, "the local header at offset \(member.offset) has another name")
    }
    _ = try reader.take(extraLength, "the local extra field")
    guard member.compressedSize <= member.limit - reader.offset else {
      throw FormatError(
        name,
        "\(member.compressedSize) bytes from offset \(reader.offset) reach into what starts at \(member.limit)"
      )
    }
    return reader.offset..<reader.offset + member.compressedSize
  }
}

/// What the records of a ZIP file start with, and what stands for a number that is in the zip64 field instead.
enum ZipRecord {
  static let local: UInt32 = 0x0403_4B50
  static let central: UInt32 = 0x0201_4B50
  static let end: UInt32 = 0x0605_4B50
  static let end64: UInt32 = 0x0606_4B50
  static let locator64: UInt32 = 0x0706_4B50
  static let centralSize = 46
  static let endSize = 22
  static let locator64Size = 20
  static let end64Size = 56
  static let zip64Field: UInt16 = 0x0001
  /// The field by which `zipalign` moves data to an aligned place.
  static let alignmentField: UInt16 = 0xD935

  /// Why `name` may not name a member, or nil.
  static func fault(inName name: String) -> String? {
    if name.isEmpty { return "is empty" }
    if name.utf8.count > 0xFFFF { return "is longer than 65535 bytes" }
    if let control = name.utf8.first(where: { $0 < 0x20 || $0 == 0x7F }) {
      return "contains the control character \(control)"
    }
    if name.utf8.contains(UInt8(ascii: "\\")) { return "contains a backslash" }
    if name.utf8.first == UInt8(ascii: "/") { return "is an absolute path" }
    if name.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) {
      return "leads out of the archive"
    }
    return nil
  }
}

private func hexadecimal(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}
