import Synchronization

/// The indices of a loop, shared among threads: each has a stretch of neighbours and takes them one by one; who has none
/// left takes what others have, from the end.
///
/// So the same threads mostly do the same part of loop after loop, and find in their caches what they left there.
// Unchecked: the pointer is constant, and what it points to is atomic.
package final class LoopShares: @unchecked Sendable {
  /// What nobody has taken yet of each stretch: the first index in the lower half of the bits, the end in the upper. They
  /// lie so far apart that no two are in one line of the cache.
  private let ranges: UnsafeMutablePointer<Atomic<Int>>
  private let capacity: Int
  private static let step = 64 / MemoryLayout<Int>.size

  package static let mostIndices = Int(Int32.max)

  /// - Parameter threads: as many as will ever share a loop.
  package init(threads: Int) {
    capacity = threads * Self.step
    ranges = .allocate(capacity: capacity)
    for place in 0..<capacity { (ranges + place).initialize(to: Atomic(0)) }
  }

  deinit {
    ranges.deinitialize(count: capacity)
    ranges.deallocate()
  }

  /// Cuts `0..<count` into stretches of nearly one length. Called while nobody takes any.
  package func share(_ count: Int, among threads: Int) {
    for thread in 0..<threads {
      let (first, end) = (thread * count / threads, (thread + 1) * count / threads)
      ranges[thread * Self.step].store(first | end << 32, ordering: .relaxed)
    }
  }

  /// Calls `body` with indices that thread number `thread` takes until there are none.
  @inline(__always)
  package func forEach(as thread: Int, of threads: Int, _ body: (Int) -> Void) {
    for other in 0..<threads {
      while let index = take(from: (thread + other) % threads, isOwn: other == 0) { body(index) }
    }
  }

  /// The first index of a stretch or, of another thread's, the last; `nil` if there is none.
  package func take(from thread: Int, isOwn: Bool) -> Int? {
    let place = thread * Self.step
    var range = ranges[place].load(ordering: .relaxed)
    while true {
      let (first, end) = (range & Int(UInt32.max), range >> 32)
      if first >= end { return nil }
      let (isTaken, now) = ranges[place].weakCompareExchange(
        expected: range, desired: isOwn ? range + 1 : range - 1 << 32, ordering: .relaxed)
      if isTaken { return isOwn ? first : end - 1 }
      range = now
    }
  }
}
