import Foundation
import Synchronization
import Testing

/// A page's Swift, compiled.
struct Program: CustomTestStringConvertible, Sendable {
  let name: String
  /// The lines of which the page says what they print.
  let expectations: Int
  let run: @Sendable () throws -> Void

  var testDescription: String { name }
}

/// What the running program has printed last, which expectations it has met, and where its files are.
final class Printed: Sendable {
  @TaskLocal static var current: Printed?

  let folder: URL
  private let state = Mutex((text: "", seen: Set<Int>()))

  var seen: Set<Int> { state.withLock { $0.seen } }

  init(folder: URL) { self.folder = folder }

  func show(_ text: String) { state.withLock { $0.text = text } }

  /// Compares what was printed last with what the page shows.
  static func expect(_ index: Int, _ lines: [String]) {
    let text = current?.state.withLock { state in
      state.seen.insert(index)
      return state.text
    }
    #expect(text == lines.joined(separator: "\n"))
  }
}

/// In place of the standard library's, so that the pages' programs are heard.
func print(_ items: Any...) {
  Printed.current?.show(items.map { "\($0)" }.joined(separator: " "))
}

/// The path of a file that a page names: one of the fixtures of PyTorch's files, or one that the page writes.
func scratch(_ name: String) -> String {
  let fixture = Page.root.appending(path: "Tests/VoluteFormatsTests/Fixtures/\(name)").path
  if FileManager.default.fileExists(atPath: fixture) { return fixture }
  return Printed.current?.folder.appending(path: name).path ?? name
}
