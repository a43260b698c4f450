import CZlib
import Volute

/// PNG with 8 bits a channel: gray, RGB and RGBA, not interlaced.
///
/// Every checksum is verified. Palettes, other depths, interlacing and critical chunks that are not known are refused by
/// name; ancillary chunks (text, times, colour spaces) are passed over.
public enum PNG {
  /// The longest side of an image that is read.
  public static let largestSide = 65_535

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// The image in the file at `path`, as uint8 `[height, width, channels]`.
  ///
  /// - Throws: ``FormatError`` when the file cannot be read, is damaged, or is of another kind of PNG.
  public static func read(_ path: String) throws(FormatError) -> Tensor {
    try image(in: FileBytes(path: path))
  }

  /// The image in `bytes`, a whole file, as uint8 `[height, width, channels]`; `name` stands for the path in errors.
  ///
  /// - Throws: ``FormatError`` when the bytes are damaged, or of another kind of PNG.
  public static func decode(_ bytes: [UInt8], name: String = "png") throws(FormatError) -> Tensor {
    try image(in: FileBytes(name: name, copying: bytes))
  }

  /// Writes what ``encode(_:name:)`` gives to `path`, whole or not at all.
  ///
  /// - Throws: ``FormatError`` when the tensor is no image or the file cannot be written.
  public static func write(_ image: Tensor, to path: String) throws(FormatError) {
    try AtomicFile.write(encode(image, name: path), to: path)
  }

  /// A file of `image`, uint8 `[height, width, channels]` with 1, 3 or 4 channels.
  ///
  /// - Throws: ``FormatError`` when the tensor is of another type or shape.
  public static func encode(_ image: Tensor, name: String = "png") throws(FormatError) -> [UInt8] {
    guard image.dtype == .uint8, image.rank == 3, let color = Color(channels: image.shape[2]) else {
      throw FormatError(
        name,
        "an image is uint8 [height, width, 1, 3 or 4], but this is \(image.dtype.rawValue) \(image.shape)"
      )
    }
    let (height, width) = (image.shape[0], image.shape[1])
    guard 1...largestSide ~= height, 1...largestSide ~= width else {
      throw FormatError(name, "an image has 1 to \(largestSide) rows and columns, but this is \(image.shape)")
    }
    var header: [UInt8] = []
    header.append(bigEndian: UInt32(width))
    header.append(bigEndian: UInt32(height))
    header += [8, color.rawValue, 0, 0, 0]
    let lines = image.withUnsafeBytes {
      ScanLines.filtered($0, rowLength: width * color.channels, pixelLength: color.channels)
    }
    return try file(header: header, lines: lines, name: name)
  }

  /// A file of a header and filtered lines, whatever they hold.
  package static func file(
    header: [UInt8], lines: [UInt8], name: String = "png"
  ) throws(FormatError) -> [UInt8] {
    var result = signature
    result.append(chunk: "IHDR", header)
    let body = try lines.withUnsafeBufferPointer { (bytes) throws(FormatError) in
      try Deflate.deflated([UnsafeRawBufferPointer(bytes)], name: name)
    }
    var stream: [UInt8] = [0x78, 0x9C] + body
    stream.append(bigEndian: lines.withUnsafeBytes(adler32))
    result.append(chunk: "IDAT", stream)
    result.append(chunk: "IEND", [])
    return result
  }

  /// Kinds of pixels, by PNG's numbers.
  private enum Color: UInt8 {
    case gray = 0
    case rgb = 2
    case rgba = 6

    init?(channels: Int) {
      switch channels {
      case 1: self = .gray
      case 3: self = .rgb
      case 4: self = .rgba
      default: return nil
      }
    }

    var channels: Int {
      switch self {
      case .gray: 1
      case .rgb: 3
      case .rgba: 4
      }
    }
  }

  private struct Header {
    let width: Int
    let height: Int
    let channels: Int

    /// The bytes of a row, with its filter's number.
    var lineLength: Int { width * channels + 1 }

    init(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(FormatError) {
      guard bytes.count == 13 else {
        throw FormatError(name, "the header (IHDR) has \(bytes.count) bytes, not 13")
      }
      var reader = try ByteReader(name, bytes)
      let sides = (try reader.bigEndian("the width"), try reader.bigEndian("the height"))
      (width, height) = (Int(sides.0), Int(sides.1))
      guard 1...PNG.largestSide ~= width, 1...PNG.largestSide ~= height else {
        throw FormatError(
          name, "is declared as \(width) by \(height) pixels; 1 to \(PNG.largestSide) a side are read")
      }
      guard bytes[8] == 8, let color = Color(rawValue: bytes[9]) else {
        throw FormatError(
          name, "has \(bytes[8]) bits a channel of colour type \(bytes[9])",
          mend: "8-bit gray, RGB and RGBA (types 0, 2 and 6) are read")
      }
      guard bytes[10] == 0, bytes[11] == 0 else {
        throw FormatError(name, "has compression \(bytes[10]) and filters \(bytes[11]); only 0 is known")
      }
      guard bytes[12] == 0 else {
        throw FormatError(name, "is interlaced", mend: "save it without interlacing")
      }
      channels = color.channels
    }
  }

  static func image(in file: FileBytes) throws(FormatError) -> Tensor {
    let name = file.name
    guard file.bytes.starts(with: signature) else {
      throw FormatError(name, "is not a PNG file: it does not start with \\x89PNG")
    }
    var reader = try ByteReader(name, file.bytes, at: signature.count)
    let first = try Chunk(&reader)
    guard first.type == "IHDR" else {
      throw FormatError(name, "starts with the chunk \(first.type), not with its header (IHDR)")
    }
    let header = try Header(name, first.data)
    let stream = try compressedData(&reader)
    guard stream.count >= 6, stream[0] & 0x0F == 8, stream[1] & 0x20 == 0,
      (Int(stream[0]) << 8 + Int(stream[1])) % 31 == 0
    else { throw FormatError(name, "its image data (IDAT) are no zlib stream") }
    let size = header.lineLength * header.height
    let lines = try stream.withUnsafeBufferPointer { (bytes) throws(FormatError) in
      let body = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[2..<bytes.count - 4])
      return try Deflate.inflated(body, size: size, name: name)
    }
    let sum = stream.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard sum == adler32(lines.bytes) else {
      throw FormatError(name, "is damaged: its pixels do not have the checksum that was written with them")
    }
    let pixels = try ScanLines.unfiltered(
      lines.bytes, rowLength: header.lineLength - 1, pixelLength: header.channels, name: name)
    return Tensor(pixels, shape: [header.height, header.width, header.channels])
  }

  /// The compressed pixels, in all chunks up to the last.
  private static func compressedData(_ reader: inout ByteReader) throws(FormatError) -> [UInt8] {
    let name = reader.name
    var result: [UInt8] = []
    var state = 0  // 0 before the image data, 1 among them, 2 behind them
    while true {
      let chunk = try Chunk(&reader)
      switch chunk.type {
      case "IDAT":
        if state == 2 { throw FormatError(name, "its image data (IDAT) are not in one piece") }
        state = 1
        result.append(contentsOf: chunk.data)
      case "IEND":
        guard chunk.data.isEmpty else {
          throw FormatError(name, "its end (IEND) holds \(chunk.data.count) bytes")
        }
        guard reader.remaining == 0 else {
          throw FormatError(name, "\(reader.remaining) bytes follow its end (IEND)")
        }
        if state == 0 { throw FormatError(name, "has no image data (IDAT)") }
        return result
      default:
        // A palette beside RGB is only a suggestion.
        guard chunk.isAncillary || chunk.type == "PLTE" else {
          throw FormatError(name, "needs the chunk \(chunk.type.shown), which is not known")
        }
        if state == 1 { state = 2 }
      }
    }
  }

  private struct Chunk {
    let type: String
    let data: UnsafeRawBufferPointer
    let isAncillary: Bool

    init(_ reader: inout ByteReader) throws(FormatError) {
      let name = reader.name
      let count = Int(try reader.bigEndian("the length of a chunk"))
      let start = reader.offset
      let head = try reader.take(4, "the type of a chunk")
      guard head.allSatisfy({ 65...90 ~= $0 || 97...122 ~= $0 }) else {
        throw FormatError(name, "there is no chunk at offset \(start): its type is not four letters")
      }
      type = String(decoding: head, as: UTF8.self)
      isAncillary = head[0] & 0x20 != 0
      data = try reader.take(count, "the chunk \(type)")
      let checked = UnsafeRawBufferPointer(rebasing: reader.bytes[start..<reader.offset])
      guard try reader.bigEndian("the checksum of a chunk") == Deflate.checksum(checked) else {
        throw FormatError(name, "is damaged: the chunk \(type) at offset \(start) fails its checksum")
      }
    }
  }

  /// The checksum of a zlib stream.
  private static func adler32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(
      truncatingIfNeeded: adler32_z(
        1, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}

extension ByteReader {
  /// The next four bytes, high byte first.
  fileprivate mutating func bigEndian(_ what: String) throws(FormatError) -> UInt32 {
    try number(what, as: UInt32.self).byteSwapped
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: UInt32) { append(littleEndian: number.byteSwapped) }

  fileprivate mutating func append(chunk type: String, _ data: [UInt8]) {
    append(bigEndian: UInt32(data.count))
    let start = count
    append(contentsOf: type.utf8)
    append(contentsOf: data)
    let sum = self[start...].withUnsafeBytes { Deflate.checksum($0) }
    append(bigEndian: sum)
  }
}
