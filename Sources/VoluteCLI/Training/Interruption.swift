import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Somebody's wish that a run should stop, `^C` or `kill`, which it does once it has saved where it is.
enum Interruption {
  private static let wish = Atomic<Bool>(false)

  static var isWished: Bool { wish.load(ordering: .relaxed) }

  /// From now on the first such signal is a wish; the second ends the process at once, as it would have before.
  static func watch() {
    // Made before the handler may look at it.
    _ = isWished
    for number in [SIGINT, SIGTERM] {
      _ = signal(number) { number in
        Interruption.wish.store(true, ordering: .relaxed)
        _ = signal(number, SIG_DFL)
      }
    }
  }
}
