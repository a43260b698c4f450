import Testing
import Volute
import VoluteFormats

struct NPZTests {
  private let arrays: [(name: String, tensor: Tensor)] = [
    ("weight", Tensor.arange(-3, 3).to(.float32).reshaped(2, 3)),
    ("layer/bias", Tensor.arange(-3, 0).to(.float64)),
    ("step", Tensor(7)),
    ("größe", Tensor([0, 1] as [UInt8])),
  ]

  private func expectSameArrays(
    _ left: [(name: String, tensor: Tensor)], _ right: [(name: String, tensor: Tensor)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(left.map(\.name) == right.map(\.name), sourceLocation: sourceLocation)
    for (one, other) in zip(left, right) {
      expectSame(one.tensor, other.tensor, sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: ["stored", "deflated", "descriptors"])
  func numpyWroteIt(name: String) throws {
    let archive = try NPZ(fixture("\(name).npz"))
    expectSameArrays(try archive.tensors(), arrays)
    #expect(archive.otherMembers == (name == "descriptors" ? ["README.txt"] : []))
  }

  @Test(arguments: [false, true])
  func everyTypeComesBack(compressed: Bool) throws {
    var all = arrays
    for dtype in DType.allCases { all.append(("\(dtype)", Tensor.arange(2).to(dtype))) }
    all.append(("empty", .zeros([2, 0])))
    let encoded = try NPZ.encode(all, compressed: compressed)
    expectSameArrays(try NPZ.decode(encoded), all)
    #expect(try NPZ.encode(all, compressed: compressed) == encoded)
    try withDirectory { directory in
      let path = "\(directory)/x.npz"
      try NPZ.write(all, to: path, compressed: compressed)
      #expect(try bytes(of: path) == encoded)
      expectSameArrays(try NPZ.read(path), all)
    }
  }

  @Test func storedArraysAreBorrowedAndDeflatedOnesSmall() throws {
    let zeros = Tensor.zeros([64, 64])
    let stored = try NPZ.encode([("a", Tensor(1.5)), ("zeros", zeros)])
    let tensor = try NPZ(bytes: stored).tensor("zeros")
    #expect(!tensor.storage.isWritable)
    expectSame(tensor, zeros)
    #expect(try NPZ.encode([("zeros", zeros)], compressed: true).count < 500)
  }

  @Test func oneArrayByName() throws {
    let archive = try NPZ(fixture("stored.npz"))
    #expect(archive.names == arrays.map(\.name))
    expectSame(try archive.tensor("step"), Tensor(7))
    let message = refusal { () throws(FormatError) in try archive.tensor("stop") }
    #expect(message.hasSuffix("stored.npz: has no array 'stop' (it has weight, layer/bias, step, größe)"))
  }

  @Test func anEmptyArchive() throws {
    #expect(try NPZ.decode(NPZ.encode([])).isEmpty)
    #expect(try NPZ.encode([]).count == 22)
  }

  @Test(arguments: [false, true])
  func zip64IsWrittenAndRead(compressed: Bool) throws {
    // With the limit of the 32-bit fields lowered every number takes its 64-bit form.
    let archive = try NPZ.write(
      arrays, ZipWriter([UInt8](), name: "wide", narrowLimit: 0), compressed: compressed)
    expectSameArrays(try NPZ.decode(archive), arrays)
  }

  @Test func moreMembersThan16BitsCount() throws {
    var writer = ZipWriter([UInt8](), name: "many")
    let body = UnsafeRawBufferPointer(start: nil, count: 0)
    for index in 0..<70000 { try writer.add("\(index)", body: body) }
    let archive = try NPZ(bytes: try writer.finish())
    #expect(archive.otherMembers.count == 70000)
    #expect(archive.otherMembers.last == "69999")
  }

  @Test(
    arguments: [
      ("../up", "leads out of the archive"), ("a/../b", "leads out of the archive"),
      ("/etc/passwd", "is an absolute path"), ("a\\b", "contains a backslash"),
      ("a\0b", "contains the control character 0"),
      (String(repeating: "n", count: 70000), "longer than 65535"),
    ])
  func namesThatLeadAstrayAreNeitherWrittenNorRead(name: String, message: String) throws {
    #expect(refusal { () throws(FormatError) in try NPZ.encode([(name, Tensor(1))]) }.contains(message))
    guard name.utf8.count < 100 else { return }
    // The same name in a sound archive's two headers.
    let harmless = String(repeating: "n", count: name.utf8.count)
    let archive = Archive(try NPZ.encode([(harmless, Tensor(1))])).replacing(harmless, with: name)
    #expect(archive.refusal.contains(message))
  }

  @Test func namesAreUnique() throws {
    let twice: [(name: String, tensor: Tensor)] = [("a", Tensor(1)), ("a", Tensor(2))]
    #expect(
      refusal { () throws(FormatError) in try NPZ.encode(twice) } == "npz: two members are called 'a.npy'")
    let archive = Archive(try NPZ.encode([("a", Tensor(1)), ("b", Tensor(2))])).replacing(
      "b.npy", with: "a.npy")
    #expect(archive.refusal == "npz: two members are called 'a.npy'")
  }

  @Test func hostileEntriesAreRefused() throws {
    let stored = Archive(try NPZ.encode([("a", Tensor(1)), ("b", Tensor(2))]))
    let deflated = Archive(try NPZ.encode([("a", Tensor.zeros([64, 64]))], compressed: true))
    let size = 128 + 64 * 64 * 4

    // Flags, method, checksum, compressed size, size, disk, offset of the first entry.
    #expect(stored.setting(8, to: [1]).refusal == "npz:a.npy: the member is encrypted")
    #expect(stored.setting(10, to: [12]).refusal.contains("compressed by method 12"))
    #expect(stored.setting(16, to: [1, 2, 3, 4]).refusal.contains("but 04030201 is declared"))
    #expect(
      stored.setting(20, to: [135]).refusal
        == "npz:a.npy: the stored member declares 136 bytes, but takes 135")
    #expect(stored.setting(20, to: [0, 1]).refusal.contains("overlaps the member 'b.npy'"))
    #expect(stored.setting(34, to: [1]).refusal.contains("lies on disk 1"))
    #expect(stored.setting(42, to: [1]).refusal.contains("there is no local header at offset 1"))
    #expect(stored.setting(42, to: [0, 0, 1]).refusal.contains("lies beyond the central directory"))
    #expect(stored.setting(46, to: [0xFF]).refusal.contains("entry 0 of the central directory is not UTF-8"))
    #expect(
      stored.setting(46, to: Array("c".utf8)).refusal.contains(
        "the local header at offset 0 has another name"))
    #expect(
      stored.setting(0, to: [0]).refusal.contains("entry 0 of the central directory has the wrong signature"))

    // A member that declares more than it can, or does, inflate to; or less.
    #expect(
      deflated.setting(24, to: [0, 0, 0, 0x70]).refusal.contains(
        "cannot inflate to the declared 1879048192: deflate expands 1032 times at most"))
    #expect(
      deflated.setting(24, to: [0x81]).refusal
        == "npz:a.npy: the compressed data ends after \(size) of the declared \(size + 1) bytes")
    #expect(
      deflated.setting(24, to: [0x7F]).refusal
        == "npz:a.npy: the compressed data goes on after the declared \(size - 1) bytes")
    #expect(deflated.setting(24, to: [0, 0]).refusal.contains("goes on after the declared 0 bytes"))
    let compressed = Int(deflated.bytes[deflated.directory + 20])
    #expect(deflated.setting(20, to: [UInt8(compressed - 1)]).refusal.contains("is cut short after"))
    #expect(deflated.setting(local: 40, to: [0xFF, 0xFF]).refusal.contains("the compressed data is damaged"))
  }

  @Test func hugeNumbersInZip64FieldsAreRefused() throws {
    let wide = Archive(
      try NPZ.write(arrays, ZipWriter([UInt8](), name: "wide", narrowLimit: 0), compressed: false))
    // The field's three numbers, after the first entry's 46 bytes, its name and the field's own head.
    let field = 46 + "weight.npy".utf8.count + 4
    let most: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 127]
    #expect(wide.setting(field, to: [UInt8](repeating: 255, count: 8)).refusal.contains("impossible size"))
    #expect(wide.setting(field, to: most).refusal.contains("declares 9223372036854775807 bytes"))
    #expect(wide.setting(field + 8, to: most).refusal.contains("overlaps"))
    #expect(wide.setting(field + 16, to: most).refusal.contains("at offset 9223372036854775807 lies beyond"))
    #expect(wide.setting(field - 2, to: [8]).refusal.contains("the zip64 field needs 8 bytes"))
  }

  @Test func damagedDirectoriesAreRefused() throws {
    let archive = Archive(try NPZ.encode([("a", Tensor(1)), ("b", Tensor(2))]))
    let end = archive.bytes.count - 22 - archive.directory
    #expect(
      Archive([]).refusal == "npz: is not a ZIP archive, or is cut short: its 0 bytes have no end record")
    #expect(archive.setting(end + 4, to: [1]).refusal == "npz: the archive is spread over several disks")
    #expect(archive.setting(end + 8, to: [1]).refusal == "npz: the archive is spread over several disks")
    #expect(
      archive.setting(end + 8, to: [3, 0, 3, 0]).refusal.contains("cannot hold the declared 3 members"))
    #expect(
      archive.setting(end + 8, to: [1, 0, 1, 0]).refusal.contains(
        "1 members take 51 bytes, not the declared 102"))
    #expect(archive.setting(end + 12, to: [101]).refusal.contains("does not end where the end record starts"))
    #expect(archive.setting(end + 16, to: [0xFF, 0xFF, 0xFF]).refusal.contains("does not end where"))
    #expect(archive.setting(end + 20, to: [1]).refusal.contains("have no end record"))
    // Whatever is cut off, at either end, there is an error.
    for length in 0..<archive.bytes.count {
      #expect(Archive(Array(archive.bytes.prefix(length))).refusal != "nothing was thrown")
    }
    for length in 1..<archive.bytes.count {
      #expect(Archive(Array(archive.bytes.dropFirst(length))).refusal != "nothing was thrown")
    }
    // A comment is none of our business.
    let commented = archive.setting(end + 20, to: [2]).bytes + Array("hi".utf8)
    #expect(try NPZ.decode(commented).count == 2)
  }
}

struct TensorFileTests {
  @Test func theNameDecides() throws {
    let tensor = Tensor.arange(6).reshaped(2, 3)
    try withDirectory { directory in
      for name in ["x.npy", "X.NPY", "x.npz", "x.npz:weight", "x.npz:a.npy"] {
        let path = "\(directory)/\(name)"
        try TensorFile.write(tensor, to: path)
        expectSame(try TensorFile.read(path), tensor)
        #expect(try TensorFile.readAll(path).count == 1)
      }
      #expect(contents(of: directory) == ["X.NPY", "x.npy", "x.npz"])
      #expect(try NPZ("\(directory)/x.npz").names == ["a.npy"])
    }
  }

  @Test func anArchiveOfSeveralNeedsAName() throws {
    let path = fixture("stored.npz")
    expectSame(try TensorFile.read("\(path):step"), Tensor(7))
    #expect(try TensorFile.readAll(path).map(\.name) == ["weight", "layer/bias", "step", "größe"])
    #expect(
      refusal { () throws(FormatError) in try TensorFile.read(path) }
        == "\(path): holds 4 arrays, not one (name one as \(path):NAME, of weight, layer/bias, step, größe)")
    #expect(
      refusal { () throws(FormatError) in try TensorFile.read("image.png") }
        == "image.png: has no ending that says what it holds (known are .npy, .npz and archive.npz:name)")
  }
}

/// An archive with one thing or another changed.
private struct Archive {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Where the central directory starts.
  var directory: Int {
    bytes.indices.first { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) } ?? bytes.count
  }

  var refusal: String {
    VoluteFormatsTests.refusal { () throws(FormatError) in try NPZ.decode(bytes) }
  }

  /// With other bytes at `place` of the central directory.
  func setting(_ place: Int, to new: [UInt8]) -> Archive { setting(local: directory + place, to: new) }

  /// With other bytes at `place` of the file.
  func setting(local place: Int, to new: [UInt8]) -> Archive {
    var result = self
    result.bytes.replaceSubrange(place..<place + new.count, with: new)
    return result
  }

  /// With every `old` overwritten by `new`, of the same length.
  func replacing(_ old: String, with new: String) -> Archive {
    var result = self
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    for place in bytes.indices where bytes[place...].starts(with: old) {
      result.bytes.replaceSubrange(place..<place + old.count, with: new)
    }
    return result
  }
}
