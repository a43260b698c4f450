import CVolute

/// Winograd's minimal filtering along one axis beside the rows, of two to five taps, or as many for each phase of a
/// stride, where the lanes of a vector lie along output channels and places of a row are taken one by one: rows may be
/// short, and a stride along them costs nothing.
///
/// The input is transformed as it lies, rows with rows; only results are turned about.
final class WinogradOutputConvolution: Sendable {
  let block: WinogradOutputBlock
  let weights: WinogradWeightLayout
  private let sum: WindowSum
  private let blocks: [Int]
  /// Where the input is not read where it lies, the places of a block; their neighbours are neighbours.
  private let lattice: Lattice
  private let inputStages: WinogradStages
  private let outputStages: WinogradStages
  /// For each input channel, tap that is not of a tile, and tap between those that are, the row that it reads.
  private let offsets: [Int32]
  /// Where the rows of a block read, those under neighbouring tiles behind each other.
  private let starts: [Int]
  /// By the block's number.
  private let parts: [Part]
  private let turnSize: Int
  /// From one point of a channel to the next, and from one channel.
  private let pointPitch: Int
  private let channelPitch: Int

  /// What a block reads and writes.
  private struct Part {
    /// The first place that it reads along each axis, and where that lies.
    var places: [Int]
    var from: Int
    /// Rows of results, and where they go, relative to the channel's first.
    var rows: [(from: Int, to: Int)]
    var route: LaneRoute
  }

  init<T: KernelElement>(_ block: WinogradOutputBlock, _ type: T.Type) {
    self.block = block
    let (sum, tile, tiled, row) = (block.sum, block.tile, block.tiled, block.row)
    self.sum = sum
    blocks = zip(block.axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    let reads = block.reads(block.extents)
    let lattice = Lattice(
      sum.axes.map { axis in
        var axis = axis
        (axis.count, axis.kernel, axis.stride, axis.dilation) = (axis.sources.count, 1, 1, 1)
        return axis
      }, block: reads, hasTaps: false)
    self.lattice = lattice

    // A channel is laid out [places of the axes that stay whole][point][tile][place between two taps of a tile][row], so
    // that rows which follow each other are transformed in one go.
    let line = block.stride * block.rowLength
    let pointPitch = block.extents[tiled] * line
    self.pointPitch = pointPitch
    let slicePitches = StridedArray.contiguousStrides(Array(reads.prefix(tiled))).map {
      $0 * tile.points * pointPitch
    }
    let pitches = block.isInPlace ? sum.axes.map(\.inputStep) : lattice.pitches
    let slices = zip(
      places(Array(reads.prefix(tiled)), Array(pitches.prefix(tiled))),
      places(Array(reads.prefix(tiled)), slicePitches))
    inputStages = WinogradStages([
      WinogradStage(
        // Behind the last row there may be nothing.
        tile: tile, kind: .input, length: line - block.rowLength + block.axes[tiled + 1].reach,
        lines: slices.flatMap { from, to in
          (0..<block.extents[tiled]).map { (from + $0 * tile.outputs * line, to + $0 * line) }
        }, inputs: (0..<tile.points).map { $0 * line }, outputs: (0..<tile.points).map { $0 * pointPitch })
    ])
    let channelSize = reads.prefix(tiled).reduce(tile.points * pointPitch, *)
    // A line more than a channel needs, so that channels do not meet in one set of the cache.
    channelPitch = (channelSize + 31) / 32 * 32 + 16
    var weightSum = sum
    weightSum.axes = Array(sum.axes[..<tiled] + [row, sum.axes[tiled]])
    weights = WinogradWeightLayout(
      weightSum, tiles: [tile], strides: [block.stride], height: block.height, T.self)
    let taps = combinations(
      sum.axes.indices.map { axis in
        let (step, pitch) =
          axis < tiled ? (sum.axes[axis].dilation, slicePitches[axis]) : (axis == tiled ? 1 : row.dilation, 1)
        return (0..<(axis == tiled ? 1 : sum.axes[axis].kernel)).map { $0 * step * pitch }
      }
    ).map { $0.reduce(0, +) }
    offsets = (0..<sum.inputs).flatMap { [channelPitch] channel in
      taps.flatMap { tap in
        (0..<block.stride).map { Int32(channel * channelPitch + tap + $0 * block.rowLength) }
      }
    }
    starts = places(
      Array(block.extents.prefix(tiled + 1)),
      zip(sum.axes, slicePitches).map { $0.stride * $1 } + [line])

    let (height, partPitch) = (block.height, Self.partPitch(block))
    outputStages = WinogradStages(
      WinogradLayout.outputStages([tile], firstPitch: partPitch, pitch: partPitch, count: partPitch))
    var routes: [Int: LaneRoute] = [:]
    for wanted in LaneResults.pieces(of: sum.axes[tiled].count, extent: block.extents[tiled] * tile.outputs) {
      let pairs = (0..<wanted).flatMap { output in
        let (number, part) = output.quotientAndRemainder(dividingBy: tile.outputs)
        return (0..<row.count).map { place in
          (
            element: output * sum.axes[tiled].outputStep + place * row.outputStep,
            place: part * partPitch + (number * row.count + place) * height
          )
        }
      }
      routes[wanted] = LaneRoute(pairs, bridges: false)
    }
    turnSize = block.lanes * (routes.values.map { $0.rowLength(accumulates: sum.accumulates) }.max() ?? 0)
    let rowPitches = StridedArray.contiguousStrides(Array(block.extents.prefix(tiled + 1))).map {
      $0 * row.count * height
    }
    let origins = combinations(
      zip(blocks, block.extents).map { count, extent in (0..<count).map { $0 * extent } })
    parts = origins.compactMap { origin in
      let firsts = (0...tiled).map { origin[$0] * ($0 == tiled ? tile.outputs : 1) }
      let wanted = (0...tiled).map {
        min(block.extents[$0] * ($0 == tiled ? tile.outputs : 1), sum.axes[$0].count - firsts[$0])
      }
      let outputSteps = sum.axes.map(\.outputStep)
      let target = zip(firsts, outputSteps).reduce(0) { $0 + $1.0 * $1.1 }
      let outer = Array(wanted.prefix(tiled))
      let rows = zip(
        VoluteEngine.places(outer, Array(rowPitches.prefix(tiled))),
        VoluteEngine.places(outer, Array(outputSteps.prefix(tiled)))
      ).map { (from: $0, to: target + $1) }
      let places = (0...tiled).map { origin[$0] * block.axes[$0].stride } + [0]
      let from = zip(sum.axes, places).reduce(0) { $0 + $1.0.source(at: $1.1) * $1.0.inputStep }
      return routes[wanted[tiled]].map { Part(places: places, from: from, rows: rows, route: $0) }
    }
  }

  /// Elements of the products of a point, and as much more.
  private static func partPitch(_ block: WinogradOutputBlock) -> Int {
    block.extents.prefix(block.tiled + 1).reduce(block.row.count * block.height, *) + 16
  }

  private var transformedSize: Int { sum.inputs * channelPitch }
  private var packingSize: Int { block.isInPlace ? 0 : lattice.channelSize + 64 }
  private var workSize: Int {
    (block.tile.points + block.tile.outputs) * Self.partPitch(block) + turnSize + 2 * block.height
  }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    // As packed, and transformed.
    let packed = sum.groups * block.panels * block.height * sum.inputs * sum.taps
    return weights.byteCount(bytes: bytes)
      + (packed + threads * (transformedSize + max(packingSize, workSize))) * bytes
  }

  /// Elements of the input and the output.
  var arrayElements: Double {
    let inputs = sum.axes.reduce(Double(sum.inputs)) { $0 * Double($1.count * $1.stride) }
    return Double(sum.batch * sum.groups) * (inputs + Double(sum.outputs) * Double(sum.positions))
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WinogradWeights<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let packers =
      block.isInPlace || sum.batch * sum.groups == 1 ? nil : parts.map { lattice.packer(origin: $0.places) }
    parallel(
      SumTask.count(samples: sum.batch, groups: sum.groups, blocks: blocks, shares: block.shares)
    ) { number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: block.panels,
          shares: block.shares)
      else { return }
      let (sample, group, part) = (task.sample, task.group, parts[task.block])
      let from = input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group
      let to = output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
      withScratch(T.self, transformedSize + max(packingSize, workSize)) { scratch in
        transform(from, part, packers?[task.block], into: scratch, scratch: scratch + transformedSize)
        for panel in task.panels {
          let channel = panel * block.height
          let channels = min(block.height, sum.outputs - channel)
          let results = multiply(
            scratch, weights.panel(group: group, panel, point: 0), pointSize: weights.pointSize,
            bias.map { UnsafeBufferPointer(start: $0 + group * sum.outputs + channel, count: channels) },
            scratch: scratch + transformedSize)
          for row in part.rows {
            for done in stride(from: 0, to: channels, by: block.lanes) {
              part.route.unpack(
                results + row.from + done, samples: min(block.lanes, channels - done),
                batchStep: sum.outputSteps.channel, accumulates: sum.accumulates,
                row: scratch + transformedSize,
                to: to + row.to + (channel + done) * sum.outputSteps.channel)
            }
          }
        }
      }
    }
  }

  /// Packs, if need be, and transforms every input channel of the block.
  private func transform<T: KernelElement>(
    _ input: UnsafePointer<T>, _ part: Part, _ packer: Lattice.Packer?,
    into transformed: UnsafeMutablePointer<T>, scratch: UnsafeMutablePointer<T>
  ) {
    if block.isInPlace {
      for channel in 0..<sum.inputs {
        inputStages.run(input + part.from + channel * sum.inputSteps.channel) { _ in
          transformed + channel * channelPitch
        }
      }
      return
    }
    let packer = packer ?? lattice.packer(origin: part.places)
    for channel in 0..<sum.inputs {
      packer.pack(
        input + channel * sum.inputSteps.channel, next: sum.inputSteps.channel, into: scratch, line: scratch)
      inputStages.run(scratch) { _ in transformed + channel * channelPitch }
    }
  }

  /// Multiplies a panel and transforms it back.
  ///
  /// - Parameter scratch: room for ``workSize`` elements; the first ``turnSize`` of them are free afterwards.
  /// - Returns: the results, `[output of a tile][row][output of a row][channel]`.
  private func multiply<T: KernelElement>(
    _ transformed: UnsafePointer<T>, _ weights: UnsafePointer<T>, pointSize: Int,
    _ bias: UnsafeBufferPointer<T>?, scratch: UnsafeMutablePointer<T>
  ) -> UnsafePointer<T> {
    let (tile, height, partPitch) = (block.tile, block.height, Self.partPitch(block))
    let products = scratch + turnSize
    let results = products + tile.points * partPitch
    let start = results + tile.outputs * partPitch
    let zeros = start + height
    start.update(repeating: .zero, count: 2 * height)
    // What is added to an output has its bias already.
    if let bias, let first = bias.baseAddress, !sum.accumulates {
      start.update(from: first, count: bias.count)
    }
    let sumRows = T.kernels.table.sum_rows
    offsets.withUnsafeBufferPointer { offsets in
      starts.withUnsafeBufferPointer { starts in
        for point in 0..<tile.points {
          let from = transformed + point * pointPitch
          for first in stride(from: 0, to: starts.count, by: 2) {
            // The products of the second point reach every output of a tile unchanged.
            sumRows?(
              block.row.count, block.vectors, block.row.stride, offsets.count, offsets.baseAddress,
              from + starts[first], first + 1 < starts.count ? from + starts[first + 1] : nil,
              weights + point * pointSize, point == 1 ? start : zeros,
              products + point * partPitch + first * block.row.count * height)
          }
        }
      }
    }
    return outputStages.run(products) { _ in results }
  }
}
