import Synchronization
import Testing
import VoluteEngine

/// The thread pool and the allocator. One after the other: both belong to the whole process.
@Suite(.serialized) struct RuntimeTests {
  @Test(arguments: [1, 2, 7]) func everyIndexRunsOnce(threads: Int) {
    Engine.threadCount = threads
    defer { Engine.threadCount = Engine.processorCount }
    for count in [0, 1, 2, 3, 100, 10_000] {
      let hits = (0..<count).map { _ in Counter() }
      Engine.forEach(count) { hits[$0].add() }
      #expect(hits.allSatisfy { $0.value == 1 })
    }
  }

  /// A loop inside a loop runs where it is; neither waits for the other.
  @Test func loopsNest() {
    let total = Counter()
    Engine.forEach(50) { _ in Engine.forEach(40) { _ in total.add() } }
    #expect(total.value == 2000)
  }

  @Test func loopsRunAtOnce() async {
    let totals = await withTaskGroup(of: Int.self) { group in
      for size in 0..<16 {
        group.addTask {
          let total = Counter()
          for _ in 0..<200 { Engine.forEach(size + 1) { _ in total.add() } }
          return total.value - 200 * (size + 1)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(totals.allSatisfy { $0 == 0 })
  }

  /// Owners take their stretch from the front, others from its end, and nobody what another has taken.
  @Test func sharesOfALoopMeetInTheMiddle() {
    let shares = LoopShares(threads: 3)
    shares.share(10, among: 3)
    #expect(shares.take(from: 1, isOwn: true) == 3)
    #expect(shares.take(from: 1, isOwn: false) == 5)
    #expect(shares.take(from: 1, isOwn: true) == 4)
    #expect(shares.take(from: 1, isOwn: true) == nil)
    #expect(shares.take(from: 1, isOwn: false) == nil)
    var rest: [Int] = []
    shares.forEach(as: 2, of: 3) { rest.append($0) }
    #expect(rest == [6, 7, 8, 9, 2, 1, 0])
    // Fewer indices than threads leave some without.
    shares.share(2, among: 3)
    var all: [Int] = []
    for thread in 0..<3 { shares.forEach(as: thread, of: 3) { all.append($0) } }
    #expect(all.sorted() == [0, 1])
  }

  /// A thread that leaves a processor is elsewhere, and may run wherever it might before.
  @Test func aProcessorIsLeft() {
    let count = Engine.processorCount
    let places = (0..<100).map { _ in
      let here = Processor.current
      Processor.leave(here)
      return (here, Processor.current)
    }
    #expect(Engine.processorCount == count)
    if places[0].0 >= 0 && count > 1 { #expect(places.contains { $0 != $1 }) }
  }

  @Test func theThreadCountIsAtLeastOne() {
    Engine.threadCount = -3
    #expect(Engine.threadCount == 1)
    Engine.threadCount = Engine.processorCount
    #expect(Engine.threadCount >= 1)
  }

  @Test func storageIsAlignedAndReused() {
    let size = 3 << 20
    let first = Storage(byteCount: size)
    #expect(UInt(bitPattern: first.base) % 64 == 0)
    // Two that live at once lie apart.
    let second = Storage(byteCount: size)
    #expect(abs(first.base - second.base) >= size)
    let before = Engine.memory
    autoreleasing { _ = Storage(byteCount: 5 << 20) }
    autoreleasing { _ = Storage(byteCount: 5 << 20) }
    let after = Engine.memory
    #expect(after.allocations >= before.allocations + 2)
    #expect(after.reuses > before.reuses)
    withExtendedLifetime((first, second)) {}
  }

  // On a state of its own: other tests allocate meanwhile.
  @Test func theLimitOfTheCacheIsKept() throws {
    var state = Memory.State()
    state.limit = 8 << 20
    for index in 0..<8 {
      let block = UnsafeMutableRawPointer.allocate(byteCount: (index + 1) << 20, alignment: 64)
      if !state.keep(UInt(bitPattern: block), (index + 1) << 20) { block.deallocate() }
      #expect(state.statistics.cached <= 8 << 20)
    }
    #expect(state.statistics.cached == 8 << 20)
    let taken = state.take(8 << 20)
    let reused = try #require(taken)
    #expect(state.statistics.cached == 0 && state.statistics.reuses == 1)
    let isKept = state.keep(reused, 8 << 20)
    #expect(isKept)
    state.trim(to: 0)
    #expect(state.statistics.cached == 0)
    let none = state.take(8 << 20)
    #expect(none == nil)
  }

  @Test func memoryIsCountedWhileItIsHeld() {
    // Other tests allocate and free meanwhile, so only what is surely there is asked for.
    let storage = Storage(byteCount: 64 << 20)
    #expect(Engine.memory.inUse >= 64 << 20)
    #expect(Engine.memory.peakInUse >= 64 << 20)
    withExtendedLifetime(storage) {}
  }

  /// Blocks beyond 2 GiB are addressed with all their bits.
  @Test func largeBuffersHaveBothEnds() {
    let size = 3 << 30
    let storage = Storage(byteCount: size)
    storage.base.storeBytes(of: 7, as: UInt8.self)
    (storage.base + size - 1).storeBytes(of: 9, as: UInt8.self)
    #expect(storage.base.load(as: UInt8.self) == 7 && (storage.base + size - 1).load(as: UInt8.self) == 9)
  }

  private func autoreleasing(_ body: () -> Void) { body() }
}

private final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}
