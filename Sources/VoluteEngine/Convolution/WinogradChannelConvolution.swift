import CVolute

/// Winograd's minimal filtering along the last axis, or the last and another, of two to five taps, or as many for each
/// phase of a stride, where the lanes of a vector lie along channels: rows of any length, and tiles along them, leave
/// none empty, and all phases of a transposed convolution share the transform of the input.
///
/// Input channels lie in the lanes while a block is transformed, and are multiplied one after the other; output channels
/// do from then on, until results are turned and written.
final class WinogradChannelConvolution: Sendable {
  let block: WinogradChannelBlock
  let weights: WinogradWeightLayout
  private let sum: WindowSum
  private let blocks: [Int]
  private let lattice: Lattice
  private let samples: SampleLanes
  private let layout: WinogradChannelLayout
  private let inputStages: WinogradStages
  private let outputStages: WinogradStages
  private let planes: WinogradChannelPlanes
  private let results: WinogradChannelResults
  /// The point whose products reach every output of a tile unchanged.
  private let biasPoint: Int

  init<T: KernelElement>(_ block: WinogradChannelBlock, _ type: T.Type) {
    self.block = block
    let (sum, tiles, lanes) = (block.sum.sum, block.tiles, block.lanes)
    self.sum = sum
    blocks = zip(block.axes, block.extents).map { ($0.count + $1 - 1) / $1 }
    let turned = sum.channelsAsSamples
    let lattice = Lattice(
      block.axes + [SampleLanes.axis(turned, lanes: lanes)], block: block.extents + [lanes], hasTaps: false)
    self.lattice = lattice
    samples = SampleLanes(turned, lattice, lanes: lanes)
    let layout = WinogradChannelLayout(
      lattice, tiles: tiles, strides: block.strides, samples: block.samples, vectors: block.inputVectors,
      lanes: lanes)
    self.layout = layout
    inputStages = WinogradStages(layout.stages)
    let planes = WinogradChannelPlanes(block, lattice, layout)
    self.planes = planes
    weights = WinogradWeightLayout(
      sum, tapOffsets: planes.tapOffsets, tiles: tiles, height: block.vectors * lanes, T.self)
    let results = WinogradChannelResults(block)
    self.results = results
    outputStages = WinogradStages(
      WinogradLayout.outputStages(
        tiles, firstPitch: results.partPitch, pitch: results.partPitch, count: results.partPitch))
    biasPoint = tiles.reduce(0) { $0 * $1.points + 1 }
  }

  private var transformedSize: Int { block.points * layout.pointPitch }
  private var packingSize: Int { lattice.channelSize + 2 * layout.stageSize }
  private var backSize: Int { block.points * results.partPitch }
  private var height: Int { block.vectors * block.lanes }
  private var workSize: Int {
    block.points * results.partPitch + 2 * backSize + results.size + results.rowSize + 2 * height
  }
  private var isShared: Bool { block.shares > 1 }
  private var items: Int { (sum.batch + block.samples - 1) / block.samples * sum.groups }

  /// Bytes that a run needs beside the arrays, for `threads` threads.
  func workspace(threads: Int, bytes: Int) -> Int {
    let scratch =
      isShared
      ? blocks.reduce(items * transformedSize, *) + threads * max(packingSize, workSize)
      : threads * (transformedSize + max(packingSize, workSize))
    // As packed, and transformed.
    let taps = Set(weights.tapOffsets.compactMap { $0 }).count
    let packed = sum.groups * block.panels * height * sum.inputs * taps
    return weights.byteCount(bytes: bytes) + (packed + scratch) * bytes
  }

  /// Elements of the input and the output.
  var arrayElements: Double {
    let inputs = sum.axes.reduce(Double(sum.inputs)) { $0 * Double($1.count * $1.stride) }
    let outputs = zip(sum.axes, block.sum.phases).reduce(Double(sum.outputs)) {
      $0 * Double($1.0.count * $1.1.count)
    }
    return Double(sum.batch * sum.groups) * (inputs + outputs)
  }

  func run<T: KernelElement>(
    _ input: UnsafePointer<T>, _ weights: WinogradWeights<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let perItem = blocks.reduce(1, *)
    if !isShared {
      parallel(items * perItem) { number in
        withScratch(T.self, transformedSize + max(packingSize, workSize)) { scratch in
          for vector in 0..<block.inputVectors {
            transform(
              input, number, 0..<block.samples, vector, into: scratch, scratch: scratch + transformedSize)
          }
          multiply(
            scratch, number, 0..<block.units, weights, bias, output, scratch: scratch + transformedSize)
        }
      }
      return
    }
    // Few blocks: what is transformed is shared, each sample and vector by itself.
    withScratch(T.self, items * perItem * transformedSize) { transformed in
      nonisolated(unsafe) let transformed = transformed
      let pieces = block.samples * block.inputVectors
      parallel(items * perItem * pieces) { index in
        let (number, piece) = index.quotientAndRemainder(dividingBy: pieces)
        let (sample, vector) = piece.quotientAndRemainder(dividingBy: block.inputVectors)
        withScratch(T.self, packingSize) { scratch in
          transform(
            input, number, sample..<sample + 1, vector,
            into: transformed + number * transformedSize, scratch: scratch)
        }
      }
      // A thread has neighbours: the same share of weights that it may have transformed, or the same block.
      let keepsShare =
        self.weights.byteCount(bytes: MemoryLayout<T>.size)
        > items * perItem * transformedSize * MemoryLayout<T>.size
      parallel(items * perItem * block.shares) { index in
        let (outer, inner) = index.quotientAndRemainder(
          dividingBy: keepsShare ? items * perItem : block.shares)
        let (number, share) = keepsShare ? (inner, outer) : (outer, inner)
        let units = block.units * share / block.shares..<block.units * (share + 1) / block.shares
        withScratch(T.self, workSize) { scratch in
          multiply(
            transformed + number * transformedSize, number, units, weights, bias, output, scratch: scratch)
        }
      }
    }
  }

  /// The block of a number: its first sample, its group, and its number and origin along each axis.
  private func place(_ number: Int) -> (sample: Int, group: Int, index: [Int]) {
    let (index, item) = unravelled(number, over: blocks)
    return (item / sum.groups * block.samples, item % sum.groups, index)
  }

  /// Packs and transforms a vector of channels of some samples of a block.
  private func transform<T: KernelElement>(
    _ input: UnsafePointer<T>, _ number: Int, _ own: Range<Int>, _ vector: Int,
    into transformed: UnsafeMutablePointer<T>, scratch: UnsafeMutablePointer<T>
  ) {
    let (first, group, index) = place(number)
    let channel = vector * block.lanes
    let wanted = planes.wanted(index)
    let packer = samples.packer(origin: zip(index, block.extents).map { $0 * $1 }, planes: wanted)
    let (part, parts) = (wanted ?? 0..<1, wanted == nil ? 1 : lattice.lengths[0])
    let from =
      input + sum.inputOffset + first * sum.inputSteps.batch + group * sum.inputSteps.group
      + channel * sum.inputSteps.channel
    let stage = scratch + lattice.channelSize
    let (stageSize, last) = (layout.stageSize, inputStages.count - 1)
    for sample in own.clamped(to: 0..<sum.batch - first) {
      packer.pack(
        from + sample * sum.inputSteps.batch, samples: min(block.lanes, sum.inputs - channel),
        next: sample + 1 < own.upperBound && first + sample + 1 < sum.batch ? sum.inputSteps.batch : nil,
        into: scratch)
      let to = transformed + vector * layout.vectorPitch + sample * layout.samplePitch
      inputStages.run(scratch, parts: part, of: parts) {
        $0 == last ? to : stage + ($0 & 1) * stageSize
      }
    }
  }

  /// Multiplies, transforms back and writes some units of a block: panels and, of each, the phases of all axes but the
  /// last.
  private func multiply<T: KernelElement>(
    _ transformed: UnsafePointer<T>, _ number: Int, _ units: Range<Int>, _ weights: WinogradWeights<T>,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>, scratch: UnsafeMutablePointer<T>
  ) {
    let (first, group, index) = place(number)
    let count = min(block.samples, sum.batch - first)
    let products = scratch
    let stages = products + block.points * results.partPitch
    let parts = stages + 2 * backSize
    let row = parts + results.size
    let start = row + results.rowSize
    let zeros = start + height
    zeros.update(repeating: .zero, count: height)
    let output =
      output + sum.outputOffset + first * sum.outputSteps.batch + group * sum.outputSteps.group
    for unit in units {
      let (panel, phase) = unit.quotientAndRemainder(dividingBy: block.outerPhases)
      let set = planes.outputs(index, phase)
      if set.planes.isEmpty { continue }
      let channel = panel * height
      let channels = min(height, sum.outputs - channel)
      for lane in 0..<height {
        // What is added to an output has its bias already.
        let own = lane < channels && !sum.accumulates
        start[lane] = own ? bias.map { $0[group * sum.outputs + channel + lane] } ?? .zero : .zero
      }
      let length = set.planes.count * block.samples * results.tileCount * height
      let factors = weights.panel(group: group, panel, point: 0)
      for lastPhase in 0..<results.lastPhases {
        let base = (phase % planes.tilePhasesBefore * results.lastPhases + lastPhase) * planes.weightPitch
        for point in 0..<block.points {
          multiply(
            transformed + point * layout.pointPitch, factors + point * weights.pointSize + base * height, set,
            samples: count, start: point == biasPoint ? start : zeros,
            into: products + point * results.partPitch)
        }
        let target = parts + lastPhase * results.phasePitch
        outputStages.run(products, length: length) { [last = outputStages.count - 1] in
          $0 == last ? target : stages + ($0 & 1) * backSize
        }
      }
      let (route, offset) = results.route(index, phase % planes.tilePhasesBefore)
      for (place, plane) in set.planes.enumerated() {
        for sample in 0..<count {
          for vector in 0..<(channels + block.lanes - 1) / block.lanes {
            let done = vector * block.lanes
            route.unpack(
              parts + (place * block.samples + sample) * results.tileCount * height + done,
              samples: min(block.lanes, channels - done), batchStep: sum.outputSteps.channel,
              accumulates: sum.accumulates, row: row,
              to: output + sample * sum.outputSteps.batch + (channel + done) * sum.outputSteps.channel
                + plane + offset)
          }
        }
      }
    }
  }

  /// The products of one point and phase.
  private func multiply<T: KernelElement>(
    _ places: UnsafePointer<T>, _ factors: UnsafePointer<T>, _ set: WinogradChannelPlanes.Outputs,
    samples: Int, start: UnsafePointer<T>, into products: UnsafeMutablePointer<T>
  ) {
    let kernel = T.kernels.table.sum_channels
    let rows = block.samples * results.tileCount
    set.taps.withUnsafeBufferPointer { taps in
      for run in set.runs {
        // Of samples that are not there, nothing is multiplied.
        let isWhole = samples == block.samples
        for part in 0..<(isWhole ? 1 : run.count) {
          kernel?(
            isWhole ? run.count * rows : samples * results.tileCount, block.vectors, run.taps.count,
            taps.baseAddress.map { $0 + run.taps.lowerBound }, sum.inputs, layout.vectorPitch,
            places + (run.place + part) * layout.planePitch, factors, start,
            products + (run.first + part) * rows * height)
        }
      }
    }
  }
}
