/// Reads JSON (RFC 8259) of a known form: the caller says what comes next, so nothing nests deeper than its own calls.
struct JSONReader {
  private var scanner: TextScanner

  init(name: String, _ text: UnsafeRawBufferPointer) {
    scanner = TextScanner(name: name, text, space: " \t\n\r")
  }

  /// An object, `body` reading the value of each key.
  ///
  /// - Throws: ``FormatError`` on two equal keys, too.
  mutating func object(
    _ body: (inout JSONReader, _ key: String) throws(FormatError) -> Void
  ) throws(FormatError) {
    try scanner.expect("{")
    if scanner.skip("}") { return }
    var keys: Set<String> = []
    repeat {
      let key = try string("a key")
      guard keys.insert(key).inserted else {
        throw FormatError(scanner.name, "the header has two entries '\(key.shown)'")
      }
      try scanner.expect(":")
      try body(&self, key)
    } while scanner.skip(",")
    try scanner.expect("}")
  }

  /// An array of whole numbers that are not negative.
  mutating func wholeNumbers(_ what: String) throws(FormatError) -> [Int] {
    try scanner.expect("[")
    if scanner.skip("]") { return [] }
    var values: [Int] = []
    repeat { values.append(try scanner.wholeNumber(what)) } while scanner.skip(",")
    try scanner.expect("]")
    return values
  }

  mutating func string(_ what: String) throws(FormatError) -> String {
    scanner.skipSpace()
    guard scanner.next == UInt8(ascii: "\"") else { throw scanner.unexpected("\(what) in quotes") }
    scanner.place += 1
    var bytes: [UInt8] = []
    while let byte = scanner.next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw scanner.unexpected("a character of \(what)") }
      scanner.place += 1
      if byte == UInt8(ascii: "\\") {
        bytes.append(contentsOf: Array(Character(try escape()).utf8))
      } else {
        bytes.append(byte)
      }
    }
    guard scanner.next != nil else { throw scanner.unexpected("the closing quote") }
    scanner.place += 1
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FormatError(scanner.name, "\(what) that ends at byte \(scanner.place) of the header is not UTF-8")
    }
    return text
  }

  mutating func end() throws(FormatError) { try scanner.expectEnd() }

  /// What follows a backslash.
  private mutating func escape() throws(FormatError) -> Unicode.Scalar {
    let short: [UInt8: Unicode.Scalar] = [
      0x22: "\"", 0x5C: "\\", 0x2F: "/", 0x62: "\u{8}", 0x66: "\u{C}", 0x6E: "\n", 0x72: "\r", 0x74: "\t",
    ]
    if let byte = scanner.next, let scalar = short[byte] {
      scanner.place += 1
      return scalar
    }
    let first = try codeUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    // Half of a pair of surrogates.
    guard first < 0xDC00, scanner.next == UInt8(ascii: "\\") else {
      throw scanner.unexpected("the other half of a character")
    }
    scanner.place += 1
    let second = try codeUnit()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw scanner.unexpected("the other half of a character") }
    return scalar
  }

  /// `u` and four hexadecimal digits.
  private mutating func codeUnit() throws(FormatError) -> UInt32 {
    guard scanner.next == UInt8(ascii: "u") else { throw scanner.unexpected("an escape") }
    scanner.place += 1
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = scanner.next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw scanner.unexpected("a hexadecimal digit")
      }
      scanner.place += 1
      value = value << 4 + UInt32(digit)
    }
    return value
  }
}

extension String {
  /// As a JSON string, in quotes; only what must be escaped is.
  package var quotedAsJSON: String {
    var result = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// What is safe to show of a text that a file holds: without the characters that move the cursor.
  package var printable: String {
    let scalars = unicodeScalars.map { scalar in
      scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "?" : scalar
    }
    return String(String.UnicodeScalarView(scalars))
  }

  /// The first 60 characters of it, for messages.
  package var shown: String {
    let head = String(unicodeScalars.prefix(60)).printable
    return unicodeScalars.dropFirst(60).isEmpty ? head : head + "…"
  }
}
