import Benchmark

let benchmarks: @Sendable () -> Void = {
  kernelBenchmarks()
  rowBenchmarks()
  runtimeBenchmarks()
}

/// Measures `body`, which is run so often that starting the clock does not count.
func measure(_ name: String, times: BenchmarkScalingFactor = .kilo, _ body: @escaping () -> Void) {
  let configuration = Benchmark.Configuration(
    metrics: [.wallClock, .throughput], warmupIterations: 3, scalingFactor: times, maxDuration: .seconds(1))
  Benchmark(name, configuration: configuration) { benchmark in
    for _ in benchmark.scaledIterations { body() }
  }
}

/// Elements in memory of their own, aligned to a vector, freed with the last benchmark that uses them.
final class Room<Element: BitwiseCopyable> {
  let base: UnsafeMutablePointer<Element>
  let count: Int

  init(_ count: Int, _ element: (Int) -> Element) {
    self.count = count
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
    base = bytes.bindMemory(to: Element.self, capacity: count)
    for index in 0..<count { (base + index).initialize(to: element(index)) }
  }

  deinit { base.deallocate() }
}

extension Room<Float> {
  /// Numbers from -1 to 1.
  convenience init(_ count: Int) { self.init(count) { Float(($0 &* 7919) % 2001 - 1000) / 1000 } }
}
