import VoluteArithmetic

/// A way to compute a convolution and the time that it took.
package struct MeasuredPlan: Sendable {
  package let policy: ConvolutionPolicy
  package let plan: ConvolutionPlan
  package let seconds: Double
}

extension Engine {
  /// One measurement at a time, so that they do not disturb each other; the store is read with the first.
  private static let measuring = Lock<PlanStore?>(nil)

  /// Where measurements are kept; `nil` keeps them in memory only. At first the user's cache directory. Nothing is
  /// read or written before something is measured.
  package static var planStorePath: String? {
    get { storePath.withLock { $0 } }
    set {
      storePath.withLock { $0 = newValue }
      measuring.withLock { $0 = nil }
      forgetMeasuredPlans()
    }
  }
  private static let storePath = Lock<String?>(PlanStore.defaultPath)

  /// The plan that was measured to be fastest, now or earlier.
  static func measuredPlan(_ key: PlanKey) throws(ShapeError) -> ConvolutionPlan {
    let automatic = try plan(key.geometry, key.direction, key.dtype)
    // Without a choice there is nothing to measure.
    guard automatic.algorithm != .reference, key.geometry.outputShape.allSatisfy({ $0 > 0 }) else {
      return automatic
    }
    if let policy = remembered(key),
      let plan = try? plan(key.geometry, key.direction, key.dtype, policy: policy)
    {
      return plan
    }
    return measure(automatic, key).first?.plan ?? automatic
  }

  /// Times the ways to compute a convolution that are predicted to take at most `factor` times the best and
  /// `seconds`, and remembers the fastest for ``ConvolutionPolicy/measured``.
  ///
  /// - Returns: what was timed, the fastest first; nothing where only the reference can compute it.
  package static func measure(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ dtype: DType,
    within factor: Double, seconds: Double
  ) throws(ShapeError) -> [MeasuredPlan] {
    let automatic = try plan(geometry, direction, dtype)
    if automatic.algorithm == .reference || geometry.outputShape.contains(0) { return [] }
    return measure(
      automatic, PlanKey(geometry, direction, dtype, policy: .measured, workspaceLimit: workspaceLimit),
      within: factor, seconds: seconds)
  }

  private static func remembered(_ key: PlanKey) -> ConvolutionPolicy? {
    let path = planStorePath
    return measuring.withLock { store in
      let known = store ?? PlanStore(path: path, machine: machine)
      store = known
      return known.policy(for: key.name)
    }
  }

  /// What a measurement depends on besides its case and the threads.
  private static var machine: String { "\(Processor.name), \(instructionSet)" }

  private static func measure(
    _ automatic: ConvolutionPlan, _ key: PlanKey, within factor: Double = 4, seconds: Double = .infinity
  ) -> [MeasuredPlan] {
    let most = min((automatic.candidates.first?.seconds ?? 0) * factor, seconds)
    var choices: [(policy: ConvolutionPolicy, plan: ConvolutionPlan)] = [(.automatic, automatic)]
    for candidate in automatic.candidates where candidate.refusal == nil && candidate.seconds <= most {
      // The automatic choice of one part is the algorithm itself.
      if candidate.algorithm == automatic.algorithm && automatic.sums.count == 1 { continue }
      let policy = ConvolutionPolicy.algorithm(candidate.algorithm)
      if let plan = try? plan(key.geometry, key.direction, key.dtype, policy: policy) {
        choices.append((policy, plan))
      }
    }
    let path = planStorePath
    return measuring.withLock { store in
      var best = Double.infinity
      let trial = Trial(key)
      let measured = choices.map { choice in
        let time = trial.time(choice.plan, giveUp: best * 3)
        best = min(best, time)
        return MeasuredPlan(policy: choice.policy, plan: choice.plan, seconds: time)
      }.sorted { $0.seconds < $1.seconds }
      if let fastest = measured.first {
        var known = store ?? PlanStore(path: path, machine: machine)
        known.remember(fastest.policy, for: key.name)
        store = known
      }
      return measured
    }
  }
}

/// Arrays to try plans on.
private struct Trial {
  private let direction: ConvolutionDirection
  private let left: StridedArray
  private let right: StridedArray
  private let result: StridedArray
  private let storages: [Storage]

  init(_ key: PlanKey) {
    direction = key.direction
    let geometry = key.geometry
    let (input, weight, output) = (geometry.inputShape, geometry.weightShape, geometry.outputShape)
    let shapes =
      switch key.direction {
      case .forward: [input, weight, output]
      case .inputGradient: [output, weight, input]
      case .weightGradient: [input, output, weight]
      }
    storages = shapes.map { Storage(byteCount: $0.reduce(1, *) * key.dtype.size) }
    let arrays = zip(storages, shapes).map { storage, shape in
      // Fractions of ordinary size, and pages that are there.
      storage.base.initializeMemory(as: UInt8.self, repeating: 0x3e, count: storage.byteCount)
      return StridedArray(
        base: storage.base, dtype: key.dtype, shape: shape, strides: StridedArray.contiguousStrides(shape))
    }
    (left, right, result) = (arrays[0], arrays[1], arrays[2])
  }

  /// The least time of a few calls, each of which packs the weight. A first call of more than a second is the only one,
  /// and one beyond `giveUp` that is more than a trifle is tried once more.
  func time(_ plan: ConvolutionPlan, giveUp: Double) -> Double {
    let clock = ContinuousClock()
    let most = min(max(giveUp, 0.02), 1)
    var least = clock.measure { run(plan) } / .seconds(1)
    if least > 1 { return least }
    // A first call may make tables and touch memory, which the next finds.
    if least > most { least = min(least, clock.measure { run(plan) } / .seconds(1)) }
    if least > most { return least }
    var spent = 0.0
    var calls = 0
    while calls < 3 || (spent < 0.02 && calls < 100) {
      let time = clock.measure { run(plan) } / .seconds(1)
      least = min(least, time)
      spent += time
      calls += 1
    }
    return least
  }

  private func run(_ plan: ConvolutionPlan) {
    switch direction {
    case .forward: Engine.convolution(plan, input: left, weight: right, bias: nil, to: result)
    case .inputGradient:
      Engine.convolutionInputGradient(plan, outputGradient: left, weight: right, to: result)
    case .weightGradient:
      Engine.convolutionWeightGradient(plan, input: left, outputGradient: right, to: result)
    }
  }
}
