/// Runs `body` for `0..<count`, on several threads when there is more than one.
///
/// What each index does must not depend on the others, nor on which thread it runs: then results do not depend on
/// the number of threads.
func parallel(_ count: Int, _ body: (Int) -> Void) {
  if count <= 1 || !ThreadPool.shared.run(count, body) {
    Scratch.keeping {
      for index in 0..<count { body(index) }
    }
  }
}

extension Engine {
  /// ``parallel(_:_:)`` for tests of the pool.
  package static func forEach(_ count: Int, _ body: (Int) -> Void) { parallel(count, body) }
}
