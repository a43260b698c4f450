import CVolute

/// A window sum with one output channel to a group, as depthwise convolutions and the last layers of networks are:
/// lanes along the last axis, several rows at once, so that a loaded input meets every row that it is under.
final class StencilConvolution: Sendable {
  let sum: WindowSum
  private let block: ConvolutionBlock
  private let lattice: Lattice
  let blocks: [Int]
  /// The planes of one input channel: each combination of the other axes' taps and the last two axes' phases.
  private let planes: [volute_plane]
  /// Kernels of one width, those of fewer rows first: the last for most rows, the others for what is left.
  private let stencils: [volute_stencil]
  /// Outputs of a kernel's call along the last axis.
  private let width: Int
  /// Between neighbouring outputs along each axis.
  private let steps: [Int]
  /// For each element of a channel's planes, where its weight lies relative to the first.
  private let weightOffsets: [Int]
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

  init<T: KernelElement>(_ sum: WindowSum, _ type: T.Type) {
    self.sum = sum
    steps = sum.axes.map(\.outputStep)
    let last = sum.axes.count - 1
    // Rows are read in order, a window at a time: a block may be larger than a cache, which saves halos, and sums of
    // large windows may wait between channels.
    block = ConvolutionBlock(
      sum.axes, inputs: sum.inputs, batch: sum.batch * sum.groups,
      budget: 5 * ConvolutionBlock.budget(bytes: MemoryLayout<T>.size), panels: 1, width: T.kernels.lanes,
      work: sum.multiplyAdds, mostChannels: sum.taps >= 100 ? 1 : .max)
    let lattice = Lattice(sum.axes, block: block.extents)
    self.lattice = lattice
    blocks = block.counts(sum.axes)
    // Tap offsets are row-major; the first tap of each phase of the last two axes starts a plane.
    let kernels = sum.axes.map(\.kernel)
    let outerTaps = kernels.dropLast(2).reduce(1, *)
    let offsets = sum.weightTapOffsets
    var planes: [volute_plane] = []
    var weights: [Int] = []
    for outer in 0..<outerTaps {
      for row in 0..<min(kernels[last - 1], sum.axes[last - 1].stride) {
        for column in 0..<min(kernels[last], sum.axes[last].stride) {
          let rowTaps = stride(from: row, to: kernels[last - 1], by: sum.axes[last - 1].stride)
          let columnTaps = stride(from: column, to: kernels[last], by: sum.axes[last].stride)
          let first = (outer * kernels[last - 1] + row) * kernels[last] + column
          planes.append(
            volute_plane(
              input: lattice.tapOffsets[first], weight: weights.count, rows: rowTaps.underestimatedCount,
              columns: columnTaps.underestimatedCount))
          for tapRow in rowTaps {
            for tapColumn in columnTaps {
              weights.append(offsets[(outer * kernels[last - 1] + tapRow) * kernels[last] + tapColumn])
            }
          }
        }
      }
    }
    weightOffsets = weights
    isInOrder =
      weights.elementsEqual(0..<weights.count) && sum.weightSteps.input == weights.count
      && sum.weightSteps.group == sum.depth
    let work = sum.multiplyAdds / Double(blocks.reduce(sum.batch * sum.groups, *))
    itemsOfTask = max(1, min(sum.batch * sum.groups * blocks.reduce(1, *) / 16, Int(1e6 / max(work, 1))))
    // A kernel of n rows of outputs takes the first n - 1 rows of their windows apart: every window has as many.
    let least = planes.map(\.rows).min() ?? 1
    let vectors = (block.extents[last] + T.kernels.lanes - 1) / T.kernels.lanes
    stencils = Self.stencils(
      T.kernels, window: least, rows: block.extents[last - 1], vectors: vectors)
    width = (stencils.last?.vectors ?? 1) * T.kernels.lanes
    let channels = block.channels
    self.planes = (0..<channels).flatMap { channel in
      planes.map {
        volute_plane(
          input: $0.input + channel * lattice.channelSize, weight: $0.weight + channel * weights.count,
          rows: $0.rows, columns: $0.columns)
      }
    }
  }

  /// The kernels for lines of so many vectors, cut into equal pieces: those that take the least time for a row.
  private static func stencils(_ set: KernelSet, window: Int, rows: Int, vectors: Int) -> [volute_stencil] {
    let heights = set.stencilHeights.filter { $0 == 2 || ($0 <= window + 1 && $0 / 2 < rows) }
    func kernel(_ height: Int) -> volute_stencil {
      let widest = set.stencil(rows: height, columns: .max).vectors
      let pieces = (vectors + widest - 1) / widest
      return set.stencil(rows: height, columns: (vectors + pieces - 1) / pieces * set.lanes)
    }
    func cycles(_ kernel: volute_stencil) -> Double {
      let pieces = (vectors + kernel.vectors - 1) / kernel.vectors
      return Self.cycles(kernel, window: window) * Double(pieces) / Double(kernel.rows)
    }
    let best = heights.map(kernel).min { cycles($0) < cycles($1) } ?? set.stencil(rows: 2, columns: .max)
    return heights.filter { $0 < best.rows }.map { set.stencil(rows: $0, columns: best.vectors * set.lanes) }
      .filter { $0.vectors == best.vectors } + [best]
  }

  /// Cycles of a call for each column of its window: two products a cycle, and beside them vectors of the input, each in
  /// two lines of the cache, and taps.
  private static func cycles(_ kernel: volute_stencil, window: Int) -> Double {
    let (height, width) = (Double(kernel.rows), Double(kernel.vectors))
    let products = Double(window) * height * width / 2
    let loads = (Double(window) + height - 1) * width + Double(window) * height / 2
    return products + 0.2 * loads
  }

  /// The part of its speed that the kernel for most rows reaches.
  var speed: Double {
    guard let kernel = stencils.last, let window = planes.map(\.rows).min() else { return 1 }
    return Double(window * kernel.rows * kernel.vectors) / 2 / Self.cycles(kernel, window: window)
  }

  private var weightSize: Int { sum.groups * sum.depth }
  private var packedSize: Int {
    block.channels * lattice.channelSize + 4 * lattice.lengths[lattice.axes.count - 1] + 512
  }
  private var isPlain: Bool { !sum.accumulates && sum.axes[sum.axes.count - 1].outputStep == 1 }
  private var stageSize: Int { block.extents.reduce(1, *) }

  /// Elements that a run needs beside the arrays: shared, and for each thread.
  var workspace: (shared: Int, perThread: Int) {
    (isInOrder ? 0 : weightSize, packedSize + stageSize + lattice.lineSize)
  }

  /// Positions with those that vectors compute and drop.
  var paddedPositions: Double {
    let last = block.extents.count - 1
    let line = (block.extents[last] + width - 1) / width * width
    var lines = 0
    while lines < block.extents[last - 1] { lines += kernel(rows: block.extents[last - 1] - lines).rows }
    return Double(line * lines) * Double(block.extents.dropLast(2).reduce(1, *)) * Double(blocks.reduce(1, *))
  }

  /// The kernel for the next rows where so many are left.
  private func kernel(rows: Int) -> volute_stencil {
    stencils.first { $0.rows >= rows } ?? stencils[stencils.count - 1]
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
    withScratch(T.self, weightSize) { weights in
      var place = 0
      for group in 0..<sum.groups {
        for channel in 0..<sum.inputs {
          let from =
            weight + sum.weightOffset + group * sum.weightSteps.group + channel * sum.weightSteps.input
          for offset in weightOffsets {
            weights[place] = from[offset]
            place += 1
          }
        }
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
      taps: block.channels == 1 && origin.count == 3
        ? (origin[0]..<origin[0] + extents[0]).map { sum.axes[0].taps(of: $0) } : [])
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
          add(
            packed, weights + group * sum.depth + channel * weightOffsets.count, channels: channels, sweep,
            to: isDirect ? to : stage, accumulates: channel > 0)
        }
        if !isDirect { put(stage, extents, bias.map { $0 + group }, to) }
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
    /// Where each plane of the last two axes starts, and which taps of the axis before do not read padding; all of them
    /// where there are several such axes.
    let starts: [(from: Int, to: Int, taps: Range<Int>?)]

    /// - Parameter taps: for each output along the first of three axes, or none.
    init(_ extents: [Int], pitches: [Int], steps: [Int], taps: [Range<Int>]) {
      let last = extents.count - 1
      (rows, columns) = (extents[last - 1], extents[last])
      (pitch, step) = (pitches[last - 1], steps[last - 1])
      let outer = Array(extents.dropLast(2))
      let places = zip(places(outer, Array(pitches.dropLast(2))), places(outer, Array(steps.dropLast(2))))
      starts = places.enumerated().map { index, place in
        (from: place.0, to: place.1, taps: taps.isEmpty ? nil : taps[index])
      }
    }
  }

  /// The sums of the packed channels for a whole block.
  private func add<T: KernelElement>(
    _ packed: UnsafePointer<T>, _ weights: UnsafePointer<T>, channels: Int, _ sweep: Sweep,
    to output: UnsafeMutablePointer<T>, accumulates: Bool
  ) {
    planes.withUnsafeBufferPointer { planes in
      let count = planes.count / block.channels * channels
      let planesOfTap = planes.count / block.channels / sum.axes[0].kernel
      for start in sweep.starts {
        let first = (start.taps?.lowerBound ?? 0) * planesOfTap
        let count = start.taps.map { $0.count * planesOfTap } ?? count
        var row = 0
        while row < sweep.rows {
          let kernel = kernel(rows: sweep.rows - row)
          let rows = min(kernel.rows, sweep.rows - row)
          for column in stride(from: 0, to: sweep.columns, by: width) {
            kernel.run?(
              count, planes.baseAddress.map { $0 + first }, packed + start.from + row * sweep.pitch + column,
              sweep.pitch, weights, output + start.to + row * sweep.step + column, sweep.step, rows,
              min(width, sweep.columns - column), accumulates ? 1 : 0)
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
