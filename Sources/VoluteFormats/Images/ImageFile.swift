import Volute

/// Images in files whose content says what they are: ``PNG``, and the binary PPM (`P6`, RGB) and PGM (`P5`, gray) of 8 bits.
public enum ImageFile {
  /// The endings of the names of such files.
  public static let endings = [".png", ".ppm", ".pgm"]

  /// The image in the file at `path`, as uint8 `[height, width, channels]`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, is damaged, or is no such image.
  public static func read(_ path: String) throws(FormatError) -> Tensor {
    try image(in: FileBytes(path: path))
  }

  /// The image in `bytes`, a whole file; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are damaged or no such image.
  public static func decode(_ bytes: [UInt8], name: String = "image") throws(FormatError) -> Tensor {
    try image(in: FileBytes(name: name, copying: bytes))
  }

  private static func image(in file: FileBytes) throws(FormatError) -> Tensor {
    if file.bytes.starts(with: PNG.signature) { return try PNG.image(in: file) }
    if let channels = Netpbm.channels(file.bytes) { return try Netpbm.image(in: file, channels: channels) }
    throw FormatError(
      file.name, "is \(file.bytes.isEmpty ? "empty" : "no image that is known")",
      mend: "known are PNG, and the binary PPM and PGM")
  }
}

/// The binary images of the Netpbm tools: a header of words, then the pixels as they are.
enum Netpbm {
  static func channels(_ bytes: UnsafeRawBufferPointer) -> Int? {
    bytes.starts(with: Array("P5".utf8)) ? 1 : bytes.starts(with: Array("P6".utf8)) ? 3 : nil
  }

  static func image(in file: FileBytes, channels: Int) throws(FormatError) -> Tensor {
    let name = file.name
    var reader = try ByteReader(name, file.bytes, at: 2)
    let width = try number(&reader, "the width")
    let height = try number(&reader, "the height")
    let largest = try number(&reader, "the largest value")
    guard 1...PNG.largestSide ~= width, 1...PNG.largestSide ~= height else {
      throw FormatError(
        name, "is declared as \(width) by \(height) pixels; 1 to \(PNG.largestSide) a side are read")
    }
    guard largest == 255 else {
      throw FormatError(name, "its largest value is \(largest)", mend: "8-bit images, up to 255, are read")
    }
    let pixels = try reader.take(width * height * channels, "the image")
    guard reader.remaining == 0 else {
      throw FormatError(name, "\(reader.remaining) bytes follow the image")
    }
    return Tensor(shape: [height, width, channels], dtype: .uint8, bytes: pixels)
  }

  /// The next number, and the one byte of white space behind it. `#` starts a comment up to the end of its line.
  private static func number(_ reader: inout ByteReader, _ what: String) throws(FormatError) -> Int {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || 9...13 ~= byte }
    var digits = ""
    var isComment = false
    while true {
      let byte = try reader.number(what, as: UInt8.self)
      if isComment {
        isComment = byte != 10
      } else if byte == UInt8(ascii: "#"), digits.isEmpty {
        isComment = true
      } else if isSpace(byte) {
        if !digits.isEmpty { break }
      } else if 48...57 ~= byte, digits.count < 6 {
        digits.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        throw FormatError(reader.name, "\(what) is no number of at most six digits")
      }
    }
    return Int(digits) ?? 0
  }
}
