/// Reads the one Python dictionary that an `.npy` header is, and nothing else of Python.
struct NPYHeaderParser {
  private var scanner: TextScanner
  private var name: String { scanner.name }

  init(name: String, _ text: UnsafeRawBufferPointer) {
    scanner = TextScanner(name: name, text, space: " \t\n\r\u{C}")
  }

  mutating func header() throws(FormatError) -> NPYHeader {
    var format: ElementFormat?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try scanner.expect("{")
    while !scanner.skip("}") {
      let key = try string("a key")
      try scanner.expect(":")
      switch key {
      case "descr" where format == nil: format = try type()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
      case "shape" where shape == nil: shape = try sizes()
      case "descr", "fortran_order", "shape":
        throw FormatError(name, "the header has two entries '\(key)'")
      default:
        throw FormatError(name, "the header has the unknown entry '\(key.prefix(40))'")
      }
      if !scanner.skip(",") {
        try scanner.expect("}")
        break
      }
    }
    try scanner.expectEnd()
    guard let format else { throw missing("descr") }
    guard let isFortranOrder else { throw missing("fortran_order") }
    guard let shape else { throw missing("shape") }
    return NPYHeader(format: format, isFortranOrder: isFortranOrder, shape: shape)
  }

  private mutating func type() throws(FormatError) -> ElementFormat {
    scanner.skipSpace()
    if scanner.next == UInt8(ascii: "[") || scanner.next == UInt8(ascii: "(") {
      throw FormatError(
        name, "the elements are structured records, which no tensor holds",
        mend: "save each field as its own array")
    }
    return try NPYHeader.elementFormat(string("a type"), in: name)
  }

  /// A tuple of sizes: `()`, `(2,)`, `(2, 3)`.
  private mutating func sizes() throws(FormatError) -> [Int] {
    try scanner.expect("(")
    var sizes: [Int] = []
    while !scanner.skip(")") {
      sizes.append(try size())
      if scanner.skip(",") { continue }
      // One size in parentheses is a number, not a tuple.
      guard sizes.count > 1 else { throw scanner.unexpected("',' after the only size") }
      try scanner.expect(")")
      break
    }
    return sizes
  }

  private mutating func size() throws(FormatError) -> Int {
    let isNegative = scanner.skip("-")
    let value = try scanner.wholeNumber("a size")
    guard !isNegative else { throw FormatError(name, "the shape has the negative size -\(value)") }
    // What Python 2 wrote after a long integer.
    if scanner.next == UInt8(ascii: "L") { scanner.place += 1 }
    return value
  }

  private mutating func boolean() throws(FormatError) -> Bool {
    scanner.skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where scanner.text[scanner.place...].starts(with: word.utf8) {
      scanner.place += word.utf8.count
      return value
    }
    throw scanner.unexpected("True or False")
  }

  /// A string of printable ASCII without escapes, in either kind of quotes.
  private mutating func string(_ what: String) throws(FormatError) -> String {
    scanner.skipSpace()
    guard let quote = scanner.next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw scanner.unexpected("\(what) in quotes")
    }
    scanner.place += 1
    let start = scanner.place
    while let byte = scanner.next, byte != quote {
      guard (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "\\") else {
        throw scanner.unexpected("plain text")
      }
      scanner.place += 1
    }
    guard scanner.next == quote else { throw scanner.unexpected("the closing quote") }
    defer { scanner.place += 1 }
    return String(decoding: scanner.text[start..<scanner.place], as: UTF8.self)
  }

  private func missing(_ key: String) -> FormatError {
    FormatError(name, "the header has no entry '\(key)'")
  }
}
