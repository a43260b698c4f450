import Volute

/// What stands before the elements of an `.npy` file.
///
/// ```
/// \x93NUMPY | major minor | length: 2 bytes (1.0) or 4 | {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
/// ```
///
/// The last part is a Python dictionary, padded by spaces and a newline so that the elements are aligned to 64.
struct NPYHeader {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  var format: ElementFormat
  var isFortranOrder: Bool
  var shape: [Int]

  /// The header of `file`, and where the elements start.
  static func read(_ file: FileBytes) throws(FormatError) -> (NPYHeader, offset: Int) {
    var reader = try ByteReader(file.name, file.bytes)
    guard file.bytes.starts(with: magic) else {
      throw FormatError(file.name, "is not an .npy file: it does not start with \\x93NUMPY")
    }
    _ = try reader.take(magic.count, "the magic string")
    let major: UInt8 = try reader.number("the version")
    let minor: UInt8 = try reader.number("the version")
    guard (1...3).contains(major), minor == 0 else {
      throw FormatError(
        file.name, "version \(major).\(minor) of .npy is unknown", mend: "known are 1.0, 2.0 and 3.0")
    }
    let length =
      major == 1
      ? Int(try reader.number("the header's length", as: UInt16.self))
      : Int(try reader.number("the header's length", as: UInt32.self))
    var parser = NPYHeaderParser(name: file.name, try reader.take(length, "the header"))
    return (try parser.header(), reader.offset)
  }

  /// The header of a file that holds `tensor` in C order, as NumPy writes it: with room for the first size to grow
  /// to 21 digits.
  static func encode(_ tensor: Tensor) -> [UInt8] {
    let shape = tensor.shape
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(descr(tensor.dtype))', 'fortran_order': False, 'shape': (\(sizes)), }"
    if let first = shape.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).utf8.count))
    }
    // Magic, version, length, text, newline, and 1 to 64 spaces, as NumPy has it.
    let isShort = text.utf8.count + 1 + 64 <= Int(UInt16.max)
    let prefix = magic.count + 2 + (isShort ? 2 : 4)
    let padding = 64 - (prefix + text.utf8.count + 1) % 64
    let length = text.utf8.count + padding + 1
    var result = magic + [isShort ? 1 : 2, 0]
    if isShort {
      result.append(littleEndian: UInt16(length))
    } else {
      result.append(littleEndian: UInt32(length))
    }
    result.append(contentsOf: text.utf8)
    result.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
    result.append(UInt8(ascii: "\n"))
    return result
  }

  private static func descr(_ dtype: DType) -> String {
    switch dtype {
    case .float16: "<f2"
    case .bfloat16: "<V2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .int8: "|i1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint8: "|u1"
    case .bool: "|b1"
    }
  }

  /// What NumPy's name for a type, such as `>f4`, stands for.
  ///
  /// - Throws: ``FormatError`` naming the type when no tensor has it.
  static func elementFormat(_ descr: String, in name: String) throws(FormatError) -> ElementFormat {
    var code = descr[...]
    var order: Character?
    if let first = code.first, "<>=|".contains(first) { order = code.removeFirst() }
    let isBigEndian = order == ">"
    switch code {
    case "f2": return ElementFormat(.native(.float16), isBigEndian: isBigEndian)
    case "f4": return ElementFormat(.native(.float32), isBigEndian: isBigEndian)
    case "f8": return ElementFormat(.native(.float64), isBigEndian: isBigEndian)
    case "i1": return ElementFormat(.native(.int8))
    case "i2": return ElementFormat(.native(.int16), isBigEndian: isBigEndian)
    case "i4": return ElementFormat(.native(.int32), isBigEndian: isBigEndian)
    case "i8": return ElementFormat(.native(.int64), isBigEndian: isBigEndian)
    case "u1": return ElementFormat(.native(.uint8))
    case "u2": return ElementFormat(.unsigned(2), isBigEndian: isBigEndian)
    case "u4": return ElementFormat(.unsigned(4), isBigEndian: isBigEndian)
    case "u8": return ElementFormat(.unsigned(8), isBigEndian: isBigEndian)
    case "b1", "?": return ElementFormat(.native(.bool))
    // NumPy swaps no bytes of a void, so a big-endian one says nothing.
    case "V2" where !isBigEndian: return ElementFormat(.native(.bfloat16))
    case "bfloat16" where order == nil: return ElementFormat(.native(.bfloat16))
    default: break
    }
    let kinds: [(Character, String)] = [
      ("O", "Python objects, which only unpickling could read"), ("c", "complex numbers"),
      ("S", "byte strings"),
      ("a", "byte strings"), ("U", "strings"), ("M", "dates"), ("m", "time spans"), ("V", "opaque records"),
      ("f", "floating-point numbers of an unknown size"),
    ]
    let kind = kinds.first { $0.0 == code.first }?.1 ?? "an unknown type"
    throw FormatError(
      name, "the elements are of type '\(descr.prefix(40))', \(kind)",
      mend: "save them as float16, float32, float64, int8 to int64, uint8 or bool")
  }
}
