import Testing
import Volute
import VoluteFormats

/// Pickles that no honest writer makes, in archives that are sound.
struct HostilePickleTests {
  /// A checkpoint of one pickle and, as storage '0', `storage`.
  private func archive(_ pickle: [UInt8], storage: [UInt8] = [UInt8](0..<16), order: String = "little")
    throws -> [UInt8]
  {
    var writer = ZipWriter([UInt8](), name: "x")
    for (name, bytes) in [("data.pkl", pickle), ("byteorder", Array(order.utf8)), ("data/0", storage)] {
      try bytes.withUnsafeBytes { try writer.add("x/\(name)", body: $0) }
    }
    return try writer.finish()
  }

  private func message(_ pickle: [UInt8], storage: [UInt8] = [UInt8](0..<16)) throws -> String {
    let bytes = try archive(pickle, storage: storage)
    return refusal { () throws(FormatError) in try Checkpoint(bytes: bytes, name: "x.pt") }
  }

  private func message(_ pickle: String) throws -> String { try message(Array(pickle.utf8)) }

  /// A storage as a pickle refers to it.
  private func storage(_ type: String = "torch\nFloatStorage", key: String = "0", count: UInt8 = 4) -> String
  {
    "(\(string("storage"))c\(type)\n\(string(key))\(string("cpu"))K\(Character(Unicode.Scalar(count)))tQ"
  }

  private func string(_ text: String) -> String {
    "X\(Character(Unicode.Scalar(UInt8(text.utf8.count))))\0\0\0\(text)"
  }

  /// A tensor whose sizes, strides and place are instructions.
  private func tensor(_ storage: String, offset: String, shape: String, strides: String) -> String {
    "ctorch._utils\n_rebuild_tensor\n(\(storage)\(offset)\(shape)\(strides)tR."
  }

  @Test func nothingIsLookedUpButWhatWeightsNeed() throws {
    let asked = [
      ("posix", "system"), ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("torch", "load"),
      ("torch", "save"), ("torch.hub", "load"), ("numpy.core.multiarray", "scalar"), ("subprocess", "Popen"),
      ("torch._utils", "_rebuild_sparse_tensor"), ("collections", "defaultdict"), ("", ""),
    ]
    for (module, name) in asked {
      #expect(try message("c\(module)\n\(name)\n.").contains("asks for \(module).\(name), which is none"))
      let late = Array((string(module) + string(name)).utf8) + [0x93] + Array(".".utf8)
      #expect(try message(late).contains("asks for \(module).\(name), which is none"))
    }
    // What a name holds does not reach the terminal.
    #expect(try message("cos\u{1B}[2J\nsystem\n.").contains("asks for os?[2J.system"))
    #expect(try message("c" + String(repeating: "a", count: 2000)).contains("a name without an end"))
  }

  @Test func callsOfKnownNamesTakeTheirOwnArgumentsOnly() throws {
    #expect(try message("))R.").contains("calls a tuple"))
    #expect(try message("ccollections\nOrderedDict\nNR.").contains("with None for arguments"))
    #expect(try message("ccollections\nOrderedDict\n(NtR.").contains("arguments that it does not take"))
    #expect(try message("ctorch\nSize\n)R.").contains("torch.Size with arguments"))
    #expect(try message("ctorch\nFloatStorage\n)R.").contains("a class of storages with arguments"))
    #expect(try message("ctorch\nfloat32\n)R.").contains("calls torch.float32 with arguments"))
    #expect(try message("ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.").contains("a tensor of None"))
    #expect(try message("ctorch._utils\n_rebuild_parameter\n(NNNtR.").contains("does not take"))
    #expect(try message("c_codecs\nencode\n(\(string("€"))\(string("latin1"))tR.").contains("does not take"))
    #expect(try message("]Nb.").contains("sets attributes of a list"))
    // Rebuilding by the function that rebuilds, and so on.
    let rebuild = "ctorch._tensor\n_rebuild_from_type_v2\n"
    #expect(try message("\(rebuild)(\(rebuild)N(\(rebuild)N)NtNtR.").contains("does not take"))
  }

  @Test func instructionsThatCheckpointsDoNotUseAreNamed() throws {
    #expect(try message("I1\n.").contains("has the instruction INT at offset 0"))
    #expect(try message("N(i").contains("has the instruction INST at offset 2"))
    #expect(try message("(o.").contains("has the instruction OBJ"))
    #expect(try message([0x82, 1]).contains("has the instruction EXT1"))
    #expect(try message([0xFF]).contains("has the instruction of code 255"))
    #expect(try message([0x80, 6]).contains("is of protocol 6"))
  }

  @Test func theStackIsNotLeft() throws {
    for program in [
      ".", "0", "1.", "2", "t.", "a.", "Na.", "]a.", "u.", "(u.", "R.", "NR.", "b.", "Q.", "q\0", "(0",
      "N(a.",
    ] {
      #expect(try message(program) != "nothing was thrown", "\(program)")
    }
    #expect(try message("N0.").contains("takes more from its stack than is there"))
    #expect(try message("h\u{7}.").contains("recalls object 7, which it has not kept"))
    #expect(try message("t.").contains("goes back to a mark that it has not set"))
    #expect(try message("](NNu.").contains("adds 2 items to a list"))
    #expect(try message("}(Nu.").contains("adds 1 items to a dictionary"))
    #expect(try message("N").contains("a pickle instruction needs 1 bytes"))
  }

  @Test func lengthsBeyondTheEndAllocateNothing() throws {
    for code: [UInt8] in [
      [0x58, 255, 255, 255, 255], [0x8D] + [UInt8](repeating: 255, count: 8), [0x8B, 255, 255, 255, 255],
      [0x42, 255, 255, 255, 127], [0x8E, 0, 0, 0, 0, 0, 0, 0, 128], [0x96, 0, 0, 0, 0, 1, 0, 0, 0],
      [0x54, 255, 255, 255, 255], [0x8A, 255], [0x55, 9], [0x43, 9], [0x8C, 9],
    ] {
      #expect(try message(code).contains("a constant needs"), "\(code)")
    }
    #expect(try message([0x58, 1, 0, 0, 0, 0xFF, 0x2E]).contains("a string that is not UTF-8"))
  }

  @Test func whatContainsItselfOrNestsOrMultipliesWithoutEndIsRefused() throws {
    #expect(try message("]q\0h\0a.").contains("nests more than 100 deep, or contains itself"))
    #expect(try message("}q\0\(string("a"))h\0s.").contains("contains itself"))
    let deep = "N".utf8 + [UInt8](repeating: 0x85, count: 1_000_000) + ".".utf8
    #expect(try message(deep).contains("nests more than 100 deep"))
    // Each list holds the one before it twice.
    let laughs = "]q\0" + (0..<90).map { _ in "](h\0h\0eq\0" }.joined() + "."
    #expect(try message(laughs).contains("shows its objects over and over"))
    let many = [UInt8](repeating: UInt8(ascii: "("), count: 5_000_000)
    #expect(try message(many).contains("has more than 4194304 objects"))
    // A text of 10 kB, encoded again and again.
    var copies: [UInt8] = Array("c_codecs\nencode\nq\0X\u{10}\u{27}\0\0".utf8)
    copies += [UInt8](repeating: UInt8(ascii: "a"), count: 10_000) + Array("X\u{6}\0\0\0latin1".utf8)
    copies += [0x86] + Array("q\u{1}R".utf8)
    copies += (0..<10_000).flatMap { _ in Array("0h\0h\u{1}R".utf8) }
    #expect(try message(copies + Array(".".utf8)).contains("copies more than"))
  }

  @Test func keysAreUniqueAndPlain() throws {
    #expect(try message("}(\(string("a"))N\(string("a"))Nu.").contains("two entries 'a' in one dictionary"))
    #expect(try message("}(K\u{1}NK\u{1}Nu.").contains("two entries 1 in one dictionary"))
    #expect(try message("}(]Nu.").contains("has a list for a key of a dictionary"))
    // Two tensors that come to one name.
    let one = tensor(storage(), offset: "K\0", shape: "K\u{4}\u{85}", strides: "K\u{1}\u{85}").dropLast()
    let program = "}(\(string("a"))}(\(string("b"))\(one)u\(string("a.b"))\(one)u."
    // Latin-1: the instructions above 0x7F are single bytes.
    let latin = program.unicodeScalars.map { UInt8($0.value) }
    let checkpoint = try Checkpoint(bytes: try archive(latin))
    #expect(
      refusal { () throws(FormatError) in try checkpoint.tensors() }
        == "checkpoint: two tensors are called 'a.b'")
  }

  @Test(
    arguments: [
      // Place, sizes, strides, what is said.
      ("K\u{1}", "(K\u{4}t", "(K\u{1}t", "from element 1 on leaves its storage of 4 elements"),
      ("K\0", "(K\u{5}t", "(K\u{1}t", "leaves its storage of 4 elements"),
      ("K\0", "(K\u{2}K\u{2}t", "(K\u{3}K\u{1}t", "leaves its storage of 4 elements"),
      ("J\u{7F}\u{7F}\u{7F}\u{7F}", "(K\u{1}t", "(K\u{1}t", "leaves its storage of 4 elements"),
      ("K\0", "(M\u{7F}\u{7F}t", "(J\u{7F}\u{7F}\u{7F}\u{7F}t", "leaves its storage of 4 elements"),
      ("K\0", "(K\u{4}t", ")", "a tensor of 1 sizes and 0 strides"),
      ("K\0", "(Nt", "(K\u{1}t", "has None where sizes should be"),
      ("N", "(K\u{1}t", "(K\u{1}t", "has None where an offset should be"),
      ("K\0", "N", "(K\u{1}t", "has None where sizes should be"),
    ])
  func tensorsStayInTheirStorages(offset: String, shape: String, strides: String, text: String) throws {
    let program = tensor(storage(), offset: offset, shape: shape, strides: strides)
    #expect(try message(program).contains(text))
  }

  @Test func negativeAndOverflowingWindowsAreRefused() throws {
    let negative: [UInt8] = [0x4A, 255, 255, 255, 255]
    let most: [UInt8] = [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127]
    func program(_ offset: [UInt8], _ shape: [UInt8], _ strides: [UInt8]) -> [UInt8] {
      Array("ctorch._utils\n_rebuild_tensor\n(\(storage())".utf8) + offset + Array("(".utf8) + shape
        + Array("t(".utf8) + strides + Array("ttR.".utf8)
    }
    let two = Array("K\u{2}".utf8)
    #expect(try message(program(negative, two, two)).contains("leaves its storage"))
    #expect(try message(program(most, two, most)).contains("leaves its storage"))
    #expect(try message(program(two, negative, two)).contains("has -1 among sizes"))
    #expect(try message(program(two, two, negative)).contains("has -1 among strides"))
    #expect(try message(program(two, most, two)).contains("more elements than memory can hold"))
    #expect(try message(program(two, most + most, two + two)).contains("more elements than memory can hold"))
    // An empty tensor may lie anywhere; the stride of a single element means nothing.
    let empty = try Checkpoint(bytes: archive(program(most, Array("K\0".utf8), most))).root.tensor
    #expect(empty?.count == 0)
    let single = try Checkpoint(bytes: archive(program(two, Array("K\u{1}".utf8), most))).root.tensor
    #expect(single?.contiguous().count == 1)
    // Ten million times one element: more than 16 times what the file holds and 16 MiB.
    let broadcast = Array("J".utf8) + [0x80, 0x96, 0x98, 0] as [UInt8]
    #expect(try message(program(two, broadcast, Array("K\0".utf8))).contains("far more elements than it has"))
    let axes = (0..<65).flatMap { _ in two }
    #expect(try message(program(two, axes, axes)).contains("a tensor of 65 axes"))
  }

  @Test func storagesAreWhatTheFileHolds() throws {
    func tensor(_ storage: String) -> String {
      self.tensor(storage, offset: "K\0", shape: "(K\u{1}t", strides: "(K\u{1}t")
    }
    #expect(try message(tensor(storage(key: "1"))).contains("the storage '1', which is not in the file"))
    #expect(try message(tensor(storage(key: "../x"))).contains("the storage '../x', which is not in"))
    #expect(
      try message(tensor(storage(count: 5))).contains(
        "has 16 bytes, but the pickle says 5 elements of 4 bytes"))
    #expect(try message(tensor(storage("torch\nSize"))).contains("whose type is torch.Size"))
    #expect(try message("\(string("0"))Q.").contains("refers to a string outside of it"))
    #expect(try message("(\(string("module"))NtQ.").contains("no storage"))
    #expect(try message("(\(string("storage"))tQ.").contains("by 1 entries, not 5 or 6"))
    // The same bytes as elements of another size, and in the other order.
    let bytes = try archive(Array(tensor(storage("torch\nDoubleStorage", count: 2)).utf8), order: "big")
    let value = try #require(try Checkpoint(bytes: bytes).root.tensor).item(as: Double.self)
    #expect(value == Double(bitPattern: 0x0001_0203_0405_0607))
    let order = try archive(Array("N.".utf8), order: "middle")
    #expect(
      refusal { () throws(FormatError) in try Checkpoint(bytes: order) }.contains("the byte order 'middle'"))
  }

  @Test func aPartOfAStorageIsMeantInOldFiles() throws {
    // Elements 1 and 2 of four bytes; the tensor takes the second of them.
    func program(_ start: String, _ size: String, offset: String = "K\u{1}") -> [UInt8] {
      let whole = storage("torch\nByteStorage", count: 4).dropLast(2)
      let part = "\(whole)(\(string("v"))\(start)\(size)ttQ"
      return Array(tensor(part, offset: offset, shape: "(K\u{1}t", strides: "(K\u{1}t").utf8)
    }
    let bytes = try archive(program("K\u{1}", "K\u{2}"), storage: [5, 6, 7, 8])
    #expect(try Checkpoint(bytes: bytes).root.tensor?.elements() == [7 as UInt8])
    #expect(
      try message(program("K\u{1}", "K\u{2}", offset: "K\u{2}")).contains("leaves its storage of 2 elements"))
    #expect(try message(program("K\u{3}", "K\u{2}")).contains("elements 3 and 2 more of a storage of 4"))
    #expect(try message(program("K\u{5}", "K\0")).contains("elements 5 and 0 more of a storage of 4"))
  }

  @Test func aDamagedStorageIsNoticed() throws {
    var bytes = try bytes(of: fixture("tensor.pt"))
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [0, 0, 0x40, 0xC0]) })
    bytes[place] = 1
    #expect(
      refusal { () throws(FormatError) in try Checkpoint(bytes: bytes) }.contains("the file is damaged"))
  }

  @Test func storagesOfTheOldFormAreCounted() throws {
    let whole = try bytes(of: fixture("views_legacy.pth"))
    // The size of the storage of 12 floats stands before its bytes.
    let place = try #require(
      whole.indices.last { whole[$0...].starts(with: [12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0xC0]) })
    for count: [UInt8] in [[13], [11], [0, 0, 0, 0, 0, 0, 0, 128]] {
      var changed = whole
      changed.replaceSubrange(place..<place + count.count, with: count)
      #expect(
        refusal { () throws(FormatError) in try Checkpoint(bytes: changed) }
          .contains("elements, but the pickle says 12"))
    }
  }
}
