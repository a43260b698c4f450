import ArgumentParser
import Volute
import VoluteEngine

/// What a call of the public function takes, and what one takes whose kernels have next to nothing to do: a single
/// window of one channel a group, along the same axes.
struct OverheadReport {
  private static let calls = 200
  private static let rounds = 50

  /// In microseconds.
  let call: Double
  let smallest: Double
  let smallestShape: [Int]
  private let plan: ConvolutionPlan

  init(_ convolution: ConvolutionCase, _ geometry: ConvolutionGeometry) throws {
    guard !geometry.isTransposed, convolution.direction == .forward else {
      throw ValidationError("--overhead is of forward convolutions; leave --direction and --transposed out")
    }
    try ConvolutionRun.check(geometry, convolution.dtype)
    let groups = geometry.groups
    smallestShape = [1, groups] + geometry.axes.map(\.extent)
    let smallestWeight = [groups, 1] + geometry.axes.map(\.kernel)
    call = try Self.microseconds(convolution, geometry.inputShape, geometry.weightShape)
    smallest = try Self.microseconds(convolution, smallestShape, smallestWeight)
    plan = try Engine.plan(geometry, .forward, convolution.dtype, policy: convolution.algorithm)
  }

  var json: String {
    let geometry = plan.geometry
    return "{\"operation\": \"\(geometry.operation)\", \"dtype\": \"\(plan.dtype.rawValue)\", "
      + "\"input_shape\": \(geometry.inputShape), \"weight_shape\": \(geometry.weightShape), "
      + "\"threads\": \(Engine.threadCount), \"isa\": \"\(Engine.instructionSet)\", "
      + "\"algorithm\": \"\(plan.algorithm.rawValue)\", \"call_us\": \(call), "
      + "\"smallest_input_shape\": \(smallestShape), \"smallest_call_us\": \(smallest)}"
  }

  var text: String {
    func microseconds(_ value: Double) -> String { "\((value * 100).rounded() / 100) µs" }
    return """
      \(plan.geometry.operation) \(plan.dtype.rawValue), \(Engine.instructionSet), \(Engine.threadCount) threads
        call           \(microseconds(call))  (\(plan.algorithm.rawValue), \(plan.geometry.inputShape))
        smallest       \(microseconds(smallest))  (\(smallestShape))
      """
  }

  /// The least mean of some rounds of calls.
  private static func microseconds(
    _ convolution: ConvolutionCase, _ inputShape: [Int], _ weightShape: [Int]
  ) throws -> Double {
    let options = convolution.options
    let (x, weight) = (
      Tensor.ones(inputShape, dtype: convolution.dtype), Tensor.ones(weightShape, dtype: convolution.dtype)
    )
    let clock = ContinuousClock()
    var least = Double.infinity
    for _ in 0..<rounds {
      let start = clock.now
      for _ in 0..<calls {
        let result = try Volute.convolution(
          x, weight, stride: options.stride ?? 1, padding: options.padding ?? 0,
          paddingMode: options.paddingMode ?? .zeros, dilation: options.dilation ?? 1,
          groups: options.groups ?? 1, policy: convolution.algorithm)
        withExtendedLifetime(result) {}
      }
      least = min(least, (clock.now - start) / .microseconds(calls))
    }
    return least
  }
}
