import CVolute

/// Winograd's minimal filtering along one or two axes before the last, whose kernels have three taps. The other axes
/// keep their taps, strides and dilations.
///
/// Rows stay whole, so that transforms are sums of neighbouring rows and results lie as they are written. The lanes
/// of a vector are places of a row or, for many short rows, samples.
final class WinogradRowConvolution: Sendable {
  let block: WinogradRowBlock
  let weightLayout: PackedLayout
  /// The sum as its weight is packed: taps of the tiled axes innermost.
  let weightSum: WindowSum
  private let lattice: Lattice
  private let layout: WinogradRowLayout
  private let lines: WinogradRowLayout.Lines
  private let blocks: [Int]
  private let samples: SampleLanes?
  private let offsets: [Int32]
  private let products: [(place: Int, column: Int, kernel: volute_tile)]
  private let outputStages: [WinogradStage]
  /// Results of one output channel: what one point takes.
  private let rowSize: Int
  /// Output channels that are transformed back at once, as lines of some length are faster.
  private let rowsAtOnce: Int
  /// The point whose products reach every output of a tile unchanged.
  private let biasPoint: Int

  private var sum: WindowSum { block.sum }
  private var tiled: Range<Int> { block.tiled }
  var tiles: [WinogradTile] { block.tiles }
  var height: Int { block.height }

  init<T: KernelElement>(_ block: WinogradRowBlock, _ type: T.Type) {
    self.block = block
    let (sum, tiled, tiles) = (block.sum, block.tiled, block.tiles)
    let kernels = T.kernels
    let lanes = kernels.lanes
    var weightSum = sum
    weightSum.axes = Array(sum.axes[..<tiled.lowerBound] + sum.axes[tiled.upperBound...] + sum.axes[tiled])
    self.weightSum = weightSum
    weightLayout = PackedLayout(.winograd, weightSum, [block.height] + tiles.map(\.outputs), T.self)
    let lattice =
      block.hasSamples
      ? Lattice(
        block.axes + [SampleLanes.axis(sum, lanes: lanes)], block: block.extents + [lanes], hasTaps: false)
      : Lattice(block.axes, block: block.extents, hasTaps: false)
    self.lattice = lattice
    samples = block.hasSamples ? SampleLanes(sum, lattice, lanes: lanes) : nil
    let layout = WinogradRowLayout(lattice, tiled: tiled, tiles: tiles)
    self.layout = layout
    blocks = zip(block.axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    let width = block.hasSamples ? lanes : 1
    let lines = WinogradRowLayout.Lines(
      count: block.extents[tiled.upperBound - 1], length: block.extents[sum.axes.count - 1] * width,
      pitch: layout.pitches[tiled.upperBound - 1], height: block.height, kernels)
    self.lines = lines
    let starts = VoluteEngine.places(
      Array(block.extents.prefix(tiled.upperBound - 1)), Array(layout.pitches.prefix(tiled.upperBound - 1)))
    products = starts.enumerated().flatMap { group, start in
      lines.pieces.map { (start + $0.place, group * lines.size + $0.column, $0.kernel) }
    }
    let results = starts.count * lines.size
    // A last piece may be wider than what is left.
    rowSize = results + kernels.tile(rows: block.height).vectors * lanes
    rowsAtOnce = min(block.height, max(1, 512 / rowSize))
    outputStages = WinogradLayout.outputStages(
      tiles, firstPitch: block.height * rowSize, pitch: rowsAtOnce * rowSize, count: rowsAtOnce * rowSize)
    offsets = (0..<sum.inputs).flatMap { [pitch = Self.channelPitch(layout)] channel in
      layout.tapOffsets.map { Int32(channel * pitch + $0) }
    }
    biasPoint = tiles.reduce(0) { $0 * $1.points + 1 }
  }

  /// A line more than a channel needs, so that channels do not meet in one set of the cache.
  private static func channelPitch(_ layout: WinogradRowLayout) -> Int { (layout.places + 31) / 32 * 32 + 16 }

  private var transformedSize: Int { sum.inputs * Self.channelPitch(layout) + 256 }
  private var packingSize: Int { lattice.channelSize + 2 * layout.stageSize + 64 }
  private var productSize: Int { block.points * height * rowSize }
  /// Results of a stage on the way back.
  private var backSize: Int { block.points * rowsAtOnce * rowSize }
  /// A row of all samples, before it is cut into phases or after it is turned back.
  private var turnSize: Int {
    samples.map { max($0.rowSize, block.extents[sum.axes.count - 1] * $0.count) } ?? lattice.lineSize
  }
  private var scratchSize: Int { transformedSize + max(packingSize, productSize + 2 * backSize) + turnSize }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let weights = sum.groups * block.panels * height * sum.inputs * block.taps
    return (weights * (block.points + sum.taps / block.taps) + threads * scratchSize) * bytes
  }

  var weightElements: Double {
    Double(sum.groups * block.panels * height * offsets.count) * Double(2 * block.points + 9)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WinogradWeights<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    let lanes = samples?.count ?? 1
    parallel(
      SumTask.count(samples: block.samples, groups: sum.groups, blocks: blocks, shares: block.shares)
    ) { number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: weights.panels,
          shares: block.shares)
      else { return }
      let (sample, group) = (task.sample * lanes, task.group)
      let count = min(lanes, sum.batch - sample)
      let from = input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group
      let to = output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
      let targets = targets(task.origin)
      withScratch(T.self, scratchSize) { scratch in
        let rest = scratch + transformedSize
        let turned = scratch + scratchSize - turnSize
        transform(from, task.origin, samples: count, into: scratch, scratch: rest, row: turned)
        for panel in task.panels {
          let rows = min(height, sum.outputs - panel * height)
          multiply(
            scratch, weights, group, panel, rows: rows,
            bias.map { $0 + group * sum.outputs + panel * height }, into: rest)
          emit(
            rest, targets,
            width: min(
              block.extents[sum.axes.count - 1], sum.axes[sum.axes.count - 1].count - (task.origin.last ?? 0)),
            samples: count, rows: rows, row: turned, to + panel * height * sum.outputSteps.channel)
        }
      }
    }
  }

  /// Packs and transforms every input channel of the block.
  private func transform<T: KernelElement>(
    _ input: UnsafePointer<T>, _ origin: [Int], samples count: Int, into transformed: UnsafeMutablePointer<T>,
    scratch: UnsafeMutablePointer<T>, row: UnsafeMutablePointer<T>
  ) {
    let stages = [scratch + lattice.channelSize, scratch + lattice.channelSize + layout.stageSize]
    let pitch = Self.channelPitch(layout)
    func passOn(_ channel: Int) {
      var from = UnsafePointer(scratch)
      for (index, stage) in layout.stages.enumerated() {
        let to = index == layout.stages.count - 1 ? transformed + channel * pitch : stages[index & 1]
        stage.run(from, to)
        from = UnsafePointer(to)
      }
    }
    if let samples {
      let packer = samples.packer(lattice, origin: origin, samples: count)
      for channel in 0..<sum.inputs {
        packer.pack(input + channel * sum.inputSteps.channel, into: scratch, row: row)
        passOn(channel)
      }
    } else {
      let packer = lattice.packer(origin: origin)
      for channel in 0..<sum.inputs {
        packer.pack(input + channel * sum.inputSteps.channel, into: scratch, line: row)
        passOn(channel)
      }
    }
  }

  /// The products of a panel of output channels: for each point and channel a row of results.
  private func multiply<T: KernelElement>(
    _ transformed: UnsafePointer<T>, _ weights: WinogradWeights<T>, _ group: Int, _ panel: Int, rows: Int,
    _ bias: UnsafePointer<T>?, into result: UnsafeMutablePointer<T>
  ) {
    let depth = offsets.count
    offsets.withUnsafeBufferPointer { offsets in
      products.withUnsafeBufferPointer { products in
        for (point, place) in layout.pointOffsets.enumerated() {
          let a = weights.panel(group: group, panel, point: point)
          let c = result + point * height * rowSize
          var accumulate: Int32 = 0
          if let bias, point == biasPoint {
            for row in 0..<height {
              (c + row * rowSize).update(repeating: row < rows ? bias[row] : .zero, count: rowSize)
            }
            accumulate = 1
          }
          for product in products {
            product.kernel.run?(
              depth, a, transformed + place + product.place, offsets.baseAddress, c + product.column, rowSize,
              height, product.kernel.vectors * T.kernels.lanes, accumulate)
          }
        }
      }
    }
  }

  /// Where rows of results go.
  private struct Target {
    /// The first among the results of one output channel, once they are transformed back.
    var from: Int
    /// The first among the outputs of the channel.
    var to: Int
    /// Rows, one for each tile along the last tiled axis.
    var count: Int
  }

  /// The targets of the block at `origin`, without the outputs that tiles have too many.
  private func targets(_ origin: [Int]) -> [Target] {
    let last = sum.axes.count - 1
    let lastTiled = tiled.upperBound - 1
    var bases = [(part: 0, group: 0, to: origin[last] * sum.axes[last].outputStep)]
    for axis in 0..<lastTiled {
      let outputs = tiled.contains(axis) ? tiles[axis - tiled.lowerBound].outputs : 1
      let table = sum.axes[axis]
      bases = bases.flatMap { base in
        (0..<block.extents[axis]).flatMap { index in
          let first = (origin[axis] + index) * outputs
          return (0..<max(0, min(outputs, table.count - first))).map { place in
            (
              base.part * outputs + place, base.group * block.extents[axis] + index,
              base.to + (first + place) * table.outputStep
            )
          }
        }
      }
    }
    let outputs = tiles[tiles.count - 1].outputs
    let table = sum.axes[lastTiled]
    return bases.flatMap { base in
      (0..<outputs).compactMap { place in
        let first = origin[lastTiled] * outputs + place
        if first >= table.count { return nil }
        return Target(
          from: (base.part * outputs + place) * rowsAtOnce * rowSize + base.group * lines.size,
          to: base.to + first * table.outputStep,
          count: min(block.extents[lastTiled], (table.count - first - 1) / outputs + 1))
      }
    }
  }

  /// Transforms the products of a panel back and writes them.
  private func emit<T: KernelElement>(
    _ products: UnsafeMutablePointer<T>, _ targets: [Target], width: Int, samples count: Int, rows: Int,
    row scratch: UnsafeMutablePointer<T>, _ output: UnsafeMutablePointer<T>
  ) {
    let stages = [products + productSize, products + productSize + backSize]
    let put = T.kernels.table.emit
    let lastTiled = tiled.upperBound - 1
    let pitch = sum.axes[lastTiled].outputStep * tiles[tiles.count - 1].outputs
    let step = sum.axes[sum.axes.count - 1].outputStep
    for first in stride(from: 0, to: rows, by: rowsAtOnce) {
      var from = UnsafePointer(products + first * rowSize)
      for (index, stage) in outputStages.enumerated() {
        stage.run(from, stages[index & 1])
        from = UnsafePointer(stages[index & 1])
      }
      targets.withUnsafeBufferPointer { targets in
        for row in first..<min(first + rowsAtOnce, rows) {
          let values = from + (row - first) * rowSize
          let channel = output + row * sum.outputSteps.channel
          for target in targets {
            guard let samples else {
              put?(
                target.count, width, values + target.from, lines.pitch, channel + target.to, pitch, step, nil,
                sum.accumulates ? 1 : 0)
              continue
            }
            for line in 0..<target.count {
              samples.put(
                values + target.from + line * lines.pitch, width: width, samples: count,
                to: channel + target.to + line * pitch, sum, step: step, row: scratch)
            }
          }
        }
      }
    }
  }
}
