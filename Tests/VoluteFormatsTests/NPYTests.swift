import Testing
import Volute
import VoluteFormats

struct NPYTests {
  private func numbers(_ shape: [Int], _ dtype: DType, isUnsigned: Bool = false) -> Tensor {
    isUnsigned ? Tensor.arange(shape.reduce(1, *)).to(dtype).reshaped(shape) : counted(shape, dtype)
  }

  private static let types: [(String, DType)] = [
    ("f2", .float16), ("f4", .float32), ("f8", .float64), ("i1", .int8), ("i2", .int16), ("i4", .int32),
    ("i8", .int64), ("u1", .uint8), ("b1", .bool), ("bfloat16", .bfloat16),
  ]

  @Test(arguments: types)
  func numpyWroteItAndWeWriteTheSameBytes(name: String, dtype: DType) throws {
    let path = fixture("\(name).npy")
    let tensor = try NPY.read(path)
    expectSame(tensor, numbers([2, 3], dtype))
    #expect(try NPY.encode(tensor) == bytes(of: path))
  }

  @Test(arguments: types.filter { $0.1.size > 1 && $0.1 != .bfloat16 })
  func bigEndianNumbersAreSwapped(name: String, dtype: DType) throws {
    expectSame(try NPY.read(fixture("\(name)_big.npy")), numbers([2, 3], dtype))
  }

  @Test(arguments: [("u2", DType.int32), ("u4", .int64), ("u8", .int64)])
  func unsignedNumbersAreWidened(name: String, dtype: DType) throws {
    for suffix in ["", "_big"] {
      expectSame(try NPY.read(fixture("\(name)\(suffix).npy")), numbers([2, 3], dtype, isUnsigned: true))
    }
  }

  @Test func unsignedNumbersKeepTheirLargestValues() throws {
    let two = npy("{'descr': '<u2', 'fortran_order': False, 'shape': ()}", [0xFF, 0xFF])
    #expect(try NPY.decode(two).item(as: Int32.self) == 65535)
    let four = npy("{'descr': '<u4', 'fortran_order': False, 'shape': ()}", [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(try NPY.decode(four).item(as: Int64.self) == 4_294_967_295)
    let header = "{'descr': '<u8', 'fortran_order': False, 'shape': (2,)}"
    let most = [UInt8](repeating: 0xFF, count: 7) + [0x7F]
    #expect(try NPY.decode(npy(header, most + most)).integers() == [.max, .max])
    let beyond = [0, 0, 0, 0, 0, 0, 0, 0x80] as [UInt8]
    #expect(
      refusal { () throws(FormatError) in try NPY.decode(npy(header, most + beyond)) }
        == "npy: the unsigned 64-bit integer 9223372036854775808 does not fit int64")
  }

  @Test func fortranOrderIsStridesNotACopy() throws {
    let tensor = try NPY.read(fixture("fortran.npy"))
    #expect(tensor.strides == [1, 2, 6])
    expectSame(tensor, numbers([2, 3, 4], .float32))
    expectSame(try NPY.read(fixture("fortran_big.npy")), numbers([2, 3, 4], .int32))
  }

  @Test func alignedElementsAreBorrowedFromTheFile() throws {
    #expect(try NPY.read(fixture("f4.npy")).storage.isWritable == false)
    #expect(try NPY.read(fixture("f4_big.npy")).storage.isWritable)
    // A header of 59 bytes puts the elements at offset 69.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}    "
    let unaligned = try NPY.decode(npy(header, [0, 0, 0x80, 0x3F]))
    #expect(unaligned.storage.isWritable)
    #expect(unaligned.elements() == [1 as Float])
  }

  @Test func aMappedTensorIsAValue() throws {
    let tensor = try NPY.read(fixture("f4.npy"))
    var changed = tensor
    changed.fill(9, at: 0, 0)
    #expect(changed.elements(as: Float.self) == [9, -2, -1, 0, 1, 2])
    #expect(tensor.elements(as: Float.self) == [-3, -2, -1, 0, 1, 2])
  }

  @Test func otherShapesAndVersions() throws {
    expectSame(try NPY.read(fixture("scalar.npy")), Tensor(7.0).to(.float64))
    expectSame(try NPY.read(fixture("empty.npy")), .zeros([2, 0, 3]))
    expectSame(try NPY.read(fixture("vector.npy")), numbers([5], .int64))
    expectSame(try NPY.read(fixture("version2.npy")), numbers([2, 3], .float32))
    expectSame(try NPY.read(fixture("version3.npy")), numbers([2, 3], .float32))
    for name in ["scalar", "empty", "vector"] {
      #expect(try NPY.encode(NPY.read(fixture("\(name).npy"))) == bytes(of: fixture("\(name).npy")))
    }
  }

  @Test(arguments: DType.allCases, [[], [0], [1], [5], [2, 0, 3], [2, 3], [3, 1, 2, 1, 2]])
  func everyTypeAndRankComesBack(dtype: DType, shape: [Int]) throws {
    let tensor = numbers(shape, dtype)
    let encoded = NPY.encode(tensor)
    #expect((encoded.count - tensor.count * dtype.size) % 64 == 0)
    expectSame(try NPY.decode(encoded), tensor)
    expectSame(try encoded.withUnsafeBytes { try NPY.decode($0) }, tensor)
    try withDirectory { directory in
      try NPY.write(tensor, to: "\(directory)/x.npy")
      #expect(try bytes(of: "\(directory)/x.npy") == encoded)
      expectSame(try NPY.read("\(directory)/x.npy"), tensor)
    }
  }

  @Test func viewsAreWrittenInRowOrder() throws {
    let matrix = Tensor.arange(6).reshaped(2, 3)
    expectSame(try NPY.decode(NPY.encode(matrix.transposed())), Tensor([[0, 3], [1, 4], [2, 5]]))
    expectSame(try NPY.decode(NPY.encode(Tensor.ones([1]).expanded(2, 2))), .ones([2, 2]))
  }

  @Test func aLongHeaderTakesVersion2() throws {
    let tensor = Tensor([5 as Float], shape: Array(repeating: 1, count: 30000))
    let encoded = NPY.encode(tensor)
    #expect(encoded[6] == 2)
    let back = try NPY.decode(encoded)
    #expect(back.shape == tensor.shape)
    #expect(back.item(as: Float.self) == 5)
  }

  @Test func boolsAreNormalised() throws {
    let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (4,)}"
    let tensor = try NPY.decode(npy(header, [0, 1, 2, 255]))
    #expect(tensor.withUnsafeBytes { Array($0) } == [0, 1, 1, 1])
  }

  @Test(
    arguments: [
      "{'shape': (1, 2), 'fortran_order': False, 'descr': '|u1'}",
      "{\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":(1,2)}",
      "{ 'descr' : 'u1' ,\t'fortran_order' : False , 'shape' : ( 1 , 2 , ) , } \n",
      "{'descr': '>u1', 'fortran_order': True, 'shape': (1L, 2L), }\n",
      "{'descr': '=u1', 'fortran_order': False, 'shape': (1, 2), }",
    ])
  func headersOfOtherHands(header: String) throws {
    expectSame(try NPY.decode(npy(header, [7, 8])), Tensor([7, 8] as [UInt8], shape: [1, 2]))
  }

  @Test func bytesAfterTheArrayAreIgnored() throws {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}"
    #expect(try NPY.decode(npy(header, [7, 8, 9])).elements() == [7 as UInt8])
  }

  @Test(arguments: ["'<V2'", "'|V2'", "'bfloat16'"])
  func bfloat16HasSeveralNames(descr: String) throws {
    let header = "{'descr': \(descr), 'fortran_order': False, 'shape': ()}"
    let tensor = try NPY.decode(npy(header, [0xC0, 0x3F]))
    #expect(tensor.dtype == .bfloat16)
    #expect(tensor.to(.float32).item(as: Float.self) == 1.5)
  }

  @Test(
    arguments: [
      ("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "'|O', Python objects, which only unpickling"),
      ("{'descr': '<c8', 'fortran_order': False, 'shape': ()}", "'<c8', complex numbers"),
      ("{'descr': '<U3', 'fortran_order': False, 'shape': ()}", "'<U3', strings"),
      ("{'descr': '<M8[s]', 'fortran_order': False, 'shape': ()}", "'<M8[s]', dates"),
      ("{'descr': '|V7', 'fortran_order': False, 'shape': ()}", "'|V7', opaque records"),
      ("{'descr': '>V2', 'fortran_order': False, 'shape': ()}", "'>V2', opaque records"),
      ("{'descr': '<f16', 'fortran_order': False, 'shape': ()}", "'<f16', floating-point numbers"),
      ("{'descr': '', 'fortran_order': False, 'shape': ()}", "'', an unknown type"),
      ("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': ()}", "structured records"),
      ("{'descr': '<f4', 'shape': ()}", "no entry 'fortran_order'"),
      ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "two entries 'descr'"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "unknown entry 'x'"),
      ("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "has '0' at byte 34 where True or False"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "where ',' after the only size"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': [3]}", "where '(' should be"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "where a size should be"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (03,)}", "where a size should be"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "negative size -3"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1e3,)}", "has 'e'"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "beyond 64 bits"),
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "more elements than memory"
      ),
      (
        "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4294967296, 4294967296)}",
        "more elements than memory"
      ),
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}",
        "needs 4000000000000 bytes, but only 0"
      ),
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "has 'x' at byte 54 where the header's end"
      ),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': ()", "the header ends at byte 52 where '}'"),
      ("{'descr': '<\\x66', 'fortran_order': False, 'shape': ()}", "where plain text should be"),
      ("{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}", "where a type in quotes"),
      ("", "the header ends at byte 0 where '{'"),
    ])
  func hostileHeadersAreRefused(header: String, message: String) {
    #expect(refusal { () throws(FormatError) in try NPY.decode(npy(header)) }.contains(message))
  }

  @Test func damagedFilesAreRefused() throws {
    let whole = NPY.encode(.arange(6))
    func message(_ bytes: [UInt8]) -> String {
      refusal { () throws(FormatError) in try NPY.decode(bytes, name: "x.npy") }
    }
    #expect(message([]) == "x.npy: is not an .npy file: it does not start with \\x93NUMPY")
    #expect(message(Array("PK\u{3}\u{4}".utf8)).contains("is not an .npy file"))
    #expect(
      message(Array(whole.prefix(7))).contains("the version needs 1 bytes at offset 7, but only 0 are left"))
    #expect(
      message(Array(whole.prefix(60))).contains(
        "the header needs 118 bytes at offset 10, but only 50 are left"))
    #expect(
      message(whole.dropLast())
        == "x.npy: shape [6] of 8-byte elements needs 48 bytes, but only 47 follow the header (the file seems to be cut "
        + "short)")
    var unknown = whole
    unknown[6] = 4
    #expect(message(unknown).contains("version 4.0 of .npy is unknown"))
    // Whatever is cut off, there is an error.
    for length in 0..<whole.count { #expect(message(Array(whole.prefix(length))) != "nothing was thrown") }
  }

  @Test(arguments: [("object", "'|O'"), ("structured", "structured"), ("complex", "'<c8'")])
  func numpysOtherTypesAreRefused(name: String, message: String) {
    #expect(refusal { () throws(FormatError) in try NPY.read(fixture("\(name).npy")) }.contains(message))
  }

  @Test func filesThatCannotBeReadAreNamed() {
    let message = refusal { () throws(FormatError) in try NPY.read("/nowhere/x.npy") }
    #expect(message == "/nowhere/x.npy: cannot be opened: No such file or directory")
    #expect(refusal { () throws(FormatError) in try NPY.read("/tmp") }.hasPrefix("/tmp: cannot be read"))
  }
}
