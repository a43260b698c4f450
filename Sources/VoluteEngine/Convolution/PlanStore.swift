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
  static let version = 7
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
    SmallFile.write(Array(text.utf8), to: path)
  }

  /// The file's lines, the oldest first, without those that make no sense.
  private func lines() -> [Line] {
    guard let path, let bytes = SmallFile.read(path, atMost: Self.mostBytes) else { return [] }
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

/// Files that are small and may fail.
private enum SmallFile {
  /// The bytes of a file, or `nil` if there is none, it cannot be read or is larger than `most`.
  static func read(_ path: String, atMost most: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while bytes.count <= most {
      let part = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        count = max(systemRead(descriptor, buffer.baseAddress, buffer.count), 0)
      }
      if part.isEmpty { return bytes }
      bytes += part
    }
    return nil
  }

  /// Replaces a file as a whole, making its folders, or leaves it as it was.
  static func write(_ bytes: [UInt8], to path: String) {
    for index in path.indices.dropFirst() where path[index] == "/" { mkdir(String(path[..<index]), 0o700) }
    let temporary = "\(path).\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { break }
      rest = rest.dropFirst(count)
    }
    let isClosed = close(descriptor) == 0
    if !rest.isEmpty || !isClosed || rename(temporary, path) != 0 { unlink(temporary) }
  }

  // Inside this type, `read` and `write` are its own.
  private static func systemRead(_ descriptor: Int32, _ to: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    #if canImport(Darwin)
      Darwin.read(descriptor, to, count)
    #elseif canImport(Glibc)
      Glibc.read(descriptor, to, count)
    #else
      Musl.read(descriptor, to, count)
    #endif
  }

  private static func systemWrite(_ descriptor: Int32, _ from: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Darwin)
      Darwin.write(descriptor, from, count)
    #elseif canImport(Glibc)
      Glibc.write(descriptor, from, count)
    #else
      Musl.write(descriptor, from, count)
    #endif
  }
}

/// The processor's name as the system gives it.
enum Processor {
  static let name: String = {
    #if canImport(Darwin)
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var bytes = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      let text = SmallFile.read("/proc/cpuinfo", atMost: 16 << 20).map { String(decoding: $0, as: UTF8.self) }
      // Intel and AMD say it in one line, ARM in two numbers.
      let fields = ["model name", "CPU implementer", "CPU part"].compactMap { field in
        text?.split(separator: "\n").first { $0.hasPrefix(field) }?.split(separator: ":").last.map(
          String.init)
      }
      let name = fields.joined().drop { $0 == " " }
      return name.isEmpty ? "unknown" : String(name)
    #endif
  }()
}
