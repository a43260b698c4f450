import ArgumentParser
import Volute
import VoluteEngine

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "The time that a convolution takes, in its three directions.",
    discussion: """
      One call to warm up, then --repeat calls that are timed. The weight has other values in each call, so that \
      packing and transforming it counts; --prepacked keeps it from call to call, as a trained network does, and with \
      it what was packed. --overhead times calls of the public function in a row instead, and calls of the smallest \
      convolution of the same kind, whose kernels have next to nothing to do.

        volute bench conv3d --input-shape 1,7,100,100,100 \\
          --weight-shape 1,7,50,50,50 --json
        volute bench conv2d --input-shape 8,64,56,56 --weight-shape 64,64,3,3 \\
          --padding 1 --direction weight-gradient --threads 2
      """)

  @OptionGroup var convolution: ConvolutionCase

  @Option(name: .customLong("repeat"), parsing: .unconditional, help: "Timed calls.")
  var count = 7

  @Flag(name: .long, help: "Keep the weight, and what was packed of it, from call to call.")
  var prepacked = false

  @Flag(name: .long, help: "Time what a call takes beside its kernels, in microseconds.")
  var overhead = false

  @Flag(name: .long, help: "Print one JSON object.")
  var json = false

  func run() throws {
    guard count > 0 else { throw ValidationError("--repeat \(count) is none; give 1 or more") }
    let geometry = try convolution.geometry()
    if overhead {
      let report = try OverheadReport(convolution, geometry)
      return print(json ? report.json : report.text)
    }
    let plan = try Engine.plan(
      geometry, convolution.direction, convolution.dtype, policy: convolution.algorithm)
    var run = try ConvolutionRun(
      geometry, convolution.direction, convolution.dtype, policy: convolution.algorithm)
    // Processors and threads take a while to wake. The second call makes what is kept of a weight that stays.
    let start = ContinuousClock.now
    var calls = 0
    while calls < (prepacked ? 2 : 1) || start.duration(to: .now) < .milliseconds(100) {
      if !prepacked { run.refresh() }
      _ = try run.time()
      calls += 1
    }
    var times: [Double] = []
    for _ in 0..<count {
      if !prepacked { run.refresh() }
      times.append(try run.time() / .milliseconds(1))
    }
    times.sort()
    let report = BenchReport(
      plan: plan, threads: Engine.threadCount, median: times[times.count / 2], least: times[0],
      most: times[times.count - 1], count: count, isPrepacked: prepacked,
      memory: Engine.memory)
    print(json ? report.json : report.text)
  }
}

/// What a measurement comes to; times are in milliseconds.
struct BenchReport {
  let plan: ConvolutionPlan
  let threads: Int
  let median: Double
  let least: Double
  let most: Double
  let count: Int
  let isPrepacked: Bool
  let memory: MemoryStatistics

  /// Two operations for each multiply-add of the definition, whatever the algorithm does instead.
  private var gigaflops: Double { plan.geometry.cost(bias: false).multiplyAdds * 2 / (median * 1e6) }

  var json: String {
    let geometry = plan.geometry
    let axes = geometry.axes
    let fields: [(String, String)] = [
      ("operation", "\"\(geometry.operation)\""), ("direction", "\"\(plan.direction.rawValue)\""),
      ("transposed", "\(geometry.isTransposed)"), ("dtype", "\"\(plan.dtype.rawValue)\""),
      ("input_shape", "\(geometry.inputShape)"), ("weight_shape", "\(geometry.weightShape)"),
      ("output_shape", "\(geometry.outputShape)"), ("stride", "\(axes.map(\.stride))"),
      ("padding", "\(axes.map { [$0.paddingBefore, $0.paddingAfter] })"),
      ("dilation", "\(axes.map(\.dilation))"), ("groups", "\(geometry.groups)"), ("threads", "\(threads)"),
      ("isa", "\"\(Engine.instructionSet)\""), ("repeat", "\(count)"), ("prepacked", "\(isPrepacked)"),
      ("median_ms", "\(median)"), ("min_ms", "\(least)"), ("max_ms", "\(most)"), ("gflops", "\(gigaflops)"),
      ("algorithm", "\"\(plan.algorithm.rawValue)\""), ("workspace_bytes", "\(plan.workspace)"),
      ("packed_bytes", "\(memory.packedWeights)"), ("packed_hits", "\(memory.packedWeightHits)"),
      ("peak_resident_bytes", "\(peakResidentBytes())"),
    ]
    return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
  }

  var text: String {
    """
    \(plan.geometry.operation) \(plan.direction.rawValue) \(plan.dtype.rawValue), \(Engine.instructionSet), \
    \(threads) thread\(threads == 1 ? "" : "s")
      input          \(plan.geometry.inputShape)
      weight         \(plan.geometry.weightShape)
      output         \(plan.geometry.outputShape)
      algorithm      \(plan.algorithm.rawValue)
      median         \(timeText(.milliseconds(1) * median))  (\(timeText(.milliseconds(1) * least)) to \
    \(timeText(.milliseconds(1) * most)), \(count) calls)
      weights        \(isPrepacked ? "packed before the calls, \(scaled(Double(memory.packedWeights), unit: "B"))" : "packed in each call")
      speed          \(scaled(gigaflops * 1e9, unit: "F/s")) of the definition's operations
      workspace      \(scaled(Double(plan.workspace), unit: "B"))
      peak memory    \(scaled(Double(peakResidentBytes()), unit: "B"))
    """
  }
}

/// The most memory that the process has held.
func peakResidentBytes() -> Int {
  var usage = rusage()
  #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return Int(usage.ru_maxrss)
  #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) * 1024
  #endif
}
