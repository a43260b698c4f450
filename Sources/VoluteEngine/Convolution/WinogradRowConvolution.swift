import CVolute

/// Winograd's minimal filtering along one or two axes of two to five taps, or as many for each phase of a stride, where
/// the lanes of a vector lie along another. The other axes keep their taps, strides and dilations.
///
/// Lanes are places of a row, the last axis, which then stays whole, or samples. So transforms are sums of
/// neighbouring rows, and results lie as they are written.
final class WinogradRowConvolution: Sendable {
  let block: WinogradRowBlock
  /// Of each phase.
  let weights: [WinogradWeightLayout]
  private let phases: [WindowSum.Phase]
  /// Whether two phases have all outputs of a row between them, so that rows are written whole.
  private let isInterleaved: Bool
  /// Whether the only transform on the way back writes the outputs themselves.
  private let isDirect: Bool
  private let lattice: Lattice
  private let layout: WinogradRowLayout
  private let lines: WinogradRowLayout.Lines
  private let blocks: [Int]
  /// Samples of a task; a vector of them, or one.
  private let lanes: Int
  private let samples: SampleLanes?
  private let results: WinogradRowResults
  private let planes: WinogradPlanes
  private let products: WinogradProducts
  private let inputStages: WinogradStages
  private let outputStages: WinogradStages
  /// Output channels that are transformed back at once, as lines of some length are faster.
  private let rowsAtOnce: Int
  /// The point whose products reach every output of a tile unchanged.
  private let biasPoint: Int

  private let sum: WindowSum
  private let points: Int
  private let height: Int
  private var tiled: Range<Int> { block.tiled }
  private var tiles: [WinogradTile] { block.tiles }

  init<T: KernelElement>(_ block: WinogradRowBlock, _ type: T.Type) {
    self.block = block
    let (sum, tiled, tiles) = (block.sum, block.tiled, block.tiles)
    self.sum = sum
    points = block.points
    height = block.height
    let kernels = T.kernels
    let lanes = block.hasSamples ? kernels.lanes : 1
    self.lanes = lanes
    phases = sum.allPhases
    // The one that begins has as many outputs as the other, or one more.
    let inOrder = phases.sorted { $0.outputOffset < $1.outputOffset }
    isInterleaved =
      inOrder.count == 2 && sum.axes[sum.axes.count - 1].outputStep == 2 && !sum.accumulates
      && inOrder[1].outputOffset == inOrder[0].outputOffset + 1
      && 0...1 ~= inOrder[0].count - inOrder[1].count
    isDirect =
      !block.hasSamples && tiles.count == 1 && phases.count == 1 && !sum.accumulates
      && sum.axes[sum.axes.count - 1].outputStep == 1 && block.extents[tiled.upperBound] >= kernels.lanes
    weights = sum.parts.map { part in
      var weightSum = part
      weightSum.axes = Array(
        part.axes[..<tiled.lowerBound] + part.axes[tiled.upperBound...] + part.axes[tiled])
      return WinogradWeightLayout(
        weightSum, tiles: tiles, strides: block.strides, outerTaps: block.planeTaps,
        hasPhasesFirst: block.hasPhasesFirst, height: block.height, T.self)
    }
    let lattice =
      block.hasSamples
      ? Lattice(
        block.axes + [SampleLanes.axis(sum, lanes: lanes)], block: block.extents + [lanes], hasTaps: false)
      : Lattice(block.axes, block: block.extents, hasTaps: false)
    self.lattice = lattice
    samples = block.hasSamples ? SampleLanes(sum, lattice, lanes: lanes) : nil
    let planes = WinogradPlanes(block, depth: sum.inputs * block.taps)
    self.planes = planes
    let layout = WinogradRowLayout(
      lattice, tiled: tiled, tiles: tiles, strides: block.strides,
      rowTaps: block.hasSamples ? 1 : sum.axes[sum.axes.count - 1].kernel, planes: planes.count,
      hasPhasesFirst: block.hasPhasesFirst)
    self.layout = layout
    blocks = zip(block.axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    let lines = WinogradRowLayout.Lines(
      count: block.extents[tiled.upperBound - 1],
      length: block.extents[tiled.upperBound...].reduce(lanes, *),
      pitch: layout.pitches[tiled.upperBound - 1], height: block.height, kernels)
    self.lines = lines
    let starts = VoluteEngine.places(
      Array(block.extents.prefix(tiled.upperBound - 1)), Array(layout.pitches.prefix(tiled.upperBound - 1)))
    // A last piece may be wider than what is left.
    let end = lines.pieces.map { $0.column + $0.kernel.vectors * kernels.lanes }.max() ?? 0
    let rowSize = (starts.count - 1) * lines.size + max(end, lines.size)
    rowsAtOnce = min(block.height, max(1, 512 / rowSize))
    inputStages = WinogradStages(layout.stages)
    outputStages = WinogradStages(
      WinogradLayout.outputStages(
        tiles, firstPitch: block.height * rowSize, pitch: rowsAtOnce * rowSize, count: rowsAtOnce * rowSize))
    let channelPitch = Self.channelPitch(layout)
    let outerTaps = block.hasPhasesFirst ? block.strides[0] : planes.taps
    let inner = layout.tapOffsets.count / outerTaps
    let groupsOfPlane = block.planeTaps > 1 ? starts.count / block.extents[0] : starts.count
    products = WinogradProducts(
      offsets: (0..<outerTaps).flatMap { tap in
        (0..<sum.inputs).flatMap { channel in
          layout.tapOffsets[tap * inner..<(tap + 1) * inner].map { Int32(channel * channelPitch + $0) }
        }
      },
      points: layout.pointOffsets, last: (points - points / tiles[0].points..<points, block.lastDepth),
      tiles: starts.enumerated().flatMap { group, start in
        lines.pieces.map {
          (start + $0.place, group * lines.size + $0.column, $0.kernel, group / groupsOfPlane)
        }
      },
      height: block.height, phases: phases.count, rowSize: rowSize, order: block.order)
    biasPoint = tiles.reduce(0) { $0 * $1.points + 1 }
    let results = WinogradRowResults(block, lines, lanes: lanes, partSize: rowsAtOnce * rowSize)
    self.results = results
    lineSize = block.hasSamples ? lanes * results.longest : lattice.lineSize
  }

  /// A line more than a channel needs, so that channels do not meet in one set of the cache.
  private static func channelPitch(_ layout: WinogradRowLayout) -> Int { (layout.places + 31) / 32 * 32 + 16 }

  private var transformedSize: Int {
    (sum.inputs + products.order.slices - 1) / products.order.slices * Self.channelPitch(layout) + 256
  }
  private var packingSize: Int { lattice.channelSize + 2 * layout.stageSize + 64 }
  private var rowSize: Int { products.rowSize }
  /// Results of a stage on the way back.
  private var backSize: Int { points * rowsAtOnce * rowSize }
  /// A line that is packed or, of samples, the longest stretch of results.
  private let lineSize: Int
  private var scratchSize: Int {
    let back = (1 + phases.count) * backSize + 64
    return transformedSize + lineSize
      + (products.order.slices > 1
        ? products.size + max(packingSize, back) : max(packingSize, products.size + back))
  }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let weights = sum.groups * block.panels * height * sum.inputs * block.taps
    return (weights * phases.count * (block.points + sum.taps / block.taps) + threads * scratchSize) * bytes
  }

  /// Elements of the input and the output.
  var arrayElements: Double {
    let inputs = sum.axes.reduce(Double(sum.inputs)) { $0 * Double($1.count * $1.stride) }
    let outputs = Double(sum.outputs * phases.count) * Double(sum.positions)
    return Double(sum.batch * sum.groups) * (inputs + outputs)
  }

  var weightElements: Double {
    Double(sum.groups * block.panels * height * phases.count * products.offsets.count)
      * Double(2 * block.points + 9)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: [WinogradWeights<T>], _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    parallel(
      SumTask.count(samples: block.samples, groups: sum.groups, blocks: blocks, shares: block.shares)
    ) { number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: block.panels,
          shares: block.shares)
      else { return }
      let (sample, group) = (task.sample * lanes, task.group)
      let count = min(lanes, sum.batch - sample)
      let from = input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group
      let to = output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
      let targets = phases.map { results.target(origin: task.origin, $0) }
      defer { for target in targets { target.rows.deallocate() } }
      let lines = linesAhead(targets, samples: count, bytes: MemoryLayout<T>.size)
      defer { lines.deallocate() }
      // Of the task's own: all threads would count references to those of the plan.
      let sources = zip(weights, phases).map { ($0.panel(group: group, 0, point: 0), $1.shift) }
      let pointSize = weights.first?.pointSize ?? 0
      withScratch(T.self, scratchSize) { scratch in
        let rest = scratch + transformedSize
        let turned = scratch + scratchSize - lineSize
        let slices = products.order.slices
        for first in stride(
          from: task.panels.lowerBound, to: task.panels.upperBound, by: products.order.panels)
        {
          let panels = first..<min(first + products.order.panels, task.panels.upperBound)
          let channels = first * height..<min(panels.upperBound * height, sum.outputs)
          let ahead = WriteAhead(
            to + channels.lowerBound * sum.outputSteps.channel, channels: channels.count,
            channelStep: sum.outputSteps.channel, lines: lines)
          for slice in 0..<slices {
            let inputs = sum.inputs * slice / slices..<sum.inputs * (slice + 1) / slices
            if slices > 1 || first == task.panels.lowerBound {
              transform(
                from, task.origin, inputs, samples: count, into: scratch,
                scratch: slices > 1 ? rest + products.size : rest, row: turned)
            }
            // The depth counts from the first of all channels.
            products.run(
              scratch - inputs.lowerBound * Self.channelPitch(layout), panels, into: rest,
              slice: slices > 1 ? inputs.lowerBound * block.taps..<inputs.upperBound * block.taps : nil,
              depths: planes.depths(task.origin),
              ahead: slice == slices - 1 ? ahead : WriteAhead(scratch)
            ) { panel, phase, point in
              let (first, shift) = sources[phase]
              return (first + (panel * points + point) * pointSize, shift)
            }
          }
          for panel in panels {
            let rows = min(height, sum.outputs - panel * height)
            let values = rest + (panel - first) * phases.count * products.panelSize
            let stages = rest + products.size
            if let bias {
              for phase in phases.indices {
                add(
                  bias + group * sum.outputs + panel * height, rows: rows,
                  to: values + phase * products.panelSize, line: stages)
              }
            }
            emit(
              values, stages, targets, samples: count, rows: rows, row: turned,
              to + panel * height * sum.outputSteps.channel)
          }
        }
      }
    }
  }

  /// What to fetch of a channel before it is written; nothing where it is near anyway, or lies scattered. The caller
  /// deallocates it.
  private func linesAhead(
    _ targets: [WinogradRowResults.Target], samples: Int, bytes: Int
  ) -> UnsafeBufferPointer<Int32> {
    // All of the array: other sums may write between.
    let size = sum.batch * sum.groups * sum.outputs * sum.outputSteps.channel * bytes
    let isScattered = !isInterleaved && (targets.count > 1 || results.placeStep > 1)
    guard size >= WriteAhead.least, !isScattered, let first = targets.min(by: { $0.offset < $1.offset })
    else { return UnsafeBufferPointer(start: nil, count: 0) }
    return results.lines(
      first, width: targets.reduce(0) { $0 + $1.width }, samples: samples, bytes: bytes)
  }

  /// Packs and transforms input channels of the block.
  private func transform<T: KernelElement>(
    _ input: UnsafePointer<T>, _ origin: [Int], _ channels: Range<Int>, samples count: Int,
    into transformed: UnsafeMutablePointer<T>, scratch: UnsafeMutablePointer<T>, row: UnsafeMutablePointer<T>
  ) {
    let stages = scratch + lattice.channelSize
    let (stageSize, pitch, last) = (layout.stageSize, Self.channelPitch(layout), inputStages.count - 1)
    let wanted = planes.wanted(origin)
    func passOn(_ channel: Int) {
      inputStages.run(scratch, parts: wanted, of: planes.count) {
        $0 == last ? transformed + (channel - channels.lowerBound) * pitch : stages + ($0 & 1) * stageSize
      }
    }
    if let samples {
      let packer = samples.packer(origin: origin, planes: planes.taps > 1 ? wanted : nil)
      for channel in channels {
        packer.pack(
          input + channel * sum.inputSteps.channel, samples: count,
          next: channel + 1 < channels.upperBound ? sum.inputSteps.channel : nil, into: scratch)
        passOn(channel)
      }
    } else {
      let packer = lattice.packer(origin: origin)
      for channel in channels {
        packer.pack(
          input + channel * sum.inputSteps.channel, next: sum.inputSteps.channel, into: scratch, line: row)
        passOn(channel)
      }
    }
  }

  /// Adds the bias to the products of the point that reaches every output.
  private func add<T: KernelElement>(
    _ bias: UnsafePointer<T>, rows: Int, to products: UnsafeMutablePointer<T>, line: UnsafeMutablePointer<T>
  ) {
    for row in 0..<rows {
      line.update(repeating: bias[row], count: rowSize)
      T.kernels.table.emit?(
        1, rowSize, line, 0, products + (biasPoint * height + row) * rowSize, 0, 1, nil, 1)
    }
  }

  /// Transforms the products of a panel back and writes them.
  private func emit<T: KernelElement>(
    _ products: UnsafePointer<T>, _ scratch: UnsafeMutablePointer<T>, _ targets: [WinogradRowResults.Target],
    samples count: Int, rows: Int, row line: UnsafeMutablePointer<T>, _ output: UnsafeMutablePointer<T>
  ) {
    if isDirect { return transform(products, back: targets[0], rows: rows, spare: scratch, to: output) }
    for first in stride(from: 0, to: rows, by: rowsAtOnce) {
      // Of all phases before any is written: they go to the same lines.
      for phase in phases.indices {
        outputStages.run(products + phase * self.products.panelSize + first * rowSize) {
          // The last leaves its results behind those of the phases before.
          scratch + ($0 == outputStages.count - 1 ? 1 + phase : 0) * backSize
        }
      }
      for row in first..<min(first + rowsAtOnce, rows) {
        let values = scratch + backSize + (row - first) * rowSize
        let channel = output + row * sum.outputSteps.channel
        if isInterleaved {
          interleave(values, targets, channel)
          continue
        }
        for phase in targets.indices {
          write(values + phase * backSize, targets[phase], samples: count, row: line, channel)
        }
      }
    }
  }

  /// Transforms the products of a panel into the outputs themselves.
  ///
  /// - Parameter spare: room for a row that tiles have too many.
  private func transform<T: KernelElement>(
    _ products: UnsafePointer<T>, back target: WinogradRowResults.Target, rows: Int,
    spare: UnsafeMutablePointer<T>, to output: UnsafeMutablePointer<T>
  ) {
    let tile = tiles[0]
    let transform = WinogradStage.transform(.output, tile, T.kernels.table.winograd)
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: tile.points) { sources in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: tile.outputs) { targets in
        for row in 0..<rows {
          let channel = output + row * sum.outputSteps.channel + target.offset
          for first in stride(from: 0, to: target.rows.count, by: target.rowsOfTile) {
            for index in 0..<target.rows[first].count {
              let from = products + row * rowSize + target.rows[first].from + index * results.pitch
              for point in 0..<tile.points {
                sources[point] = UnsafeRawPointer(from + point * height * rowSize)
              }
              for part in 0..<tile.outputs {
                let isWanted = part < target.rowsOfTile && index < target.rows[first + part].count
                targets[part] = UnsafeMutableRawPointer(
                  isWanted ? channel + target.rows[first + part].to + index * results.linePitch : spare)
              }
              transform?(target.width, sources.baseAddress, targets.baseAddress)
            }
          }
        }
      }
    }
  }

  /// Writes the results of one phase.
  private func write<T: KernelElement>(
    _ values: UnsafePointer<T>, _ target: WinogradRowResults.Target, samples count: Int,
    row line: UnsafeMutablePointer<T>, _ output: UnsafeMutablePointer<T>
  ) {
    let output = output + target.offset
    if let route = target.route {
      route._withUnsafeGuaranteedRef {
        for rows in target.rows {
          $0.unpack(
            values + rows.from, samples: count, batchStep: sum.outputSteps.batch,
            accumulates: sum.accumulates, row: line, to: output + rows.to)
        }
      }
      return
    }
    let put = T.kernels.table.emit
    for rows in target.rows {
      put?(
        rows.count, target.width, values + rows.from, results.pitch, output + rows.to, results.linePitch,
        results.placeStep, nil, sum.accumulates ? 1 : 0)
    }
  }

  /// Writes the results of two phases that have all outputs of a row between them.
  private func interleave<T: KernelElement>(
    _ values: UnsafePointer<T>, _ targets: [WinogradRowResults.Target], _ output: UnsafeMutablePointer<T>
  ) {
    let put = T.kernels.table.interleave
    let even = targets[0].offset < targets[1].offset ? 0 : 1
    let width = targets[0].width + targets[1].width
    let to = output + targets[even].offset
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 2) { pair in
      for rows in targets[even].rows {
        for index in 0..<rows.count {
          let from = values + rows.from + index * results.pitch
          pair[0] = UnsafeRawPointer(from + even * backSize)
          pair[1] = UnsafeRawPointer(from + (1 - even) * backSize)
          put?(width, 2, pair.baseAddress, to + rows.to + index * results.linePitch)
        }
      }
    }
  }
}
