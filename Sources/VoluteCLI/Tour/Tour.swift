import Volute

/// Walks through notebooks, writes what their cells find, and counts how they came out.
struct Tour {
  private let isFull: Bool
  private let page = TourPage()
  private let cellCount: Int
  private var shown = 0
  private var counts: [Outcome: Int] = [:]

  init(isFull: Bool, cellCount: Int) {
    self.isFull = isFull
    self.cellCount = cellCount
  }

  func count(_ outcome: Outcome) -> Int { counts[outcome, default: 0] }

  mutating func show(_ notebook: Notebook) {
    page.writeTitle(notebook)
    // Cells draw the same numbers, whether their notebook is shown alone or after others.
    manualSeed(notebook.number)
    for entry in notebook.entries {
      switch entry {
      case .section(let title):
        page.writeSection(title)
      case .cell(let cell):
        let progress = Progress("\(cell.label) \(cell.title)", of: cellCount)
        for _ in 0..<shown { progress.advance() }
        let findings = findings(of: cell)
        progress.finish()
        let outcome = Outcome.of(findings)
        counts[outcome, default: 0] += 1
        shown += 1
        page.write(cell, outcome, findings)
      }
    }
  }

  private func findings(of cell: Cell) -> [Finding] {
    do {
      return try cell.findings().map { try $0.settled(isFull: isFull) }
    } catch {
      return [Finding(.disagrees, "\(error)")]
    }
  }

  func showVerdict() {
    let checked = cellCount - count(.note)
    page.writeVerdict(
      "\(checked) cells: \(count(.agrees)) agree, \(count(.corrected)) corrected, "
        + "\(count(.waits)) wait for --full, \(count(.disagrees)) disagree.",
      count(.disagrees) > 0 ? .disagrees : .agrees)
  }
}

extension Outcome {
  /// The outcome of a cell: the weightiest of what it found.
  static func of(_ findings: [Finding]) -> Outcome {
    let weights: [Outcome] = [.disagrees, .waits, .corrected, .agrees]
    return weights.first { outcome in findings.contains { $0.outcome == outcome } } ?? .note
  }
}

extension Notebook {
  var cells: [Cell] {
    entries.compactMap { if case .cell(let cell) = $0 { cell } else { nil } }
  }
}
