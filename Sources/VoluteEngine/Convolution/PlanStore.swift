#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What was measured to be fastest, one line a case, in one small file that several machines may share.
///
/// ```
/// volute plans <version>
/// <processor, instruction set, threads> TAB <case> TAB <policy>
/// ```
///
/// A file that is damaged, or of another version of the plans, counts for nothing where it cannot be read, and is
/// replaced by the next write. A file that cannot be written is done without.
package struct PlanStore: Sendable {
  /// Another number whenever plans change enough for old measurements to mislead.
  static let version = 14
  package static let header = "volute plans \(version)"
  /// Measurements that are kept, the newest, and bytes of a file that is worth reading.
  private static let mostLines = 4096
  private static let mostBytes = 8 << 20

  private struct Line {
    var machine: String
    var name: String
    var policy: ConvolutionPolicy
  }

  private let path: String?
  private let machine: String
  private var known: [String: ConvolutionPolicy] = [:]

  /// - Parameters:
  ///   - path: the file; `nil` remembers in memory only.
  ///   - machine: what a measurement depends on besides its case.
  package init(path: String?, machine: String) {
    self.path = path
    self.machine = Self.field(machine)
    for line in lines() where line.machine == self.machine { known[line.name] = line.policy }
  }

  /// What was measured to be fastest; `nil` if nothing was.
  package func policy(for name: String) -> ConvolutionPolicy? { known[Self.field(name)] }

  /// Remembers a measurement, beside what others have written meanwhile.
  package mutating func remember(_ policy: ConvolutionPolicy, for name: String) {
    let name = Self.field(name)
    known[name] = policy
    guard let path else { return }
    let others = lines().filter { $0.machine != machine || $0.name != name }.suffix(Self.mostLines - 1)
    var text = Self.header + "\n"
    for line in others + [Line(machine: machine, name: name, policy: policy)] {
      text += "\(line.machine)\t\(line.name)\t\(line.policy.name)\n"
    }
    SmallFile.replace(path, with: Array(text.utf8))
  }

  /// The file's lines, the oldest first, without those that make no sense.
  private func lines() -> [Line] {
    guard let path, let bytes = SmallFile.bytes(of: path, atMost: Self.mostBytes) else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard lines.first.map(String.init) == Self.header else { return [] }
    return lines.dropFirst().compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      // A measurement does not end in another.
      guard fields.count == 3, let policy = ConvolutionPolicy(name: fields[2]), policy != .measured else {
        return nil
      }
      return Line(machine: fields[0], name: fields[1], policy: policy)
    }
  }

  /// The text as it stands between tabs.
  private static func field(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }

  /// `VOLUTE_CACHE_DIR`, `XDG_CACHE_HOME`/volute or `HOME`/.cache/volute; `nil` where none is named.
  static var defaultPath: String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let directory =
      variable("VOLUTE_CACHE_DIR") ?? variable("XDG_CACHE_HOME").map { $0 + "/volute" }
      ?? variable("HOME").map { $0 + "/.cache/volute" }
    return directory.map { $0 + "/plans" }
  }
}
