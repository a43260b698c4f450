import ArgumentParser
import Volute

struct TourCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tour",
    abstract: "Five notebooks about convolution, cell by cell, computed anew.",
    discussion: """
      Each cell shows what it computes, the result, and whether that is what the notebook recorded:

        ✓ agrees    ≠ the notebook is wrong there, and corrected    … waits for --full    ✗ disagrees

      Cells of random numbers compare shapes, the others compare values and their printed text.
      The exit status is 1 if anything disagrees.
      """)

  @Argument(help: "One notebook, 1 to 5; all of them when left out.")
  var notebook: Int?

  @Flag(help: "Do the cells above 5 GF (10⁹ operations) or 1 GB too.")
  var full = false

  func validate() throws {
    if let notebook, !Notebook.numbers.contains(notebook) {
      throw ValidationError(
        "there is no notebook \(notebook): give a number from \(Notebook.numbers.lowerBound) to "
          + "\(Notebook.numbers.upperBound)")
    }
  }

  func run() throws {
    let notebooks = (notebook.map { [$0] } ?? Array(Notebook.numbers)).map { Notebook($0) }
    var tour = Tour(isFull: full, cellCount: notebooks.reduce(0) { $0 + $1.cells.count })
    for notebook in notebooks { tour.show(notebook) }
    tour.showVerdict()
    if tour.count(.disagrees) > 0 { throw ExitCode(1) }
  }
}
