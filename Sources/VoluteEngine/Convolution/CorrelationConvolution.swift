import CVolute

/// A window sum whose window is large and whose outputs are few: the gradient by the weight.
///
/// The reduction runs over places of the window. A block of them is packed with channels side by side, so that one
/// place under all taps of the last axis and all channels is one line; tiles multiply lines by the other array's
/// values, and add to a share's own sums. Shares are cut by geometry and added up in order.
///
/// Along axes of two to five taps the same may be done between Winograd's points: both arrays are transformed, each point
/// has sums of its own, and their transform is the gradient. Any axis may then be the last, which keeps its taps.
final class CorrelationConvolution: Sendable {
  let block: CorrelationBlock
  private let lines: CorrelationLines
  /// Elements of a line that a tile may take: all taps of the last axis where they lie side by side.
  private let lineTaps: Int
  /// Where the line of each output's taps starts, the last axis' taps apart where they are not neighbours.
  private let lineStarts: [Int]
  /// Where the lines of the places of a block lie.
  private let offsets: [Int32]
  /// Of the packed lines, and of the values that they are multiplied by.
  private let lineTransform: CorrelationTransform
  private let factorTransform: CorrelationTransform
  private let adjoint: WinogradStages

  var sum: WindowSum { block.sum }
  /// Channels (the batch of the sum) side by side.
  private var channels: Int { sum.batch }
  private var height: Int { block.height }
  private var panels: Int { block.panels }

  init<T: KernelElement>(_ block: CorrelationBlock, _ type: T.Type) {
    let sum = block.sum
    self.block = block
    let last = sum.axes.count - 1
    let lines = CorrelationLines(block)
    self.lines = lines
    let counts = block.counts
    let tiles = block.tiles.map { ($0.axis, $0.tile, counts[$0.axis]) }
    lineTransform = CorrelationTransform(
      .input, outer: 1, lengths: lines.lengths, tiles: tiles, inner: sum.batch)
    factorTransform = CorrelationTransform(
      .outputAdjoint, outer: block.panels, lengths: block.extents, tiles: tiles, inner: block.height)
    let isDense = sum.axes[last].stride == 1
    lineTaps = isDense ? sum.axes[last].count : 1
    adjoint = CorrelationTransform.adjoint(block.tiles.map(\.tile), length: lineTaps * sum.batch)
    let pitches = StridedArray.contiguousStrides(
      sum.axes.indices.map { block.isTiled($0) ? counts[$0] : lines.lengths[$0] })
    lineStarts = places(
      sum.axes.indices.dropLast().map { block.isTiled($0) ? 1 : sum.axes[$0].count }
        + [isDense ? 1 : sum.axes[last].count],
      zip(pitches, sum.axes).map { $0 * $1.stride * sum.batch })
    offsets = places(counts, zip(pitches, sum.axes).map { $0 * $1.dilation * sum.batch }).map(Int32.init)
  }

  /// The cheapest order and choice of axes, with tiles of at most `points` points; `nil` if no axis can be tiled.
  static func best<T: KernelElement>(
    _ sum: WindowSum, points: Int, _ type: T.Type
  ) -> CorrelationConvolution? {
    let plans = sum.axes.indices.flatMap { last in
      var sum = sum
      sum.axes.append(sum.axes.remove(at: last))
      let tiles = sum.axes.map { CorrelationBlock.tile($0, points: points) }
      let able = tiles.indices.dropLast().filter { tiles[$0] != nil }
      return WinogradTile.choices(of: able).map { tiled in
        // The axis that lies closer together is transformed first.
        let tiles = tiled.reversed().compactMap { axis in tiles[axis].map { (axis: axis, tile: $0) } }
        return CorrelationConvolution(CorrelationBlock(sum, tiles: tiles, T.self), T.self)
      }
    }
    return plans.min { $0.cycles < $1.cycles }
  }

  private var lineSize: Int { lineTaps * channels }
  /// Sums of one share, one group and one point: `[panel][line start][row][line]`.
  private var pointSums: Int { panels * lineStarts.count * height * lineSize }
  private var sumsSize: Int { block.points * pointSums }

  /// Elements of the parts of a thread's scratch.
  private var sizes: (lines: Int, lineScratch: Int, factors: Int, factorScratch: Int) {
    (
      // What the last tile may read lies behind.
      max(lines.size, lineTransform.bufferSizes.1) + 512, lineTransform.bufferSizes.0 + 512,
      max(block.extents.reduce(panels * height, *), factorTransform.bufferSizes.1),
      factorTransform.bufferSizes.0
    )
  }

  /// Elements that a run needs beside the arrays: shared, and for each thread.
  var workspace: (shared: Int, perThread: Int) {
    let sizes = sizes
    return (
      block.shares * sumsSize, sizes.lines + sizes.lineScratch + sizes.factors + sizes.factorScratch
    )
  }

  /// The part of the first axis' taps and places whose products are not with padding.
  private var held: Double {
    let axis = sum.axes[0]
    if block.isTiled(0) || sum.axes.count == 1 { return 1 }
    return Double(axis.heldTaps) / Double(axis.count * axis.kernel)
  }

  /// What it takes, in cycles of a core that finishes two vectors of products in each.
  var cycles: Double {
    let lanes = block.lanes
    let boxes = Double(sum.groups * sum.inputs * block.blocks.reduce(1, *))
    let lineVectors = (lineSize + lanes - 1) / lanes
    let lines = Double(block.points * panels * lineStarts.count)
    let products = lines * Double(height * lineVectors) * Double(offsets.count) / 2 * held
    // Sums are read and written, a place of each point.
    let added = lines * Double(height * lineVectors) * 2
    /// To turn rows of places into columns of channels, as many as there are lanes at once: few of them dearly, and
    /// dearer where columns do not lie side by side.
    func turned(_ lengths: [Int], channels: Int) -> Double {
      let row = lengths[block.row]
      let squares = row < lanes ? 3 : (row + lanes - 1) / lanes
      let column = block.row == lengths.count - 1 ? 6.0 : 9.0
      return Double(lengths.reduce((channels + lanes - 1) / lanes, *) / row * squares * lanes) * column
    }
    let packed =
      turned(self.lines.lengths, channels: channels)
      + turned(block.extents, channels: height) * Double(panels)
    let transformed = (lineTransform.vectors(lanes: lanes) + factorTransform.vectors(lanes: lanes)) * 2.6
    let sizes = sizes
    let elements = sumsSize + sizes.lines + sizes.lineScratch + sizes.factors + sizes.factorScratch
    let kept = Double(elements * block.bytes)
    let spill = CostModel.spill(kept: kept, moved: 2 * kept)
    let ends = Double(sum.groups * block.shares * sumsSize) / Double(lanes) * 4
    return boxes * (products * 1.1 + added + packed + transformed + spill) + ends
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let boxes = block.blocks.reduce(1, *)
    let shares = block.shares
    let tasks = sum.inputs * boxes
    for group in 0..<sum.groups {
      withScratch(T.self, shares * sumsSize) { sums in
        parallel(shares) { share in
          let mine = sums + share * sumsSize
          mine.update(repeating: .zero, count: sumsSize)
          withScratch(T.self, workspace.perThread) { scratch in
            for task in tasks * share / shares..<tasks * (share + 1) / shares {
              let (sample, box) = task.quotientAndRemainder(dividingBy: boxes)
              add(
                box, input + sum.inputOffset + group * sum.inputSteps.group + sample * sum.inputSteps.channel,
                weight + sum.weightOffset + group * sum.weightSteps.group + sample * sum.weightSteps.input,
                scratch, to: mine)
            }
          }
        }
        write(
          sums, output + sum.outputOffset + group * sum.outputSteps.group,
          bias.map { $0 + group * sum.outputs })
      }
    }
  }

  /// Adds the products of one block of window places to `sums`.
  private func add<T: KernelElement>(
    _ box: Int, _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ scratch: UnsafeMutablePointer<T>,
    to sums: UnsafeMutablePointer<T>
  ) {
    let box = unravelled(box, over: block.blocks).indices
    let origin = zip(box, block.extents).map { $0 * $1 }
    let sizes = sizes
    let packedFactors = scratch + sizes.lines + sizes.lineScratch
    // Nobody reads planes of padding before and behind the others.
    let planes = block.isTiled(0) ? 0..<lines.lengths[0] : lines.planes(origin[0])
    lines.pack(input, origin: origin, box: box, planes: planes, into: scratch)
    let points = lineTransform.run(scratch, planes: planes, scratch: scratch + sizes.lines)
    pack(weight, origin, factors: packedFactors)
    let factors = factorTransform.run(packedFactors, scratch: packedFactors + sizes.factors)
    let stretches = stretches(origin)
    for point in 0..<block.points {
      multiply(
        UnsafePointer(points + point * lineTransform.pointSize),
        UnsafePointer(factors + point * factorTransform.pointSize), stretches, to: sums + point * pointSums)
    }
  }

  /// Packs the other array's values, panel by panel: for each place one value for each output of the panel.
  private func pack<T: KernelElement>(
    _ weight: UnsafePointer<T>, _ origin: [Int], factors: UnsafeMutablePointer<T>
  ) {
    let extents = block.extents
    let counts = zip(zip(sum.axes, origin), extents).map { min($0.0.kernel - $0.1, $1) }
    let size = extents.reduce(height, *)
    let from = weight + zip(origin, sum.axes).reduce(0) { $0 + $1.0 * $1.1.weightStep }
    let pitches = StridedArray.contiguousStrides(extents)
    // Values that lie together along several axes are one run.
    var axis = block.row
    var run = counts[axis]
    let (step, pitch) = (sum.axes[axis].weightStep, pitches[axis] * height)
    if pitch == height {
      while axis > 0, counts[axis] == extents[axis], sum.axes[axis - 1].weightStep == run * step {
        axis -= 1
        run *= counts[axis]
      }
    }
    let outer = sum.axes.indices.filter { $0 < axis || $0 > block.row }.sorted {
      sum.axes[$0].weightStep > sum.axes[$1].weightStep
    }
    let starts = places(outer.map { counts[$0] }, outer.map { sum.axes[$0].weightStep })
    let targets = places(outer.map { counts[$0] }, outer.map { pitches[$0] })
    for panel in 0..<panels {
      let rows = min(height, sum.outputs - panel * height)
      let to = factors + panel * size
      if rows < height || counts != extents { to.update(repeating: .zero, count: size) }
      for (start, target) in zip(starts, targets) {
        T.kernels.table.transpose?(
          rows, run, from + panel * height * sum.weightSteps.output + start, sum.weightSteps.output, step,
          to + target * height, pitch)
      }
    }
  }

  /// Places along the first axis where each of its outputs reads anything but padding, a stretch.
  private func stretches(_ origin: [Int]) -> [Range<Int>] {
    let count = block.counts[0]
    // A single axis has the outputs side by side.
    if block.isTiled(0) || sum.axes.count == 1 { return [0..<count] }
    let axis = sum.axes[0]
    return (0..<axis.count).map { output in
      axis.held(
        from: origin[0] * axis.dilation + output * axis.stride, step: axis.dilation,
        count: min(count, axis.kernel - origin[0]))
    }
  }

  /// Adds the products of lines and factors, of one point, to `sums`.
  private func multiply<T: KernelElement>(
    _ lines: UnsafePointer<T>, _ factors: UnsafePointer<T>, _ stretches: [Range<Int>],
    to sums: UnsafeMutablePointer<T>
  ) {
    let kernels = T.kernels
    let inner = offsets.count / block.counts[0]
    let startsOfOutput = max(lineStarts.count / stretches.count, 1)
    let tiles = kernels.tiles(rows: height, columns: lineSize)
    offsets.withUnsafeBufferPointer { offsets in
      for panel in 0..<panels {
        for (index, start) in lineStarts.enumerated() {
          let stretch = stretches[index / startsOfOutput]
          let a = factors + (panel * offsets.count + stretch.lowerBound * inner) * height
          let c = sums + (panel * lineStarts.count + index) * height * lineSize
          for (column, tile) in tiles {
            tile.run?(
              stretch.count * inner, a, lines + start + column,
              offsets.baseAddress.map { $0 + stretch.lowerBound * inner }, c + column, lineSize, height,
              min(tile.vectors * kernels.lanes, lineSize - column), 1)
          }
        }
      }
    }
  }

  /// Adds the shares up in order, transforms the sums of the points back, and writes one group's outputs.
  private func write<T: KernelElement>(
    _ sums: UnsafePointer<T>, _ output: UnsafeMutablePointer<T>, _ bias: UnsafePointer<T>?
  ) {
    let last = sum.axes.count - 1
    let isDense = lineTaps > 1 || sum.axes[last].count == 1
    let targets = places(
      sum.axes.indices.dropLast().map { block.isTiled($0) ? 1 : sum.axes[$0].count }
        + [isDense ? 1 : sum.axes[last].count], sum.axes.map(\.outputStep))
    // Taps of the tiled axes, that of the one transformed last outermost.
    let taps = places(
      block.tiles.reversed().map(\.tile.taps), block.tiles.reversed().map { sum.axes[$0.axis].outputStep })
    let lineStep = sum.axes[last].outputStep
    let size = block.points * lineSize
    parallel(sum.outputs) { row in
      let (panel, lane) = row.quotientAndRemainder(dividingBy: height)
      withScratch(T.self, 2 * size) { scratch in
        for (index, target) in targets.enumerated() {
          let from = sums + ((panel * lineStarts.count + index) * height + lane) * lineSize
          for point in 0..<block.points {
            let line = scratch + point * lineSize
            line.update(repeating: .zero, count: lineSize)
            for share in 0..<block.shares {
              T.kernels.table.emit?(
                1, lineSize, from + share * sumsSize + point * pointSums, 0, line, 0, 1, nil, 1)
            }
          }
          let values = adjoint.run(scratch) { scratch + ($0 & 1 == 0 ? size : 0) }
          for (index, tap) in taps.enumerated() {
            for lineTap in 0..<lineTaps {
              let from = values + index * lineSize + lineTap * channels
              let to = output + row * sum.outputSteps.channel + target + tap + lineTap * lineStep
              for channel in 0..<channels {
                to[channel * sum.outputSteps.batch] = T.add(from[channel], bias?[row] ?? .zero)
              }
            }
          }
        }
      }
    }
  }
}
