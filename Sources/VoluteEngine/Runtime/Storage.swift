import Synchronization

/// The bytes under one or more tensors.
///
/// A storage that several tensors share is never written: a tensor that is about to be mutated copies first
/// unless it is the only owner, so a view keeps what it saw.
///
/// What is made of the bytes and kept, such as packed weights, is found again by ``identity`` and ``version``; it
/// holds no storage alive, and goes with it.
// Unchecked: the bytes and the version are written only by a sole owner, before the value is shared or after the
// owner has made sure that it is not.
public final class Storage: @unchecked Sendable {
  /// Aligned to 64 bytes unless the bytes are borrowed.
  public let base: UnsafeMutableRawPointer
  /// Its length in bytes.
  public let byteCount: Int
  /// Whether the bytes may be written: `false` for borrowed ones, such as a mapped file.
  public let isWritable: Bool
  /// A number that no other storage of the process has, had or will have.
  public let identity: UInt64
  /// Another number after each time that the bytes may have been written: see ``willWrite()``.
  public private(set) var version: UInt64 = 0
  /// Whether anything made of the bytes is kept.
  private let isPacked = Atomic<Bool>(false)
  private let release: @Sendable (UnsafeMutableRawPointer) -> Void

  private static let identities = Atomic<UInt64>(0)

  /// Uninitialised bytes.
  public init(byteCount: Int) {
    base = Memory.allocate(byteCount: byteCount)
    self.byteCount = byteCount
    isWritable = true
    identity = Self.identities.add(1, ordering: .relaxed).newValue
    release = { Memory.deallocate($0, byteCount: byteCount) }
  }

  /// Bytes that belong to somebody else, read-only, until `release` is called.
  public init(
    borrowing base: UnsafeRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    self.base = UnsafeMutableRawPointer(mutating: base)
    self.byteCount = byteCount
    isWritable = false
    identity = Self.identities.add(1, ordering: .relaxed).newValue
    self.release = release
  }

  deinit {
    forgetPacked()
    release(base)
  }

  /// Says that the bytes are about to be written; only their sole owner may say so, and write. What was kept of the
  /// old ones is dropped.
  public func willWrite() {
    version &+= 1
    forgetPacked()
  }

  /// Says that something made of the bytes is kept, by somebody who holds this storage meanwhile.
  func notePacked() { isPacked.store(true, ordering: .relaxed) }

  private func forgetPacked() {
    // Whoever noted it has let go of this storage since, which orders the two.
    if isPacked.load(ordering: .relaxed) {
      PackedWeights.forget(identity)
      isPacked.store(false, ordering: .relaxed)
    }
  }
}
