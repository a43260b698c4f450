import Volute

/// One notebook of the tour: its cells in order, under the notebook's own headings.
struct Notebook {
  let number: Int
  let title: String
  let about: String
  let entries: [Entry]

  enum Entry {
    case section(String)
    case cell(Cell)
  }

  init(_ number: Int, _ title: String, about: String, @EntriesBuilder _ entries: () -> [Entry]) {
    // What its cells share is drawn while they are listed.
    manualSeed(number)
    self.number = number
    self.title = title
    self.about = about
    self.entries = entries()
  }

  static let numbers = 1...5

  /// The notebook of a number.
  init(_ number: Int) {
    switch number {
    case 1: self = .cylinder
    case 2: self = .causalVideo
    case 3: self = .byHand
    case 4: self = .windows
    default: self = .stepByStep
    }
  }
}

/// One cell: where it stands in the notebook, what it does, and how to find out whether it is so.
struct Cell {
  let label: String
  let title: String
  let findings: () throws -> [Finding]
}

func section(_ title: String) -> [Notebook.Entry] { [.section(title)] }

func cell(
  _ label: String, _ title: String, @FindingsBuilder _ findings: @escaping () throws -> [Finding]
) -> [Notebook.Entry] {
  [.cell(Cell(label: label, title: title, findings: findings))]
}

@resultBuilder
enum EntriesBuilder {
  static func buildBlock(_ entries: [Notebook.Entry]...) -> [Notebook.Entry] { entries.flatMap { $0 } }
  static func buildArray(_ entries: [[Notebook.Entry]]) -> [Notebook.Entry] { entries.flatMap { $0 } }
}

@resultBuilder
enum FindingsBuilder {
  static func buildExpression(_ finding: Finding) -> [Finding] { [finding] }
  static func buildBlock(_ findings: [Finding]...) -> [Finding] { findings.flatMap { $0 } }
  static func buildArray(_ findings: [[Finding]]) -> [Finding] { findings.flatMap { $0 } }
}
