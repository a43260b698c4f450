import Dispatch

/// Runs `body` for `0..<count`, on several threads when there is more than one.
///
/// What each index does must not depend on the others, nor on which thread it runs: then results do not depend on
/// the number of threads.
func parallel(_ count: Int, _ body: (Int) -> Void) {
  if count <= 1 {
    for index in 0..<count { body(index) }
  } else {
    withoutActuallyEscaping(body) { body in
      // Safe to share: concurrentPerform returns only when every index is done.
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
  }
}

/// Calls `body` with room for `count` elements, aligned to 64 bytes and uninitialised.
func withScratch<T: BitwiseCopyable, Result>(
  _ type: T.Type, _ count: Int, _ body: (UnsafeMutablePointer<T>) -> Result
) -> Result {
  let bytes = UnsafeMutableRawPointer.allocate(
    byteCount: max(count, 1) * MemoryLayout<T>.stride, alignment: 64)
  defer { bytes.deallocate() }
  return body(bytes.bindMemory(to: T.self, capacity: count))
}
