import Testing
import Volute
import VoluteFormats

/// PNG and the images of the Netpbm tools.
@Suite struct ImageTests {
  private static func image(_ channels: Int, height: Int = 7, width: Int = 9) -> Tensor {
    let values = (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 * $0 / 3 + $0) }
    return Tensor(values, shape: [height, width, channels])
  }

  /// A header of 8 bits a channel.
  private static func header(_ width: UInt8, _ height: UInt8, _ rest: [UInt8]) -> [UInt8] {
    [0, 0, 0, width, 0, 0, 0, height] + rest
  }

  @Test(arguments: [1, 3, 4], [(1, 1), (7, 9), (40, 3)])
  func whatIsWrittenIsRead(_ channels: Int, _ size: (Int, Int)) throws {
    let image = Self.image(channels, height: size.0, width: size.1)
    #expect(try PNG.decode(PNG.encode(image)).isEqual(to: image))
    try withDirectory { folder in
      try PNG.write(image, to: "\(folder)/a.png")
      #expect(try ImageFile.read("\(folder)/a.png").isEqual(to: image))
    }
  }

  /// A red and a blue pixel and a note, put together by Python's zlib.
  @Test func filesOfOthersAreRead() throws {
    let text = """
      89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd000000\
      0374455874610062dc49a23b0000000d49444154789c63f8cf0004ff01070001ffe2239e\
      590000000049454e44ae426082
      """
    let digits = text.utf8.map { $0 < 97 ? $0 - 48 : $0 - 87 }
    let file = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    #expect(try PNG.decode(file).isEqual(to: Tensor([255, 0, 0, 0, 0, 255] as [UInt8], shape: [1, 2, 3])))
  }

  /// Each filter by hand, on gray pixels: 10 20 30, 11 22 33, ...
  @Test func everyFilterIsUndone() throws {
    let lines: [UInt8] = [
      0, 10, 20, 30,  // as they are
      1, 11, 11, 11,  // 11 22 33, from the left
      2, 1, 2, 3,  // 12 24 36, from above
      3, 7, 7, 10,  // 13 25 40: half of left and above, rounded down
      4, 1, 12, 15,  // 14 37 55: Paeth
    ]
    let image = try PNG.decode(PNG.file(header: Self.header(3, 5, [8, 0, 0, 0, 0]), lines: lines))
    let rows: [[UInt8]] = [[10, 20, 30], [11, 22, 33], [12, 24, 36], [13, 25, 40], [14, 37, 55]]
    #expect(image.isEqual(to: Tensor(rows.flatMap { $0 }, shape: [5, 3, 1])))
  }

  @Test func netpbmIsRead() throws {
    let gray = Self.image(1)
    let pixels = gray.withUnsafeBytes { Array($0) }
    #expect(try ImageFile.decode(Array("P5\n# a note\n9 7\n255\n".utf8) + pixels).isEqual(to: gray))
    let rgb = Self.image(3)
    let bytes = rgb.withUnsafeBytes { Array($0) }
    #expect(try ImageFile.decode(Array("P6 9 7 255 ".utf8) + bytes).isEqual(to: rgb))
    let refusals: [([UInt8], String)] = [
      (Array("P5 9 7 255 ".utf8) + pixels.dropLast(), "the image needs 63 bytes"),
      (Array("P5 9 7 255 ".utf8) + pixels + [0], "1 bytes follow the image"),
      (Array("P5 9 7 65535 ".utf8) + pixels + pixels, "largest value is 65535"),
      (Array("P5 0 7 255 ".utf8), "0 by 7"), (Array("P5 9999999 7 255 ".utf8), "six digits"),
      (Array("P5 9 x".utf8), "the height"), (Array("P5 9".utf8), "the width"),
      (Array("P4 9 7".utf8), "no image that is known"), ([], "is empty"),
    ]
    for (bytes, text) in refusals {
      let said = refusal { () throws(FormatError) in try ImageFile.decode(bytes) }
      #expect(said.contains(text), "\(said)")
    }
  }

  @Test func everyDamagedByteIsSeen() throws {
    let sound = try PNG.encode(Self.image(3))
    for index in sound.indices {
      var bytes = sound
      bytes[index] ^= 0x20
      // Nothing in such a file is free to change: no byte is left out of a checksum.
      #expect(
        refusal { () throws(FormatError) in try PNG.decode(bytes) } != "nothing was thrown", "byte \(index)")
      #expect(
        refusal { () throws(FormatError) in try PNG.decode(Array(sound[..<index])) } != "nothing was thrown")
    }
    #expect(
      refusal { () throws(FormatError) in try PNG.decode(sound + [0]) }.contains("1 bytes follow its end"))
  }

  @Test(
    arguments: [
      ([8, 3, 0, 0, 0], "colour type 3"), ([16, 2, 0, 0, 0], "16 bits"), ([8, 0, 0, 0, 1], "interlaced"),
      ([8, 0, 1, 0, 0], "compression 1"), ([8, 0, 0, 0], "12 bytes, not 13"),
    ] as [([UInt8], String)])
  func otherKindsAreNamed(_ rest: [UInt8], _ text: String) throws {
    let file = try PNG.file(header: Self.header(2, 2, rest), lines: [0, 1, 2, 0, 3, 4])
    #expect(refusal { () throws(FormatError) in try PNG.decode(file) }.contains(text))
  }

  @Test func sizesAreBelievedOnlyWithTheirBytes() throws {
    let lines: [UInt8] = [0, 1, 2, 0, 3, 4]
    func said(_ header: [UInt8], _ lines: [UInt8] = [0, 1, 2, 0, 3, 4]) throws -> String {
      let file = try PNG.file(header: header, lines: lines)
      return refusal { () throws(FormatError) in try PNG.decode(file) }
    }
    let gray: [UInt8] = [8, 0, 0, 0, 0]
    #expect(try said([0, 0, 255, 255, 0, 0, 255, 255] + gray).contains("cannot inflate"))
    #expect(try said([0, 1, 0, 0, 0, 0, 0, 1] + gray).contains("65536 by 1"))
    #expect(try said(Self.header(0, 2, gray)).contains("0 by 2"))
    #expect(try said(Self.header(2, 1, gray)).contains("goes on after the declared 3"))
    #expect(try said(Self.header(2, 3, gray)).contains("ends after 6 of the declared 9"))
    #expect(try said(Self.header(2, 2, gray), [0, 1, 2, 5, 3, 4]).contains("row 1 has filter 5"))
    #expect(try said(Self.header(2, 2, gray), lines) == "nothing was thrown")
  }

  @Test func whatIsNoImageIsNotWritten() {
    for tensor in [
      Tensor.zeros([2, 2, 3]), Tensor.zeros([2, 2, 2], dtype: .uint8), .zeros([2, 2], dtype: .uint8),
    ] {
      #expect(refusal { () throws(FormatError) in try PNG.encode(tensor) }.contains("an image is uint8"))
    }
    #expect(
      refusal { () throws(FormatError) in try PNG.encode(.zeros([0, 2, 1], dtype: .uint8)) }.contains("rows"))
  }
}
