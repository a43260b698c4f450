import VoluteFormats

/// CaloChallenge's binning files: `<Layer id="0" r_edges="0,5,10" n_bin_alpha="10"/>` within `<Bin>` within `<Bins>`.
extension CalorimeterBinning {
  /// Reads the layers of a file's text.
  ///
  /// - Parameters:
  ///   - xml: the whole text.
  ///   - name: stands for the file in errors.
  /// - Throws: `FormatError` when the text is no XML, lacks an attribute, has edges that do not rise, or has no voxels.
  public init(xml: String, name: String = "binning") throws(FormatError) {
    var scanner = XMLScanner(name: name, xml)
    var layers: [Layer] = []
    while let tag = try scanner.nextTag() {
      guard tag.name == "Layer" else { continue }
      func attribute(_ key: String) throws(FormatError) -> String {
        if let value = tag.attributes[key] { return value }
        throw FormatError(name, "a layer on line \(tag.line) has no attribute '\(key)'")
      }
      func count(_ key: String, _ range: ClosedRange<Int>) throws(FormatError) -> Int {
        let text = try attribute(key)
        if let number = Int(text), range.contains(number) { return number }
        throw FormatError(
          name,
          "\(key) on line \(tag.line) is '\(text.shown)', not a whole number from \(range.lowerBound) to "
            + "\(range.upperBound)")
      }
      let id = try count("id", 0...1_000_000)
      var edges: [Double] = []
      for part in try attribute("r_edges").split(separator: ",") {
        let text = part.filter { !$0.isWhitespace }
        guard let edge = Double(text), edge.isFinite, edge >= 0, edge > edges.last ?? -1 else {
          throw FormatError(
            name,
            "r_edges of layer \(id), line \(tag.line), has '\(text.shown)' where a larger number should come")
        }
        edges.append(edge)
      }
      // A layer with a single edge is empty, and may say nothing of its angles.
      let angles = edges.count < 2 ? 0 : try count("n_bin_alpha", 1...100_000)
      layers.append(Layer(id: id, radialEdges: edges, angularBins: angles))
    }
    self.init(layers)
    if self.layers.isEmpty { throw FormatError(name, "has no layer with voxels") }
    let angles = gridAngularBins
    if let odd = self.layers.first(where: { $0.angularBins != 1 && $0.angularBins != angles }) {
      throw FormatError(
        name, "layer \(odd.id) has \(odd.angularBins) bins of angle, where others have \(angles)",
        mend: "layers have one, or all the same")
    }
  }

  /// A text that ``init(xml:name:)`` reads.
  public var xml: String {
    let lines = layers.map { layer in
      let edges = layer.radialEdges.map { "\($0)" }.joined(separator: ",")
      return "<Layer id=\"\(layer.id)\" r_edges=\"\(edges)\" n_bin_alpha=\"\(layer.angularBins)\"/>"
    }
    return "<Bins>" + lines.joined() + "</Bins>"
  }
}

/// A start of an element with its attributes; nothing else of XML is needed.
private struct XMLScanner {
  struct Tag {
    let name: String
    let attributes: [String: String]
    let line: Int
  }

  let name: String
  private let text: [UInt8]
  private var place = 0
  private var line = 1

  init(name: String, _ text: String) {
    self.name = name
    self.text = Array(text.utf8)
  }

  /// The next element's start; `nil` at the end.
  mutating func nextTag() throws(FormatError) -> Tag? {
    while skip(to: UInt8(ascii: "<")) {
      advance()
      if has("!--") {
        while place < text.count, !has("-->") { advance() }
        if place == text.count { throw FormatError(name, "a comment does not end") }
        continue
      }
      if has("?") || has("!") || has("/") {
        guard skip(to: UInt8(ascii: ">")) else {
          throw FormatError(name, "the tag on line \(line) does not end")
        }
        continue
      }
      return try tag()
    }
    return nil
  }

  private mutating func tag() throws(FormatError) -> Tag {
    let line = self.line
    let element = word()
    if element.isEmpty { throw FormatError(name, "a tag on line \(line) has no name") }
    var attributes: [String: String] = [:]
    while true {
      skipSpace()
      guard place < text.count else { throw FormatError(name, "the tag on line \(line) does not end") }
      if has("/") || has(">") { return Tag(name: element, attributes: attributes, line: line) }
      let key = word()
      skipSpace()
      guard !key.isEmpty, has("=") else {
        throw FormatError(
          name, "an attribute of '\(element.shown)' on line \(self.line) is not of the form key=\"value\"")
      }
      advance()
      skipSpace()
      guard place < text.count, has("\"") || has("'") else {
        throw FormatError(name, "the attribute '\(key.shown)' on line \(self.line) is not in quotes")
      }
      let quote = text[place]
      advance()
      let start = place
      guard skip(to: quote) else {
        throw FormatError(name, "the attribute '\(key.shown)' on line \(line) does not end")
      }
      let value = String(decoding: text[start..<place], as: UTF8.self)
      advance()
      guard attributes.updateValue(value, forKey: key) == nil else {
        throw FormatError(name, "the attribute '\(key.shown)' is given twice on line \(line)")
      }
    }
  }

  private func has(_ prefix: String) -> Bool { text[place...].starts(with: prefix.utf8) }

  private mutating func advance() {
    if text[place] == UInt8(ascii: "\n") { line += 1 }
    place += 1
  }

  /// Goes to the next `byte`, or to the end.
  private mutating func skip(to byte: UInt8) -> Bool {
    while place < text.count {
      if text[place] == byte { return true }
      advance()
    }
    return false
  }

  private static let space = Set(" \t\r\n".utf8)
  private static let marks = Set("=/<>\"'".utf8)

  private mutating func skipSpace() {
    while place < text.count, Self.space.contains(text[place]) { advance() }
  }

  private mutating func word() -> String {
    let start = place
    while place < text.count, !Self.space.contains(text[place]), !Self.marks.contains(text[place]) {
      advance()
    }
    return String(decoding: text[start..<place], as: UTF8.self)
  }
}
