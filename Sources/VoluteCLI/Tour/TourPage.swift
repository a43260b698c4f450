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
    let inline = findings.map(\.text).joined(separator: "  ")
    let room = Self.width - Self.indent - Self.titleWidth - 1
    if cell.title.count <= Self.titleWidth, inline.count <= room, !inline.contains("\n") {
      print(head + padded(cell.title, Self.titleWidth) + " " + inline)
      return
    }
    print(head + cell.title)
    for finding in findings {
      let mark = findings.count > 1 && finding.outcome != outcome ? "" : finding.lineMark
      for (number, line) in lines(mark + finding.text).enumerated() {
        let text = number == 0 || finding.text.contains("\n") ? line : "  " + line
        print(
          String(repeating: " ", count: Self.indent)
            + (finding.outcome == .disagrees ? terminal.styled(text, .red) : text))
      }
    }
  }

  func writeVerdict(_ text: String, _ outcome: Outcome) {
    print("\n" + terminal.styled(text, outcome == .agrees ? .green : .red))
  }

  private func lines(_ text: String) -> [String] {
    text.contains("\n")
      ? text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      : wrapped(text, Self.width - Self.indent - 2)
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

extension Finding {
  /// Points out the lines that make a cell more than "agrees".
  fileprivate var lineMark: String { outcome == .corrected || outcome == .disagrees ? "\(outcome.mark) " : "" }
}
