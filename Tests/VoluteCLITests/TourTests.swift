import Foundation
import Testing

/// The tour, as a person runs it: its text in a pipe, and its exit status.
@Suite struct TourTests {
  /// Run once for all tests.
  private static let whole = Result { try run(["tour"]) }

  @Test func nothingDisagrees() throws {
    let tour = try Self.whole.get()
    #expect(tour.status == 0)
    let counts = try #require(
      tour.lines.last?.wholeMatch(
        of: /(\d+) cells: (\d+) agree, (\d+) corrected, (\d+) wait for --full, (\d+) disagree\./))
    let numbers = try [counts.1, counts.2, counts.3, counts.4, counts.5].map { try #require(Int($0)) }
    #expect(numbers[0] == numbers[1...].reduce(0, +))
    #expect(numbers[1] > 100)
    // The verdict counts the marks in front of the cells.
    for (mark, count) in zip(["✓", "≠", "…", "✗"], numbers[1...]) {
      #expect(tour.lines.count { $0.hasPrefix(" \(mark) ") } == count)
    }
  }

  @Test func linesFitAndCarryNoEscapes() throws {
    let lines = try Self.whole.get().lines
    #expect(lines.filter { $0.count > 100 } == [])
    #expect(!lines.contains { $0.contains("\u{1B}") || $0.contains("\r") })
  }

  @Test(arguments: 1...5)
  func aNotebookAloneShowsWhatItShowsAmongOthers(number: Int) throws {
    let alone = try Self.run(["tour", "\(number)"])
    #expect(alone.status == 0)
    let title = try #require(alone.lines.first)
    #expect(title.hasPrefix("Notebook \(number): "))
    let body = alone.lines.drop { $0 != title }.prefix { !$0.contains(" cells: ") }
    let whole = try Self.whole.get().lines.drop { $0 != title }.prefix(body.count)
    #expect(body.map(withoutTime) == whole.map(withoutTime))
  }

  @Test(arguments: [
    ["1", " ≠ code       CylindricalConvTrans takes groups"],
    ["1", "              5 → 2: s does not divide n, rotation by 2 is no rotation of the output"],
    ["1", " ✓ listing    ResnetBlock1, block 2                      pad (128, 16, 5, 12, 30)"],
    ["2", " ✓ In [5]     pad = (1, 1, 1, 1, 1, 1, 1, 1)             (2, 5, 10, 258, 258)"],
    ["2", "              ≠ D = 9, s = 2: 3.5 in the notebook, 4.0 is right"],
    ["2", " ✓ text       what each output of the causal layer sees  0 01 012 123 234 345 456 567"],
    ["3", "                        [ -6.,  -4.,  -6., -32.]]]])"],
    ["3", "                        [17.5000, 24.2500, 37.7500, 44.5000],"],
    ["3", " ✓ In [6]     8 filters of 5x5 over 3 channels: weights  5·5·3·8 = 600"],
    ["4", " ✓ design     \"abcd\" convolved with [1, 2]               abb, bcc, cdd"],
    ["4", "              ≠ unbatched data need none: [1, 3, 3, 4] in the notebook, [3, 1, 3, 4] is right"],
    ["5", " ✓ In [15]    x[1, 1] changed: the first and second      moved: [0, 1]"],
    ["5", " ✓ In [52]    64 → 4: the kernel                         k = 61.0  found: [61]"],
    ["5", " … In [55]    Conv3d(7, 1, 50)                           (1, 1, 51, 51, 51)"],
    ["5", "              232 GF, 32 MB: over 5 GF; recorded 22.9 s"],
  ])
  func shows(example: [String]) throws {
    let lines = try Self.whole.get().lines.drop { !$0.hasPrefix("Notebook \(example[0])") }
    let notebook = lines.dropFirst().prefix { !$0.hasPrefix("Notebook") }
    #expect(notebook.contains(example[1]))
  }

  @Test(arguments: ["0", "6", "-1", "one"])
  func refusesOtherNotebooks(name: String) throws {
    let refused = try Self.run(["tour", name])
    #expect(refused.status == 64)
    #expect(refused.lines == [])
  }

  // MARK: - The command

  /// A line without the time that a cell took.
  private func withoutTime(_ line: String) -> String {
    line.replacing(/[0-9.]+ m?s, recorded/, with: "recorded")
  }

  private static func run(_ arguments: [String]) throws -> (lines: [String], status: Int32) {
    let process = Process()
    // The products lie beside the bundle of the tests.
    process.executableURL =
      URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "volute")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text.split(separator: "\n").map(String.init), process.terminationStatus)
  }
}
