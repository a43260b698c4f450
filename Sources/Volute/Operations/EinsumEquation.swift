import VoluteArithmetic

/// An axis of an Einstein sum.
enum EinsumLabel: Hashable {
  case letter(UInt8)
  /// One of the axes that the ellipses stand for, counted from the last.
  case covered(Int)
}

/// An Einstein sum's equation, fitted to its operands' shapes.
struct EinsumEquation {
  /// The labels of each operand's axes.
  private(set) var operands: [[EinsumLabel]] = []
  /// The labels of the result's axes.
  private(set) var output: [EinsumLabel] = []
  private(set) var sizes: [EinsumLabel: Int] = [:]

  private struct Term {
    var letters: [UInt8] = []
    /// How many letters come before the ellipsis, if there is one.
    var ellipsis: Int?

    func labels(covering count: Int) -> [EinsumLabel] {
      let letters = letters.map(EinsumLabel.letter)
      guard let ellipsis else { return letters }
      let covered = (0..<count).reversed().map(EinsumLabel.covered)
      return letters[..<ellipsis] + covered + letters[ellipsis...]
    }
  }

  init(_ equation: String, shapes: [[Int]]) throws(ShapeError) {
    func refuse(_ clause: String) -> ShapeError {
      ShapeError("einsum", parameter: "equation", clause, shapes: shapes)
    }
    let (terms, outputTerm) = try EinsumEquation.terms(equation, shapes: shapes)
    if terms.count != shapes.count {
      throw refuse(
        "\(terms.count > shapes.count ? "fewer" : "more") operands were provided (\(shapes.count)) than "
          + "specified in the equation (\(terms.count))")
    }
    var coveredCount = 0
    for (index, (term, shape)) in zip(terms, shapes).enumerated() {
      let covered = shape.count - term.letters.count
      guard term.ellipsis == nil ? covered == 0 : covered >= 0 else {
        throw refuse(
          "the number of subscripts in the equation (\(term.letters.count)) "
            + (term.ellipsis == nil ? "does not match" : "is more than")
            + " the number of dimensions (\(shape.count)) for operand \(index)"
            + (term.ellipsis == nil ? " and no ellipsis was given" : ""))
      }
      coveredCount = max(coveredCount, covered)
      operands.append(term.labels(covering: covered))
    }
    try fitSizes(shapes, refuse)

    guard let outputTerm else {
      // Without an arrow: the ellipses' axes, then the letters that occur once, in the alphabet's order.
      let letters = terms.flatMap(\.letters)
      let once = Set(letters).filter { letter in letters.count { $0 == letter } == 1 }.sorted()
      output = Term(letters: once, ellipsis: 0).labels(covering: coveredCount)
      return
    }
    output = outputTerm.labels(covering: coveredCount)
    for (place, label) in output.enumerated() {
      guard case .letter(let letter) = label else { continue }
      let name = EinsumEquation.name(label)
      if output[..<place].contains(label) {
        throw refuse("output subscript \(name) appears more than once in the output")
      }
      if !terms.contains(where: { $0.letters.contains(letter) }) {
        throw refuse("output subscript \(name) does not appear in the equation for any input operand")
      }
    }
  }

  private static func name(_ label: EinsumLabel) -> String {
    switch label {
    case .letter(let letter): String(UnicodeScalar(letter))
    case .covered(let index): "\(-1 - index) of the ellipsis"
    }
  }

  /// Finds every label's size; an axis of size 1 broadcasts.
  private mutating func fitSizes(
    _ shapes: [[Int]], _ refuse: (String) -> ShapeError
  ) throws(ShapeError) {
    for (operand, (labels, shape)) in zip(operands, shapes).enumerated() {
      var own: [EinsumLabel: Int] = [:]
      for (label, size) in zip(labels, shape) {
        let name = EinsumEquation.name(label)
        if let first = own[label], first != size {
          throw refuse(
            "subscript \(name) is repeated for operand \(operand) but the sizes don't match, \(size) != \(first)"
          )
        }
        own[label] = size
        let seen = sizes[label] ?? 1
        if size != 1 && seen != 1 && size != seen {
          throw refuse(
            "subscript \(name) has size \(size) for operand \(operand) which does not broadcast with "
              + "previously seen size \(seen)")
        }
        sizes[label] = seen == 1 ? size : seen
      }
    }
  }

  /// Reads the equation: a term for each operand, and one for the result if there is an arrow.
  private static func terms(
    _ equation: String, shapes: [[Int]]
  ) throws(ShapeError) -> (operands: [Term], output: Term?) {
    func refuse(_ clause: String) -> ShapeError {
      ShapeError("einsum", parameter: "equation", clause, shapes: shapes)
    }
    let bytes = Array(equation.utf8)
    func at(_ place: Int, _ text: String) -> Bool { bytes[place...].starts(with: text.utf8) }
    var terms = [Term()]
    var hasArrow = false
    var place = 0
    while place < bytes.count {
      let last = terms.count - 1
      switch bytes[place] {
      case UInt8(ascii: " "): place += 1
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
        terms[last].letters.append(bytes[place])
        place += 1
      case UInt8(ascii: "."):
        let owner = hasArrow ? "output" : "operand \(last)"
        if terms[last].ellipsis != nil {
          throw refuse("found '.' for \(owner) for which an ellipsis was already found")
        }
        if !at(place, "...") { throw refuse("found '.' for \(owner) that is not part of any ellipsis") }
        terms[last].ellipsis = terms[last].letters.count
        place += 3
      case UInt8(ascii: ",") where !hasArrow:
        terms.append(Term())
        place += 1
      case UInt8(ascii: "-") where !hasArrow && at(place, "->"):
        terms.append(Term())
        hasArrow = true
        place += 2
      default:
        throw refuse(
          "invalid subscript given at index \(place) in the equation string, subscripts must be in [a-zA-Z]")
      }
    }
    return hasArrow ? (Array(terms.dropLast()), terms.last) : (terms, nil)
  }
}
