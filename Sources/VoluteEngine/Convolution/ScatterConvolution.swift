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
  /// Output channels whose products are made before they are added, and those of a task.
  private let unit: Int
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
    let shares = Self.shares(sum, channels: window.inputs, taps: taps, T.kernels)
    (height, unit, channels) = (shares.height, shares.unit, shares.channels)
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    let bytes = MemoryLayout<T>.size
    let extents = Self.extents(
      window.axes, lanes: T.kernels.lanes,
      columns: min(
        ConvolutionBlock.budget(bytes: bytes) / (sum.inputs + unit * taps), (96 << 10) / bytes / (unit * taps)
      ))
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
    targets = ScatterTargets(
      window.axes, plane: window.inputSteps.channel, block: extents, pitch: self.pitch)
  }

  /// The height of tiles, the fewest output channels whose rows are whole tiles, and the output channels of a task.
  private static func shares(
    _ sum: WindowSum, channels: Int, taps: Int, _ kernels: KernelSet
  ) -> (height: Int, unit: Int, channels: Int) {
    let wanted = sum.multiplyAdds < 2e6 ? 1 : 8
    let choices = kernels.tileHeights.map { height in
      let unit = min(height / greatestCommonDivisor(height, taps), channels)
      // As many as make the packing small beside the products, unless there were too few tasks.
      let most = max(1, channels / unit * sum.batch * sum.groups / wanted)
      return (
        height: height, unit: unit, channels: min(unit * max(1, min(256 / (unit * taps), most)), channels)
      )
    }
    func cost(_ choice: (height: Int, unit: Int, channels: Int)) -> Double {
      let panels = (choice.channels * taps + choice.height - 1) / choice.height
      let shares = (channels + choice.channels - 1) / choice.channels
      let tasks = shares * sum.batch * sum.groups
      return Double(shares * panels) * kernels.cost(ofTileHeight: choice.height)
        * max(1, Double(wanted) / Double(tasks))
    }
    return choices.min { cost($0) < cost($1) } ?? (1, 1, 1)
  }

  /// Places of a block along each axis, about `columns` of them, so shaped that blocks meet in few elements.
  private static func extents(_ axes: [WindowSum.Axis], lanes: Int, columns: Int) -> [Int] {
    let last = axes.count - 1
    var extents = axes.map { _ in 1 }
    extents[last] = ConvolutionBlock.even(axes[last].count, atMost: max(columns, 4 * lanes), multiple: lanes)
    /// Elements that a place more or less is given to along an axis, relative to those of one block after the other.
    func overlap(_ axis: Int, _ extent: Int) -> Double {
      let moved = Double(extent * axes[axis].stride)
      let reach = (axes[axis].kernel - 1) * axes[axis].dilation + 1
      return (moved + Double(max(reach - axes[axis].stride, 0))) / moved
    }
    while true {
      let size = extents.reduce(1, *)
      let able = (0..<last).filter {
        extents[$0] < axes[$0].count && size / extents[$0] * (extents[$0] + 1) <= columns
      }
      func gain(_ axis: Int) -> Double { overlap(axis, extents[axis]) / overlap(axis, extents[axis] + 1) }
      // Of equal ones the last, whose lines lie together.
      guard let axis = able.reversed().max(by: { gain($0) < gain($1) }) else { break }
      extents[axis] += 1
    }
    for axis in 0..<last {
      extents[axis] = ConvolutionBlock.even(axes[axis].count, atMost: extents[axis], multiple: 1)
    }
    return extents
  }

  private var taps: Int { window.taps }
  private var sharesOfGroup: Int { (window.inputs + channels - 1) / channels }
  private var panelsOfUnit: Int { (unit * taps + height - 1) / height }
  private var packedSize: Int { sum.inputs * lattice.channelSize + 1024 }
  private var stageSize: Int { panelsOfUnit * height * pitch }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let panels = (sum.outputs + height - 1) / height
    return (sum.groups * panels * height * sum.inputs + threads * (packedSize + stageSize + channels)) * bytes
  }

  /// What it takes, in cycles of a core that finishes two vectors of products in each.
  func cycles(lanes: Int, bytes: Int) -> Double {
    let tasks = Double(sum.batch * sum.groups * sharesOfGroup)
    let vectors = Double(pitch / lanes)
    let panels = (channels + unit - 1) / unit * panelsOfUnit
    let products = Double(panels * height * sum.inputs) * vectors / 2 * 1.1
    let packed = Double(sum.inputs) * Double(lattice.channelSize / lanes + 1) * 4
    let added = Double(channels) * targets.cycles(lanes: lanes) / Double(blocks.reduce(1, *))
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
    withScratch(T.self, packedSize + stageSize + channels) { packed in
      let stage = packed + packedSize
      let start = stage + stageSize
      for (index, channel) in outputs.enumerated() {
        start[index] = bias.map { $0[channel] } ?? .zero
        if !targets.setsAll { (output + channel * plane).update(repeating: start[index], count: plane) }
      }
      for block in 0..<blocks.reduce(1, *) {
        let index = indices(block)
        let packer = packers?[block] ?? lattice.packer(origin: zip(index, lattice.block).map { $0 * $1 })
        for channel in 0..<sum.inputs {
          packer.pack(
            input + channel * sum.inputSteps.channel, next: sum.inputSteps.channel,
            into: packed + channel * lattice.channelSize, line: stage)
        }
        for first in stride(from: outputs.lowerBound, to: outputs.upperBound, by: unit) {
          let count = min(unit, outputs.upperBound - first)
          multiply(packed, weights, group, first * taps..<(first + count) * taps, into: stage)
          targets.add(
            stage, channels: count, channelPitch: taps * pitch, block: index,
            start: targets.setsAll ? start + first - outputs.lowerBound : nil,
            to: output + first * plane, step: plane)
        }
      }
    }
  }

  /// Some rows of products, from a whole tile on.
  private func multiply<T: KernelElement>(
    _ packed: UnsafePointer<T>, _ weights: WeightPanels<T>, _ group: Int, _ rows: Range<Int>,
    into stage: UnsafeMutablePointer<T>
  ) {
    let panels = rows.lowerBound / height..<(rows.upperBound + height - 1) / height
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
