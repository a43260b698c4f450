#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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

  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private let isColored: Bool

  init() {
    let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    isColored = isatty(STDOUT_FILENO) == 1 && !refused
  }

  func writeTitle(_ notebook: Notebook) {
    clearProgress()
    print(styled("\nNotebook \(notebook.number): \(notebook.title)", .bold))
    print(styled(notebook.about, .dim))
  }

  func writeSection(_ title: String) {
    clearProgress()
    print("\n" + String(repeating: " ", count: 3) + styled(title, .bold))
  }

  func write(_ cell: Cell, _ outcome: Outcome, _ findings: [Finding]) {
    clearProgress()
    let head = " \(styled(outcome.mark, outcome.style)) \(styled(padded(cell.label, Self.labelWidth), .dim)) "
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
            + (finding.outcome == .disagrees ? styled(text, .red) : text))
      }
    }
  }

  func writeVerdict(_ text: String, _ outcome: Outcome) {
    clearProgress()
    print("\n" + styled(text, outcome == .agrees ? .green : .red))
  }

  private func lines(_ text: String) -> [String] {
    text.contains("\n")
      ? text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      : wrapped(text, Self.width - Self.indent - 2)
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }

  // MARK: - Terminal

  /// A bar under the last line, on a terminal only; the next line takes its place.
  func showProgress(_ done: Int, of count: Int, _ cell: Cell) {
    guard isTerminal else { return }
    let length = 30
    let filled = count == 0 ? length : done * length / count
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: length - filled)
    print(" \(bar) \(done)/\(count)  \(cell.label) \(cell.title)", terminator: "")
    fflush(nil)
  }

  private func clearProgress() {
    if isTerminal { print("\r\u{1B}[2K", terminator: "") }
  }

  private func styled(_ text: String, _ style: Style) -> String {
    isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}

enum Style: Int {
  case bold = 1
  case dim = 2
  case red = 31
  case green = 32
  case yellow = 33
  case cyan = 36
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

  fileprivate var style: Style {
    switch self {
    case .agrees: .green
    case .corrected: .cyan
    case .waits: .yellow
    case .disagrees: .red
    case .note: .dim
    }
  }
}

extension Finding {
  /// Points out the lines that make a cell more than "agrees".
  fileprivate var lineMark: String { outcome == .corrected || outcome == .disagrees ? "\(outcome.mark) " : "" }
}
