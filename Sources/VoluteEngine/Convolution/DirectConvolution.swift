import CVolute

/// A window sum as a matrix product whose right side is never built: a block of the input is packed through the
/// axes' sources, and each tap of each channel is a row of it, shifted.
///
/// Serves every stride, dilation and padding, 1x1 and long kernels alike; the sums are those of the definition,
/// taken channel by channel, so infinities and NaN stay where they belong.
final class DirectConvolution: Sendable {
  let sum: WindowSum
  let height: Int
  let block: ConvolutionBlock
  let weightLayout: PackedLayout
  private let lattice: Lattice
  /// For each input channel of a block and each tap, the row of the packed block.
  private let offsets: [Int32]
  /// Where the input can be read as it lies, its rows for each channel of a block, and the tiles under them.
  private let inPlace: (offsets: [Int32], tiles: BlockTiles)?
  private let tiles: BlockTiles
  private let blocks: [Int]
  /// Elements of the widest tile.
  private let tileSize: Int
  /// Whether outputs are few lines of the input, mixed: memory decides how long that takes, and how it is written.
  private let mixes: Bool

  init<T: KernelElement>(_ whole: WindowSum, _ type: T.Type) {
    let points = whole.mergingPoints()
    let sum = points ?? whole
    self.sum = sum
    height = T.kernels.tileHeight(rows: sum.outputs)
    let width = T.kernels.tile(rows: height).vectors * T.kernels.lanes
    tileSize = height * width
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    block = ConvolutionBlock(
      sum.axes, inputs: sum.inputs, batch: sum.batch * sum.groups,
      budget: ConvolutionBlock.budget(bytes: MemoryLayout<T>.size),
      panels: (sum.outputs + height - 1) / height,
      width: width, work: sum.multiplyAdds)
    let lattice = Lattice(sum.axes, block: block.extents)
    self.lattice = lattice
    offsets = lattice.offsets(channels: block.channels)
    tiles = BlockTiles(
      extents: block.extents, pitches: lattice.pitches, steps: sum.axes.map(\.outputStep), height: height,
      kernels: T.kernels)
    blocks = block.counts(sum.axes)
    // Ends of short lines would take longer than the lines.
    mixes = points != nil && sum.inputs <= 8 && sum.positions >= 4096 && !sum.accumulates
    // Channels as far apart as a power of two meet in one set of the cache: a second look finds them gone.
    let isRead = points != nil && (sum.outputs <= height || sum.inputs <= 8) && !mixes
    if isRead && sum.inputs * sum.inputSteps.channel < Int(Int32.max) {
      inPlace = (
        (0..<block.channels).map { Int32($0 * sum.inputSteps.channel) },
        BlockTiles(
          extents: block.extents, pitches: sum.axes.map(\.inputStep), steps: sum.axes.map(\.outputStep),
          height: height, kernels: T.kernels)
      )
    } else {
      inPlace = nil
    }
  }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let panels = (sum.outputs + height - 1) / height
    let weights = sum.groups * panels * height * sum.depth
    if mixes { return weights * bytes }
    return (weights + threads * (packedSize + stageSize + lattice.lineSize)) * bytes
  }

  /// Whether tiles of the block at `origin` may read what lies behind it without leaving the array.
  private func canReadInPlace(_ origin: [Int], sample: Int, group: Int) -> Bool {
    if inPlace == nil { return false }
    let width = tileSize / height
    let plane = sum.axes.reduce(1) { $0 + ($1.count - 1) * $1.inputStep }
    let end = zip(sum.axes, zip(origin, block.extents)).reduce(1) {
      $0 + (min($1.1.0 + $1.1.1, $1.0.count) - 1) * $1.0.inputStep
    }
    let isLast = sample + 1 == sum.batch && group + 1 == sum.groups
    return end + width <= plane || !isLast && width <= plane
  }

  /// Elements of a packed block, and beyond it what the last tile may read.
  private var packedSize: Int { block.channels * lattice.channelSize + 1024 }
  private var isSplit: Bool { block.channels < sum.inputs }
  private var panelsOfShare: Int {
    let panels = (sum.outputs + height - 1) / height
    return (panels + block.shares - 1) / block.shares
  }
  private var stageSize: Int { isSplit ? panelsOfShare * tiles.stageSize : tileSize }

  /// Positions with those that tiles compute and drop.
  var paddedPositions: Double {
    Double(tiles.paddedCount) * Double(blocks.reduce(1, *))
  }

  /// Elements packed by all tasks.
  var packedElements: Double {
    if inPlace != nil || mixes { return 0 }
    return Double(sum.batch * sum.groups * blocks.reduce(1, *) * block.shares)
      * Double(sum.inputs * lattice.channelSize)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    if mixes { return mix(input, weights, bias, output) }
    let packers = inPlace == nil ? lattice.sharedPackers(blocks, for: sum.batch * sum.groups) : nil
    parallel(
      SumTask.count(samples: sum.batch, groups: sum.groups, blocks: blocks, shares: block.shares)
    ) { number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: weights.panels,
          shares: block.shares)
      else { return }
      let (sample, group) = (task.sample, task.group)
      compute(
        task.origin, packers?[task.block], task.panels,
        isInPlace: canReadInPlace(task.origin, sample: sample, group: group),
        input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group, weights,
        group,
        bias.map { $0 + group * sum.outputs },
        output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group)
    }
  }

  /// An output of so many bytes is written past the caches: its lines would be read first, and be gone before anybody
  /// reads them again.
  private static let pastCaches = 44 << 20
  /// Where so many bytes are read and written, results that are few beside what is read are written past the caches too:
  /// they would push it out. Measured with a call that reads the results next.
  private static let filledCaches = 30 << 20

  /// Points of few channels: stretches of all outputs.
  private func mix<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let (count, items) = (sum.positions, sum.batch * sum.groups)
    let results = items * sum.outputs * count * MemoryLayout<T>.size
    let read = items * sum.inputs * count * MemoryLayout<T>.size
    let isPast = results >= Self.pastCaches || 2 * results < read && read + results >= Self.filledCaches
    let pieces = max(1, min((16 + items - 1) / items, count >> 13))
    parallel(items * pieces) { task in
      let (item, piece) = task.quotientAndRemainder(dividingBy: pieces)
      let (sample, group) = item.quotientAndRemainder(dividingBy: sum.groups)
      let (first, end) = (count * piece / pieces, count * (piece + 1) / pieces)
      let from = input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group
      let to = output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
      for panel in 0..<weights.panels {
        let row = panel * height
        T.kernels.table.mix?(
          end - first, sum.inputs, from + first, sum.inputSteps.channel, min(height, sum.outputs - row),
          weights.panel(group: group, panel), height, bias.map { $0 + group * sum.outputs + row },
          to + row * sum.outputSteps.channel + first, sum.outputSteps.channel,
          isPast ? 1 : 0)
      }
    }
  }

  /// One task: the outputs of `panels` in the block at `origin`.
  ///
  /// - Parameters:
  ///   - packer: the block's, if there is one already.
  ///   - isInPlace: whether the input is read as it lies.
  private func compute<T: KernelElement>(
    _ origin: [Int], _ packer: Lattice.Packer?, _ panels: Range<Int>, isInPlace: Bool,
    _ input: UnsafePointer<T>,
    _ weights: WeightPanels<T>, _ group: Int, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let inPlace = isInPlace ? inPlace : nil
    let extents = zip(zip(sum.axes, origin), block.extents).map { min($0.0.count - $0.1, $1) }
    let tiles =
      extents == block.extents
      ? inPlace?.tiles ?? tiles
      : BlockTiles(
        extents: extents, pitches: inPlace == nil ? lattice.pitches : sum.axes.map(\.inputStep),
        steps: sum.axes.map(\.outputStep), height: height, kernels: T.kernels)
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    let to = output + zip(sum.axes, origin).reduce(0) { $0 + $1.0.outputStep * $1.1 }
    let from = input + zip(sum.axes, origin).reduce(0) { $0 + $1.0.inputStep * $1.1 }
    withScratch(T.self, packedSize + stageSize + lattice.lineSize) { packed in
      let stage = packed + packedSize
      let packer = inPlace == nil ? packer ?? lattice.packer(origin: origin) : nil
      for channel in stride(from: 0, to: sum.inputs, by: block.channels) {
        let channels = min(block.channels, sum.inputs - channel)
        if let packer {
          for index in 0..<channels {
            packer.pack(
              input + (channel + index) * sum.inputSteps.channel, next: sum.inputSteps.channel,
              into: packed + index * lattice.channelSize,
              line: packed + packedSize + stageSize)
          }
        }
        let part = Part(
          depth: channels * lattice.tapOffsets.count, skipped: channel * lattice.tapOffsets.count * height,
          isFirst: channel == 0, isLast: channel + channels == sum.inputs)
        let rows = inPlace == nil ? UnsafePointer(packed) : from + channel * sum.inputSteps.channel
        multiply(
          part, tiles, panels, rows, inPlace?.offsets ?? offsets, stage, weights, group, bias, to)
      }
    }
  }

  /// Some of the input channels of a block.
  private struct Part {
    var depth: Int
    /// Elements of each weight panel that belong to the channels before.
    var skipped: Int
    var isFirst: Bool
    var isLast: Bool
  }

  private func multiply<T: KernelElement>(
    _ part: Part, _ tiles: BlockTiles, _ panels: Range<Int>, _ packed: UnsafePointer<T>, _ offsets: [Int32],
    _ stage: UnsafeMutablePointer<T>, _ weights: WeightPanels<T>, _ group: Int, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let kernels = T.kernels
    let emit = kernels.table.emit
    let channelStep = sum.outputSteps.channel
    let step = sum.axes[sum.axes.count - 1].outputStep
    let isPlain = !isSplit && !sum.accumulates && bias == nil && step == 1
    offsets.withUnsafeBufferPointer { offsets in
      tiles.tiles.withUnsafeBufferPointer { list in
        var place = stage
        for panel in panels {
          let rows = min(height, sum.outputs - panel * height)
          let a = weights.panel(group: group, panel) + part.skipped
          let to = output + panel * height * channelStep
          for tile in list {
            let width = tile.kernel.vectors * kernels.lanes
            let first = tiles.segments[tile.segments.lowerBound]
            if isPlain && rows == height && first.count == width {
              tile.kernel.run?(
                part.depth, a, packed + tile.place, offsets.baseAddress, to + first.output, channelStep,
                height, width, 0)
              continue
            }
            tile.kernel.run?(
              part.depth, a, packed + tile.place, offsets.baseAddress, place, width, height, width,
              part.isFirst ? 0 : 1)
            if part.isLast {
              for index in tile.segments {
                let segment = tiles.segments[index]
                emit?(
                  rows, segment.count, place + segment.column, width, to + segment.output, channelStep, step,
                  bias.map { $0 + panel * height }, sum.accumulates ? 1 : 0)
              }
            }
            if isSplit { place += height * width }
          }
        }
      }
    }
  }
}
