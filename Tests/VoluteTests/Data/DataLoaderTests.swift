import Synchronization
import Testing
import Volute

/// Numbers and their squares; one of them may be no sample, and calls are counted.
private struct Squares: Dataset {
  struct NoSample: Error, Equatable { var index: Int }

  var count: Int
  var bad: Int?
  let calls = Counter()

  final class Counter: Sendable {
    private let counts = Mutex<[Int: Int]>([:])
    var all: [Int: Int] { counts.withLock { $0 } }
    func count(_ index: Int) { counts.withLock { $0[index, default: 0] += 1 } }
  }

  func element(at index: Int) throws -> [Tensor] {
    calls.count(index)
    if index == bad { throw NoSample(index: index) }
    // Some take longer than others.
    var sum = 0
    for step in 0..<(index % 7) * 20_000 { sum &+= step &* index }
    return [Tensor(Float(index)), Tensor([Float(index * index), sum == 1 ? 1 : 0])]
  }
}

@Suite struct DataLoaderTests {
  private func values(_ loader: DataLoader<Squares>, epoch: Int = 0, from: Int = 0) async throws -> [[Int]] {
    var result: [[Int]] = []
    for try await batch in loader.epoch(epoch, from: from) {
      #expect(batch.count == 2 && batch[1].shape == [batch[0].count, 2])
      let numbers = batch[0].elements(as: Float.self).map { Int($0) }
      #expect(batch[1].elements(as: Float.self) == numbers.flatMap { [Float($0 * $0), 0] })
      result.append(numbers)
    }
    return result
  }

  @Test(arguments: [1, 2, 3, 8]) func everySampleComesOnceWhoeverWorks(workers: Int) async throws {
    let data = Squares(count: 103)
    let loader = DataLoader(data, batchSize: 10, shuffleSeed: 5, workers: workers)
    let batches = try await values(loader, epoch: 2)
    #expect(batches.map(\.count) == Array(repeating: 10, count: 10) + [3])
    #expect(batches.joined().sorted() == Array(0..<103))
    #expect(data.calls.all == Dictionary(uniqueKeysWithValues: (0..<103).map { ($0, 1) }))
    // The order is the documented one.
    let order = Tensor.randperm(103, generator: Generator(seed: 7)).integers()
    #expect(Array(batches.joined()) == order)
  }

  @Test func orderDependsOnSeedAndEpochOnly() async throws {
    func batches(_ seed: Int?, _ epoch: Int, workers: Int = 2, prefetch: Int? = nil) async throws -> [[Int]] {
      let loader = DataLoader(
        Squares(count: 40), batchSize: 7, shuffleSeed: seed, workers: workers, prefetch: prefetch)
      return try await values(loader, epoch: epoch)
    }
    let first = try await batches(1, 0)
    #expect(try await batches(1, 0, workers: 5, prefetch: 0) == first)
    #expect(try await batches(1, 0, workers: 1, prefetch: 100) == first)
    #expect(try await batches(1, 1) != first)
    #expect(try await batches(9, 0) != first)
    #expect(try await batches(nil, 3) == (0..<6).map { Array($0 * 7..<min($0 * 7 + 7, 40)) })
  }

  @Test func iteratingWithoutTasksIsTheSame() async throws {
    let loader = DataLoader(Squares(count: 23), batchSize: 4, shuffleSeed: 3, workers: 3)
    var result: [[Int]] = []
    try loader.epoch(4).forEach { result.append($0[0].elements(as: Float.self).map { Int($0) }) }
    #expect(try await values(loader, epoch: 4) == result)
    let epoch = loader.epoch(4)
    for number in epoch.batches.reversed() {
      #expect(try epoch.batch(at: number)[0].elements(as: Float.self).map { Int($0) } == result[number])
      #expect(epoch.samples(of: number) == result[number])
    }
  }

  @Test func theLastBatchMayBeDropped() async throws {
    for (count, full, all) in [(0, 0, 0), (3, 0, 1), (8, 2, 2), (9, 2, 3)] {
      let whole = DataLoader(Squares(count: count), batchSize: 4)
      let dropping = DataLoader(Squares(count: count), batchSize: 4, dropsLast: true)
      #expect(whole.batchCount == all && dropping.batchCount == full)
      #expect(try await values(whole).count == all)
      #expect(try await values(dropping).allSatisfy { $0.count == 4 })
      #expect(try await values(dropping).count == full)
    }
  }

  @Test func anEpochIsEnteredAtAnyBatch() async throws {
    let data = Squares(count: 50)
    let loader = DataLoader(data, batchSize: 8, shuffleSeed: 2, workers: 2)
    let all = try await values(loader, epoch: 6)
    for first in 0...all.count {
      #expect(try await values(loader, epoch: 6, from: first) == Array(all[first...]))
    }
  }

  @Test(arguments: [1, 4]) func anErrorComesAfterTheBatchesBeforeIt(workers: Int) async throws {
    let loader = DataLoader(Squares(count: 60, bad: 33), batchSize: 10, workers: workers)
    let iterator = loader.epoch().makeAsyncIterator()
    var good = 0
    await #expect(throws: Squares.NoSample(index: 33)) {
      while try await iterator.next() != nil { good += 1 }
    }
    #expect(good == 3)
    #expect(try await iterator.next() == nil)
    #expect(throws: Squares.NoSample(index: 33)) { try loader.epoch().forEach { _ in } }
  }

  @Test func nothingIsReadFurtherAheadThanAsked() async throws {
    let data = Squares(count: 100)
    let iterator = DataLoader(data, batchSize: 5, workers: 2, prefetch: 3).epoch().makeAsyncIterator()
    _ = try await iterator.next()
    for _ in 0..<20 {
      try await Task.sleep(for: .milliseconds(1))
      #expect(data.calls.all.count <= 4 * 5)
    }
    _ = try await iterator.next()
    #expect(data.calls.all.keys.max() ?? 100 < 5 * 5)
  }

  @Test func cancellingTheConsumerEndsTheEpoch() async throws {
    let data = Squares(count: 100_000)
    let task = Task {
      var seen = 0
      for try await _ in DataLoader(data, batchSize: 1, workers: 2).epoch() { seen += 1 }
      return seen
    }
    while data.calls.all.isEmpty { await Task.yield() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(data.calls.all.count < 100_000)
  }

  @Test func samplesThatDoNotFitTogetherAreRefused() async throws {
    struct Odd: Dataset {
      let count = 2
      let shapes: [[[Int]]]
      func element(at index: Int) -> [Tensor] { shapes[index].map { Tensor.zeros($0) } }
    }
    #expect(throws: ShapeError.self) {
      try DataLoader(Odd(shapes: [[[2]], [[3]]]), batchSize: 2).epoch().batch(at: 0)
    }
    #expect(throws: ShapeError.self) {
      try DataLoader(Odd(shapes: [[[2]], [[2], [2]]]), batchSize: 2).epoch().batch(at: 0)
    }
    #expect(throws: ShapeError.self) { try TensorDataset(Tensor.zeros([3, 2]), Tensor.zeros([2])) }
    #expect(throws: ShapeError.self) { try TensorDataset(Tensor(1)) }
    #expect(throws: ShapeError.self) { try TensorDataset([]) }
  }

  @Test func aDatasetOfTensorsGivesItsRows() throws {
    let data = try TensorDataset(Tensor.arange(12).reshaped(4, 3), Tensor.arange(4))
    let batch = try DataLoader(data, batchSize: 3).epoch().batch(at: 1)
    #expect(batch[0].shape == [1, 3] && batch[0].integers() == [9, 10, 11] && batch[1].integers() == [3])
  }

  @Test func aDatasetMayHaveSamplesAndBatchesOfItsOwn() throws {
    struct Words: Dataset {
      let words = ["a", "bb", "ccc"]
      var count: Int { words.count }
      func element(at index: Int) -> String { words[index] }
      func batch(_ samples: [String]) -> String { samples.joined(separator: " ") }
    }
    var said: [String] = []
    try DataLoader(Words(), batchSize: 2).epoch().forEach { said.append($0) }
    #expect(said == ["a bb", "ccc"])
  }
}
