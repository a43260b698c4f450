import Foundation
import Testing
import Volute

@Suite(.serialized) struct PageTests {
  private static let examples = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Examples.swift")

  /// What is compiled here is what the pages say.
  @Test func examplesAreThoseOfThePages() throws {
    let source = Page.source(of: try Page.all())
    if ProcessInfo.processInfo.environment["VOLUTE_WRITE_EXAMPLES"] != nil {
      try source.write(to: PageTests.examples, atomically: true, encoding: .utf8)
      return
    }
    let compiled = try String(contentsOf: PageTests.examples, encoding: .utf8)
    #expect(
      compiled == source,
      "run VOLUTE_WRITE_EXAMPLES=1 swift test -c release --filter PageTests, and the tests again")
  }

  /// Every page runs, and prints what it says that it prints.
  @Test(arguments: programs) func prints(_ program: Program) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "volute-page-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let printed = Printed(folder: folder)
    // A page may seed the default generator, which other tests draw from.
    try Generator.withDefault(Generator(seed: 0)) {
      try Printed.$current.withValue(printed) { try program.run() }
    }
    #expect(printed.seen == Set(0..<program.expectations))
  }
}
