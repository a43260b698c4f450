import CVolute

/// A window sum of many groups, as depthwise convolutions are: the groups lie side by side in the lanes of a vector,
/// each with its own weights, so that rows of any length, strides and dilations leave no lane empty.
///
/// To what packs and writes blocks the groups are samples.
// Unchecked: plain memory, written only while it is made.
final class GroupConvolution: @unchecked Sendable {
  let sum: WindowSum
  let lanes: Int
  let weightLayout: PackedLayout
  /// The sum as the lanes see it: groups are samples, and samples groups.
  private let turned: WindowSum
  /// The sum as its weights lie: a panel has one value for each lane.
  private let weightSum: WindowSum
  private let block: BatchBlock
  private let lattice: Lattice
  private let rowPitch: Int
  private let blocks: [Int]
  private let offsets: UnsafeBufferPointer<Int32>
  /// For each output along the first axis, the taps along it from the first to the last that read anything but padding;
  /// all of them, of all input channels, where there are several channels or only this axis.
  private let heldTaps: UnsafeBufferPointer<Range<Int>>
  /// Taps of the other axes under each of those.
  private let tapsOfFirst: Int
  /// Between neighbouring outputs along each axis.
  private let steps: [Int]
  private let samples: SampleLanes
  private let results: LaneResults
  /// Rows of results, next to each other, that are written before the next are summed.
  private let rowsOfStrip: Int

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    if 2 * sum.groups < lanes { return "too few groups (\(sum.groups)) to fill \(lanes) lanes" }
    if sum.depth > 1024 { return "\(sum.depth) products to an output are too many to be summed at once" }
    return SampleLanes.reasonAgainst(sum.turned, lanes: lanes, channels: sum.inputs)
  }

  init<T: KernelElement>(_ sum: WindowSum, _ type: T.Type) {
    self.sum = sum
    lanes = T.kernels.lanes
    turned = sum.turned
    var weightSum = sum
    (weightSum.groups, weightSum.outputs) = (sum.outputs, sum.groups)
    (weightSum.weightSteps.group, weightSum.weightSteps.output) =
      (sum.weightSteps.output, sum.weightSteps.group)
    self.weightSum = weightSum
    weightLayout = PackedLayout(.panels, weightSum, [lanes], T.self)
    let axes = turned.axes + [SampleLanes.axis(turned, lanes: lanes)]
    let widest = T.kernels.table.lane_sums
    let cycles = Self.cyclesOfOutput(sum, widest: widest, bytes: MemoryLayout<T>.size * lanes)
    let block = BatchBlock(turned, height: 1, inStrips: true, T.self) { columns, passes in
      // Sums wait for each other where they are few.
      let pieces = (columns + widest - 1) / widest
      return max(Double(columns), 8 * Double(pieces)) * cycles + Double(pieces) * 20 * passes
    }
    self.block = block
    let lattice = Lattice(axes, block: block.extents)
    self.lattice = lattice
    let rows = turned.axes.count - 2
    rowPitch = rows < 0 ? 0 : lattice.pitches[rows]
    offsets = UnsafeBufferPointer(copying: lattice.offsets(channels: block.channels))
    let first = turned.axes[0]
    let isHeld = turned.axes.count > 1 && sum.inputs == 1
    heldTaps = UnsafeBufferPointer(
      copying: (0..<first.count).map { isHeld ? first.taps(of: $0) : 0..<first.kernel * sum.inputs })
    tapsOfFirst = sum.taps / first.kernel
    steps = turned.axes.map(\.outputStep)
    blocks = zip(axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    samples = SampleLanes(turned, lattice, lanes: lanes)
    var extents = zip(turned.axes, block.extents).map { LaneResults.pieces(of: $0.count, extent: $1) }
    let columns = block.extents[extents.count - 1]
    if rows < 0 {
      rowsOfStrip = 1
    } else {
      let strip = ConvolutionBlock.even(
        block.extents[rows], atMost: max(1, Self.vectorsOfStrip / columns), multiple: 1)
      rowsOfStrip = strip
      extents[rows] = Set(extents[rows].flatMap { LaneResults.pieces(of: $0, extent: strip).union([strip]) })
    }
    results = LaneResults(turned, extents: Array(extents.suffix(2)), lanes: lanes)
  }

  deinit {
    offsets.deallocate()
    heldTaps.deallocate()
  }

  /// Cycles of a vector of outputs, `bytes` long, of which `widest` are summed at once: as many as its products take where
  /// taps lie together in threes and share what they load.
  private static func cyclesOfOutput(_ sum: WindowSum, widest: Int, bytes: Int) -> Double {
    let last = sum.axes[sum.axes.count - 1]
    let together = last.stride == 1 && last.dilation == 1 ? last.kernel / 3 * 3 : 0
    let loads = 1.5 - Double(together) / Double(2 * last.kernel)
    // What is read for outputs that are summed at once, and again for those of the next row if it is still near.
    let window = sum.depth / last.kernel * (widest + last.kernel - 1)
    let far = window * bytes > 40 << 10 ? Double(window) / Double(2 * widest) : 0
    return Double(sum.depth) / 2 * loads + far
  }

  /// Vectors of results that are still near when they are turned and written.
  private static let vectorsOfStrip = 256
  /// What all blocks take, in cycles of a core that finishes two vectors of products in each.
  var cycles: Double { block.cycles }
  private var packedSize: Int { block.channels * lattice.channelSize }
  private var stageSize: Int { rowsOfStrip * block.extents.suffix(2).reduce(1, *) }

  /// Elements of the packed weights.
  var weightCount: Int { (sum.groups + lanes - 1) / lanes * lanes * sum.outputs * sum.depth }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    (weightCount + threads * scratchSize) * bytes
  }

  private var scratchSize: Int { packedSize + stageSize + results.rowSize + lanes }

  func packed<T: KernelElement>(_ weight: UnsafePointer<T>) -> WeightPanels<T> {
    WeightPanels.packed(weightSum, weight, height: lanes)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    let squares = (sum.groups + lanes - 1) / lanes
    let shared = squares * sum.batch * block.shares > 1 ? lattice.origins(blocks).map(place) : nil
    parallel(SumTask.count(samples: squares, groups: sum.batch, blocks: blocks, shares: block.shares)) {
      number in
      guard
        let task = SumTask(
          number, groups: sum.batch, blocks: blocks, extents: block.extents, panels: sum.outputs,
          shares: block.shares)
      else { return }
      compute(
        task, shared?[task.block] ?? place(task.origin),
        input + sum.inputOffset + task.sample * lanes * sum.inputSteps.group
          + task.group * sum.inputSteps.batch,
        weights, bias.map { $0 + task.sample * lanes * sum.outputs },
        output + sum.outputOffset + task.sample * lanes * sum.outputSteps.group
          + task.group * sum.outputSteps.batch)
    }
  }

  /// What the tasks of a block share.
  private struct Place {
    /// The first output along the first axis.
    let origin: Int
    let rows: Int
    let columns: Int
    /// The ways of a strip's results, and of those of the last one.
    let whole: LaneRoute
    let partial: LaneRoute
    /// Where each plane lies when packed, and its outputs.
    let planes: [(from: Int, to: Int)]
    let planesOfFirst: Int
    let packer: SampleLanes.Packer
  }

  private func place(_ origin: [Int]) -> Place {
    let extents = zip(zip(turned.axes, origin), block.extents).map { min($0.0.count - $0.1, $1) }
    let last = extents.count - 1
    let (rows, columns) = (last > 0 ? extents[last - 1] : 1, extents[last])
    let rest = rows % rowsOfStrip
    func route(_ rows: Int) -> LaneRoute { results.route(last > 0 ? [rows, columns] : [columns]) }
    let outer = Array(extents.prefix(max(last - 1, 0)))
    let first = zip(steps, origin).reduce(0) { $0 + $1.0 * $1.1 }
    let planes = zip(
      places(outer, Array(lattice.pitches.prefix(outer.count))),
      places(outer, Array(steps.prefix(outer.count))))
    return Place(
      origin: origin[0], rows: rows, columns: columns, whole: route(rowsOfStrip),
      partial: route(rest == 0 ? rowsOfStrip : rest),
      planes: planes.map { ($0, first + $1) },
      planesOfFirst: outer.dropFirst().reduce(1, *), packer: samples.packer(origin: origin))
  }

  /// One task, its sample being a vector of groups and its group a sample.
  private func compute<T: KernelElement>(
    _ task: SumTask, _ place: Place, _ input: UnsafePointer<T>, _ weights: WeightPanels<T>,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let groups = min(lanes, sum.groups - task.sample * lanes)
    let (rows, columns) = (place.rows, place.columns)
    let rowStep = steps.count > 1 ? steps[steps.count - 2] : 0
    withScratch(T.self, scratchSize) { packed in
      let stage = packed + packedSize
      let row = stage + stageSize
      let start = row + results.rowSize
      for channel in 0..<sum.inputs {
        place.packer.pack(
          input + channel * sum.inputSteps.channel, samples: groups,
          next: channel + 1 < sum.inputs ? sum.inputSteps.channel : nil,
          into: packed + channel * lattice.channelSize)
      }
      for share in task.panels {
        for lane in 0..<lanes {
          start[lane] = lane < groups ? bias.map { $0[lane * sum.outputs + share] } ?? .zero : .zero
        }
        let output = output + share * sum.outputSteps.channel
        for (index, plane) in place.planes.enumerated() {
          for first in stride(from: 0, to: rows, by: rowsOfStrip) {
            let strip = first..<min(first + rowsOfStrip, rows)
            add(
              strip, columns: columns,
              origin: place.origin + (steps.count > 2 ? index / place.planesOfFirst : 0),
              packed + plane.from, weights.panel(group: share, task.sample), start: start, to: stage)
            (strip.count == rowsOfStrip ? place.whole : place.partial).unpack(
              stage, samples: groups, batchStep: sum.outputSteps.group, accumulates: sum.accumulates,
              row: row, to: output + plane.to + first * rowStep)
          }
        }
      }
    }
  }

  /// The sums of some rows of a plane, as they are counted.
  ///
  /// - Parameters:
  ///   - origin: the place along the first axis of the plane or, of two axes, of its first row.
  ///   - plane: its first row, packed.
  ///   - start: what is added to.
  private func add<T: KernelElement>(
    _ rows: Range<Int>, columns: Int, origin: Int, _ plane: UnsafePointer<T>, _ weights: UnsafePointer<T>,
    start: UnsafePointer<T>, to stage: UnsafeMutablePointer<T>
  ) {
    let isRow = steps.count == 2
    var row = rows.lowerBound
    while row < rows.upperBound {
      // Of two axes each row has its own taps, but most have the same.
      let taps = heldTaps[isRow ? origin + row : origin]
      var end = row + 1
      while end < rows.upperBound && (!isRow || heldTaps[origin + end] == taps) { end += 1 }
      let first = taps.lowerBound * tapsOfFirst
      T.kernels.table.sum_lanes?(
        end - row, columns, taps.count * tapsOfFirst, offsets.baseAddress.map { $0 + first },
        plane + row * rowPitch, rowPitch, weights + first * lanes, start,
        stage + (row - rows.lowerBound) * columns * lanes, columns * lanes)
      row = end
    }
  }
}

extension WindowSum {
  /// The sum with its groups as samples and its samples as groups; weights do not follow.
  fileprivate var turned: WindowSum {
    var sum = self
    (sum.batch, sum.groups) = (groups, batch)
    (sum.inputSteps.batch, sum.inputSteps.group) = (inputSteps.group, inputSteps.batch)
    (sum.outputSteps.batch, sum.outputSteps.group) = (outputSteps.group, outputSteps.batch)
    return sum
  }
}
