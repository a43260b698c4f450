/// The bytes under one or more tensors.
///
/// A storage that several tensors share is never written: a tensor that is about to be mutated copies first
/// unless it is the only owner, so a view keeps what it saw.
// Unchecked: the bytes are written only by a sole owner, before the value is shared or after the owner has made
// sure that it is not.
public final class Storage: @unchecked Sendable {
  /// Aligned to 64 bytes unless the bytes are borrowed.
  public let base: UnsafeMutableRawPointer
  /// Its length in bytes.
  public let byteCount: Int
  /// Whether the bytes may be written: `false` for borrowed ones, such as a mapped file.
  public let isWritable: Bool
  private let release: @Sendable (UnsafeMutableRawPointer) -> Void

  /// Uninitialised bytes.
  public init(byteCount: Int) {
    base = Memory.allocate(byteCount: byteCount)
    self.byteCount = byteCount
    isWritable = true
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
    self.release = release
  }

  deinit { release(base) }
}
