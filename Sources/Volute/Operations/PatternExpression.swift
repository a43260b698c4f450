import VoluteArithmetic

/// An axis in a pattern that cannot be split further.
enum PatternAxis: Hashable, CustomStringConvertible {
  case named(String)
  /// A number in a pattern; no two are the same axis, so each has its place.
  case unnamed(size: Int, place: Int)
  /// `...`
  case ellipsis
  /// One of the axes that an ellipsis stands for.
  case covered(Int)

  var description: String {
    switch self {
    case .named(let name): name
    case .unnamed(let size, _): "\(size)-axis"
    case .ellipsis: "..."
    case .covered(let index): "...\(index)"
    }
  }

  /// What a pattern itself says about the size.
  var size: Int? {
    if case .unnamed(let size, _) = self { return size }
    return nil
  }
}

/// Axes as a set in a message.
func listText(_ axes: some Sequence<PatternAxis>) -> String {
  "{" + axes.map(\.description).sorted().joined(separator: ", ") + "}"
}

/// One side of a pattern, such as `b (h w) c`.
struct PatternExpression {
  /// What becomes, or is, one axis of a tensor: nothing for `1` and `()`.
  struct Group {
    var axes: [PatternAxis] = []
    var isBracketed = false
  }

  private(set) var groups: [Group] = []

  /// All axes from left to right.
  var axes: [PatternAxis] { groups.flatMap(\.axes) }
  var hasEllipsis: Bool { axes.contains(.ellipsis) }
  var hasBracketedEllipsis: Bool { groups.contains { $0.isBracketed && $0.axes.contains(.ellipsis) } }

  /// Reads one side of a pattern.
  ///
  /// - Parameters:
  ///   - place: Where the side starts; numbers of different sides are different axes.
  ///   - refuse: Makes the error for a clause.
  init(_ text: Substring, place: Int, refuse: (String) -> ShapeError) throws(ShapeError) {
    var bracketed: Group?
    var word = ""
    for (index, character) in (text + " ").enumerated() {
      if character.isLetter || character.isNumber || character == "_" || character == "." {
        word.append(character)
        continue
      }
      if !word.isEmpty {
        let axis = try PatternExpression.axis(word, place: place + index, refuse: refuse)
        if let axis, axes.contains(axis) || bracketed?.axes.contains(axis) == true {
          throw refuse(
            axis == .ellipsis
              ? "expression may contain only one ellipsis"
              : "indexing expression contains duplicate dimension \"\(axis)\"")
        }
        if bracketed == nil {
          groups.append(Group(axes: axis.map { [$0] } ?? []))
        } else if let axis {
          bracketed?.axes.append(axis)
        }
        word = ""
      }
      switch character {
      case " ": break
      case "(":
        if bracketed != nil {
          throw refuse("axis composition is one-level (brackets inside brackets not allowed)")
        }
        bracketed = Group(isBracketed: true)
      case ")":
        guard let group = bracketed else { throw refuse("brackets are not balanced") }
        groups.append(group)
        bracketed = nil
      default:
        throw refuse("unknown character '\(character)'")
      }
    }
    if bracketed != nil { throw refuse("imbalanced parentheses in expression: \"\(text)\"") }
  }

  /// The axis that a word names; `nil` for `1`.
  private static func axis(
    _ word: String, place: Int, refuse: (String) -> ShapeError
  ) throws(ShapeError) -> PatternAxis? {
    if word == "..." { return .ellipsis }
    if word.contains(".") { throw refuse("expression may contain dots only inside ellipsis (...)") }
    if let size = Int(word) {
      if size < 1 { throw refuse("anonymous axis should have positive length, not \(size)") }
      return size == 1 ? nil : .unnamed(size: size, place: place)
    }
    if let reason = reasonAgainst(name: word) { throw refuse("invalid axis identifier: \(word) (\(reason))") }
    return .named(word)
  }

  /// Why a word cannot name an axis, if it cannot.
  static func reasonAgainst(name: String) -> String? {
    if !(name.first?.isLetter ?? false) && name.first != "_" { return "not a valid identifier" }
    if name.hasPrefix("_") || name.hasSuffix("_") {
      return "axis name should not start or end with underscore"
    }
    return nil
  }

  /// The expression with `count` axes in place of the ellipsis.
  func expanded(covering count: Int) -> PatternExpression {
    let covered = (0..<count).map(PatternAxis.covered)
    var result = self
    result.groups = groups.flatMap { group in
      guard let place = group.axes.firstIndex(of: .ellipsis) else { return [group] }
      if !group.isBracketed { return covered.map { Group(axes: [$0]) } }
      var group = group
      group.axes.replaceSubrange(place...place, with: covered)
      return [group]
    }
    return result
  }
}
