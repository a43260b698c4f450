/// A window sum and the algorithm that computes it, ready to run.
enum SumPlan: Sendable {
  case direct(DirectConvolution)
  case batch(BatchConvolution)
  case stencil([StencilConvolution])
  case groups(GroupConvolution)
  case winograd([WinogradConvolution])
  case winogradRows([WinogradRowConvolution])
  case winogradChannels(WinogradChannelConvolution)
  case winogradOutputs(WinogradOutputConvolution)
  case winogradStencil([WinogradStencilConvolution])
  case correlation(CorrelationConvolution)
  case fourier(FourierConvolution)
  case fourierRows(FourierRowConvolution)
  case patches(PatchConvolution)
  case scatter(ScatterConvolution)
  /// The phases of a sum, one after the other.
  case phases([SumPlan])

  /// How many phases of a stride are taken at once.
  var phasesAtOnce: Int {
    switch self {
    case .winogradRows(let plans): plans.first?.weights.count ?? 1
    case .winogradChannels(let plan): plan.block.sum.phases.last?.count ?? 1
    default: 1
    }
  }

  /// Whether channels lie in the lanes while it transforms and multiplies.
  var hasChannelsInLanes: Bool {
    switch self {
    case .winogradChannels: true
    case .phases(let plans): plans.contains(where: \.hasChannelsInLanes)
    default: false
    }
  }

  /// Whether output channels lie in the lanes while it multiplies, and places of a row are taken one by one.
  var hasOutputsInLanes: Bool {
    switch self {
    case .winogradOutputs: true
    case .phases(let plans): plans.contains(where: \.hasOutputsInLanes)
    default: false
    }
  }

  /// Whether planes of results are made in tiles, each point of which is a stencil.
  var isTiledStencil: Bool {
    switch self {
    case .winogradStencil: true
    case .phases(let plans): plans.contains(where: \.isTiledStencil)
    default: false
    }
  }

  /// Whether input channels are transformed and multiplied slice by slice.
  var isSliced: Bool {
    switch self {
    case .winogradRows(let plans): plans.contains { $0.block.order.slices > 1 }
    case .phases(let plans): plans.contains(where: \.isSliced)
    default: false
    }
  }

  /// Whether the last point of a strided axis passes over phases that have no last tap.
  var hasPhasesFirst: Bool {
    switch self {
    case .winogradRows(let plans): plans.contains { $0.block.hasPhasesFirst }
    case .phases(let plans): plans.contains(where: \.hasPhasesFirst)
    default: false
    }
  }

  /// Whether two rows or planes of results are made at once, by Winograd's F(2, 2).
  var isPaired: Bool {
    switch self {
    case .groups(let plan): plan.isPaired
    case .stencil(let plans): plans.contains(where: \.isPaired)
    case .phases(let plans): plans.contains(where: \.isPaired)
    default: false
    }
  }

  /// - Parameter origin: where the weight was taken from; what is made of it is then kept.
  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ origin: WeightOrigin?,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    switch self {
    case .direct(let plan):
      plan.run(input, panels(plan.sum, weight, plan.height, origin, plan.weightLayout), bias, output)
    case .batch(let plan):
      plan.run(input, panels(plan.sum, weight, plan.height, origin, plan.weightLayout), bias, output)
    case .scatter(let plan):
      plan.run(input, panels(plan.sum, weight, plan.height, origin, plan.weightLayout), bias, output)
    case .stencil(let plans):
      for plan in plans { plan.run(input, weight, bias, output) }
    case .groups(let plan):
      let weights = PackedWeights.packed(
        origin, plan.weightLayout, byteCount: plan.weightCount * MemoryLayout<T>.size
      ) {
        plan.packed(weight)
      }
      plan.run(input, weights, bias, output)
    case .winograd(let plans):
      // Sub-lattices share the weight.
      guard let first = plans.first else { return }
      let weights = winogradWeights(first.weights, weight, origin)
      for plan in plans { plan.run(input, weights, bias, output) }
    case .winogradRows(let plans):
      guard let first = plans.first else { return }
      let weights = first.weights.map { winogradWeights($0, weight, origin) }
      for plan in plans { plan.run(input, weights, bias, output) }
    case .winogradChannels(let plan):
      plan.run(input, winogradWeights(plan.weights, weight, origin), bias, output)
    case .winogradOutputs(let plan):
      plan.run(input, winogradWeights(plan.weights, weight, origin), bias, output)
    case .winogradStencil(let plans):
      for plan in plans { plan.run(input, weight, bias, output) }
    case .correlation(let plan):
      plan.run(input, weight, bias, output)
    case .fourier(let plan):
      plan.run(input, weight, origin, bias, output)
    case .fourierRows(let plan):
      plan.run(input, weight, origin, bias, output)
    case .patches(let plan):
      plan.run(input, weight, bias, output)
    case .phases(let plans):
      for plan in plans { plan.run(input, weight, origin, bias, output) }
    }
  }

  @inline(__always)
  private func panels<T: KernelElement>(
    _ sum: WindowSum, _ weight: UnsafePointer<T>, _ height: Int, _ origin: WeightOrigin?,
    _ layout: PackedLayout
  ) -> WeightPanels<T> {
    PackedWeights.packed(
      origin, layout, byteCount: WeightPanels<T>.byteCount(sum, height: height)
    ) {
      WeightPanels.packed(sum, weight, height: height)
    }
  }

  @inline(__always)
  private func winogradWeights<T: KernelElement>(
    _ layout: WinogradWeightLayout, _ weight: UnsafePointer<T>, _ origin: WeightOrigin?
  ) -> WinogradWeights<T> {
    PackedWeights.packed(origin, layout.packed, byteCount: layout.byteCount(bytes: MemoryLayout<T>.size)) {
      WinogradWeights(layout, weight)
    }
  }
}

extension WindowSum {
  /// The sum with its last axes made one, if each output reads the one input at its own place: points instead of
  /// windows.
  func mergingPoints() -> WindowSum? {
    var (inputStep, outputStep) = (1, 1)
    for axis in axes.reversed() {
      let isPoint =
        axis.kernel == 1 && axis.stride == 1 && axis.sources.prefix(axis.count).elementsEqual(0..<axis.count)
      // The input may be no longer than the output.
      if !isPoint || axis.inputStep != inputStep || axis.outputStep != outputStep { return nil }
      inputStep *= axis.count
      outputStep *= axis.count
    }
    // Not all of them, as an axis is a table.
    var sum = self
    while let last = sum.axes.popLast() {
      guard let before = sum.axes.last, last.count * before.count <= 1 << 16 else {
        sum.axes.append(last)
        break
      }
      sum.axes[sum.axes.count - 1] = Axis(
        sources: Array(0..<last.count * before.count), stride: 1, dilation: 1, kernel: 1,
        count: last.count * before.count, inputStep: 1, weightStep: 1, outputStep: 1)
    }
    return sum
  }

  /// The sum as dense sub-lattices: every `dilation`-th output, whose windows have no holes along the axes before
  /// `end`, which is behind the last unless given.
  func undilated(before end: Int? = nil) -> [WindowSum] {
    axes.indices.prefix(end ?? axes.count).reduce([self]) { sums, axis in
      sums.flatMap { sum in
        let whole = sum.axes[axis]
        if whole.dilation == 1 { return [sum] }
        return (0..<min(whole.dilation, whole.count)).map { phase in
          var part = sum
          part.axes[axis].dilation = 1
          part.axes[axis].count = (whole.count - phase - 1) / whole.dilation + 1
          part.axes[axis].outputStep = whole.outputStep * whole.dilation
          part.axes[axis].sources = stride(
            from: phase * whole.stride, to: whole.sources.count, by: whole.dilation
          ).map { whole.sources[$0] }
          part.outputOffset += phase * whole.outputStep
          return part
        }
      }
    }
  }

  /// The sum as a sum over phases of the stride: along each axis the taps that leave the same remainder read every
  /// `stride`-th place. What they read, each times its part of the weight, is to be added up.
  func unstrided() -> [WindowSum] {
    axes.indices.reduce([self]) { terms, axis in
      terms.flatMap { term in
        let whole = term.axes[axis]
        let shared = greatestCommonDivisor(whole.stride, whole.dilation)
        let tapStep = whole.stride / shared
        return (0..<min(tapStep, whole.kernel)).map { phase in
          var part = term
          part.axes[axis].stride = 1
          part.axes[axis].dilation = whole.dilation / shared
          part.axes[axis].kernel = (whole.kernel - phase - 1) / tapStep + 1
          part.axes[axis].weightStep = whole.weightStep * tapStep
          part.axes[axis].sources = stride(
            from: phase * whole.dilation, to: whole.sources.count, by: whole.stride
          ).map { whole.sources[$0] }
          part.weightOffset += phase * whole.weightStep
          return part
        }
      }
    }
  }
}
