import Dispatch
import Synchronization

/// A line on standard error that shows how far long work has come, or how long it has run.
///
/// It appears after half a second, only where a person watches, and is gone once the work is done.
final class Progress: Sendable {
  private struct State {
    var done = 0
    var detail = ""
    var isShown = false
    var isFinished = false
  }

  private static let barWidth = 24

  private let label: String
  /// Steps in all; 1 shows the time instead of a bar.
  private let total: Int
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  /// - Parameter done: steps that were done before.
  init(_ label: String, of total: Int = 1, from done: Int = 0) {
    self.label = label
    self.total = total
    state.withLock { $0.done = done }
    if Terminal.error.isTerminal { drawLater(.milliseconds(500)) }
  }

  deinit { finish() }

  /// One more step is done.
  ///
  /// - Parameter detail: what to show behind the time from now on.
  func advance(_ detail: String = "") {
    state.withLock { state in
      state.done += 1
      state.detail = detail
    }
  }

  /// Takes the line away.
  func finish() {
    state.withLock { state in
      if state.isShown && !state.isFinished { Terminal.error.clearLine() }
      state.isFinished = true
    }
  }

  private func drawLater(_ delay: DispatchTimeInterval) {
    DispatchQueue.global().asyncAfter(deadline: .now() + delay) { [weak self] in
      guard let self, self.draw() else { return }
      self.drawLater(.milliseconds(100))
    }
  }

  /// Draws the line anew, unless the work is done.
  private func draw() -> Bool {
    state.withLock { state in
      if state.isFinished { return false }
      state.isShown = true
      let elapsed = timeText(ContinuousClock.now - start)
      Terminal.error.clearLine()
      Terminal.error.write(
        "\(label)  \(total > 1 ? bar(state.done) : "")\(padded(elapsed, 8))\(state.detail)")
      return true
    }
  }

  private func bar(_ done: Int) -> String {
    let filled = Self.barWidth * done / total
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barWidth - filled)
    return "\(bar)  \(done) of \(total)  "
  }
}
