import CVolute

/// A window sum whose window is large and whose outputs are few: the gradient by the weight.
///
/// The reduction runs over places of the window. A block of them is packed with channels side by side, so that one
/// place under all taps of the last axis and all channels is one line; tiles multiply lines by the other array's
/// values, and add to a share's own sums. Shares are cut by geometry and added up in order.
final class CorrelationConvolution: Sendable {
  let sum: WindowSum
  private let height: Int
  /// Lattice over places, not over phases: lines start at any multiple of the step between them.
  private let lattice: Lattice
  /// Window places of a block along each axis.
  private let extents: [Int]
  private let blocks: [Int]
  private let shares: Int
  /// Channels (the batch of the sum) side by side.
  private let channels: Int
  /// Elements of a line that a tile may take: all taps of the last axis where they lie side by side.
  private let lineTaps: Int
  private let lineStarts: [Int]

  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if sum.accumulates { return "it adds to its output" }
    if sum.positions * 4 > sum.taps {
      return "a window of \(sum.taps) places for \(sum.positions) outputs is small"
    }
    return nil
  }

  init<T: KernelElement>(_ sum: WindowSum, _ type: T.Type) {
    self.sum = sum
    height = T.kernels.tileHeight(rows: sum.outputs)
    channels = sum.batch
    turnedChannels = min(T.kernels.lanes, sum.batch)
    let last = sum.axes.count - 1
    // Along each axis: window place p of output t reads padded place p * dilation + t * stride.
    let budget = ConvolutionBlock.budget(bytes: MemoryLayout<T>.size)
    var extents = sum.axes.map { _ in 1 }
    func length(_ axis: Int, _ extent: Int) -> Int {
      max(
        (extent - 1) * sum.axes[axis].dilation + (sum.axes[axis].count - 1) * sum.axes[axis].stride + 1,
        extent * sum.axes[axis].dilation)
    }
    func size() -> Int { extents.indices.reduce(sum.batch) { $0 * length($1, extents[$1]) } }
    for axis in extents.indices.reversed() {
      var extent = sum.axes[axis].kernel
      extents[axis] = extent
      while extent > 1 && (size() > budget || extents.reduce(1, *) > 2048) {
        extent = (extent + 1) / 2
        extents[axis] = extent
      }
    }
    self.extents = extents
    blocks = zip(sum.axes, extents).map { ($0.kernel + $1 - 1) / $1 }
    lattice = Lattice(
      sum.axes.map { axis in
        var axis = axis
        let overlap = (axis.count - 1) * axis.stride + 1 - (axis.dilation - 1)
        axis.count = axis.kernel * axis.dilation
        axis.kernel = max(overlap, 1)
        axis.stride = 1
        axis.dilation = 1
        return axis
      }, block: zip(sum.axes, extents).map { $0.dilation * $1 })
    shares = min(blocks.reduce(sum.inputs, *), 8)
    let isDense = sum.axes[last].stride == 1
    lineTaps = isDense ? sum.axes[last].count : 1
    // Where the line of each output's taps starts, the last axis' taps apart where they are not neighbours.
    lineStarts = places(
      sum.axes.map(\.count).dropLast() + [isDense ? 1 : sum.axes[last].count],
      zip(lattice.pitches, sum.axes).map { $0 * $1.stride * sum.batch })
  }

  private var panels: Int { (sum.outputs + height - 1) / height }
  private var lineSize: Int { lineTaps * channels }
  /// Sums of one share for one group: `[panel][line start][row][line]`.
  private var sumsSize: Int { panels * lineStarts.count * height * lineSize }
  private var placesOfBlock: Int { extents.reduce(1, *) }

  /// Channels that are packed before they are turned to lie side by side.
  private let turnedChannels: Int

  /// Elements that a run needs beside the arrays: shared, and for each thread.
  var workspace: (shared: Int, perThread: Int) {
    (
      shares * sumsSize,
      lattice.channelSize * (channels + turnedChannels) + 512 + placesOfBlock * panels * height
        + lattice.lineSize
    )
  }

  /// Products with those that tiles compute and drop.
  var paddedMultiplyAdds: Double {
    let line = (lineSize + 15) / 16 * 16
    return Double(sum.groups * panels * height * lineStarts.count * line) * Double(sum.taps * sum.inputs)
  }

  /// Elements that are packed and turned.
  var movedElements: Double {
    let boxes = Double(sum.groups * sum.inputs * blocks.reduce(1, *))
    return boxes * Double(3 * channels * lattice.channelSize + 2 * placesOfBlock * panels * height)
      + Double(sum.groups * shares * sumsSize)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let boxes = blocks.reduce(1, *)
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
    let kernels = T.kernels
    var rest = box
    var origin = Array(repeating: 0, count: blocks.count)
    for axis in blocks.indices.reversed() {
      let (outer, index) = rest.quotientAndRemainder(dividingBy: blocks[axis])
      origin[axis] = index * extents[axis]
      rest = outer
    }
    let turned = turnedChannels
    let lines = scratch + lattice.channelSize * turned
    let factors = lines + lattice.channelSize * channels + 512
    let line = factors + placesOfBlock * panels * height
    // Channels side by side at each place.
    let packer = lattice.packer(origin: zip(origin, sum.axes).map { $0 * $1.dilation })
    for first in stride(from: 0, to: channels, by: turned) {
      let count = min(turned, channels - first)
      for channel in 0..<count {
        packer.pack(
          input + (first + channel) * sum.inputSteps.batch, next: sum.inputSteps.batch,
          into: scratch + channel * lattice.channelSize, line: line)
      }
      kernels.table.transpose?(
        count, lattice.channelSize, scratch, lattice.channelSize, 1, lines + first, channels)
    }
    // The other array's values, panel by panel, and the line that each meets.
    let counts = zip(zip(sum.axes, origin), extents).map { min($0.0.kernel - $0.1, $1) }
    let starts = places(counts, zip(origin, sum.axes).map { _, axis in axis.weightStep })
    let from = weight + zip(origin, sum.axes).reduce(0) { $0 + $1.0 * $1.1.weightStep }
    let offsets = places(counts, zip(lattice.pitches, sum.axes).map { $0 * $1.dilation * channels }).map(
      Int32.init)
    let last = counts.count - 1
    // Values that lie together along several axes are one run.
    var run = counts[last]
    var axis = last - 1
    while axis >= 0, sum.axes[axis].weightStep == run * sum.axes[last].weightStep {
      run *= counts[axis]
      axis -= 1
    }
    for panel in 0..<panels {
      let rows = min(height, sum.outputs - panel * height)
      let to = factors + panel * starts.count * height
      if rows < height { to.update(repeating: .zero, count: starts.count * height) }
      for first in stride(from: 0, to: starts.count, by: run) {
        kernels.table.transpose?(
          rows, run, from + panel * height * sum.weightSteps.output + starts[first],
          sum.weightSteps.output,
          sum.axes[last].weightStep, to + first * height, height)
      }
    }
    // Places along the first axis where an output reads anything but padding, a stretch.
    let inner = offsets.count / counts[0]
    let first = sum.axes[0]
    let stretches = (0..<first.count).map { output in
      let read = (0..<counts[0]).filter {
        let place = (origin[0] + $0) * first.dilation + output * first.stride
        return place < first.sources.count && first.sources[place] >= 0
      }
      return (read.first ?? 0)..<(read.last ?? -1) + 1
    }
    let startsOfOutput = max(lineStarts.count / first.count, 1)
    offsets.withUnsafeBufferPointer { offsets in
      for panel in 0..<panels {
        for (index, start) in lineStarts.enumerated() {
          // A single axis has the outputs side by side.
          let stretch = counts.count > 1 ? stretches[index / startsOfOutput] : 0..<counts[0]
          let a = factors + (panel * starts.count + stretch.lowerBound * inner) * height
          let c = sums + (panel * lineStarts.count + index) * height * lineSize
          var column = 0
          while column < lineSize {
            let tile = kernels.tile(rows: height, columns: lineSize - column)
            let width = min(tile.vectors * kernels.lanes, lineSize - column)
            tile.run?(
              stretch.count * inner, a, lines + start + column,
              offsets.baseAddress.map { $0 + stretch.lowerBound * inner }, c + column, lineSize, height,
              width, 1)
            column += width
          }
        }
      }
    }
  }

  /// Adds the shares up in order and writes one group's outputs.
  private func write<T: KernelElement>(
    _ sums: UnsafePointer<T>, _ output: UnsafeMutablePointer<T>, _ bias: UnsafePointer<T>?
  ) {
    let last = sum.axes.count - 1
    let isDense = lineTaps > 1 || sum.axes[last].count == 1
    let targets = places(
      sum.axes.map(\.count).dropLast() + [isDense ? 1 : sum.axes[last].count], sum.axes.map(\.outputStep))
    parallel(sum.outputs) { row in
      let (panel, lane) = row.quotientAndRemainder(dividingBy: height)
      for (index, target) in targets.enumerated() {
        let from = sums + ((panel * lineStarts.count + index) * height + lane) * lineSize
        for tap in 0..<lineTaps {
          for channel in 0..<channels {
            var total = bias.map { $0[row] } ?? T.zero
            for share in 0..<shares {
              total = T.add(total, from[share * sumsSize + tap * channels + channel])
            }
            output[
              row * sum.outputSteps.channel + channel * sum.outputSteps.batch + target
                + tap * sum.axes[last].outputStep] = total
          }
        }
      }
    }
  }
}
