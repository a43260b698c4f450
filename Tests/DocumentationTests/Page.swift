import Foundation

/// A page of documentation whose Swift blocks, one after another, are a program.
///
/// What a `print` shows is said in a comment behind it, or in those on the lines below; a comment after an empty line is
/// only a comment. A block that starts with `.package` belongs to a manifest and is left out.
struct Page {
  /// The file's name without its ending.
  let name: String
  private let blocks: [[Substring]]

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The articles and the README.
  static func all() throws -> [Page] {
    let catalogue = root.appending(path: "Sources/Volute/Volute.docc")
    let articles = try FileManager.default.contentsOfDirectory(at: catalogue, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "md" }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
    return try (articles + [root.appending(path: "README.md")]).map(Page.init).filter { !$0.blocks.isEmpty }
  }

  init(_ file: URL) throws {
    name = file.deletingPathExtension().lastPathComponent
    var blocks: [[Substring]] = []
    var isInside = false
    for line in try String(contentsOf: file, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      if isInside, line == "```" {
        isInside = false
      } else if isInside {
        blocks[blocks.count - 1].append(line)
      } else if line == "```swift" {
        isInside = true
        blocks.append([])
      }
    }
    self.blocks = blocks.filter { $0.first?.hasPrefix(".package") != true }
  }

  /// The modules that the program imports.
  var imports: [String] {
    blocks.joined().filter { $0.hasPrefix("import ") }.map(String.init)
  }

  /// The program as a function that tells ``Printed`` what each line should have printed.
  func function() -> (source: String, expectations: Int) {
    var lines = ["@Sendable private func run\(name)() throws {"]
    var count = 0
    for block in blocks {
      var rest = block[...].drop { $0.hasPrefix("import ") }
      while let line = rest.popFirst() {
        lines.append(line.isEmpty ? "" : "  " + scratched(line))
        let indent = line.prefix { $0 == " " }
        guard line.dropFirst(indent.count).hasPrefix("print(") else { continue }
        var shown: [Substring] = []
        if let mark = line.range(of: ")  // ", options: .backwards) {
          shown = [line[mark.upperBound...]]
        } else {
          while let next = rest.first, next.hasPrefix(indent + "// ") {
            shown.append(next.dropFirst(indent.count + 3))
            rest.removeFirst()
          }
        }
        if shown.isEmpty { continue }
        let literals = shown.map { "##\"\($0)\"##" }.joined(separator: ", ")
        lines.append("  \(indent)Printed.expect(\(count), [\(literals)])")
        count += 1
      }
      lines.append("")
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return ((lines + ["}"]).joined(separator: "\n"), count)
  }

  /// The line with its files put where tests may write.
  private func scratched(_ line: Substring) -> String {
    String(line).replacing(/"([\w.-]+\.(?:npy|npz|safetensors|pt|pth))"/) { "scratch(\"\($0.output.1)\")" }
  }

  /// The source file that all pages come to.
  static func source(of pages: [Page]) -> String {
    let functions = pages.map { (page: $0, made: $0.function()) }
    let imports = Set(pages.flatMap(\.imports)).sorted()
    let table = functions.map {
      "  Program(name: \"\($0.page.name)\", expectations: \($0.made.expectations), run: run\($0.page.name)),"
    }
    return """
      // swift-format-ignore-file
      // The Swift of the articles and the README, put here by `VOLUTE_WRITE_EXAMPLES=1 swift test --filter PageTests`.
      \(imports.joined(separator: "\n"))

      let programs: [Program] = [
      \(table.joined(separator: "\n"))
      ]

      \(functions.map(\.made.source).joined(separator: "\n\n"))

      """
  }
}
