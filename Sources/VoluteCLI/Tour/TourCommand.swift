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
    if let notebook, !(1...Notebook.all.count).contains(notebook) {
      throw ValidationError("there is no notebook \(notebook): give a number from 1 to \(Notebook.all.count)")
    }
  }

  func run() throws {
    let notebooks = Notebook.all.filter { notebook == nil || $0.number == notebook }
    var tour = Tour(isFull: full, cellCount: notebooks.reduce(0) { $0 + $1.cells.count })
    for notebook in notebooks { tour.show(notebook) }
    tour.showVerdict()
    if tour.count(.disagrees) > 0 { throw ExitCode(1) }
  }
}
