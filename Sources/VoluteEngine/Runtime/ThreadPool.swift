import CVolute
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Engine {
  /// Processors that this process may run on.
  public static var processorCount: Int { volute_processor_count() }

  /// The threads that a computation may use, the caller's among them: what `VOLUTE_NUM_THREADS` says, or one for each
  /// processor that this process may run on. Results do not depend on it.
  public static var threadCount: Int {
    get { ThreadPool.shared.threadCount.load(ordering: .relaxed) }
    set { ThreadPool.shared.threadCount.store(max(newValue, 1), ordering: .relaxed) }
  }
}

/// Threads that wait for loops to share.
///
/// One loop runs at a time, each thread on its share of the indices (``LoopShares``). A loop that is started while another
/// runs, from within it or from elsewhere, is not shared: its caller runs it alone. Workers look for the next loop for a
/// while before they sleep, so that loops in quick succession cost a microsecond, and leave the processor to others after
/// some looks, so that a caller on the same one is not held up.
// Unchecked: `body`, `threads`, `processor` and `shares` are written only by the owner of `isBusy`, before `ticket` is
// advanced, and read by workers between joining that ticket and leaving it; the owner waits for all to leave.
final class ThreadPool: @unchecked Sendable {
  static let shared = ThreadPool()

  let threadCount: Atomic<Int>
  private let isBusy = Atomic<Bool>(false)
  /// The number of the loop; odd while it is open to workers.
  private let ticket = Atomic<Int>(0)
  /// Workers inside the open loop.
  private let inside = Atomic<Int>(0)
  private var body: UnsafePointer<(Int) -> Void>?
  /// Threads that may take part in the loop, by their numbers: the caller's is 0.
  private var threads = 0
  /// Where the caller was when it opened the loop.
  private var processor = -1
  private var shares = LoopShares(threads: 1)

  /// Workers asleep, guarded by `mutex`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let sleepers = Atomic<Int>(0)
  private var workers = 0

  private init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
    threadCount = Atomic(Self.defaultThreadCount)
  }

  private static var defaultThreadCount: Int {
    if let text = getenv("VOLUTE_NUM_THREADS"), let number = Int(String(cString: text)), number > 0 {
      return number
    }
    return volute_processor_count()
  }

  /// Shares the loop; `false`, having done nothing, when it should be run by the caller alone.
  func run(_ count: Int, _ body: (Int) -> Void) -> Bool {
    let threads = min(threadCount.load(ordering: .relaxed), count)
    if threads <= 1 || count > LoopShares.mostIndices { return false }
    if isBusy.exchange(true, ordering: .acquiring) { return false }
    defer { isBusy.store(false, ordering: .releasing) }
    start(workers: threads - 1)
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { share($0, count, among: min(threads, workers + 1)) }
    }
    return true
  }

  /// Opens the loop, works on it, and returns when everybody has left it.
  private func share(_ body: UnsafePointer<(Int) -> Void>, _ count: Int, among threads: Int) {
    self.body = body
    self.threads = threads
    processor = Processor.current
    shares.share(count, among: threads)
    ticket.add(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    work(body, as: 0, of: threads)
    // Closed: nobody joins any more, and those inside finish what they hold.
    ticket.add(1, ordering: .sequentiallyConsistent)
    var patience = Patience()
    while inside.load(ordering: .sequentiallyConsistent) > 0 { patience.wait() }
    self.body = nil
  }

  /// Never inlined: whoever has left the loop must hold no reference to its body.
  @inline(never)
  private func work(_ body: UnsafePointer<(Int) -> Void>, as number: Int, of threads: Int) {
    Scratch.keeping {
      shares.forEach(as: number, of: threads) { body.pointee($0) }
    }
  }

  /// Makes sure that there are so many workers. Called by the owner of `isBusy` only.
  private func start(workers wanted: Int) {
    if workers >= wanted { return }
    // No worker looks at them before the loop is open.
    shares = LoopShares(threads: wanted + 1)
    while workers < wanted {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
      #if canImport(Darwin)
        var thread: pthread_t?
      #else
        var thread = pthread_t()
      #endif
      let number = UnsafeMutableRawPointer(bitPattern: workers + 1)
      let error = pthread_create(
        &thread, &attributes, { ThreadPool.shared.serve(as: Int(bitPattern: $0)) }, number)
      pthread_attr_destroy(&attributes)
      // Without another thread the loop is run by those there are.
      if error != 0 { return }
      workers += 1
    }
  }

  private func serve(as number: Int) -> UnsafeMutableRawPointer? {
    var seen = 0
    while true {
      seen = waitForTicket(after: seen)
      // Join before looking again: the owner closes the ticket first and then waits for those inside.
      inside.add(1, ordering: .sequentiallyConsistent)
      if ticket.load(ordering: .sequentiallyConsistent) == seen, number < threads, let body {
        leaveProcessorOfCaller(threads)
        work(body, as: number, of: threads)
      }
      inside.subtract(1, ordering: .sequentiallyConsistent)
    }
  }

  /// Goes to another processor than the caller's: two threads on one take turns of some milliseconds, and it may take
  /// many of them until the system parts the two.
  private func leaveProcessorOfCaller(_ threads: Int) {
    if processor >= 0, Processor.current == processor, threads <= Engine.processorCount {
      Processor.leave(processor)
    }
  }

  /// Waits for an open loop other than number `seen`.
  private func waitForTicket(after seen: Int) -> Int {
    var patience = Patience()
    let start = ContinuousClock.now
    while patience.isFresh || start.duration(to: .now) < .milliseconds(2) {
      let current = ticket.load(ordering: .acquiring)
      if current != seen && current % 2 == 1 { return current }
      patience.wait()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let current = ticket.load(ordering: .sequentiallyConsistent)
      if current != seen && current % 2 == 1 { return current }
      pthread_cond_wait(condition, mutex)
    }
  }
}

/// Waiting for what comes soon: at first without letting go of the processor, then letting others have it, as they may
/// be those that are waited for.
private struct Patience {
  private var left = 2000

  var isFresh: Bool { left > 0 }

  mutating func wait() {
    if left > 0 {
      left -= 1
      volute_pause()
    } else {
      sched_yield()
    }
  }
}
