import VoluteEngine

/// Batches of a dataset, epoch by epoch.
///
/// ```swift
/// let loader = DataLoader(try TensorDataset(images, labels), batchSize: 64, shuffleSeed: 1, workers: 2)
/// for epoch in 0..<10 {
///   for try await batch in loader.epoch(epoch) { try train(on: batch[0], batch[1]) }
/// }
/// ```
///
/// What a batch holds depends on the dataset, the seed, the epoch and the batch's number only: not on the workers, nor on
/// what was read before. A run that stopped within an epoch goes on with `loader.epoch(3, from: 120)`.
public struct DataLoader<Source: Dataset>: Sendable {
  public let dataset: Source
  /// Samples in a batch; the last of an epoch may have fewer.
  public let batchSize: Int
  /// `nil` takes the samples in their order.
  public let shuffleSeed: Int?
  /// Whether a last batch that is not full is left out.
  public let dropsLast: Bool
  /// Batches that are made at the same time.
  public let workers: Int
  /// Batches that are made ahead of the one in use.
  public let prefetch: Int

  /// - Parameters:
  ///   - shuffleSeed: epoch `e` has the order ``Tensor/randperm(_:dtype:generator:)`` of a generator of seed
  ///     `shuffleSeed + e`, as PyTorch's `DistributedSampler`.
  ///   - prefetch: `nil` takes two for each worker.
  /// - Precondition: `batchSize` and `workers` are positive, `prefetch` is not negative.
  public init(
    _ dataset: Source, batchSize: Int = 1, shuffleSeed: Int? = nil, dropsLast: Bool = false, workers: Int = 1,
    prefetch: Int? = nil
  ) {
    precondition(batchSize > 0, "data_loader: batch size should be positive, but got \(batchSize)")
    precondition(workers > 0, "data_loader: workers should be positive, but got \(workers)")
    precondition(
      (prefetch ?? 0) >= 0, "data_loader: prefetch should not be negative, but got \(prefetch ?? 0)")
    self.dataset = dataset
    self.batchSize = batchSize
    self.shuffleSeed = shuffleSeed
    self.dropsLast = dropsLast
    self.workers = workers
    self.prefetch = prefetch ?? 2 * workers
  }

  /// The batches of an epoch.
  public var batchCount: Int {
    dropsLast ? dataset.count / batchSize : (dataset.count + batchSize - 1) / batchSize
  }

  /// The batches of an epoch, from number `first` on.
  ///
  /// - Precondition: `first` is no less than 0 and no more than ``batchCount``.
  public func epoch(_ number: Int = 0, from first: Int = 0) -> Epoch {
    precondition(
      0...batchCount ~= first, "data_loader: expected a first batch from 0 to \(batchCount), but got \(first)"
    )
    let order = shuffleSeed.map {
      Tensor.randperm(dataset.count, generator: Generator(seed: $0 &+ number)).integers()
    }
    return Epoch(loader: self, order: order, batches: first..<batchCount)
  }

  /// One pass over the dataset: read ahead with `for try await`, or in the caller's thread with ``forEach(_:)``.
  public struct Epoch: AsyncSequence, Sendable {
    public let loader: DataLoader
    private let order: [Int]?
    /// The numbers of the batches.
    public let batches: Range<Int>

    fileprivate init(loader: DataLoader, order: [Int]?, batches: Range<Int>) {
      self.loader = loader
      self.order = order
      self.batches = batches
    }

    /// The dataset's numbers of the samples in a batch.
    public func samples(of batch: Int) -> [Int] {
      let start = batch * loader.batchSize
      let places = start..<Swift.min(start + loader.batchSize, loader.dataset.count)
      return order.map { Array($0[places]) } ?? Array(places)
    }

    /// Makes one batch, here and now.
    ///
    /// - Throws: what the dataset throws, and `CancellationError` within a task that is cancelled.
    public func batch(at number: Int) throws -> Source.Batch {
      precondition(
        batches.contains(number), "data_loader: there is no batch \(number) in an epoch of batches \(batches)"
      )
      let samples = try samples(of: number).map { index in
        try Task.checkCancellation()
        return try loader.dataset.element(at: index)
      }
      return try loader.dataset.batch(samples)
    }

    /// Runs `body` on each batch in turn; nothing is made ahead.
    ///
    /// - Throws: what the dataset or `body` throws.
    public func forEach(_ body: (Source.Batch) throws -> Void) throws {
      for number in batches { try body(try batch(at: number)) }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(self) }
  }

  /// Makes batches ahead of their use and hands them out in order.
  ///
  /// An error takes the place of the batch that it befell, and ends the epoch. Batches under way are given up when the
  /// task that waits for one is cancelled, and when nobody iterates any more.
  public final class Iterator: AsyncIteratorProtocol {
    private let epoch: Epoch
    /// The batches under way or done, the next one first.
    private var ahead: [Task<Source.Batch, any Error>] = []
    private var nextToStart: Int
    /// The last batches that were started, one for each worker.
    private var latest: [Task<Source.Batch, any Error>] = []

    fileprivate init(_ epoch: Epoch) {
      self.epoch = epoch
      nextToStart = epoch.batches.lowerBound
    }

    deinit { for task in ahead { task.cancel() } }

    public func next() async throws -> Source.Batch? {
      start(ahead: 1)
      if ahead.isEmpty { return nil }
      let task = ahead.removeFirst()
      start(ahead: epoch.loader.prefetch)
      do {
        return try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          task.cancel()
        }
      } catch {
        for task in ahead { task.cancel() }
        ahead = []
        nextToStart = epoch.batches.upperBound
        throw error
      }
    }

    private func start(ahead count: Int) {
      while ahead.count < count, nextToStart < epoch.batches.upperBound {
        // A batch waits for the one that its worker makes before it.
        let previous = latest.count == epoch.loader.workers ? latest.removeFirst() : nil
        let task = Task { [epoch, number = nextToStart] in
          _ = await previous?.result
          return try epoch.batch(at: number)
        }
        ahead.append(task)
        latest.append(task)
        nextToStart += 1
      }
    }
  }
}
