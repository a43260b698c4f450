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
  private let shape: ScatterShape
  private let lattice: Lattice
  private let blocks: [Int]
  private let offsets: [Int32]
  /// The tiles of a row of products, and the distance between rows.
  private let tiles: [(column: Int, kernel: volute_tile)]
  private let pitch: Int
  private let targets: ScatterTargets

  init<T: KernelElement>(_ window: WindowSum, _ shape: ScatterShape, _ type: T.Type) {
    self.window = window
    self.shape = shape
    height = shape.height
    let sum = WindowSum(
      axes: window.axes.map { axis in
        WindowSum.Axis(
          sources: Array(0..<axis.count), stride: 1, dilation: 1, kernel: 1, count: axis.count,
          inputStep: axis.outputStep, weightStep: 1, outputStep: 0)
      }, batch: window.batch, groups: window.groups, inputs: window.outputs,
      outputs: window.inputs * window.taps, inputSteps: window.outputSteps,
      weightSteps: .init(group: window.weightSteps.group, output: 1, input: window.weightSteps.output),
      // Products go to a stage.
      outputSteps: .init(batch: 0, group: 0, channel: 0))
    self.sum = sum
    weightLayout = PackedLayout(.panels, sum, [height], T.self)
    let extents = shape.extents
    let lattice = Self.lattice(sum.axes, extents)
    self.lattice = lattice
    blocks = zip(sum.axes, extents).map { ($0.count + $1 - 1) / $1 }
    offsets = (0..<sum.inputs).map { Int32($0 * lattice.channelSize) }
    tiles = T.kernels.tiles(rows: height, columns: lattice.channelSize)
    let pitch = tiles.last.map { $0.column + $0.kernel.vectors * T.kernels.lanes } ?? 0
    // Rows that far apart would meet in one set of the cache.
    self.pitch = pitch % 256 == 0 ? pitch + T.kernels.lanes : pitch
    targets = ScatterTargets(
      window.axes, plane: window.inputSteps.channel, block: extents, pitch: self.pitch)
  }

  /// Blocks of points; one that holds all places of an array without gaps is a single line.
  private static func lattice(_ axes: [WindowSum.Axis], _ extents: [Int]) -> Lattice {
    let count = extents.reduce(1, *)
    let isLine =
      axes.map(\.count) == extents && axes.map(\.inputStep) == StridedArray.contiguousStrides(extents)
    if !isLine { return Lattice(axes, block: extents) }
    let line = WindowSum.Axis(
      sources: Array(0..<count), stride: 1, dilation: 1, kernel: 1, count: count, inputStep: 1, weightStep: 1,
      outputStep: 0)
    return Lattice([line], block: [count])
  }

  private var taps: Int { window.taps }
  private var unit: Int { shape.unit }
  private var channels: Int { shape.channels }
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
    let kept = Double((packedSize + stageSize) * bytes)
    let spill = CostModel.spill(kept: kept, moved: 2 * kept)
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
        let index = unravelled(block, over: blocks).indices
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
}
