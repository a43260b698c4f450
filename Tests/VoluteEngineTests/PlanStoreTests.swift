import Foundation
import Testing
import VoluteEngine

/// The file of measured plans, by itself.
@Suite struct PlanStoreTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "volute-\(UUID().uuidString)")
  private var path: String { folder.appending(path: "some/plans").path }

  private func store(_ machine: String = "A 9000, avx512, 2 threads") -> PlanStore {
    PlanStore(path: path, machine: machine)
  }

  private func write(_ bytes: [UInt8]) throws {
    try FileManager.default.createDirectory(
      at: folder.appending(path: "some"), withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(filePath: path))
  }

  @Test func whatIsRememberedIsReadAgain() {
    var first = store()
    #expect(first.policy(for: "case") == nil)
    first.remember(.algorithm(.winograd4), for: "case")
    first.remember(.automatic, for: "another\tcase\nof two lines")
    first.remember(.algorithm(.direct), for: "case")
    let second = store()
    #expect(second.policy(for: "case") == .algorithm(.direct))
    #expect(second.policy(for: "another\tcase\nof two lines") == .automatic)
    #expect(second.policy(for: "a third") == nil)
    try? FileManager.default.removeItem(at: folder)
  }

  /// Two processes that know nothing of each other keep each other's lines.
  @Test func writersShareTheFile() {
    var (first, second) = (store(), store())
    first.remember(.algorithm(.direct), for: "one")
    second.remember(.algorithm(.fourier), for: "two")
    let third = store()
    #expect(third.policy(for: "one") == .algorithm(.direct))
    #expect(third.policy(for: "two") == .algorithm(.fourier))
    try? FileManager.default.removeItem(at: folder)
  }

  @Test func anotherMachinesLinesCountForNothing() {
    var first = store()
    first.remember(.algorithm(.direct), for: "case")
    var other = store("B 1, avx2, 2 threads")
    #expect(other.policy(for: "case") == nil)
    other.remember(.algorithm(.fourier), for: "case")
    #expect(store().policy(for: "case") == .algorithm(.direct))
    try? FileManager.default.removeItem(at: folder)
  }

  @Test func aDamagedFileIsSurvivedAndReplaced() throws {
    var whole = store()
    whole.remember(.algorithm(.direct), for: "case")
    let good = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var damaged: [[UInt8]] = [
      [], [0], Array("volute plans 0\nA\tcase\tdirect\n".utf8), Array("\n\n\t\t\n".utf8),
      Array(repeating: 0xff, count: 5000), Array("PK\u{3}\u{4}".utf8), Array(good.dropLast(9)),
    ]
    for place in stride(from: 0, to: good.count, by: 3) {
      var bytes = good
      bytes[place] ^= 0x5a
      damaged.append(bytes)
    }
    for bytes in damaged {
      try write(bytes)
      var store = store()
      if let policy = store.policy(for: "case") { #expect(policy == .algorithm(.direct)) }
      store.remember(.algorithm(.winograd2), for: "case")
      #expect(self.store().policy(for: "case") == .algorithm(.winograd2))
    }
    try? FileManager.default.removeItem(at: folder)
  }

  /// A folder in the file's place, or none that can be made: measurements last as long as the process.
  @Test func aFileThatCannotBeWrittenIsDoneWithout() throws {
    try FileManager.default.createDirectory(at: URL(filePath: path), withIntermediateDirectories: true)
    for path in [path, "/dev/null/plans", nil] {
      var store = PlanStore(path: path, machine: "A")
      store.remember(.algorithm(.direct), for: "case")
      #expect(store.policy(for: "case") == .algorithm(.direct))
      #expect(PlanStore(path: path, machine: "A").policy(for: "case") == nil)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/some") == ["plans"])
    try? FileManager.default.removeItem(at: folder)
  }

  /// The oldest lines go.
  @Test func theFileStaysSmall() throws {
    var text = PlanStore.header + "\n"
    for index in 0..<5000 { text += "A 9000, avx512, 2 threads\tcase \(index)\tdirect\n" }
    try write(Array(text.utf8))
    var store = store()
    store.remember(.algorithm(.fourier), for: "new")
    let again = self.store()
    #expect(again.policy(for: "case 0") == nil && again.policy(for: "case 4999") == .algorithm(.direct))
    #expect(again.policy(for: "new") == .algorithm(.fourier))
    #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 4097)
    try? FileManager.default.removeItem(at: folder)
  }
}
