/// What an algorithm made of a weight before it multiplies: panels, transforms or spectra. Never written afterwards.
protocol PackedWeight: AnyObject, Sendable {
  /// The bytes it holds.
  var byteCount: Int { get }
}

/// How a packed weight follows from the weight: packings of one weight by equal layouts hold the same bits.
struct PackedLayout: Hashable, Sendable {
  enum Kind: Int {
    case panels, winograd, spectra
  }

  private let numbers: [Int]

  /// - Parameter details: what decides the layout besides the sum's view of the weight.
  init<T: KernelElement>(_ kind: Kind, _ sum: WindowSum, _ details: [Int], _ type: T.Type) {
    let steps = sum.weightSteps
    numbers =
      [kind.rawValue, MemoryLayout<T>.size, sum.groups, sum.outputs, sum.inputs, sum.weightOffset]
      + [steps.group, steps.output, steps.input] + sum.axes.flatMap { [$0.kernel, $0.weightStep] } + details
  }
}

/// Which elements a weight was taken from, so that what is made of it can be found again while they last.
public struct WeightOrigin {
  let storage: Storage
  let dtype: DType
  let offset: Int
  let strides: [Int]

  /// The elements of `storage` that a tensor shows.
  ///
  /// - Parameters:
  ///   - storage: the bytes.
  ///   - dtype: the type of the elements as they lie there, whatever they are converted to.
  ///   - offset: the first element's place, in elements.
  ///   - strides: elements between neighbours along each axis.
  public init(storage: Storage, dtype: DType, offset: Int, strides: [Int]) {
    self.storage = storage
    self.dtype = dtype
    self.offset = offset
    self.strides = strides
  }
}

extension Engine {
  /// Bytes of packed weights that may be kept, so that a convolution with a weight that was used before need not
  /// pack, transform or take the spectrum of it again; those used longest ago make way. At first the smaller of
  /// 512 MiB and a sixteenth of the machine's memory; 0 keeps none.
  ///
  /// What is kept goes when the weight is written or dies, and holds no tensor alive. Results are the same bits with
  /// and without.
  public static var packedWeightLimit: Int {
    get { PackedWeights.limit }
    set { PackedWeights.limit = newValue }
  }

  /// Drops all packed weights; they are made again when they are next asked for.
  public static func releasePackedWeights() { PackedWeights.removeAll() }

  /// What is kept of one storage, for tests: the counters of the memory are those of the whole process.
  package static func packedWeights(of identity: UInt64) -> (entries: Int, byteCount: Int, hits: Int) {
    PackedWeights.summary(of: identity)
  }
}

/// The packed weights of the process, by the storage that they were made of.
enum PackedWeights {
  /// Smaller weights are packed in less than a microsecond, about what it takes to find them.
  static let leastByteCount = 4096

  private static let state = Lock(State())

  /// Finds the packing of a weight, or makes it, and keeps it if there is room.
  static func packed<Packed: PackedWeight>(
    _ origin: WeightOrigin?, _ layout: PackedLayout, byteCount: Int, make: () -> Packed
  ) -> Packed {
    guard let origin, byteCount >= leastByteCount else { return make() }
    let found = state.withLock { $0.find(origin, layout, byteCount: byteCount) }
    switch found {
    case .packed(let packed as Packed): return packed
    case .unwanted: return make()
    case .packed, .seen, .absent: return keep(make(), origin, layout)
    }
  }

  /// The packing of a weight that need not be made as a whole: `nil` the first time that it is asked for, kept from
  /// the second on, for then the weight stays.
  static func packedIfRepeated<Packed: PackedWeight>(
    _ origin: WeightOrigin?, _ layout: PackedLayout, byteCount: Int, make: () -> Packed
  ) -> Packed? {
    guard let origin, byteCount >= leastByteCount else { return nil }
    let found = state.withLock { $0.find(origin, layout, byteCount: byteCount) }
    switch found {
    case .packed(let packed as Packed): return packed
    case .packed, .seen: return keep(make(), origin, layout)
    case .absent:
      insert(nil, origin, layout)
      return nil
    case .unwanted: return nil
    }
  }

  private static func keep<Packed: PackedWeight>(
    _ packed: Packed, _ origin: WeightOrigin, _ layout: PackedLayout
  ) -> Packed {
    insert(packed, origin, layout)
    return packed
  }

  private static func insert(_ packed: (any PackedWeight)?, _ origin: WeightOrigin, _ layout: PackedLayout) {
    origin.storage.notePacked()
    // What makes way dies outside the lock.
    let dropped = state.withLock { $0.insert(packed, origin, layout) }
    withExtendedLifetime(dropped) {}
  }

  /// Drops what was made of a storage.
  static func forget(_ identity: UInt64) {
    let dropped = state.withLock { $0.remove(identity) }
    withExtendedLifetime(dropped) {}
  }

  static func removeAll() {
    let dropped = state.withLock { $0.trim(to: -1) }
    withExtendedLifetime(dropped) {}
  }

  static var limit: Int {
    get { state.withLock { $0.limit } }
    set {
      let dropped = state.withLock { state in
        state.limit = max(newValue, 0)
        return state.trim(to: newValue > 0 ? newValue : -1)
      }
      withExtendedLifetime(dropped) {}
    }
  }

  static func summary(of identity: UInt64) -> (entries: Int, byteCount: Int, hits: Int) {
    state.withLock { $0.summary(of: identity) }
  }

  /// Adds what is kept to the counters of the memory.
  static func count(into statistics: inout MemoryStatistics) {
    state.withLock { state in
      statistics.packedWeights = state.byteCount
      statistics.packedWeightHits = state.hits
      statistics.packedWeightMisses = state.misses
    }
  }

  enum Found {
    case packed(any PackedWeight)
    /// Asked for before, and not made as a whole.
    case seen
    case absent
    /// Nothing is kept of this size.
    case unwanted
  }

  struct State {
    private struct Entry {
      let layout: PackedLayout
      let dtype: DType
      let offset: Int
      let strides: [Int]
      let version: UInt64
      /// `nil` for one that was only asked for.
      var packed: (any PackedWeight)?
      var lastUse: UInt64
      var hits = 0

      func isFor(_ origin: WeightOrigin, _ layout: PackedLayout) -> Bool {
        version == origin.storage.version && offset == origin.offset && dtype == origin.dtype
          && strides == origin.strides && self.layout == layout
      }
    }

    var limit = min(512 << 20, Memory.physical / 16)
    private(set) var byteCount = 0
    private(set) var hits = 0
    private(set) var misses = 0
    private var entries: [UInt64: [Entry]] = [:]
    private var clock: UInt64 = 0

    mutating func find(_ origin: WeightOrigin, _ layout: PackedLayout, byteCount: Int) -> Found {
      if byteCount > limit { return .unwanted }
      clock += 1
      guard let place = entries.index(forKey: origin.storage.identity),
        let index = entries.values[place].firstIndex(where: { $0.isFor(origin, layout) })
      else {
        misses += 1
        return .absent
      }
      entries.values[place][index].lastUse = clock
      guard let packed = entries.values[place][index].packed else {
        misses += 1
        return .seen
      }
      hits += 1
      entries.values[place][index].hits += 1
      return .packed(packed)
    }

    func summary(of identity: UInt64) -> (entries: Int, byteCount: Int, hits: Int) {
      let packed = (entries[identity] ?? []).filter { $0.packed != nil }
      return (
        packed.count, packed.reduce(0) { $0 + ($1.packed?.byteCount ?? 0) }, packed.reduce(0) { $0 + $1.hits }
      )
    }

    /// - Returns: what made way, for the caller to let go of.
    mutating func insert(
      _ packed: (any PackedWeight)?, _ origin: WeightOrigin, _ layout: PackedLayout
    ) -> [any PackedWeight] {
      let size = packed?.byteCount ?? 0
      if size > limit { return [] }
      clock += 1
      let identity = origin.storage.identity
      var dropped: [any PackedWeight] = []
      // Somebody else may have packed it meanwhile.
      if let index = entries[identity]?.firstIndex(where: { $0.isFor(origin, layout) }),
        let entry = entries[identity]?.remove(at: index)
      {
        drop(entry, &dropped)
      }
      dropped += trim(to: limit - size)
      entries[identity, default: []].append(
        Entry(
          layout: layout, dtype: origin.dtype, offset: origin.offset, strides: origin.strides,
          version: origin.storage.version, packed: packed, lastUse: clock))
      byteCount += size
      return dropped
    }

    mutating func remove(_ identity: UInt64) -> [any PackedWeight] {
      var dropped: [any PackedWeight] = []
      for entry in entries.removeValue(forKey: identity) ?? [] { drop(entry, &dropped) }
      return dropped
    }

    /// Drops those used longest ago until no more than `bytes` are kept; -1 drops those without bytes too.
    mutating func trim(to bytes: Int) -> [any PackedWeight] {
      var dropped: [any PackedWeight] = []
      while byteCount > bytes, !entries.isEmpty {
        var oldest: (identity: UInt64, index: Int, use: UInt64)?
        for (identity, list) in entries {
          for (index, entry) in list.enumerated() where entry.lastUse < oldest?.use ?? .max {
            oldest = (identity, index, entry.lastUse)
          }
        }
        guard let oldest, let entry = entries[oldest.identity]?.remove(at: oldest.index) else { break }
        drop(entry, &dropped)
        if entries[oldest.identity]?.isEmpty ?? false { entries[oldest.identity] = nil }
      }
      return dropped
    }

    private mutating func drop(_ entry: Entry, _ dropped: inout [any PackedWeight]) {
      guard let packed = entry.packed else { return }
      byteCount -= packed.byteCount
      dropped.append(packed)
    }
  }
}
