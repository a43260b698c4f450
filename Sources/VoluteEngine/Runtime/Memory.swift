#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the engine holds of the machine's memory, in bytes.
public struct MemoryStatistics: Hashable, Sendable {
  /// Of living tensors and workspaces, rounded up to size classes.
  public internal(set) var inUse = 0
  /// The most that has been in use since the start, or since ``Engine/resetPeakMemory()``.
  public internal(set) var peakInUse = 0
  /// Kept for the next request.
  public internal(set) var cached = 0
  /// Requests since the start, and how many of them were served from what was kept.
  public internal(set) var allocations = 0
  /// Requests that were met by a block that had been freed.
  public internal(set) var reuses = 0
  /// Of packed weights that are kept for the next convolution with them; in use as well.
  public internal(set) var packedWeights = 0
  /// Convolutions, or parts of them, that found their weight packed.
  public internal(set) var packedWeightHits = 0
  /// Those that packed a weight that may be kept.
  public internal(set) var packedWeightMisses = 0
}

extension Engine {
  /// What the engine holds of the machine's memory now.
  public static var memory: MemoryStatistics {
    var statistics = Memory.shared.withLock { $0.statistics }
    PackedWeights.count(into: &statistics)
    return statistics
  }

  /// Starts the peak anew from what is in use now.
  public static func resetPeakMemory() {
    Memory.shared.withLock { $0.statistics.peakInUse = $0.statistics.inUse }
  }

  /// Bytes that may be kept for reuse: at first an eighth of the machine's memory, at most 2 GiB.
  public static var cachedMemoryLimit: Int {
    get { Memory.shared.withLock { $0.limit } }
    set {
      Memory.shared.withLock {
        $0.limit = max(newValue, 0)
        $0.trim()
      }
    }
  }

  /// Gives back to the system what is kept for reuse.
  public static func releaseCachedMemory() {
    Memory.shared.withLock { $0.trim(to: 0) }
  }
}

/// Blocks of bytes, aligned to 64, that are kept when they are given back: a large block that comes fresh from the
/// system costs a page fault every 4 KiB, which is more than most kernels take over it.
package enum Memory {
  fileprivate static let shared = Lock(State())
  /// Smaller requests are the system's business.
  private static let smallest = 1024
  fileprivate static let alignment = 64
  private static let largePage = 2 << 20

  /// The machine's memory.
  static let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

  static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let size = sizeClass(byteCount)
    if size < smallest { return .allocate(byteCount: size, alignment: alignment) }
    let reused = shared.withLock { state -> UInt? in
      state.statistics.allocations += 1
      state.statistics.inUse += size
      state.statistics.peakInUse = max(state.statistics.peakInUse, state.statistics.inUse)
      return state.take(size)
    }
    if let reused, let block = UnsafeMutableRawPointer(bitPattern: reused) { return block }
    return fresh(size)
  }

  /// A block from the system; a large one in large pages, where the system gives them to those who ask.
  private static func fresh(_ size: Int) -> UnsafeMutableRawPointer {
    #if os(Linux)
      if size >= 2 * largePage {
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: largePage)
        // Advice: without it nothing is lost but time.
        _ = madvise(block, size / largePage * largePage, MADV_HUGEPAGE)
        return block
      }
    #endif
    return .allocate(byteCount: size, alignment: alignment)
  }

  /// `byteCount` is the one that was asked for.
  static func deallocate(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    let size = sizeClass(byteCount)
    if size < smallest { return block.deallocate() }
    let isKept = shared.withLock { state in
      state.statistics.inUse -= size
      return state.keep(UInt(bitPattern: block), size)
    }
    if !isKept { block.deallocate() }
  }

  /// Eight classes to each power of two: at most an eighth is wasted.
  static func sizeClass(_ byteCount: Int) -> Int {
    let count = max(byteCount, 64)
    let step = max(64, (1 << (Int.bitWidth - 1 - count.leadingZeroBitCount)) >> 3)
    return (count + step - 1) / step * step
  }

  package struct State {
    package internal(set) var statistics = MemoryStatistics()
    package var limit = State.defaultLimit
    /// Addresses of free blocks by size, the one last used at the end.
    private var free: [Int: [UInt]] = [:]

    package init() {}

    private static var defaultLimit: Int { min(2 << 30, max(Memory.physical / 8, 64 << 20)) }

    package mutating func take(_ size: Int) -> UInt? {
      guard let block = free[size]?.popLast() else { return nil }
      statistics.cached -= size
      statistics.reuses += 1
      return block
    }

    /// Whether the block is kept; blocks of other sizes make way for it.
    package mutating func keep(_ block: UInt, _ size: Int) -> Bool {
      if size > limit { return false }
      trim(to: limit - size)
      free[size, default: []].append(block)
      statistics.cached += size
      return true
    }

    mutating func trim() { trim(to: limit) }

    /// Frees blocks, the largest first, until no more than `bytes` are kept.
    package mutating func trim(to bytes: Int) {
      while statistics.cached > bytes, let size = free.keys.max() {
        if let block = free[size]?.popLast() {
          statistics.cached -= size
          UnsafeMutableRawPointer(bitPattern: block)?.deallocate()
        }
        if free[size]?.isEmpty ?? true { free[size] = nil }
      }
    }
  }
}
