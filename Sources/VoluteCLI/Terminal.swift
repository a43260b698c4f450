#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Where text goes, and whether a person watches it there.
struct Terminal: Sendable {
  static let output = Terminal(descriptor: STDOUT_FILENO)
  static let error = Terminal(descriptor: STDERR_FILENO)

  let descriptor: Int32
  /// `false` in a pipe or a file: no progress, no colour.
  let isTerminal: Bool
  /// Whether styles show: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>) or it knows none.
  let isColored: Bool

  init(descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
    let isRefused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
    isColored = isTerminal && !isRefused && !isDumb
  }

  enum Style: Int {
    case bold = 1
    case dim = 2
    case red = 31
    case green = 32
    case yellow = 33
  }

  /// `text` in a style, or as it is where styles do not show.
  func styled(_ text: String, _ style: Style) -> String {
    isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Writes `text` at once, without a newline.
  func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno != EINTR { return }
      rest = rest.dropFirst(max(written, 0))
    }
  }

  /// Goes back to the start of the line and empties it.
  func clearLine() { write("\r\u{1B}[K") }

  /// Writes `volute: sentence` and ends the process.
  func fail(_ sentence: String, status: Int32) -> Never {
    write("\(styled("volute:", .red)) \(sentence)\n")
    exit(status)
  }
}

/// The system's `write`, which a method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
