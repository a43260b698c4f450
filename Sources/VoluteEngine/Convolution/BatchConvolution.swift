import CVolute

/// A window sum of many samples: they lie side by side in the lanes of a vector, so that short rows, strides and
/// dilations leave no lane empty.
///
/// The samples are one more axis behind the others, as long as a vector, whose window is one. So a block is packed like
/// any other, but by turning samples and places about, and complete sums are turned back.
final class BatchConvolution: Sendable {
  let sum: WindowSum
  let height: Int
  let weightLayout: PackedLayout
  private let lanes: Int
  private let block: ConvolutionBlock
  private let lattice: Lattice
  private let offsets: [Int32]
  private let tiles: BlockTiles
  private let blocks: [Int]
  /// For each block along the last axis, what its rows are made of.
  private let rows: [Row]

  /// The places of a row of the input, in each phase of the stride.
  private struct Row {
    let runs: [volute_run]
    /// The elements that are read.
    let span: Range<Int>
    /// Whether phases are stretches of the row as it is.
    let isPlain: Bool

    /// - Parameter phaseSize: places from one phase to the next.
    init(_ axis: WindowSum.Axis, phases: [Int], first: Int, length: Int, phaseSize: Int) {
      runs = phases.enumerated().flatMap { index, phase in
        Lattice.runs(axis, places: first * axis.stride + phase, step: axis.stride, length: length).map {
          volute_run(to: index * phaseSize + $0.to, from: $0.from, step: $0.step, count: $0.count)
        }
      }
      let read = runs.filter { $0.step != 0 }
      let ends = read.flatMap { [$0.from, $0.from + ($0.count - 1) * $0.step] }
      span = (ends.min() ?? 0)..<(ends.max() ?? -1) + 1
      isPlain = read.allSatisfy { $0.step == 1 }
    }
  }

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    if 2 * sum.batch < lanes { return "a batch of \(sum.batch) leaves most of \(lanes) lanes empty" }
    if sum.axes.last?.inputStep != 1 { return "rows of the input do not lie in a row" }
    return nil
  }

  init<T: KernelElement>(_ sum: WindowSum, _ type: T.Type) {
    self.sum = sum
    lanes = T.kernels.lanes
    height = T.kernels.tileHeight(rows: sum.outputs)
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    let samples = WindowSum.Axis(
      sources: Array(0..<lanes), stride: 1, dilation: 1, kernel: 1, count: lanes,
      inputStep: sum.inputSteps.batch, weightStep: 0, outputStep: sum.outputSteps.batch)
    let axes = sum.axes + [samples]
    block = ConvolutionBlock(
      axes, inputs: sum.inputs, batch: (sum.batch + lanes - 1) / lanes * sum.groups,
      budget: ConvolutionBlock.budget(bytes: MemoryLayout<T>.size),
      panels: (sum.outputs + height - 1) / height, width: lanes, work: sum.multiplyAdds)
    let lattice = Lattice(axes, block: block.extents)
    self.lattice = lattice
    offsets = (0..<block.channels).flatMap { channel in
      lattice.tapOffsets.map { Int32(channel * lattice.channelSize + $0) }
    }
    tiles = Self.tiles(block.extents, lattice, height: height, kernels: T.kernels)
    blocks = block.counts(axes)
    let last = sum.axes.count - 1
    rows = stride(from: 0, to: sum.axes[last].count, by: block.extents[last]).map {
      Row(
        sum.axes[last], phases: lattice.parts[last].phases, first: $0, length: lattice.lengths[last],
        phaseSize: lattice.phaseSize / T.kernels.lanes)
    }
  }

  private static func tiles(_ extents: [Int], _ lattice: Lattice, height: Int, kernels: KernelSet)
    -> BlockTiles
  {
    BlockTiles(
      extents: extents, pitches: lattice.pitches, steps: StridedArray.contiguousStrides(extents),
      height: height, kernels: kernels)
  }

  private var panels: Int { (sum.outputs + height - 1) / height }
  private var panelsOfShare: Int { (panels + block.shares - 1) / block.shares }
  private var packedSize: Int { block.channels * lattice.channelSize + 1024 }
  private var stageSize: Int { panelsOfShare * height * block.extents.reduce(1, *) }
  /// A row of all samples, before it is cut into phases or after it is turned back.
  private var rowSize: Int {
    lanes * max(rows.map(\.span.count).max() ?? 0, block.extents[sum.axes.count - 1])
  }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    (sum.groups * panels * height * sum.depth + threads * (packedSize + stageSize + rowSize)) * bytes
  }

  private var tasks: Double {
    Double((sum.batch + lanes - 1) / lanes * sum.groups) * Double(blocks.reduce(1, *))
  }

  /// Products with those of empty lanes and rows.
  var paddedMultiplyAdds: Double {
    tasks * Double(tiles.paddedCount) * Double(panels * height) * Double(sum.depth)
  }

  /// Elements that are turned about, on the way in and out.
  var turnedElements: Double {
    let passes = rows.allSatisfy(\.isPlain) ? 1 : 2
    let packed: Int = block.shares * sum.inputs * lattice.channelSize * passes
    let written: Int = sum.outputs * block.extents.reduce(1, *)
    return tasks * Double(packed + written)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let boxes = blocks.reduce(1, *)
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    parallel((sum.batch + lanes - 1) / lanes * sum.groups * boxes * block.shares) { task in
      let share = task % block.shares
      var rest = task / block.shares
      var origin = Array(repeating: 0, count: blocks.count)
      for axis in blocks.indices.reversed() {
        let (outer, index) = rest.quotientAndRemainder(dividingBy: blocks[axis])
        origin[axis] = index * block.extents[axis]
        rest = outer
      }
      let (square, group) = rest.quotientAndRemainder(dividingBy: sum.groups)
      let first = share * panelsOfShare
      // Shares are rounded up, so that the last may have none.
      if first >= weights.panels { return }
      let panels = first..<min(first + panelsOfShare, weights.panels)
      let samples = min(lanes, sum.batch - square * lanes)
      compute(
        origin, panels, samples,
        input + sum.inputOffset + square * lanes * sum.inputSteps.batch + group * sum.inputSteps.group,
        weights, group, bias.map { $0 + group * sum.outputs },
        output + sum.outputOffset + square * lanes * sum.outputSteps.batch + group * sum.outputSteps.group)
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
    let packer = Packer(self, origin, samples)
    withScratch(T.self, packedSize + stageSize + rowSize) { packed in
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
            input + (channel + index) * sum.inputSteps.channel, into: packed + index * lattice.channelSize,
            row: row)
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
      write(stage, row, origin, extents, panels, samples, output)
    }
  }

  /// Turns complete sums back and puts them where they belong.
  private func write<T: KernelElement>(
    _ stage: UnsafePointer<T>, _ row: UnsafeMutablePointer<T>, _ origin: [Int], _ extents: [Int],
    _ panels: Range<Int>, _ samples: Int, _ output: UnsafeMutablePointer<T>
  ) {
    let last = sum.axes.count - 1
    let turn = T.kernels.table.lanes_to_lines
    let emit = T.kernels.table.emit
    let width = extents[last]
    let step = sum.axes[last].outputStep
    let lines = places(
      Array(extents.prefix(last)), sum.axes.prefix(last).map(\.outputStep))
    let start = zip(sum.axes, origin).reduce(0) { $0 + $1.0.outputStep * $1.1 }
    var from = stage
    for channel in panels.lowerBound * height..<min(panels.upperBound * height, sum.outputs) {
      for line in lines {
        let to = output + start + channel * sum.outputSteps.channel + line
        if step == 1 && !sum.accumulates {
          turn?(samples, width, from, to, sum.outputSteps.batch)
        } else {
          turn?(samples, width, from, row, width)
          emit?(
            samples, width, row, width, to, sum.outputSteps.batch, step, nil, sum.accumulates ? 1 : 0)
        }
        from += width * lanes
      }
    }
  }

  /// Packs channels of some samples for one block.
  private struct Packer {
    private let samples: Int
    private let batchStep: Int
    private let row: Row
    /// Where each row of places starts in the input, or -1 for one of padding, and in the block.
    private let rows: [(from: Int, to: Int)]
    private let lanes: Int

    init(_ convolution: BatchConvolution, _ origin: [Int], _ samples: Int) {
      let sum = convolution.sum
      let last = sum.axes.count - 1
      let lattice = convolution.lattice
      self.samples = samples
      lanes = convolution.lanes
      batchStep = sum.inputSteps.batch
      row = convolution.rows[origin[last] / convolution.block.extents[last]]
      let phaseSteps = StridedArray.contiguousStrides(lattice.parts.map(\.phases.count)).map {
        $0 * lattice.phaseSize
      }
      var rows = [(from: 0, to: 0)]
      for axis in 0..<last {
        let table = sum.axes[axis]
        rows = rows.flatMap { base in
          lattice.parts[axis].phases.enumerated().flatMap { phase, left in
            (0..<lattice.lengths[axis]).map { index in
              let place = (origin[axis] + index) * table.stride + left
              let source = place < table.sources.count ? table.sources[place] : -1
              return (
                base.from < 0 || source < 0 ? -1 : base.from + source * table.inputStep,
                base.to + phase * phaseSteps[axis] + index * lattice.pitches[axis]
              )
            }
          }
        }
      }
      self.rows = rows
    }

    /// - Parameter row: room for a row of all samples.
    func pack<T: KernelElement>(
      _ input: UnsafePointer<T>, into buffer: UnsafeMutablePointer<T>, row scratch: UnsafeMutablePointer<T>
    ) {
      let kernels = T.kernels
      let turn = kernels.table.lines_to_lanes
      let (isPlain, span, count) = (row.isPlain, row.span, row.runs.count)
      row.runs.withUnsafeBufferPointer { runs in
        rows.withUnsafeBufferPointer { rows in
          for (from, to) in rows {
            let line = input + from
            if from >= 0 && !isPlain {
              turn?(samples, span.count, line + span.lowerBound, batchStep, scratch)
            }
            for index in 0..<count {
              let run = runs[index]
              let place = buffer + to + run.to * lanes
              if from < 0 || run.step == 0 {
                place.update(repeating: .zero, count: run.count * lanes)
              } else if isPlain {
                turn?(samples, run.count, line + run.from, batchStep, place)
              } else {
                let first = scratch + (run.from - span.lowerBound) * lanes
                kernels.table.emit?(run.count, lanes, first, run.step * lanes, place, lanes, 1, nil, 0)
              }
            }
          }
        }
      }
    }
  }
}
