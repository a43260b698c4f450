/// The layout of the tour: a mark, the cell, what it does, what came out.
///
/// ```
///  ✓ In [25]   its shape                                  (1, 2, 3)
/// ```
struct TourPage {
  /// Lines end before this column.
  static let width = 100
  private static let labelWidth = 10
  private static let titleWidth = 42
  private static let indent = 3 + labelWidth + 1

  private let terminal = Terminal.output

  func writeTitle(_ notebook: Notebook) {
    print(terminal.styled("\nNotebook \(notebook.number): \(notebook.title)", .bold))
    print(terminal.styled(notebook.about, .dim))
  }

  func writeSection(_ title: String) {
    print("\n" + String(repeating: " ", count: 3) + terminal.styled(title, .bold))
  }

  func write(_ cell: Cell, _ outcome: Outcome, _ findings: [Finding]) {
    let mark = terminal.styled(outcome.mark, outcome.style)
    let head = " \(mark) \(terminal.styled(padded(cell.label, Self.labelWidth), .dim)) "
    var rest = findings.flatMap { lines(of: $0, isMarked: findings.count > 1) }
    // What is short stands beside the title, and shares lines below it.
    let room = cell.title.count > Self.titleWidth ? 0 : Self.width - Self.indent - Self.titleWidth - 1
    let beside = Self.packed(&rest, into: room)
    print(head + (beside.isEmpty ? cell.title : padded(cell.title, Self.titleWidth) + " " + beside))
    while let first = rest.first {
      let line = Self.packed(&rest, into: Self.width - Self.indent)
      print(String(repeating: " ", count: Self.indent) + (line.isEmpty ? first.text : line))
      if line.isEmpty { rest.removeFirst() }
    }
  }

  func writeVerdict(_ text: String, _ outcome: Outcome) {
    print("\n" + terminal.styled(text, outcome == .agrees ? .green : .red))
  }

  /// A line of what a finding says, and whether others may stand beside it.
  private struct Line {
    var text: String
    var isAlone: Bool
  }

  /// - Parameter isMarked: point out a finding that makes its cell more than "agrees".
  private func lines(of finding: Finding, isMarked: Bool) -> [Line] {
    let isWeighty = finding.outcome == .corrected || finding.outcome == .disagrees
    let mark = isMarked && isWeighty ? "\(finding.outcome.mark) " : ""
    if finding.text.contains("\n") {
      return (mark + finding.text).split(separator: "\n", omittingEmptySubsequences: false)
        .map { Line(text: String($0), isAlone: true) }
    }
    let parts = wrapped(mark + finding.text, Self.width - Self.indent - 2)
    let texts = parts.enumerated().map { Line(text: ($0 == 0 ? "" : "  ") + $1, isAlone: parts.count > 1) }
    return texts + (finding.aside.map { [Line(text: $0, isAlone: false)] } ?? [])
  }

  /// Takes as many of the next lines as fit beside each other.
  private static func packed(_ lines: inout [Line], into room: Int) -> String {
    var result = ""
    while let line = lines.first, !line.isAlone {
      let next = result.isEmpty ? line.text : result + "  " + line.text
      if next.count > room { break }
      result = next
      lines.removeFirst()
    }
    return result
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }
}

extension Outcome {
  fileprivate var mark: String {
    switch self {
    case .agrees: "✓"
    case .corrected: "≠"
    case .waits: "…"
    case .disagrees: "✗"
    case .note: "·"
    }
  }

  fileprivate var style: Terminal.Style {
    switch self {
    case .agrees: .green
    case .corrected: .yellow
    case .waits: .dim
    case .disagrees: .red
    case .note: .dim
    }
  }
}
