import VoluteArithmetic

/// How an algorithm would do, or why it cannot.
public struct ConvolutionCandidate: Hashable, Sendable {
  public let algorithm: ConvolutionAlgorithm
  /// Predicted time on one core.
  public let seconds: Double
  /// Bytes beside the arrays, with one thread.
  public let workspace: Int
  /// Why it cannot be taken; `nil` if it can.
  public let refusal: String?
}

/// A convolution or one of its gradients, ready to run on any arrays of its shapes.
public final class ConvolutionPlan: Sendable {
  public let geometry: ConvolutionGeometry
  public let direction: ConvolutionDirection
  public let dtype: DType
  /// The algorithm of the largest part; `reference` when nothing faster may be taken.
  public let algorithm: ConvolutionAlgorithm
  /// Every algorithm, the fastest first, those that cannot be taken last.
  public let candidates: [ConvolutionCandidate]
  let sums: [SumPlan]
  let needsFill: Bool

  /// For each sum that it comes to, how many phases of a stride are taken at once.
  package var phasesAtOnce: [Int] { sums.map(\.phasesAtOnce) }

  /// Whether channels lie in the lanes while it transforms and multiplies.
  package var hasChannelsInLanes: Bool {
    sums.contains(where: \.hasChannelsInLanes)
  }

  /// Whether output channels lie in the lanes while it multiplies, and places of a row are taken one by one.
  package var hasOutputsInLanes: Bool { sums.contains(where: \.hasOutputsInLanes) }

  /// Whether planes of results are made in tiles, each point of which is a stencil.
  package var isTiledStencil: Bool { sums.contains(where: \.isTiledStencil) }

  /// Whether input channels are transformed and multiplied slice by slice.
  package var isSliced: Bool { sums.contains(where: \.isSliced) }

  /// Whether the last point of a strided axis passes over phases that have no last tap.
  package var hasPhasesFirst: Bool { sums.contains(where: \.hasPhasesFirst) }

  /// Whether two rows or planes of results are made at once, by Winograd's F(2, 2).
  package var isPaired: Bool { sums.contains(where: \.isPaired) }

  public var workspace: Int { candidates.first { $0.algorithm == algorithm }?.workspace ?? 0 }

  fileprivate init(_ key: PlanKey) throws(ShapeError) {
    geometry = key.geometry
    direction = key.direction
    dtype = key.dtype
    let outcome =
      switch key.dtype {
      case .float32: Outcome(key, Float.self)
      case .float64: Outcome(key, Double.self)
      default: Outcome(key)
      }
    candidates = outcome.candidates
    sums = outcome.sums
    needsFill = outcome.needsFill
    guard let algorithm = outcome.algorithm else {
      throw outcome.error(key)
    }
    self.algorithm = algorithm
  }
}

struct PlanKey: Hashable, Sendable {
  var geometry: ConvolutionGeometry
  var direction: ConvolutionDirection
  var dtype: DType
  var policy: ConvolutionPolicy
  var workspaceLimit: Int
  /// Of measured plans only: no other depends on it.
  var threads: Int

  init(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ dtype: DType,
    policy: ConvolutionPolicy, workspaceLimit: Int
  ) {
    self.geometry = geometry
    self.direction = direction
    self.dtype = dtype
    self.policy = policy
    self.workspaceLimit = workspaceLimit
    threads = policy == .measured ? Engine.threadCount : 0
  }

  /// All of it but the policy, in words that another process finds again.
  var name: String {
    let axes = geometry.axes.map {
      "\($0.kernel)/\($0.stride)/\($0.dilation) \($0.mode.rawValue) \($0.paddingBefore) \($0.paddingAfter)"
    }
    return "\(direction.rawValue)\(geometry.isTransposed ? " transposed" : "") \(dtype.rawValue) "
      + "\(geometry.batch) \(geometry.inputChannels) \(geometry.inputSize) -> \(geometry.outputChannels) "
      + "\(geometry.outputSize), groups \(geometry.groups), \(axes), limit \(workspaceLimit), threads \(threads)"
  }
}

/// What planning comes to.
private struct Outcome {
  var candidates: [ConvolutionCandidate] = []
  var algorithm: ConvolutionAlgorithm?
  var sums: [SumPlan] = []
  var needsFill = false

  /// Types without kernels.
  init(_ key: PlanKey) {
    candidates = ConvolutionAlgorithm.allCases.map {
      Self.candidate(
        $0, refusal: $0 == .reference ? nil : "there are no kernels for \(key.dtype.rawValue)", key)
    }
    switch key.policy {
    case .algorithm(let named): algorithm = named == .reference ? .reference : nil
    default: algorithm = .reference
    }
  }

  init<T: KernelElement>(_ key: PlanKey, _ type: T.Type) {
    let parts = WindowSums(key.geometry, key.direction)
    needsFill = parts.needsFill || parts.sums.isEmpty
    var options: [(algorithm: ConvolutionAlgorithm, plans: [SumPlan], seconds: [Double])] = []
    // Those whose one plan computes all sums, and whether it sets all outputs.
    var wholes: [ConvolutionAlgorithm: Bool] = [.scatter: !parts.sums.isEmpty]
    for algorithm in ConvolutionAlgorithm.allCases where algorithm != .reference {
      var plans: [SumPlan] = []
      var seconds: [Double] = []
      var workspace = 0
      // All phases of a stride at once, or one after the other.
      let sums =
        algorithm == .scatter ? parts.window.map { parts.sums.isEmpty ? [] : [$0] } : parts.sums
      var refusal = sums == nil ? "each output gathers what it is made of" : nil
      for sum in sums ?? [] {
        switch Self.planPhases(sum, algorithm, limit: key.workspaceLimit, T.self) {
        case .success(let part):
          plans.append(part.plan)
          seconds.append(part.estimate.seconds)
          workspace = max(workspace, part.estimate.workspace)
        case .failure(let reason):
          refusal = reason.text
        }
        if refusal != nil { break }
      }
      if refusal == nil && workspace > key.workspaceLimit {
        refusal = "it needs \(workspace) bytes of workspace, more than the limit of \(key.workspaceLimit)"
      }
      if let whole = Self.whole(parts, algorithm, T.self), whole.estimate.workspace <= key.workspaceLimit,
        refusal != nil || whole.estimate.seconds < seconds.reduce(0, +)
      {
        (plans, seconds, workspace) = ([whole.plan], [whole.estimate.seconds], whole.estimate.workspace)
        refusal = nil
        wholes[algorithm] = whole.setsAll
      }
      candidates.append(
        ConvolutionCandidate(
          algorithm: algorithm, seconds: refusal == nil ? seconds.reduce(0, +) : .infinity,
          workspace: refusal == nil ? workspace : 0, refusal: refusal))
      if refusal == nil { options.append((algorithm, plans, seconds)) }
    }
    candidates.append(Self.candidate(.reference, refusal: nil, key))
    candidates.sort { ($0.refusal == nil ? 0 : 1, $0.seconds) < ($1.refusal == nil ? 0 : 1, $1.seconds) }
    switch key.policy {
    case .algorithm(.reference):
      algorithm = .reference
      return
    case .algorithm(let named): options.removeAll { $0.algorithm != named }
    case .exact: options.removeAll { !$0.algorithm.isExact }
    case .automatic, .measured: break
    }
    /// Those that round otherwise than a sum does have to be worth it.
    func cost(
      _ option: (algorithm: ConvolutionAlgorithm, plans: [SumPlan], seconds: [Double]), _ seconds: Double
    )
      -> Double
    {
      option.algorithm.isExact ? seconds : 1.1 * seconds
    }
    guard
      let best = options.min(by: { cost($0, $0.seconds.reduce(0, +)) < cost($1, $1.seconds.reduce(0, +)) })
    else {
      if case .algorithm = key.policy { return }
      algorithm = .reference
      return
    }
    algorithm = best.algorithm
    if let setsAll = wholes[best.algorithm] {
      (sums, needsFill) = (best.plans, !setsAll)
      return
    }
    options.removeAll { wholes[$0.algorithm] != nil }
    // Phases of a stride may differ: each takes what is best for it.
    sums = parts.sums.indices.compactMap { index in
      options.min { cost($0, $0.seconds[index]) < cost($1, $1.seconds[index]) }?.plans[index]
    }
  }

  private static func candidate(
    _ algorithm: ConvolutionAlgorithm, refusal: String?, _ key: PlanKey
  ) -> ConvolutionCandidate {
    ConvolutionCandidate(
      algorithm: algorithm,
      seconds: refusal == nil ? key.geometry.cost(bias: false).multiplyAdds * 2e-9 : .infinity, workspace: 0,
      refusal: refusal)
  }

  private struct Refusal: Error {
    var text: String
  }

  /// All phases at once, or one after the other where that is faster, the limit asks for it, or the algorithm knows no
  /// other way.
  private static func planPhases<T: KernelElement>(
    _ sum: WindowSum, _ algorithm: ConvolutionAlgorithm, limit: Int, _ type: T.Type
  ) -> Result<(plan: SumPlan, estimate: SumEstimate), Refusal> {
    if sum.phases.isEmpty { return plan(sum, algorithm, limit: limit, T.self) }
    var parts: [(plan: SumPlan, estimate: SumEstimate)] = []
    for part in sum.parts {
      switch plan(part, algorithm, limit: limit, T.self) {
      case .success(let part): parts.append(part)
      case .failure(let refusal): return .failure(refusal)
      }
    }
    let apart: (plan: SumPlan, estimate: SumEstimate) = (
      .phases(parts.map(\.plan)), total(parts.map(\.estimate))
    )
    guard algorithm == .winograd2 || algorithm == .winograd4,
      let plan = winogradRows(sum, points: algorithm.points, T.self),
      plan.estimate.seconds < apart.estimate.seconds, plan.estimate.workspace <= limit
    else { return .success(apart) }
    return .success(plan)
  }

  private static func plan<T: KernelElement>(
    _ sum: WindowSum, _ algorithm: ConvolutionAlgorithm, limit: Int, _ type: T.Type
  ) -> Result<(plan: SumPlan, estimate: SumEstimate), Refusal> {
    let bytes = MemoryLayout<T>.size
    switch algorithm {
    case .reference:
      return .failure(Refusal(text: "it is not made of window sums"))
    case .direct:
      let plan = DirectConvolution(sum, T.self)
      return .success((.direct(plan), plan.estimate(bytes: bytes)))
    case .batch:
      if let reason = BatchConvolution.reasonAgainst(sum, lanes: T.kernels.lanes) {
        return .failure(Refusal(text: reason))
      }
      let plan = BatchConvolution(sum, T.self)
      return .success((.batch(plan), plan.estimate(bytes: bytes)))
    case .correlation:
      if let reason = CorrelationBlock.reasonAgainst(sum) { return .failure(Refusal(text: reason)) }
      let plan = CorrelationConvolution(CorrelationBlock(sum, tiles: [], T.self), T.self)
      return .success((.correlation(plan), plan.estimate(bytes: bytes)))
    case .patches:
      if let reason = PatchConvolution.reasonAgainst(sum) { return .failure(Refusal(text: reason)) }
      let plan = PatchConvolution(sum)
      return .success((.patches(plan), plan.estimate(bytes: bytes)))
    case .scatter:
      let shape = ScatterShape(sum, T.self)
      if let reason = shape.reasonAgainst(sum) { return .failure(Refusal(text: reason)) }
      let plan = ScatterConvolution(sum, shape, T.self)
      return .success((.scatter(plan), plan.estimate(T.self)))
    case .stencil:
      return stencil(sum, limit: limit, T.self)
    case .fourier:
      if let reason = FourierConvolution.reasonAgainst(sum) { return .failure(Refusal(text: reason)) }
      switch FourierConvolution.best(sum, limit: limit, T.self) {
      case .success(let plan): return .success((.fourier(plan), plan.estimate()))
      case .failure(let refusal): return .failure(Refusal(text: refusal.text))
      }
    case .fourierRows:
      switch FourierRowConvolution.best(sum, limit: limit, T.self) {
      case .success(let plan): return .success((.fourierRows(plan), plan.estimate()))
      case .failure(let refusal): return .failure(Refusal(text: refusal.text))
      }
    case .winograd2, .winograd4:
      let tile: WinogradTile = algorithm == .winograd2 ? .two : .four
      return winograd(sum, tile, limit: limit, T.self)
    }
  }

  /// Places of a row in the lanes, or groups where that is faster.
  private static func stencil<T: KernelElement>(
    _ sum: WindowSum, limit: Int, _ type: T.Type
  ) -> Result<(plan: SumPlan, estimate: SumEstimate), Refusal> {
    let (options, reason) = stencils(sum, isPaired: false, T.self)
    guard let best = Self.best(options, limit: limit) else { return .failure(Refusal(text: reason)) }
    return .success(best)
  }

  /// Sums without tiles, of each output alone or of pairs; and why there is not one, or the other.
  private static func stencils<T: KernelElement>(
    _ sum: WindowSum, isPaired: Bool, _ type: T.Type
  ) -> (options: [(plan: SumPlan, estimate: SumEstimate)], reason: String) {
    let bytes = MemoryLayout<T>.size
    var options: [(plan: SumPlan, estimate: SumEstimate)] = []
    let parts = sum.undilated()
    let reason =
      StencilConvolution.reasonAgainst(parts[0])
      ?? (isPaired ? PlaneSums.reasonAgainstPairs(parts[0]) : nil)
    if reason == nil {
      let plans = parts.map { StencilConvolution($0, isPaired: isPaired, T.self) }
      options.append((.stencil(plans), total(plans.map { $0.estimate(bytes: bytes) })))
    }
    let reasonAgainstGroups = GroupConvolution.reasonAgainst(
      sum, isPaired: isPaired, lanes: T.kernels.lanes)
    if reasonAgainstGroups == nil {
      let plan = GroupConvolution(sum, isPaired: isPaired, T.self)
      options.append((.groups(plan), plan.estimate(bytes: bytes)))
    }
    return (options, [reason, reasonAgainstGroups].compactMap { $0 }.joined(separator: ", and "))
  }

  /// The fastest, or a slower one where it would not fit.
  private static func best(
    _ options: [(plan: SumPlan, estimate: SumEstimate)], limit: Int
  ) -> (plan: SumPlan, estimate: SumEstimate)? {
    let fitting = options.filter { $0.estimate.workspace <= limit }
    return (fitting.isEmpty ? options : fitting).min { $0.estimate.seconds < $1.estimate.seconds }
  }

  /// Winograd's tiles along the axes for which they come cheapest.
  private static func winograd<T: KernelElement>(
    _ sum: WindowSum, _ tile: WinogradTile, limit: Int, _ type: T.Type
  ) -> Result<(plan: SumPlan, estimate: SumEstimate), Refusal> {
    let bytes = MemoryLayout<T>.size
    let taps = "2 to \(tile.points - 1) taps"
    if CorrelationBlock.reasonAgainst(sum) == nil {
      if let plan = CorrelationConvolution.best(sum, points: tile.points, T.self) {
        return .success((.correlation(plan), plan.estimate(bytes: bytes)))
      }
      // Tiles of the others add up all of a window in one sum, and lose digits where it is so large.
      if sum.depth > 8192 {
        return .failure(Refusal(text: "no axis beside another has \(taps), neither strided nor dilated"))
      }
    }
    var options: [(plan: SumPlan, estimate: SumEstimate)] = []
    if let plan = winogradRows(sum, points: tile.points, T.self) { options.append(plan) }
    if let plan = PhasedSum(sum).flatMap({ winogradChannels($0, points: tile.points, T.self) }) {
      options.append(plan)
    }
    if let block = WinogradOutputBlock.best(sum, points: tile.points, T.self) {
      let plan = WinogradOutputConvolution(block, T.self)
      options.append((.winogradOutputs(plan), plan.estimate(bytes: bytes)))
    }
    var reason = ""
    if tile.points == WinogradTile.two.points {
      let pairs = stencils(sum, isPaired: true, T.self)
      options += pairs.options
      reason = "no pairs for (\(pairs.reason)), "
    }
    let parts = sum.undilated()
    if tile == .four, WinogradStencilConvolution.reasonAgainst(parts[0]) == nil {
      for tile in WinogradStencilConvolution.tiles(parts[0]) {
        let plans = parts.map { WinogradStencilConvolution($0, tile, T.self) }
        options.append((.winogradStencil(plans), total(plans.map { $0.estimate(T.self) })))
      }
    }
    for count in 1...min(3, sum.axes.count) {
      if let against = WinogradConvolution.reasonAgainst(parts[0], tiles: count) {
        let channels =
          WinogradChannelBlock.reasonAgainst(sum, lanes: T.kernels.lanes)
          ?? "channels in the lanes do not serve it"
        reason =
          "\(against), no axis beside it has \(taps), or as many for each phase of its stride, \(reason)and \(channels)"
        break
      }
      let plans = parts.map {
        WinogradConvolution($0, tiles: Array(repeating: tile, count: count), T.self)
      }
      options.append((.winograd(plans), total(plans.map { $0.estimate(bytes: bytes) })))
    }
    guard let best = Self.best(options, limit: limit) else { return .failure(Refusal(text: reason)) }
    return .success(best)
  }

  /// Tiles of whole rows, or of samples; `nil` where no axis can be tiled.
  private static func winogradRows<T: KernelElement>(
    _ sum: WindowSum, points: Int, _ type: T.Type
  ) -> (plan: SumPlan, estimate: SumEstimate)? {
    // Whole rows may keep their dilation.
    let slices = sum.undilated(before: sum.axes.count - 1)
    let blocks = WinogradRowBlock.best(slices, points: points, T.self)
    if blocks.isEmpty { return nil }
    let plans = blocks.map { WinogradRowConvolution($0, T.self) }
    return (.winogradRows(plans), total(plans.map { $0.estimate(bytes: MemoryLayout<T>.size) }))
  }

  /// All phases of all strides at once; `nil` where there is one sum, or the algorithm knows no such way.
  private static func whole<T: KernelElement>(
    _ parts: WindowSums, _ algorithm: ConvolutionAlgorithm, _ type: T.Type
  ) -> (plan: SumPlan, estimate: SumEstimate, setsAll: Bool)? {
    guard algorithm == .winograd2 || algorithm == .winograd4, let window = parts.window,
      parts.sums.contains(where: { !$0.phases.isEmpty }) || parts.sums.count > 1,
      WinogradChannelBlock.canFill(T.kernels.lanes, window)
    else { return nil }
    guard let sum = PhasedSum(adjointOf: window),
      let (plan, estimate) = winogradChannels(sum, points: algorithm.points, T.self)
    else { return nil }
    return (plan, estimate, sum.outputs == sum.sum.outputSteps.channel)
  }

  /// Tiles with channels in the lanes; `nil` where the last axis cannot be tiled, or there are too few channels.
  private static func winogradChannels<T: KernelElement>(
    _ sum: PhasedSum, points: Int, _ type: T.Type
  ) -> (plan: SumPlan, estimate: SumEstimate)? {
    guard let block = WinogradChannelBlock.best(sum, points: points, T.self) else { return nil }
    let plan = WinogradChannelConvolution(block, T.self)
    return (.winogradChannels(plan), plan.estimate(bytes: MemoryLayout<T>.size))
  }

  private static func total(_ estimates: [SumEstimate]) -> SumEstimate {
    SumEstimate(
      seconds: estimates.reduce(0) { $0 + $1.seconds }, workspace: estimates.map(\.workspace).max() ?? 0)
  }

  func error(_ key: PlanKey) -> ShapeError {
    guard case .algorithm(let named) = key.policy else {
      return ShapeError(key.geometry.operation, parameter: "algorithm", "none fits")
    }
    let reason = candidates.first { $0.algorithm == named }?.refusal ?? "it does not fit"
    return ShapeError(
      key.geometry.operation, parameter: "algorithm",
      "\(named.rawValue) cannot compute this \(key.direction.rawValue): \(reason)",
      mend: "leave the choice automatic")
  }
}

extension ConvolutionAlgorithm {
  /// Points of the largest tiles.
  fileprivate var points: Int { self == .winograd2 ? WinogradTile.two.points : WinogradTile.four.points }
}

extension Engine {
  private static let plans = Lock<[PlanKey: ConvolutionPlan]>([:])
  private static let limit = Lock<Int?>(nil)

  /// Measured plans are looked up, or measured, anew.
  static func forgetMeasuredPlans() {
    plans.withLock { plans in plans = plans.filter { $0.key.policy != .measured } }
  }

  /// Bytes that a convolution may use beside its arrays: at first the smaller of 4 GiB and a quarter of the machine's
  /// memory.
  public static var workspaceLimit: Int {
    get { limit.withLock { $0 } ?? min(4 << 30, Memory.physical / 4) }
    set { limit.withLock { $0 = max(newValue, 0) } }
  }

  /// The plan of a convolution or of one of its gradients; made, and where so asked measured, once
  ///
  /// - Throws: ``ShapeError`` when the policy names an algorithm that cannot compute it.
  public static func plan(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection = .forward, _ dtype: DType,
    policy: ConvolutionPolicy = .automatic
  ) throws(ShapeError) -> ConvolutionPlan {
    try plan(geometry, direction, dtype, policy: policy, workspaceLimit: workspaceLimit)
  }

  /// The same within another limit than that of all.
  package static func plan(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ dtype: DType,
    policy: ConvolutionPolicy, workspaceLimit: Int
  ) throws(ShapeError) -> ConvolutionPlan {
    let key = PlanKey(geometry, direction, dtype, policy: policy, workspaceLimit: workspaceLimit)
    if let known = plans.withLock({ $0[key] }) { return known }
    let plan = policy == .measured ? try measuredPlan(key) : try ConvolutionPlan(key)
    plans.withLock { plans in
      // Shapes that keep changing must not fill the memory.
      if plans.count >= 256 { plans.removeAll() }
      plans[key] = plan
    }
    return plan
  }
}
