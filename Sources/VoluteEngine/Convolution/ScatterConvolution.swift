import CVolute

/// The adjoint of a window sum: transposed convolutions, and gradients by the input.
///
/// A matrix product makes what each place of a block gives through every tap, a row for each output channel and tap.
/// Rows are then added up where their taps point, many of them in registers. No place is multiplied twice, and no
/// padding ever: a stride only says where rows are added.
///
/// ```
/// places      a   b   c              stride 2, kernel 3
/// tap 0       a0  .   b0  .   c0
/// tap 1       .   a1  .   b1  .   c1
/// tap 2       .   .   a2  .   b2  .   c2
/// output      a0  a1  a2+b0 b1 ...
/// ```
final class ScatterConvolution: Sendable {
  /// The sum that reads what this one writes.
  let window: WindowSum
  /// The products, as a sum over points with an output for each output channel and tap.
  let sum: WindowSum
  let height: Int
  let weightLayout: PackedLayout
  /// Output channels of a task.
  private let channels: Int
  private let lattice: Lattice
  private let blocks: [Int]
  private let offsets: [Int32]
  /// The tiles of a row of products, and the distance between rows.
  private let tiles: [(column: Int, kernel: volute_tile)]
  private let pitch: Int
  private let targets: ScatterTargets

  init<T: KernelElement>(_ window: WindowSum, _ type: T.Type) {
    self.window = window
    let taps = window.taps
    let sum = WindowSum(
      axes: window.axes.map { axis in
        WindowSum.Axis(
          sources: Array(0..<axis.count), stride: 1, dilation: 1, kernel: 1, count: axis.count,
          inputStep: axis.outputStep, weightStep: 1, outputStep: axis.outputStep)
      }, batch: window.batch, groups: window.groups, inputs: window.outputs, outputs: window.inputs * taps,
      inputSteps: window.outputSteps,
      weightSteps: .init(group: window.weightSteps.group, output: 1, input: window.weightSteps.output),
      outputSteps: window.outputSteps)
    self.sum = sum
    (height, channels) = Self.shares(sum, channels: window.inputs, taps: taps, T.kernels)
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    // What is packed and what becomes of it stay in the second level of cache.
    let rows = channels * taps
    var columns = ConvolutionBlock.budget(bytes: MemoryLayout<T>.size) / (sum.inputs + rows)
    var extents = sum.axes.map(\.count)
    for axis in extents.indices.reversed() {
      let isLast = axis == extents.count - 1
      let limit = max(columns, isLast ? 4 * T.kernels.lanes : 1)
      extents[axis] = ConvolutionBlock.even(
        extents[axis], atMost: limit, multiple: isLast ? T.kernels.lanes : 1)
      columns /= max(extents[axis], 1)
    }
    let lattice = Lattice(sum.axes, block: extents)
    self.lattice = lattice
    blocks = zip(sum.axes, extents).map { ($0.count + $1 - 1) / $1 }
    offsets = (0..<sum.inputs).map { Int32($0 * lattice.channelSize) }
    var tiles: [(column: Int, kernel: volute_tile)] = []
    var pitch = 0
    while pitch < lattice.channelSize {
      let kernel = T.kernels.tile(rows: height, columns: lattice.channelSize - pitch)
      tiles.append((pitch, kernel))
      pitch += kernel.vectors * T.kernels.lanes
    }
    self.tiles = tiles
    // Rows that far apart would meet in one set of the cache.
    self.pitch = pitch % 256 == 0 ? pitch + T.kernels.lanes : pitch
    targets = ScatterTargets(window.axes, block: extents, pitch: self.pitch)
  }

  /// The height of tiles, and the output channels of a task, whose rows are whole tiles.
  private static func shares(
    _ sum: WindowSum, channels: Int, taps: Int, _ kernels: KernelSet
  ) -> (height: Int, channels: Int) {
    let wanted = sum.multiplyAdds < 2e6 ? 1 : 8
    let choices = kernels.tileHeights.map { height in
      // The fewest channels whose rows are whole tiles, and as many times that as make the packing small beside the
      // products, unless there were too few tasks.
      let unit = min(height / greatestCommonDivisor(height, taps), channels)
      let most = max(1, channels / unit * sum.batch * sum.groups / wanted)
      return (height: height, channels: min(unit * max(1, min(256 / (unit * taps), most)), channels))
    }
    func cost(_ choice: (height: Int, channels: Int)) -> Double {
      let panels = (choice.channels * taps + choice.height - 1) / choice.height
      let shares = (channels + choice.channels - 1) / choice.channels
      let tasks = shares * sum.batch * sum.groups
      return Double(shares * panels) * kernels.cost(ofTileHeight: choice.height)
        * max(1, Double(wanted) / Double(tasks))
    }
    return choices.min { cost($0) < cost($1) } ?? (1, 1)
  }

  private var taps: Int { window.taps }
  private var sharesOfGroup: Int { (window.inputs + channels - 1) / channels }
  private var panelsOfShare: Int { (channels * taps + height - 1) / height }
  private var packedSize: Int { sum.inputs * lattice.channelSize + 1024 }
  private var stageSize: Int { panelsOfShare * height * pitch }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let panels = (sum.outputs + height - 1) / height
    return (sum.groups * panels * height * sum.inputs + threads * (packedSize + stageSize)) * bytes
  }

  /// What it takes, in cycles of a core that finishes two vectors of products in each.
  func cycles(lanes: Int, bytes: Int) -> Double {
    let tasks = Double(sum.batch * sum.groups * sharesOfGroup)
    let vectors = Double(pitch / lanes)
    let products = Double(panelsOfShare * height * sum.inputs) * vectors / 2 * 1.1
    let packed = Double(sum.inputs) * Double(lattice.channelSize / lanes + 1) * 4
    let added = Double(channels) * targets.vectors(lanes: lanes) / Double(blocks.reduce(1, *))
    let spill = CostModel.spill(
      stored: Double((packedSize + stageSize) * bytes), results: 0, panels: 1)
    // Fewer tasks than there may be cores to take them leave cores idle.
    let idle = sum.multiplyAdds < 2e6 ? 1 : max(1, 8 / tasks)
    return tasks * Double(blocks.reduce(1, *)) * (products + packed + added + spill) * idle
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WeightPanels<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let shares = sharesOfGroup
    let packers = lattice.sharedPackers(blocks, for: sum.batch * sum.groups * shares)
    parallel(sum.batch * sum.groups * shares) { task in
      let (item, share) = task.quotientAndRemainder(dividingBy: shares)
      let (sample, group) = item.quotientAndRemainder(dividingBy: sum.groups)
      let first = share * channels
      compute(
        first..<min(first + channels, window.inputs), packers,
        input + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group,
        weights, group, bias.map { $0 + group * window.inputs },
        output + window.inputOffset + sample * window.inputSteps.batch + group * window.inputSteps.group)
    }
  }

  /// One task: some output channels of a sample and group.
  private func compute<T: KernelElement>(
    _ outputs: Range<Int>, _ packers: [Lattice.Packer]?, _ input: UnsafePointer<T>,
    _ weights: WeightPanels<T>, _ group: Int, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let plane = window.inputSteps.channel
    for channel in outputs {
      (output + channel * plane).update(repeating: bias.map { $0[channel] } ?? .zero, count: plane)
    }
    let rows = outputs.lowerBound * taps..<outputs.upperBound * taps
    let panels = rows.lowerBound / height..<(rows.upperBound + height - 1) / height
    withScratch(T.self, packedSize + stageSize) { packed in
      let stage = packed + packedSize
      for block in 0..<blocks.reduce(1, *) {
        let index = indices(block)
        let packer = packers?[block] ?? lattice.packer(origin: zip(index, lattice.block).map { $0 * $1 })
        for channel in 0..<sum.inputs {
          packer.pack(
            input + channel * sum.inputSteps.channel, next: sum.inputSteps.channel,
            into: packed + channel * lattice.channelSize, line: stage)
        }
        offsets.withUnsafeBufferPointer { offsets in
          // The packed columns of a tile stay at hand for all panels.
          for (column, kernel) in tiles {
            for panel in panels {
              kernel.run?(
                sum.inputs, weights.panel(group: group, panel), packed + column, offsets.baseAddress,
                stage + (panel - panels.lowerBound) * height * pitch + column, pitch, height,
                kernel.vectors * T.kernels.lanes, 0)
            }
          }
        }
        targets.add(
          stage, channels: outputs.count, channelPitch: taps * pitch, block: index,
          to: output + outputs.lowerBound * plane, step: plane)
      }
    }
  }

  /// The number of a block along each axis.
  private func indices(_ block: Int) -> [Int] {
    var rest = block
    var indices = Array(repeating: 0, count: blocks.count)
    for axis in blocks.indices.reversed() {
      (rest, indices[axis]) = rest.quotientAndRemainder(dividingBy: blocks[axis])
    }
    return indices
  }
}
