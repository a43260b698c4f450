import CVolute

/// Lines of the cache that a task will write: fetched little by little while it multiplies, as stores that all come at
/// once wait for memory.
struct WriteAhead {
  private var channel: UnsafeRawPointer
  /// Those that are left.
  private var channels: Int
  /// Bytes from one channel to the next.
  private let channelStep: Int
  /// Bytes behind the channel's start.
  private let lines: UnsafeBufferPointer<Int32>
  private var line = 0
  private var linesAtOnce = 0

  /// The lines of an array of fewer bytes come soon enough, from a cache.
  static let least = 16 << 20
  /// Lines beyond this many bytes would drive out what is needed sooner.
  static let most = 256 << 10

  /// - Parameters:
  ///   - channelStep: elements from one channel to the next.
  ///   - lines: none where nothing is worth being fetched.
  init<T>(
    _ first: UnsafePointer<T>, channels: Int = 0, channelStep: Int = 0,
    lines: UnsafeBufferPointer<Int32> = UnsafeBufferPointer(start: nil, count: 0)
  ) {
    channel = UnsafeRawPointer(first)
    let isNear = lines.count * channels * 64 <= Self.most
    self.channels = lines.isEmpty || !isNear ? 0 : channels
    self.channelStep = channelStep * MemoryLayout<T>.stride
    self.lines = lines
  }

  /// Lets each of `count` calls of ``fetch()`` take its share.
  mutating func share(among count: Int) {
    linesAtOnce = (lines.count * channels + count - 1) / max(count, 1)
  }

  @inline(__always)
  mutating func fetch() {
    if channels == 0 { return }
    // What goes beyond a channel waits for the next call.
    let count = min(linesAtOnce, lines.count - line)
    volute_fetch(channel, count, lines.baseAddress.map { $0 + line })
    line += count
    if line < lines.count { return }
    (line, channels) = (0, channels - 1)
    channel += channelStep
  }
}
