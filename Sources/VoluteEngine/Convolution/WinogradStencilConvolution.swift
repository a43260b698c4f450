import CVolute

/// A window sum over three axes with one channel in and one out to a group, with Winograd's tiles along the first: planes
/// of the input are mixed into points, each point is a stencil over the other two axes, and the points' sums are mixed into
/// planes of results. Of the kernel's planes that each result meets, a point has one.
final class WinogradStencilConvolution: Sendable {
  let sum: WindowSum
  private let tile: WinogradTile
  private let matrices: WinogradMatrices
  /// Outputs of a block along each axis: whole tiles along the first.
  private let extents: [Int]
  private let blocks: [Int]
  private let lattice: Lattice
  /// That of a plane at a point.
  private let plane: Lattice
  private let sums: PlaneSums
  private let kernels: StencilKernels
  /// Between neighbouring outputs along each axis.
  private let steps: [Int]

  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if let reason = StencilConvolution.reasonAgainst(sum) { return reason }
    if sum.axes.count != 3 { return "\(sum.axes.count) axes, not 3" }
    if sum.inputs > 1 { return "\(sum.inputs) input channels to a group, not 1" }
    if sum.axes[0].stride > 1 { return "a stride along the planes" }
    return nil
  }

  /// The tiles that may serve. Kernels are longer here than others, and there is one axis to lose digits along: there may be
  /// more points.
  static func tiles(_ sum: WindowSum) -> [WinogradTile] {
    let taps = sum.axes[0].kernel
    return [6, 8, 10].filter { taps > 1 && taps < $0 }.map { WinogradTile(points: $0, taps: taps) }
  }

  init<T: KernelElement>(_ sum: WindowSum, _ tile: WinogradTile, _ type: T.Type) {
    self.sum = sum
    self.tile = tile
    matrices = WinogradMatrices(tile)
    steps = sum.axes.map(\.outputStep)
    let axes = [sum.axes[0].tiled(tile)] + sum.axes.dropFirst()
    // Planes at points and their sums lie beside what is packed.
    let block = ConvolutionBlock(
      axes, inputs: 1, batch: sum.batch * sum.groups,
      budget: 5 * ConvolutionBlock.budget(bytes: MemoryLayout<T>.size) / 2, panels: 1, width: T.kernels.lanes,
      work: sum.multiplyAdds)
    blocks = block.counts(axes)
    extents = [block.extents[0] * tile.outputs] + block.extents.dropFirst()
    lattice = Lattice(sum.axes, block: extents, hasTaps: false)
    var point = sum
    point.axes[0].kernel = 1
    plane = Lattice(point.axes, block: [1] + extents.dropFirst())
    sums = PlaneSums(point, plane, isPaired: false, channels: 1)
    kernels = StencilKernels(T.kernels, window: sums.leastRows, rows: extents[1], columns: extents[2])
  }

  /// Elements of a plane at a point, and of its sums, so that lines of the cache begin where they do.
  private var pointSize: Int { (plane.channelSize + 63) / 64 * 64 }
  private var resultSize: Int { (area + 63) / 64 * 64 }
  private var area: Int { extents[1] * extents[2] }
  /// What kernels read behind the last row, of a few rows and of a vector's lanes.
  private var tail: Int { 5 * plane.lengths[2] + 512 }
  private var weightSize: Int { sum.groups * tile.points * sums.depth }
  private var factorSize: Int { tile.points * (tile.points + tile.taps + tile.outputs) }
  private var scratchSize: Int {
    tile.points * (pointSize + resultSize) + tail + lattice.channelSize + tile.outputs * area
      + lattice.lineSize
  }

  /// Bytes that a run needs beside the arrays, with one thread.
  func workspace(bytes: Int) -> Int { (weightSize + sum.taps + factorSize + scratchSize) * bytes }

  /// What all blocks take, in cycles of a core that finishes two vectors of products in each.
  func cycles(lanes: Int) -> Double {
    let blocks = Double(sum.batch * sum.groups * blocks.reduce(1, *))
    let tiles = Double(extents[0] / tile.outputs)
    let vectors = Double(tile.points * kernels.padded(rows: extents[1], columns: extents[2])) / Double(lanes)
    let products = tiles * vectors * Double(sums.depth) / 2 / kernels.speed
    let mixed = Double(tile.points * pointSize + tile.outputs * area) / Double(lanes)
    let packed = Double(lattice.channelSize) / Double(lanes) * (sum.axes[2].stride > 1 ? 30 : 16)
    // Lines of a sub-lattice are put down element by element.
    let written = isDirect ? 0 : Double(extents[0] * area) * (steps[2] == 1 ? 4 / Double(lanes) : 4)
    return blocks * (products + tiles * mixed * Double(tile.points) * 1.2 + packed + written + 400)
  }

  /// Whether planes of results lie in the output as they are mixed.
  private var isDirect: Bool {
    !sum.accumulates && steps[2] == 1 && steps[1] == sum.axes[2].count && blocks[2] == 1
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    withScratch(T.self, weightSize + sum.taps + factorSize) { weights in
      let own = weights + weightSize
      let factors = Factors(matrices, in: own + sum.taps)
      for group in 0..<sum.groups {
        for tap in 0..<tile.taps {
          let from = weight + sum.weightOffset + group * sum.weightSteps.group + tap * sum.axes[0].weightStep
          sums.pack(from, channelStep: 0, own: own, into: own + tap * sums.depth)
        }
        T.kernels.table.mix?(
          sums.depth, tile.taps, own, sums.depth, tile.points, factors.weight, tile.points, nil,
          weights + group * tile.points * sums.depth, sums.depth, 0)
      }
      // What is added to an output has its bias already.
      let bias = sum.accumulates ? nil : bias
      let items = sum.batch * sum.groups
      let packers = lattice.sharedPackers(blocks, for: items)
      parallel(SumTask.count(samples: sum.batch, groups: sum.groups, blocks: blocks, shares: 1)) { number in
        guard
          let task = SumTask(
            number, groups: sum.groups, blocks: blocks, extents: extents, panels: 1, shares: 1)
        else { return }
        compute(
          task, packers?[task.block] ?? lattice.packer(origin: task.origin),
          input + sum.inputOffset + task.sample * sum.inputSteps.batch + task.group * sum.inputSteps.group,
          UnsafePointer(weights) + task.group * tile.points * sums.depth, factors,
          bias.map { $0 + task.group },
          output + sum.outputOffset + task.sample * sum.outputSteps.batch
            + task.group * sum.outputSteps.group)
      }
    }
  }

  /// The matrices as kernels want them.
  private struct Factors<T: KernelElement> {
    let input: UnsafePointer<T>
    let weight: UnsafePointer<T>
    let output: UnsafePointer<T>

    init(_ matrices: WinogradMatrices, in room: UnsafeMutablePointer<T>) {
      var next = room
      func put(_ matrix: [[Double]]) -> UnsafePointer<T> {
        let start = next
        for value in matrix.joined() {
          next.initialize(to: T(double: value))
          next += 1
        }
        return UnsafePointer(start)
      }
      (input, weight, output) = (put(matrices.input), put(matrices.weight), put(matrices.output))
    }
  }

  /// A block of one sample's group.
  private func compute<T: KernelElement>(
    _ task: SumTask, _ packer: Lattice.Packer, _ input: UnsafePointer<T>, _ weights: UnsafePointer<T>,
    _ factors: Factors<T>, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let mix = T.kernels.table.mix_points
    let counts = zip(zip(sum.axes, task.origin), extents).map { min($0.0.count - $0.1, $1) }
    let to = output + zip(steps, task.origin).reduce(0) { $0 + $1.0 * $1.1 }
    withScratch(T.self, scratchSize) { mixed in
      let results = mixed + tile.points * pointSize + tail
      let packed = results + tile.points * resultSize
      let stage = packed + lattice.channelSize
      packer.pack(
        input, next: min(1024, sum.inputSteps.group), into: packed, line: stage + tile.outputs * area)
      for first in stride(from: 0, to: counts[0], by: tile.outputs) {
        for phase in 0..<lattice.channelSize / lattice.phaseSize {
          mix?(
            plane.phaseSize, tile.points, packed + phase * lattice.phaseSize + first * lattice.pitches[0],
            lattice.pitches[0], tile.points, factors.input, nil, mixed + phase * plane.phaseSize, pointSize)
        }
        for point in 0..<tile.points {
          add(
            mixed + point * pointSize, weights + point * sums.depth, rows: counts[1], columns: counts[2],
            to: results + point * resultSize)
        }
        let planes = min(tile.outputs, counts[0] - first)
        let place = to + first * steps[0]
        mix?(
          counts[1] * counts[2], tile.points, results, resultSize, planes, factors.output, bias,
          isDirect ? place : stage, isDirect ? steps[0] : counts[1] * counts[2])
        if !isDirect { put(stage, [planes] + counts.dropFirst(), to: place) }
      }
    }
  }

  /// The stencil over a plane at a point.
  private func add<T: KernelElement>(
    _ mixed: UnsafePointer<T>, _ weights: UnsafePointer<T>, rows: Int, columns: Int,
    to results: UnsafeMutablePointer<T>
  ) {
    let pitch = plane.pitches[1]
    sums.planes.withUnsafeBufferPointer { planes in
      var row = 0
      while row < rows {
        let kernel = kernels.kernel(rows: rows - row)
        for column in stride(from: 0, to: columns, by: kernels.width) {
          kernel.run?(
            planes.count, planes.baseAddress, mixed + row * pitch + column, pitch, weights,
            results + row * columns + column, columns, min(kernel.rows, rows - row),
            min(kernels.width, columns - column), nil)
        }
        row += kernel.rows
      }
    }
  }

  private func put<T: KernelElement>(
    _ stage: UnsafePointer<T>, _ counts: [Int], to output: UnsafeMutablePointer<T>
  ) {
    for (line, to) in places(Array(counts.dropLast()), Array(steps.dropLast())).enumerated() {
      T.kernels.table.emit?(
        1, counts[2], stage + line * counts[2], 0, output + to, 0, steps[2], nil, sum.accumulates ? 1 : 0)
    }
  }
}
