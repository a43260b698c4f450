import CVolute

/// Winograd's minimal filtering along the last axes, whose kernels have three taps: tiles of 2 or 4 outputs by 4
/// or 6 products instead of 6 or 12. The taps of the axes before stay taps, and are summed with the channels.
///
/// For a block of tiles, each input channel is packed, transformed and laid out by point; then for each panel of
/// output channels and point a matrix product runs over channels and taps, and the panel is transformed back while
/// it is still near. Errors are those of the transforms: see ``ConvolutionAlgorithm``.
final class WinogradConvolution: Sendable {
  let sum: WindowSum
  let tiles: [WinogradTile]
  let height: Int
  let weights: WinogradWeightLayout
  private let block: WinogradBlock
  private let lattice: Lattice
  private let blocks: [Int]
  private let inputStages: WinogradStages
  private let outputStages: WinogradStages
  /// For each line of tiles of a packed block: where it lies after the stages, and the place and point it starts.
  private let lines: [(from: Int, place: Int, point: Int)]
  private let points: Int
  /// Places of one channel of a transformed block.
  private let places: Int
  /// Tiles of a block's outputs.
  private let count: Int
  private let products: WinogradProducts
  /// Elements of a packed channel and of its transforms on the way.
  private let channelScratch: Int

  /// Whether the last axes of `sum` can be cut into tiles.
  static func reasonAgainst(_ sum: WindowSum, tiles: Int) -> String? {
    guard sum.axes.count >= tiles else { return "has fewer axes than tiles" }
    for axis in sum.axes.suffix(tiles) {
      if axis.kernel != 3 { return "a kernel of \(axis.kernel) taps, not 3" }
      if axis.stride != 1 { return "stride \(axis.stride)" }
      if axis.dilation != 1 { return "dilation \(axis.dilation)" }
    }
    return nil
  }

  init<T: KernelElement>(_ sum: WindowSum, tiles: [WinogradTile], _ type: T.Type) {
    self.sum = sum
    self.tiles = tiles
    let kernels = T.kernels
    let height = kernels.tileHeight(rows: sum.outputs)
    self.height = height
    weights = WinogradWeightLayout(sum, tiles: tiles, height: height, T.self)
    let outer = sum.axes.count - tiles.count
    // The axes of the lattice: a window of one tile's inputs, moved by its outputs.
    let axes = sum.axes.enumerated().map { index, axis in
      index < outer ? axis : axis.tiled(tiles[index - outer])
    }
    points = tiles.reduce(1) { $0 * $1.points }
    block = WinogradBlock(
      sum, axes, tiles: tiles, height: height, kernels: kernels, bytes: MemoryLayout<T>.size)
    lattice = Lattice(axes, block: block.extents)
    blocks = zip(axes, block.extents).map { ($0.count + $1 - 1) / $1 }

    let layout = WinogradLayout(lattice, tiles: tiles)
    inputStages = WinogradStages(layout.stages)
    lines = layout.lines
    places = layout.places
    channelScratch = lattice.channelSize + 2 * layout.stageSize
    count = block.extents.reduce(1, *)
    // The products of a block: neighbouring outputs along the last of the other axes, and all tiles under them.
    let tileCount = block.extents.suffix(tiles.count).reduce(1, *)
    let outerPitches = StridedArray.contiguousStrides(Array(lattice.lengths.prefix(outer))).map {
      $0 * tileCount
    }
    let flat = (outer > 0 ? block.extents[outer - 1] : 1) * tileCount
    let starts = VoluteEngine.places(
      Array(block.extents.prefix(max(outer - 1, 0))), Array(outerPitches.prefix(max(outer - 1, 0))))
    var pieces: [(place: Int, column: Int, kernel: volute_tile)] = []
    var width = 0
    for (index, start) in starts.enumerated() {
      for (column, kernel) in kernels.tiles(rows: height, columns: flat) {
        pieces.append((start + column, index * flat + column, kernel))
        width = max(width, index * flat + column + kernel.vectors * kernels.lanes)
      }
    }
    // The taps that are left, in the order of the weight.
    let outerParts = lattice.parts.prefix(outer)
    let outerSize = lattice.lengths.prefix(outer).reduce(tileCount, *)
    let phasePitches = StridedArray.contiguousStrides(outerParts.map(\.phases.count)).map { $0 * outerSize }
    var taps = [0]
    for (index, part) in outerParts.enumerated() {
      taps = taps.flatMap { base in
        part.taps.map { base + $0.phase * phasePitches[index] + $0.shift * outerPitches[index] }
      }
    }
    let pointSize = Self.pointSize(sum, places: places)
    products = WinogradProducts(
      offsets: (0..<sum.inputs).flatMap { [places] channel in taps.map { Int32(channel * places + $0) } },
      points: (0..<points).map { $0 * pointSize },
      tiles: pieces.map { ($0.place, $0.column, $0.kernel, 0) }, height: height, phases: 1, rowSize: width,
      order: .panelByPanel)
    outputStages = WinogradStages(
      WinogradLayout.outputStages(tiles, firstPitch: height * width, pitch: width, count: count))
  }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let panels = (sum.outputs + height - 1) / height
    let taps = tiles.reduce(1) { outer, _ in outer * 3 }
    let weights = sum.groups * panels * height * sum.inputs * sum.taps / taps * (points + taps)
    return (weights + threads * scratchSize) * bytes
  }

  /// A point's share of a transformed block; a line more than it needs, so that points do not meet in one set of
  /// the cache.
  private static func pointSize(_ sum: WindowSum, places: Int) -> Int { sum.inputs * places + 16 }
  private var transformedSize: Int { points * Self.pointSize(sum, places: places) + 256 }
  private var rowSize: Int { products.rowSize }
  private var outputSize: Int { points * rowSize }
  private var lineSize: Int {
    (tiles.last?.outputs ?? 1) * (block.extents.last ?? 1) + 64
  }
  private var scratchSize: Int {
    transformedSize + max(channelScratch + lattice.lineSize, products.size + 2 * outputSize + lineSize)
  }

  private var tasks: Double {
    Double(sum.batch * sum.groups * blocks.reduce(1, *))
  }

  /// Products with those that tiles compute and drop.
  var paddedMultiplyAdds: Double {
    let panels = (sum.outputs + height - 1) / height
    return tasks * Double(points * panels * height * products.offsets.count) * Double(rowSize)
  }

  /// Elements of the transforms, both ways.
  var transformedElements: (in: Double, out: Double) {
    (
      tasks * Double(block.shares * sum.inputs) * Double(lattice.channelSize + 2 * points * places),
      tasks * Double(sum.outputs) * Double(count * 3 * points)
    )
  }

  /// Lines that are laid out by points, and lines of outputs that are written.
  var handledLines: Double {
    let laidOut: Int = block.shares * sum.inputs * lines.count
    let parts = tiles.dropLast().reduce(1) { $0 * $1.outputs }
    let written: Int = sum.outputs * parts * count / block.extents[sum.axes.count - 1]
    return tasks * Double(laidOut + written)
  }

  var weightElements: Double {
    Double(sum.groups * ((sum.outputs + height - 1) / height) * height * products.offsets.count)
      * Double(2 * points + 9)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WinogradWeights<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    // What is added to an output has its bias already.
    let bias = sum.accumulates ? nil : bias
    parallel(
      SumTask.count(samples: sum.batch, groups: sum.groups, blocks: blocks, shares: block.shares)
    ) { number in
      guard
        let task = SumTask(
          number, groups: sum.groups, blocks: blocks, extents: block.extents, panels: weights.panels,
          shares: block.shares)
      else { return }
      let (origin, sample, group) = (task.origin, task.sample, task.group)
      let from = input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group
      let to = output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group
      withScratch(T.self, scratchSize) { scratch in
        let rest = scratch + transformedSize
        transform(from, origin, into: scratch, scratch: rest)
        for panel in task.panels {
          products.run(scratch, panel..<panel + 1, into: rest, ahead: WriteAhead(scratch)) {
            panel, _, point in
            (weights.panel(group: group, panel, point: point), 0)
          }
          emit(
            rest, rest + products.size, origin, rows: min(height, sum.outputs - panel * height),
            bias.map { $0 + group * sum.outputs + panel * height },
            to + panel * height * sum.outputSteps.channel)
        }
      }
    }
  }

  /// Packs and transforms every input channel of the block.
  private func transform<T: KernelElement>(
    _ input: UnsafePointer<T>, _ origin: [Int], into transformed: UnsafeMutablePointer<T>,
    scratch: UnsafeMutablePointer<T>
  ) {
    let emit = T.kernels.table.emit
    let row = block.extents[block.extents.count - 1]
    let stageSize = (channelScratch - lattice.channelSize) / 2
    let (even, odd) = (scratch + lattice.channelSize, scratch + lattice.channelSize + stageSize)
    let packer = lattice.packer(origin: origin)
    let pointSize = Self.pointSize(sum, places: places)
    // The points of the first of three axes are lines of their own.
    let rowsAtOnce = points / (tiles.count == 3 ? tiles[0].points : 1)
    for channel in 0..<sum.inputs {
      packer.pack(
        input + channel * sum.inputSteps.channel, next: sum.inputSteps.channel, into: scratch,
        line: odd + stageSize)
      let from = inputStages.run(scratch) { $0 & 1 == 0 ? even : odd }
      let to = transformed + channel * places
      for line in lines {
        emit?(
          rowsAtOnce, row, from + line.from, row, to + line.point * pointSize + line.place, pointSize, 1, nil,
          0)
      }
    }
  }

  /// Transforms the products of a panel back and writes them.
  private func emit<T: KernelElement>(
    _ products: UnsafePointer<T>, _ scratch: UnsafeMutablePointer<T>, _ origin: [Int], rows: Int,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let line = scratch + 2 * outputSize
    for row in 0..<rows {
      let from = outputStages.run(products + row * rowSize) { scratch + ($0 & 1) * outputSize }
      write(
        from, origin, line: line, bias.map { $0 + row }, output + row * sum.outputSteps.channel)
    }
  }

  /// Writes the tiles of one channel, `[place in the tile][tile]`, to its lines.
  private func write<T: KernelElement>(
    _ values: UnsafePointer<T>, _ origin: [Int], line: UnsafeMutablePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let kernels = T.kernels
    let last = sum.axes.count - 1
    let outer = sum.axes.count - tiles.count
    guard let tile = tiles.last else { return }
    let width = tile.outputs
    let first = origin[last] * width
    let length = min(block.extents[last] * width, sum.axes[last].count - first)
    let step = sum.axes[last].outputStep
    let isPlain = step == 1 && !sum.accumulates && bias == nil
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 4) { lines in
      /// Lines of tiles, and within them the places of the tile along the axes before the last.
      func walk(_ axis: Int, tileIndex: Int, part: Int, _ offset: Int) {
        if axis == last {
          for index in 0..<width {
            lines[index] = UnsafeRawPointer(
              values + (part * width + index) * rowSize + tileIndex * block.extents[last])
          }
          let to = output + offset + first * step
          if isPlain {
            kernels.table.interleave?(length, width, lines.baseAddress, to)
          } else {
            kernels.table.interleave?(length, width, lines.baseAddress, line)
            kernels.table.emit?(1, length, line, 0, to, 0, step, bias, sum.accumulates ? 1 : 0)
          }
          return
        }
        let outputs = axis < outer ? 1 : tiles[axis - outer].outputs
        for index in 0..<block.extents[axis] {
          for place in 0..<outputs {
            let position = (origin[axis] + index) * outputs + place
            if position >= sum.axes[axis].count { break }
            walk(
              axis + 1, tileIndex: tileIndex * block.extents[axis] + index, part: part * outputs + place,
              offset + position * sum.axes[axis].outputStep)
          }
        }
      }
      walk(0, tileIndex: 0, part: 0, 0)
    }
  }
}
