/// Where the central directory of a ZIP file lies, by the records at the file's end.
struct ZipDirectory {
  private var count: Int
  private var size: Int
  private var offset: Int

  /// - Throws: ``FormatError`` unless the records agree with each other and with the file's length.
  init(_ file: FileBytes) throws(FormatError) {
    let end = try Self.findEnd(file)
    var reader = try ByteReader(file.name, file.bytes, at: end + 4, "end record")
    let what = "the end record"
    let disk: UInt16 = try reader.number(what)
    let firstDisk: UInt16 = try reader.number(what)
    let countHere: UInt16 = try reader.number(what)
    let count: UInt16 = try reader.number(what)
    let size: UInt32 = try reader.number(what)
    let offset: UInt32 = try reader.number(what)
    var last = end
    if let wide = try Self.readEnd64(file, before: end) {
      self = wide.directory
      last = wide.offset
      guard count == 0xFFFF || Int(count) == self.count, size == .max || Int(size) == self.size,
        offset == .max || Int(offset) == self.offset
      else { throw FormatError(file.name, "the end record and its zip64 form contradict each other") }
    } else {
      guard disk == 0, firstDisk == 0, countHere == count else {
        throw FormatError(file.name, "the archive is spread over several disks")
      }
      self.init(count: Int(count), size: Int(size), offset: Int(offset))
    }
    guard self.offset <= last, self.size == last - self.offset else {
      throw FormatError(
        file.name,
        "a central directory of \(self.size) bytes at offset \(self.offset) does not end where the end "
          + "record starts, at \(last)", mend: "the file is damaged or cut short")
    }
    guard self.count <= self.size / ZipRecord.centralSize else {
      throw FormatError(
        file.name, "a central directory of \(self.size) bytes cannot hold the declared \(self.count) members")
    }
  }

  private init(count: Int, size: Int, offset: Int) {
    self.count = count
    self.size = size
    self.offset = offset
  }

  /// The end record: the last place that has its signature and a comment that fills the rest.
  private static func findEnd(_ file: FileBytes) throws(FormatError) -> Int {
    var place = file.bytes.count - ZipRecord.endSize
    let lowest = max(0, place - 0xFFFF)
    while place >= lowest {
      if file.bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self) == ZipRecord.end,
        Int(file.bytes.loadUnaligned(fromByteOffset: place + 20, as: UInt16.self))
          == file.bytes.count - place - ZipRecord.endSize
      {
        return place
      }
      place -= 1
    }
    throw FormatError(
      file.name, "is not a ZIP archive, or is cut short: its \(file.bytes.count) bytes have no end record")
  }

  /// The zip64 form of the end record, and where it starts, if the file has one.
  private static func readEnd64(
    _ file: FileBytes, before end: Int
  ) throws(FormatError) -> (directory: ZipDirectory, offset: Int)? {
    let locator = end - ZipRecord.locator64Size
    guard locator >= 0,
      file.bytes.loadUnaligned(fromByteOffset: locator, as: UInt32.self) == ZipRecord.locator64
    else { return nil }
    let what = "the zip64 end record"
    var reader = try ByteReader(file.name, file.bytes, at: locator + 4, what)
    let recordDisk: UInt32 = try reader.number(what)
    let place = try reader.size(what)
    let disks: UInt32 = try reader.number(what)
    guard place <= locator - ZipRecord.end64Size else {
      throw FormatError(file.name, "the zip64 end record at offset \(place) does not fit before \(locator)")
    }
    reader = try ByteReader(file.name, file.bytes, at: place, what)
    guard try reader.number(what, as: UInt32.self) == ZipRecord.end64 else {
      throw FormatError(file.name, "there is no zip64 end record at offset \(place)")
    }
    let length = try reader.size(what)
    guard length == locator - place - 12 else {
      throw FormatError(
        file.name, "the zip64 end record at offset \(place) has length \(length), not \(locator - place - 12)"
      )
    }
    _ = try reader.take(4, what)
    let disk: UInt32 = try reader.number(what)
    let firstDisk: UInt32 = try reader.number(what)
    let countHere = try reader.size(what)
    let directory = ZipDirectory(
      count: try reader.size(what), size: try reader.size(what), offset: try reader.size(what))
    guard recordDisk == 0, disks <= 1, disk == 0, firstDisk == 0, countHere == directory.count else {
      throw FormatError(file.name, "the archive is spread over several disks")
    }
    return (directory, place)
  }

  /// The members that the directory lists.
  func members(of file: FileBytes) throws(FormatError) -> [ZipArchive.Member] {
    var reader = try ByteReader(file.name, file.bytes, at: offset, "central directory")
    var members: [ZipArchive.Member] = []
    var names: Set<String> = []
    for index in 0..<count {
      let member = try Self.readMember(&reader, index)
      guard names.insert(member.name).inserted else {
        throw FormatError(file.name, "two members are called '\(member.name)'")
      }
      members.append(member)
    }
    guard reader.offset == offset + size else {
      throw FormatError(
        file.name,
        "the central directory's \(count) members take \(reader.offset - offset) bytes, not the declared "
          + "\(size)")
    }
    // In the order of the file each member must end before the next starts.
    let order = members.indices.sorted { members[$0].offset < members[$1].offset }
    for (place, index) in order.enumerated() {
      let next = place + 1 < order.count ? order[place + 1] : nil
      let limit = next.map { members[$0].offset } ?? offset
      members[index].limit = limit
      let member = members[index]
      guard member.offset <= offset else {
        throw FormatError(
          file.name,
          "the member '\(member.name)' at offset \(member.offset) lies beyond the central directory at "
            + "\(offset)")
      }
      let room = limit - member.offset - 30 - member.name.utf8.count
      guard member.compressedSize <= room else {
        let neighbour = next.map { "the member '\(members[$0].name)'" } ?? "the central directory"
        throw FormatError(
          file.name,
          "the member '\(member.name)' of \(member.compressedSize) bytes at offset \(member.offset) "
            + "overlaps \(neighbour) at \(limit)")
      }
    }
    return members
  }

  private static func readMember(
    _ reader: inout ByteReader, _ index: Int
  ) throws(FormatError) -> ZipArchive.Member {
    let what = "entry \(index) of the central directory"
    guard try reader.number(what, as: UInt32.self) == ZipRecord.central else {
      throw FormatError(reader.name, "\(what) has the wrong signature at offset \(reader.offset - 4)")
    }
    _ = try reader.take(4, what)
    let flags: UInt16 = try reader.number(what)
    let method: UInt16 = try reader.number(what)
    _ = try reader.take(4, what)
    let checksum: UInt32 = try reader.number(what)
    let compressedSize: UInt32 = try reader.number(what)
    let size: UInt32 = try reader.number(what)
    let nameLength: UInt16 = try reader.number(what)
    let extraLength: UInt16 = try reader.number(what)
    let commentLength: UInt16 = try reader.number(what)
    let disk: UInt16 = try reader.number(what)
    _ = try reader.take(6, what)
    let offset: UInt32 = try reader.number(what)
    let nameBytes = try reader.take(Int(nameLength), "the name of \(what)")
    guard let name = String(validating: nameBytes, as: UTF8.self) else {
      throw FormatError(reader.name, "the name of \(what) is not UTF-8")
    }
    if let fault = ZipRecord.fault(inName: name) {
      let shown = String(String.UnicodeScalarView(name.unicodeScalars.map { $0.value < 0x20 ? "?" : $0 }))
      throw FormatError(reader.name, "the name of the member '\(shown)' \(fault)")
    }
    var extra = try ByteReader(
      "\(reader.name):\(name)", reader.take(Int(extraLength), "the extra field of \(what)"))
    var wide = try extra.zip64Field()
    let member = ZipArchive.Member(
      name: name, method: method,
      // Bit 0, and the strong encryption and masking of bits 6 and 13.
      isEncrypted: flags & 0x2041 != 0, checksum: checksum,
      compressedSize: 0, size: try wide.wide(size), offset: 0, limit: 0)
    var complete = member
    complete.compressedSize = try wide.wide(compressedSize)
    complete.offset = try wide.wide(offset)
    guard disk == 0 || disk == .max else {
      throw FormatError(reader.name, "the member '\(name)' lies on disk \(disk) of several")
    }
    _ = try reader.take(Int(commentLength), "the comment of \(what)")
    return complete
  }
}

extension ByteReader {
  /// A 64-bit size or offset, which must not exceed what an `Int` holds.
  fileprivate mutating func size(_ what: String) throws(FormatError) -> Int {
    let value: UInt64 = try number(what)
    guard let size = Int(exactly: value) else {
      throw FormatError(name, "\(what) has the impossible size or offset \(value)")
    }
    return size
  }

  /// A reader of the zip64 field among the extra fields; of nothing when there is none.
  fileprivate mutating func zip64Field() throws(FormatError) -> ByteReader {
    while remaining >= 4 {
      let identifier: UInt16 = try number("an extra field")
      let length: UInt16 = try number("an extra field")
      let field = try take(Int(length), "an extra field")
      if identifier == ZipRecord.zip64Field { return try ByteReader(name, field) }
    }
    return try ByteReader(name, UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// `narrow`, or, where it says so, the next number of the zip64 field.
  fileprivate mutating func wide(_ narrow: UInt32) throws(FormatError) -> Int {
    narrow == .max ? try size("the zip64 field") : Int(narrow)
  }
}
