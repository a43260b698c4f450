/// Reads the one Python dictionary that an `.npy` header is, and nothing else of Python.
struct NPYHeaderParser {
  let name: String
  private let text: UnsafeRawBufferPointer
  private var place = 0

  init(name: String, _ text: UnsafeRawBufferPointer) {
    self.name = name
    self.text = text
  }

  mutating func header() throws(FormatError) -> NPYHeader {
    var format: ElementFormat?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !skip("}") {
      let key = try string("a key")
      try expect(":")
      switch key {
      case "descr" where format == nil: format = try type()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
      case "shape" where shape == nil: shape = try sizes()
      case "descr", "fortran_order", "shape":
        throw FormatError(name, "the header has two entries '\(key)'")
      default:
        throw FormatError(name, "the header has the unknown entry '\(key.prefix(40))'")
      }
      if !skip(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard place == text.count else { throw unexpected("the header's end") }
    guard let format else { throw missing("descr") }
    guard let isFortranOrder else { throw missing("fortran_order") }
    guard let shape else { throw missing("shape") }
    return NPYHeader(format: format, isFortranOrder: isFortranOrder, shape: shape)
  }

  private mutating func type() throws(FormatError) -> ElementFormat {
    skipSpace()
    if next == UInt8(ascii: "[") || next == UInt8(ascii: "(") {
      throw FormatError(
        name, "the elements are structured records, which no tensor holds",
        mend: "save each field as its own array")
    }
    return try NPYHeader.elementFormat(string("a type"), in: name)
  }

  /// A tuple of sizes: `()`, `(2,)`, `(2, 3)`.
  private mutating func sizes() throws(FormatError) -> [Int] {
    try expect("(")
    var sizes: [Int] = []
    while !skip(")") {
      sizes.append(try size())
      if skip(",") { continue }
      // One size in parentheses is a number, not a tuple.
      guard sizes.count > 1 else { throw unexpected("',' after the only size") }
      try expect(")")
      break
    }
    return sizes
  }

  private mutating func size() throws(FormatError) -> Int {
    let isNegative = skip("-")
    skipSpace()
    var value = 0
    var overflow = false
    let start = place
    while let digit = next.flatMap({ Int(exactly: $0) }).map({ $0 - 48 }), (0...9).contains(digit) {
      let (tenfold, first) = value.multipliedReportingOverflow(by: 10)
      let (sum, second) = tenfold.addingReportingOverflow(digit)
      overflow = overflow || first || second
      value = first || second ? 0 : sum
      place += 1
    }
    let digits = text[start..<place].prefix(40).map { Character(Unicode.Scalar($0)) }
    guard !digits.isEmpty, digits.count == 1 || digits[0] != "0" else { throw unexpected("a size") }
    guard !isNegative else {
      throw FormatError(name, "the shape has the negative size -\(String(digits))")
    }
    guard !overflow else {
      throw FormatError(name, "the shape has a size of \(String(digits)), beyond 64 bits")
    }
    // What Python 2 wrote after a long integer.
    if next == UInt8(ascii: "L") { place += 1 }
    return value
  }

  private mutating func boolean() throws(FormatError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where text[place...].starts(with: word.utf8) {
      place += word.utf8.count
      return value
    }
    throw unexpected("True or False")
  }

  /// A string of printable ASCII without escapes, in either kind of quotes.
  private mutating func string(_ what: String) throws(FormatError) -> String {
    skipSpace()
    guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw unexpected("\(what) in quotes")
    }
    place += 1
    let start = place
    while let byte = next, byte != quote {
      guard (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "\\") else { throw unexpected("plain text") }
      place += 1
    }
    guard next == quote else { throw unexpected("the closing quote") }
    defer { place += 1 }
    return String(decoding: text[start..<place], as: UTF8.self)
  }

  private var next: UInt8? { place < text.count ? text[place] : nil }

  private mutating func skipSpace() {
    while let byte = next, " \t\n\r\u{C}".utf8.contains(byte) { place += 1 }
  }

  /// Steps over `mark` and the space before it, if it comes next.
  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: mark) else { return false }
    place += 1
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(FormatError) {
    guard skip(mark) else { throw unexpected("'\(mark)'") }
  }

  private func unexpected(_ expected: String) -> FormatError {
    let found: String =
      switch next {
      case nil: "ends"
      case .some(let byte) where (0x20..<0x7F).contains(byte): "has '\(Character(Unicode.Scalar(byte)))'"
      case .some(let byte): "has byte \(byte)"
      }
    return FormatError(name, "the header \(found) at byte \(place) where \(expected) should be")
  }

  private func missing(_ key: String) -> FormatError {
    FormatError(name, "the header has no entry '\(key)'")
  }
}
