import CVolute

/// A window sum with one output channel to a group, as depthwise convolutions and the last layers of networks are:
/// lanes along the last axis, several rows at once, so that a loaded input meets every row that it is under. Planes of
/// outputs, those of the first of three axes or more, may be made in pairs, from what planes of the input are and what they
/// are more than the next.
final class StencilConvolution: Sendable {
  let sum: WindowSum
  private let block: ConvolutionBlock
  private let lattice: Lattice
  let blocks: [Int]
  /// What outputs are made of.
  private let sums: PlaneSums
  private let kernels: StencilKernels
  /// Between neighbouring outputs along each axis.
  private let steps: [Int]
  /// Samples' groups that a task computes one after the other, so that what it sets up is little beside its products.
  private let itemsOfTask: Int
  /// Whether weights lie in the order in which they are wanted, as those of forward sums without strides do.
  private let isInOrder: Bool

  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if sum.outputs != 1 { return "\(sum.outputs) output channels to a group, not 1" }
    if sum.axes.count < 2 { return "one axis" }
    if sum.axes.contains(where: { $0.dilation != 1 }) { return "dilation" }
    return nil
  }

  /// - Parameter isPaired: whether planes of outputs are made in pairs.
  init<T: KernelElement>(_ sum: WindowSum, isPaired: Bool, _ type: T.Type) {
    self.sum = sum
    let axes = PlaneSums.axes(sum, isPaired: isPaired)
    steps = sum.axes.map(\.outputStep)
    let last = sum.axes.count - 1
    // Rows are read in order, a window at a time: a block may be larger than a cache, which saves halos, and sums of
    // large windows may wait between channels.
    block = ConvolutionBlock(
      axes, inputs: sum.inputs, batch: sum.batch * sum.groups,
      budget: 5 * ConvolutionBlock.budget(bytes: MemoryLayout<T>.size), panels: 1, width: T.kernels.lanes,
      work: sum.multiplyAdds, mostChannels: sum.taps >= 100 ? 1 : .max)
    let lattice = Lattice(axes, block: block.extents)
    self.lattice = lattice
    blocks = block.counts(sum.axes)
    sums = PlaneSums(sum, lattice, isPaired: isPaired, channels: block.channels)
    isInOrder = sums.isInOrder
    let work = sum.multiplyAdds / Double(blocks.reduce(sum.batch * sum.groups, *))
    itemsOfTask = max(1, min(sum.batch * sum.groups * blocks.reduce(1, *) / 16, Int(1e6 / max(work, 1))))
    kernels = StencilKernels(
      T.kernels, window: sums.leastRows, rows: block.extents[last - 1], columns: block.extents[last])
  }

  private var weightSize: Int { sum.groups * sums.depth }
  /// Weights of a channel that pairs are made of.
  private var ownSize: Int { isPaired ? sum.taps : 0 }
  /// Products to an output, of a whole block.
  var products: Double { sums.products(planes: block.extents[0]) }
  var isPaired: Bool { sums.pairs != nil }
  private var packedSize: Int {
    (isPaired ? 2 : block.channels) * lattice.channelSize + 4 * lattice.lengths[lattice.axes.count - 1] + 512
  }
  private var isPlain: Bool { !sum.accumulates && sum.axes[sum.axes.count - 1].outputStep == 1 }
  private var stageSize: Int { block.extents.reduce(1, *) }

  /// Elements that a run needs beside the arrays: shared, and for each thread.
  var workspace: (shared: Int, perThread: Int) {
    (isInOrder ? 0 : weightSize + ownSize, packedSize + stageSize + lattice.lineSize)
  }

  /// The part of its speed that the kernel for most rows reaches.
  var speed: Double { kernels.speed }

  /// Positions with those that vectors compute and drop.
  var paddedPositions: Double {
    let last = block.extents.count - 1
    let plane = kernels.padded(rows: block.extents[last - 1], columns: block.extents[last])
    return Double(plane) * Double(block.extents.dropLast(2).reduce(1, *)) * Double(blocks.reduce(1, *))
  }

  /// Elements packed by all tasks.
  var packedElements: Double {
    Double(sum.batch * sum.groups * blocks.reduce(1, *)) * Double(sum.inputs * lattice.channelSize)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    if isInOrder { return run(input, weights: weight + sum.weightOffset, bias, output) }
    withScratch(T.self, weightSize + ownSize) { weights in
      for group in 0..<sum.groups {
        sums.pack(
          weight + sum.weightOffset + group * sum.weightSteps.group, channelStep: sum.weightSteps.input,
          own: weights + weightSize, into: weights + group * sums.depth)
      }
      run(input, weights: weights, bias, output)
    }
  }

  private func run<T: KernelElement>(
    _ input: UnsafePointer<T>, weights: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let items = sum.batch * sum.groups
    let packers = lattice.sharedPackers(blocks, for: items)
    let runs = (items + itemsOfTask - 1) / itemsOfTask
    parallel(SumTask.count(samples: runs, groups: 1, blocks: blocks, shares: 1)) { task in
      guard
        let task = SumTask(task, groups: 1, blocks: blocks, extents: block.extents, panels: 1, shares: 1)
      else { return }
      let first = task.sample * itemsOfTask
      compute(
        task.origin, packers?[task.block], first..<min(first + itemsOfTask, items), input + sum.inputOffset,
        weights, bias, output + sum.outputOffset)
    }
  }

  /// The block at `origin` of some samples' groups, numbered with groups running fastest.
  private func compute<T: KernelElement>(
    _ origin: [Int], _ packer: Lattice.Packer?, _ items: Range<Int>, _ input: UnsafePointer<T>,
    _ weights: UnsafePointer<T>, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let extents = zip(zip(sum.axes, origin), block.extents).map { min($0.0.count - $0.1, $1) }
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    let isDirect = isPlain && bias == nil
    let sweep = Sweep(
      extents, pitches: lattice.pitches, steps: isDirect ? steps : StridedArray.contiguousStrides(extents),
      isPaired: isPaired,
      held: block.channels == 1 && origin.count == 3
        ? (origin[0]..<origin[0] + extents[0]).map { sums.held(sum.axes[0], output: $0) } : [])
    let place = zip(steps, origin).reduce(0) { $0 + $1.0 * $1.1 }
    withScratch(T.self, packedSize + stageSize + lattice.lineSize) { packed in
      let stage = packed + packedSize
      let packer = packer ?? lattice.packer(origin: origin)
      for item in items {
        let (sample, group) = item.quotientAndRemainder(dividingBy: sum.groups)
        let from = input + sample * sum.inputSteps.batch + group * sum.inputSteps.group
        let to = output + place + sample * sum.outputSteps.batch + group * sum.outputSteps.group
        for channel in stride(from: 0, to: sum.inputs, by: block.channels) {
          let channels = min(block.channels, sum.inputs - channel)
          for index in 0..<channels {
            packer.pack(
              from + (channel + index) * sum.inputSteps.channel, next: sum.inputSteps.channel,
              into: packed + index * lattice.channelSize, line: stage + stageSize)
          }
          if isPaired { subtract(packed) }
          add(
            packed, weights + group * sums.depth + channel * sums.depthOfChannel, channels: channels, sweep,
            to: isDirect ? to : stage, accumulates: channel > 0)
        }
        if !isDirect { put(stage, extents, bias.map { $0 + group }, to) }
      }
    }
  }

  /// What each plane of a packed channel is more than the next.
  private func subtract<T: KernelElement>(_ packed: UnsafeMutablePointer<T>) {
    let plane = lattice.pitches[0]
    withUnsafeTemporaryAllocation(of: T.self, capacity: 2) { signs in
      signs[0] = .one
      signs[1] = T.subtract(.zero, .one)
      for phase in stride(from: packed, to: packed + lattice.channelSize, by: lattice.phaseSize) {
        T.kernels.table.mix?(
          lattice.phaseSize - plane, 2, phase, plane, 1, signs.baseAddress, 1, nil,
          phase + lattice.channelSize, plane, 0)
      }
    }
  }

  /// The lines of a block, and where their sums go.
  private struct Sweep {
    let rows: Int
    let columns: Int
    /// Between rows.
    let pitch: Int
    let step: Int
    /// Where each plane of the last two axes starts, and its results; where those of the second of a pair start; and for
    /// each of the sums, which taps of the first axis do not read padding, or nothing where all taps are wanted.
    let starts: [(from: Int, to: Int, second: Int?, held: [Range<Int>])]

    /// - Parameter held: for each output along the first of three axes, or none.
    init(_ extents: [Int], pitches: [Int], steps: [Int], isPaired: Bool, held: [[Range<Int>]]) {
      let last = extents.count - 1
      (rows, columns) = (extents[last - 1], extents[last])
      (pitch, step) = (pitches[last - 1], steps[last - 1])
      let outer = Array(extents.dropLast(2))
      let from = places(outer, Array(pitches.dropLast(2)))
      let to = places(outer, Array(steps.dropLast(2)))
      let planes = outer.dropFirst().reduce(1, *)
      starts = from.indices.compactMap { index in
        if isPaired && index / planes % 2 == 1 { return nil }
        let second = isPaired && index + planes < to.count ? to[index + planes] : nil
        return (from[index], to[index], second, held.isEmpty ? [] : held[index])
      }
    }
  }

  /// The sums of the packed channels for a whole block.
  private func add<T: KernelElement>(
    _ packed: UnsafePointer<T>, _ weights: UnsafePointer<T>, channels: Int, _ sweep: Sweep,
    to output: UnsafeMutablePointer<T>, accumulates: Bool
  ) {
    sums.planes.withUnsafeBufferPointer { planes in
      for start in sweep.starts {
        let sums = sums.planes(held: start.held, channels: channels)
        var row = 0
        while row < sweep.rows {
          let kernel = kernels.kernel(rows: sweep.rows - row)
          let rows = min(kernel.rows, sweep.rows - row)
          for column in stride(from: 0, to: sweep.columns, by: kernels.width) {
            let from = packed + start.from + row * sweep.pitch + column
            let place = output + row * sweep.step + column
            let columns = min(kernels.width, sweep.columns - column)
            func add(_ sum: Int, to place: UnsafeMutablePointer<T>, base: UnsafeMutablePointer<T>?) {
              kernel.run?(
                sums[sum].count, planes.baseAddress.map { $0 + sums[sum].first }, from, sweep.pitch, weights,
                place,
                sweep.step, rows, columns, base)
            }
            let first = place + start.to
            if isPaired {
              let second = start.second.map { place + $0 }
              add(1, to: second ?? first, base: nil)
              add(0, to: first, base: second ?? first)
              if let second { add(2, to: second, base: second) }
            } else {
              add(0, to: first, base: accumulates ? first : nil)
            }
          }
          row += kernel.rows
        }
      }
    }
  }

  private func put<T: KernelElement>(
    _ stage: UnsafePointer<T>, _ extents: [Int], _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let last = extents.count - 1
    let emit = T.kernels.table.emit
    for (line, to) in places(Array(extents.dropLast()), Array(steps.dropLast())).enumerated() {
      emit?(
        1, extents[last], stage + line * extents[last], 0, output + to, 0, steps[last], bias,
        sum.accumulates ? 1 : 0)
    }
  }
}
