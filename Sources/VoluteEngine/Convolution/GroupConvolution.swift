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
  private let blocks: [Int]
  private let sums: LaneSums
  /// Between neighbouring outputs along each axis.
  private let steps: [Int]
  private let samples: SampleLanes
  private let results: LaneResults
  /// Rows of results, next to each other, that are written before the next are summed.
  private let rowsOfStrip: Int

  /// - Parameter isPaired: whether rows of results are to be made in pairs.
  static func reasonAgainst(_ sum: WindowSum, isPaired: Bool, lanes: Int) -> String? {
    if 2 * sum.groups < lanes { return "too few groups (\(sum.groups)) to fill \(lanes) lanes" }
    if sum.depth > 1024 { return "\(sum.depth) products to an output are too many to be summed at once" }
    if isPaired, let reason = LaneSums.reasonAgainstPairs(sum) { return reason }
    var read = sum.turned
    read.axes = LaneSums.axes(sum, isPaired: isPaired)
    return SampleLanes.reasonAgainst(read, lanes: lanes, channels: sum.inputs)
  }

  /// - Parameter isPaired: whether rows of results are made in pairs; ``LaneSums`` says why they may not be.
  init<T: KernelElement>(_ sum: WindowSum, isPaired: Bool, _ type: T.Type) {
    self.sum = sum
    lanes = T.kernels.lanes
    turned = sum.turned
    var weightSum = sum
    (weightSum.groups, weightSum.outputs) = (sum.outputs, sum.groups)
    (weightSum.weightSteps.group, weightSum.weightSteps.output) =
      (sum.weightSteps.output, sum.weightSteps.group)
    self.weightSum = weightSum
    weightLayout = PackedLayout(.panels, weightSum, isPaired ? [lanes, 2] : [lanes], T.self)
    var read = turned
    read.axes = LaneSums.axes(turned, isPaired: isPaired)
    let axes = read.axes + [SampleLanes.axis(turned, lanes: lanes)]
    let widest = T.kernels.table.lane_sums
    let cycles = LaneSums.cycles(
      sum, isPaired: isPaired, T.kernels.table, bytes: MemoryLayout<T>.size * lanes)
    let block = BatchBlock(read, height: 1, inStrips: true, T.self) { columns, passes in
      // Sums wait for each other where they are few.
      let pieces = (columns + widest - 1) / widest
      return max(Double(columns), 8 * Double(pieces)) * cycles + Double(pieces) * 20 * passes
    }
    self.block = block
    let lattice = Lattice(axes, block: block.extents)
    self.lattice = lattice
    sums = LaneSums(turned, lattice, isPaired: isPaired, lanes: lanes)
    steps = turned.axes.map(\.outputStep)
    blocks = zip(axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    samples = SampleLanes(read, lattice, lanes: lanes)
    var extents = zip(turned.axes, block.extents).map { LaneResults.pieces(of: $0.count, extent: $1) }
    let (rows, columns) = (extents.count - 2, block.extents[extents.count - 1])
    if rows < 0 {
      rowsOfStrip = 1
    } else {
      let strip = ConvolutionBlock.even(
        block.extents[rows], atMost: max(isPaired ? 2 : 1, Self.vectorsOfStrip / columns),
        multiple: isPaired ? 2 : 1)
      rowsOfStrip = strip
      extents[rows] = Set(extents[rows].flatMap { LaneResults.pieces(of: $0, extent: strip).union([strip]) })
    }
    results = LaneResults(turned, extents: Array(extents.suffix(2)), lanes: lanes)
  }

  /// Vectors of results that are still near when they are turned and written.
  private static let vectorsOfStrip = 256
  /// What all blocks take, in cycles of a core that finishes two vectors of products in each.
  var cycles: Double { block.cycles }
  var isPaired: Bool { sums.pairs != nil }
  private var packedSize: Int { block.channels * lattice.channelSize }
  private var stageSize: Int { rowsOfStrip * block.extents.suffix(2).reduce(1, *) }

  /// Elements of the packed weights.
  var weightCount: Int { (sum.groups + lanes - 1) / lanes * lanes * sum.outputs * sums.depth }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    // Pairs are made of weights that are packed already.
    (weightCount + (isPaired ? weightCount / sums.depth * sum.depth : 0) + threads * scratchSize) * bytes
  }

  private var scratchSize: Int { packedSize + stageSize + results.rowSize + lanes }

  func packed<T: KernelElement>(_ weight: UnsafePointer<T>) -> WeightPanels<T> {
    sums.weights(WeightPanels.packed(weightSum, weight, height: lanes))
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
            sums.add(
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
