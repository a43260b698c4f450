import CVolute

/// A window sum of many samples: they lie side by side in the lanes of a vector, so that short rows, strides and
/// dilations leave no lane empty.
///
/// Blocks are packed through ``SampleLanes`` and written through ``LaneResults``.
final class BatchConvolution: Sendable {
  let sum: WindowSum
  let height: Int
  let weightLayout: PackedLayout
  let lanes: Int
  private let block: BatchBlock
  private let lattice: Lattice
  private let offsets: [Int32]
  private let tiles: BlockTiles
  private let blocks: [Int]
  private let samples: SampleLanes
  private let results: LaneResults

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    // So many products in one sum lose digits.
    if sum.taps > 1024 { return "a window of \(sum.taps) places is too large to be summed at once" }
    return SampleLanes.reasonAgainst(sum, lanes: lanes, channels: (sum.inputs + 7) / 8)
  }

  init<T: KernelElement>(_ sum: WindowSum, _ type: T.Type) {
    self.sum = sum
    lanes = T.kernels.lanes
    height = T.kernels.tileHeight(rows: sum.outputs)
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    let axes = sum.axes + [SampleLanes.axis(sum, lanes: lanes)]
    block = BatchBlock(sum, height: height, T.self) { [sum, height] columns, passes in
      let widest = T.kernels.tile(rows: height).vectors
      let rest = columns % widest
      let padded = Double(columns - rest) + (rest == 0 ? 0 : Double(rest) + 0.4)
      return padded * Double(height * sum.depth) / 2 + Double((columns + widest - 1) / widest) * 20 * passes
    }
    let lattice = Lattice(axes, block: block.extents)
    self.lattice = lattice
    offsets = lattice.offsets(channels: block.channels)
    tiles = Self.tiles(block.extents, lattice, height: height, kernels: T.kernels)
    blocks = zip(axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    samples = SampleLanes(sum, lattice, lanes: lanes)
    results = LaneResults(
      sum,
      extents: zip(sum.axes, block.extents).suffix(2).map { LaneResults.pieces(of: $0.count, extent: $1) },
      lanes: lanes)
  }

  private static func tiles(_ extents: [Int], _ lattice: Lattice, height: Int, kernels: KernelSet)
    -> BlockTiles
  {
    BlockTiles(
      extents: extents, pitches: lattice.pitches, steps: StridedArray.contiguousStrides(extents),
      height: height, kernels: kernels)
  }

  /// What all blocks take, in cycles of a core that finishes two vectors of products in each.
  var cycles: Double { block.cycles }
  private var panels: Int { (sum.outputs + height - 1) / height }
  private var panelsOfShare: Int { (panels + block.shares - 1) / block.shares }
  private var stageSize: Int { panelsOfShare * height * block.extents.reduce(1, *) }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    (sum.groups * panels * height * sum.depth + threads * (packedSize + stageSize + results.rowSize)) * bytes
  }

  /// Elements of a packed block, and beyond it what the last tile may read.
  private var packedSize: Int { block.channels * lattice.channelSize + 1024 }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    let squares = (sum.batch + lanes - 1) / lanes
    parallel(SumTask.count(samples: squares, groups: sum.groups, blocks: blocks, shares: block.shares)) {
      number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: weights.panels,
          shares: block.shares)
      else { return }
      let (first, group) = (task.sample * lanes, task.group)
      compute(
        task.origin, task.panels, min(lanes, sum.batch - first),
        input + sum.inputOffset + first * sum.inputSteps.batch + group * sum.inputSteps.group,
        weights, group, bias.map { $0 + group * sum.outputs },
        output + sum.outputOffset + first * sum.outputSteps.batch + group * sum.outputSteps.group)
    }
  }

  /// One task: the outputs of `panels` in the block at `origin`.
  private func compute<T: KernelElement>(
    _ origin: [Int], _ panels: Range<Int>, _ samples: Int, _ input: UnsafePointer<T>,
    _ weights: WeightPanels<T>, _ group: Int, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let counts = sum.axes.map(\.count) + [lanes]
    let extents = zip(zip(counts, origin), block.extents).map { min($0.0 - $0.1, $1) }
    let tiles =
      extents == block.extents ? tiles : Self.tiles(extents, lattice, height: height, kernels: T.kernels)
    let positions = extents.reduce(1, *)
    let packer = self.samples.packer(origin: origin)
    withScratch(T.self, packedSize + stageSize + results.rowSize) { packed in
      let stage = packed + packedSize
      let row = stage + stageSize
      if let bias {
        for output in panels.lowerBound * height..<min(panels.upperBound * height, sum.outputs) {
          (stage + (output - panels.lowerBound * height) * positions).update(
            repeating: bias[output], count: positions)
        }
      }
      for channel in stride(from: 0, to: sum.inputs, by: block.channels) {
        let channels = min(block.channels, sum.inputs - channel)
        for index in 0..<channels {
          packer.pack(
            input + (channel + index) * sum.inputSteps.channel, samples: samples,
            next: channel + index + 1 < sum.inputs ? sum.inputSteps.channel : nil,
            into: packed + index * lattice.channelSize)
        }
        let taps = lattice.tapOffsets.count
        offsets.withUnsafeBufferPointer { offsets in
          for panel in panels {
            let a = weights.panel(group: group, panel) + channel * taps * height
            let to = stage + (panel - panels.lowerBound) * height * positions
            tiles.forEach { tile, segment in
              tile.kernel.run?(
                channels * taps, a, packed + tile.place, offsets.baseAddress, to + segment.output, positions,
                height, segment.count, channel > 0 || bias != nil ? 1 : 0)
            }
          }
        }
      }
      let first = panels.lowerBound * height
      results.write(
        stage, samples: samples, channels: min(panels.upperBound * height, sum.outputs) - first,
        origin: origin, extents: extents, row: row, to: output + first * sum.outputSteps.channel)
    }
  }
}
