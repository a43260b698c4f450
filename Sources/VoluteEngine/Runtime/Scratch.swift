import CVolute

/// Calls `body` with room for `count` elements, aligned to 64 bytes and uninitialised.
func withScratch<T: BitwiseCopyable, Result>(
  _ type: T.Type, _ count: Int, _ body: (UnsafeMutablePointer<T>) -> Result
) -> Result {
  let byteCount = Memory.sizeClass(max(count, 1) * MemoryLayout<T>.stride)
  let bytes = Scratch.take(byteCount)
  defer { Scratch.giveBack(bytes, byteCount) }
  // A store under a mask that reaches a page nobody has touched does not bring it, and takes a hundred times as long,
  // each time. So what only such stores reach, at the very end, is touched here.
  bytes.storeBytes(of: 0, toByteOffset: max(count, 1) * MemoryLayout<T>.stride - 1, as: UInt8.self)
  return body(bytes.bindMemory(to: T.self, capacity: count))
}

/// Room that the tasks of a loop take one after the other on one thread: it stays there, in that thread's cache, until
/// the loop is over.
enum Scratch {
  private static let count = Int(VOLUTE_THREAD_BLOCKS)

  /// Calls `loop`, whose tasks find again what those before them gave back.
  @inline(__always)
  static func keeping(_ loop: () -> Void) {
    volute_thread_depth()?.pointee += 1
    loop()
    volute_thread_depth()?.pointee -= 1
    if isKeeping { return }
    for index in 0..<count {
      let block = volute_thread_blocks()?[index]
      if let block, let start = block.start { Memory.deallocate(start, byteCount: block.size) }
      volute_thread_blocks()?[index].start = nil
    }
  }

  private static var isKeeping: Bool { volute_thread_depth()?.pointee ?? 0 > 0 }

  /// - Parameter size: a size class, in bytes.
  fileprivate static func take(_ size: Int) -> UnsafeMutableRawPointer {
    if isKeeping, let blocks = volute_thread_blocks() {
      for index in 0..<count where blocks[index].size == size {
        guard let start = blocks[index].start else { continue }
        blocks[index].start = nil
        return start
      }
    }
    return Memory.allocate(byteCount: size)
  }

  fileprivate static func giveBack(_ start: UnsafeMutableRawPointer, _ size: Int) {
    if isKeeping, let blocks = volute_thread_blocks() {
      for index in 0..<count where blocks[index].start == nil {
        blocks[index] = volute_block(start: start, size: size)
        return
      }
    }
    Memory.deallocate(start, byteCount: size)
  }
}
