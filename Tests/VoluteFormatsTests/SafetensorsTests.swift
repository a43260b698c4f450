import Testing
import Volute
import VoluteFormats

struct SafetensorsTests {
  @Test func theLibraryWroteItAndWeWriteTheSameBytes() throws {
    let path = fixture("types.safetensors")
    let tensors = try Safetensors.read(path)
    #expect(tensors.count == DType.allCases.count)
    for dtype in DType.allCases {
      expectSame(try #require(tensors[dtype.rawValue]), counted([2, 3], dtype))
    }
    #expect(try Safetensors.encode(tensors, metadata: ["format": "pt"]) == bytes(of: path))
  }

  @Test(arguments: ["names", "empty"])
  func otherNamesAndShapesAreWrittenAlike(name: String) throws {
    let path = fixture("\(name).safetensors")
    let tensors = try Safetensors.read(path)
    #expect(try Safetensors.encode(tensors) == bytes(of: path))
    guard name == "names" else { return }
    expectSame(try #require(tensors["a \"quoted\"\\\n\u{1}/größe"]), counted([3, 4], .float32))
    expectSame(try #require(tensors["scalar"]), Tensor(7.0).to(.float32))
    expectSame(try #require(tensors["empty"]), .zeros([2, 0, 3]))
  }

  @Test func unsignedNumbersAreWidened() throws {
    let file = try SafetensorsFile(fixture("unsigned.safetensors"))
    for (key, dtype) in [("uint16", DType.int32), ("uint32", .int64), ("uint64", .int64)] {
      #expect(try file.dtype(for: key) == dtype)
      expectSame(try file.tensor(for: key), Tensor.arange(6).to(dtype).reshaped(2, 3))
    }
  }

  @Test func aFileIsReadTensorByTensor() throws {
    let file = try SafetensorsFile(fixture("types.safetensors"))
    #expect(file.keys.prefix(3) == ["int64", "float64", "float32"])
    #expect(file.metadata == ["format": "pt"])
    #expect(try file.shape(for: "float32") == [2, 3])
    #expect(try file.dtype(for: "float32") == .float32)
    // Mapped, not copied; bools are copied, since a byte of a file may be anything.
    #expect(try file.tensor(for: "float32").storage.isWritable == false)
    #expect(try file.tensor(for: "bool").storage.isWritable)
    var changed = try file.tensor(for: "int64")
    changed.fill(9, at: 0, 0)
    #expect(try file.tensor(for: "int64").integers() == [-3, -2, -1, 0, 1, 2])
    let missing = refusal { () throws(FormatError) in try file.tensor(for: "weight") }
    #expect(missing.contains("has no array 'weight' (it has int64, float64, float32, "))
  }

  @Test func unalignedElementsAreCopied() throws {
    let tensor = try #require(
      try Safetensors.decode(
        file("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", [0, 0, 0x80, 0x3F]))["a"])
    #expect(tensor.storage.isWritable)
    #expect(tensor.elements() == [1 as Float])
  }

  @Test func theSameTensorsGiveTheSameBytesInWhateverOrderTheyCame() throws {
    let names = (0..<100).map { "layer.\($0)" }
    let pairs = names.map { ($0, Tensor(Double($0.utf8.count)).to($0.hasSuffix("7") ? .int8 : .float64)) }
    let one = try Safetensors.encode(Dictionary(uniqueKeysWithValues: pairs), metadata: ["b": "1", "a": "2"])
    let other = try Safetensors.encode(
      Dictionary(uniqueKeysWithValues: pairs.reversed()), metadata: ["a": "2", "b": "1"])
    #expect(one == other)
    #expect(one.count % 8 == 2)
    let order = try SafetensorsFile(bytes: one).keys
    #expect(order.prefix(2) == ["layer.0", "layer.1"] && order.last == "layer.97")
  }

  @Test func viewsAreWrittenInRowOrderAndFilesWhole() throws {
    try withDirectory { directory in
      let path = "\(directory)/x.safetensors"
      let matrix = Tensor.arange(6).reshaped(2, 3)
      try Safetensors.write(["t": matrix.transposed()], to: path, metadata: ["note": "größe \"\n"])
      expectSame(try #require(try Safetensors.read(path)["t"]), Tensor([[0, 3], [1, 4], [2, 5]]))
      #expect(try SafetensorsFile(path).metadata == ["note": "größe \"\n"])
      // Over the file that it is mapped from.
      let mapped = try Safetensors.read(path)
      try Safetensors.write(mapped, to: path)
      expectSame(try #require(mapped["t"]), try #require(try Safetensors.read(path)["t"]))
      #expect(
        refusal { () throws(FormatError) in try Safetensors.write(["__metadata__": matrix], to: path) }
          .contains("no tensor may be called '__metadata__'"))
      #expect(contents(of: directory) == ["x.safetensors"])
      expectSame(try #require(mapped["t"]), try #require(try Safetensors.read(path)["t"]))
    }
  }

  // MARK: Hostile files

  private func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt64(header.utf8.count))
    return bytes + Array(header.utf8) + data
  }

  private static func entry(_ name: String, _ dtype: String, _ shape: String, _ offsets: String) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  /// Headers before 8 bytes of elements.
  @Test(
    arguments: [
      ("{}", "8 bytes at the end belong to no tensor"),
      ("{\(entry("a", "U8", "[4]", "[0,4]"))}", "4 bytes at the end belong to no tensor"),
      ("{\(entry("a", "U8", "[8]", "[1,9]"))}", "ends at offset 9, but only 8 bytes follow the header"),
      ("{\(entry("a", "U8", "[8]", "[8,0]"))}", "[8, 0], which are no start and end"),
      ("{\(entry("a", "U8", "[8]", "[0]"))}", "[0], which are no start and end"),
      (
        "{\(entry("a", "U8", "[8]", "[0,8]")),\(entry("b", "U8", "[8]", "[0,8]"))}",
        "at offset 0 overlaps the tensor before it, which ends at 8"
      ),
      (
        "{\(entry("a", "U8", "[4]", "[0,4]")),\(entry("b", "U8", "[5]", "[3,8]"))}",
        "'b' at offset 3 overlaps the tensor before it, which ends at 4"
      ),
      (
        "{\(entry("a", "U8", "[3]", "[0,3]")),\(entry("b", "U8", "[4]", "[4,8]"))}",
        "'b' at offset 4 leaves a gap after the tensor before it, which ends at 3"
      ),
      (
        "{\(entry("a", "U8", "[4]", "[0,4]")),\(entry("a", "U8", "[4]", "[4,8]"))}",
        "two entries 'a'"
      ),
      ("{\(entry("a", "F32", "[8]", "[0,8]"))}", "takes 32 bytes, but its data_offsets [0, 8] hold 8"),
      ("{\(entry("a", "U8", "[4294967296,4294967296]", "[0,8]"))}", "more elements than memory can hold"),
      (
        "{\(entry("a", "U8", "[0,4611686018427387904,4]", "[0,0]"))}", "more elements than memory can hold"
      ),
      ("{\(entry("a", "U8", "[99999999999999999999]", "[0,8]"))}", "of 99999999999999999999, beyond 64 bits"),
      ("{\(entry("a", "U8", "[-8]", "[0,8]"))}", "has '-' at byte"),
      ("{\(entry("a", "U8", "[08]", "[0,8]"))}", "where a size should be"),
      ("{\(entry("a", "U8", "[8.0]", "[0,8]"))}", "has '.' at byte"),
      ("{\(entry("a", "U8", "[8,]", "[0,8]"))}", "where a size should be"),
      ("{\(entry("a", "F8_E4M3", "[8]", "[0,8]"))}", "of type 'F8_E4M3', which no tensor has"),
      ("{\(entry("a", "\\u001b[2J", "[8]", "[0,8]"))}", "of type '?[2J', which no tensor has"),
      ("{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}}", "'a' has no entry 'data_offsets'"),
      ("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\"}}", "two entries 'dtype'"),
      ("{\"a\":{\"order\":[0]}}", "unknown entry 'order'"),
      ("{\"__metadata__\":{\"a\":1}}", "the metadata 'a' in quotes should be"),
      ("{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}", "two entries 'a'"),
      ("{\"__metadata__\":{},\"__metadata__\":{}}", "two entries '__metadata__'"),
      ("{\"a\":[[[[[[", "has '[' at byte 5 where '{' should be"),
      ("{\"\\ud800\":{}}", "where the other half of a character should be"),
      ("{\"\\x\":{}}", "where an escape should be"),
      ("{\"a\u{1}\":{}}", "has byte 1 at byte 3"),
      ("{\"a", "the header ends at byte 3 where the closing quote should be"),
      ("{} x", "where the header's end should be"),
      ("[]", "its header does not start with {"),
    ])
  func hostileHeadersAreRefused(header: String, message: String) {
    let bytes = file(header, [1, 2, 3, 4, 5, 6, 7, 8])
    let refusal = refusal { () throws(FormatError) in try Safetensors.decode(bytes, name: "x") }
    #expect(refusal.hasPrefix("x: ") && refusal.contains(message), "\(refusal)")
  }

  @Test func hugeHeadersAreRefusedBeforeTheyAreRead() {
    func message(_ length: UInt64) -> String {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: length)
      return refusal { () throws(FormatError) in try Safetensors.decode(bytes + Array("{}".utf8)) }
    }
    #expect(message(100_000_001).contains("declares a header of 100000001 bytes"))
    #expect(message(.max).contains("declares a header of 18446744073709551615 bytes"))
    #expect(message(100_000_000).contains("needs 100000000 bytes at offset 8, but only 2 are left"))
  }

  @Test func whateverIsCutOffThereIsAnError() throws {
    let whole = try bytes(of: fixture("types.safetensors"))
    for length in 0..<whole.count {
      let part = Array(whole.prefix(length))
      #expect(throws: FormatError.self) { try Safetensors.decode(part) }
    }
  }

  @Test func escapesAndSpacesOfOtherWritersAreRead() throws {
    let header =
      " { \"\\u0061\\ud83d\\ude00\\/\" :\n{\"shape\" : [ 1 , 1 ],\t\"data_offsets\":[0,1], \"dtype\":\"U8\"}} "
    // The first byte must be the brace.
    #expect(throws: FormatError.self) { try Safetensors.decode(file(header, [7])) }
    let tensors = try Safetensors.decode(file(String(header.dropFirst()), [7]))
    expectSame(try #require(tensors["a😀/"]), Tensor([7] as [UInt8], shape: [1, 1]))
  }

  @Test func typesThatTensorsLackAreNamed() {
    let message = refusal { () throws(FormatError) in try Safetensors.read(fixture("complex.safetensors")) }
    #expect(message.contains("the tensor 'complex' is of type 'C64'"))
  }
}
