import CVolute

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A value that is reached by one thread at a time.
///
/// Synchronization's `Mutex` waits in a way that ThreadSanitizer does not see on Linux, and would hide real races among
/// false ones; this one's `pthread_mutex_t` it knows.
// Unchecked: the value is touched only inside `withLock`, by the thread that holds the mutex.
package struct Lock<Value: Sendable>: @unchecked Sendable {
  @usableFromInline let box: ManagedBuffer<Value, pthread_mutex_t>

  /// A lock around `value`, open.
  package init(_ value: Value) {
    box = Box.create(minimumCapacity: 1) { box in
      box.withUnsafeMutablePointerToElements { mutex in
        mutex.initialize(to: pthread_mutex_t())
        precondition(pthread_mutex_init(mutex, nil) == 0, "the system has no room for another lock")
      }
      return value
    }
  }

  /// Runs `body` on the value while no other thread may; it must not ask for the same lock again.
  @inlinable
  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try box.withUnsafeMutablePointers { (value, mutex) throws(Failure) -> Result in
      Self.acquire(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return try body(&value.pointee)
    }
  }

  /// What is done under a lock takes less time than falling asleep and being woken.
  @usableFromInline static func acquire(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) {
    for _ in 0..<200 {
      if pthread_mutex_trylock(mutex) == 0 { return }
      volute_pause()
    }
    pthread_mutex_lock(mutex)
  }

  /// One allocation for both, as a mutex must not move.
  private final class Box: ManagedBuffer<Value, pthread_mutex_t> {
    deinit { _ = withUnsafeMutablePointerToElements { pthread_mutex_destroy($0) } }
  }
}
