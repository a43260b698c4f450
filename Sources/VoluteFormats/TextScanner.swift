/// Steps through the text of a header, byte by byte.
///
/// It owns nothing: whoever made it keeps the bytes alive.
struct TextScanner {
  /// What messages call the file.
  let name: String
  let text: UnsafeRawBufferPointer
  /// The place of the next byte.
  var place = 0
  /// The bytes that may stand between words.
  private let space: [UInt8]

  init(name: String, _ text: UnsafeRawBufferPointer, space: String) {
    self.name = name
    self.text = text
    self.space = Array(space.utf8)
  }

  var next: UInt8? { place < text.count ? text[place] : nil }

  mutating func skipSpace() {
    while let byte = next, space.contains(byte) { place += 1 }
  }

  /// Steps over `mark` and the space before it, if it comes next.
  mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: mark) else { return false }
    place += 1
    return true
  }

  mutating func expect(_ mark: Unicode.Scalar) throws(FormatError) {
    guard skip(mark) else { throw unexpected("'\(mark)'") }
  }

  /// Makes sure that nothing but space follows.
  mutating func expectEnd() throws(FormatError) {
    skipSpace()
    guard place == text.count else { throw unexpected("the header's end") }
  }

  /// A whole number without a sign or leading zeros.
  mutating func wholeNumber(_ what: String) throws(FormatError) -> Int {
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
    let count = place - start
    guard count == 1 || count > 1 && text[start] != UInt8(ascii: "0") else { throw unexpected(what) }
    guard !overflow else {
      let digits = String(decoding: text[start..<place].prefix(40), as: UTF8.self)
      throw FormatError(name, "the header has \(what) of \(digits), beyond 64 bits")
    }
    return value
  }

  func unexpected(_ expected: String) -> FormatError {
    let found: String =
      switch next {
      case nil: "ends"
      case .some(let byte) where (0x20..<0x7F).contains(byte): "has '\(Character(Unicode.Scalar(byte)))'"
      case .some(let byte): "has byte \(byte)"
      }
    return FormatError(name, "the header \(found) at byte \(place) where \(expected) should be")
  }
}
