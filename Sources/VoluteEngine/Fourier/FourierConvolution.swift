import CVolute

/// A window sum as a product of spectra, over the whole input at once or over overlapping tiles of it.
///
/// Takes the same time for any kernel that a transform holds. A stride computes every position and keeps those that
/// are asked for; a dilated kernel is transformed with its holes. One NaN, infinity or huge value reaches every
/// output of its tile: errors are relative to the largest output, not to each.
final class FourierConvolution: Sendable {
  let sum: WindowSum
  private let box: FourierBox
  private let lattice: Lattice
  /// Positions of a tile along each of three axes, its input, and the kernel with its holes.
  private let tile: [Int]
  private let input: [Int]
  private let kernel: [Int]
  private let blocks: [Int]
  /// Whether the kernels' spectra are kept for all tiles and samples.
  private let keepsKernels: Bool
  private let weightLayout: PackedLayout
  private let estimated: SumEstimate

  /// Why a sum cannot be computed so; `nil` if it can.
  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if sum.axes.count == 1 { return "one axis: there are no lines to transform side by side" }
    if sum.axes.count > 3 { return "\(sum.axes.count) axes, more than 3" }
    return nil
  }

  /// The cheapest choice of tiles within `limit` bytes of workspace.
  static func best<T: KernelElement>(
    _ sum: WindowSum, limit: Int, _ type: T.Type
  ) -> Result<FourierConvolution, FourierRefusal> {
    var best: FourierConvolution?
    var least = Int.max
    let kernels = sum.axes.map { ($0.kernel - 1) * $0.dilation + 1 }
    let positions = sum.axes.map { ($0.count - 1) * $0.stride + 1 }
    let options = zip(positions, kernels).map { positions, kernel in
      let whole = FourierLine.size(atLeast: positions + kernel - 1)
      let tiles = [2, 3, 4, 6, 8, 12].map { FourierLine.size(atLeast: max($0 * kernel, 16)) }
      return [whole] + Set(tiles.filter { $0 < whole * 2 / 3 && $0 > kernel }).sorted()
    }
    func search(_ chosen: [Int]) {
      if chosen.count == options.count {
        let candidate = FourierConvolution(sum, sizes: chosen, kernels, positions, limit: limit, T.self)
        least = min(least, candidate.estimated.workspace)
        if candidate.estimated.workspace <= limit,
          best.map({ candidate.estimated.seconds < $0.estimated.seconds }) ?? true
        {
          best = candidate
        }
        return
      }
      for size in options[chosen.count] { search(chosen + [size]) }
    }
    search([])
    if let best { return .success(best) }
    return .failure(
      FourierRefusal(text: "it needs \(least) bytes of workspace, more than the limit of \(limit)"))
  }

  struct FourierRefusal: Error {
    var text: String
  }

  private init<T: KernelElement>(
    _ sum: WindowSum, sizes: [Int], _ kernels: [Int], _ positions: [Int], limit: Int, _ type: T.Type
  ) {
    self.sum = sum
    func three(_ values: [Int]) -> [Int] { values.count == 2 ? [values[0], 1, values[1]] : values }
    box = FourierBox(three(sizes), T.self)
    let tiles = zip(sizes, zip(kernels, positions)).map { min($0 - $1.0 + 1, $1.1) }
    let inputs = zip(tiles, kernels).map { $0 + $1 - 1 }
    tile = three(tiles)
    input = three(inputs)
    kernel = three(kernels)
    blocks = zip(positions, tiles).map { ($0 + $1 - 1) / $1 }
    lattice = Lattice(
      zip(sum.axes, zip(positions, zip(tiles, inputs))).map { axis, numbers in
        let (positions, (tile, input)) = numbers
        var axis = axis
        axis.stride = 1
        axis.dilation = 1
        // A whole axis is one block; its taps are not asked for.
        axis.kernel = tile == positions ? 1 : input - tile + 1
        axis.count = tile == positions ? input : positions
        return axis
      }, block: zip(tiles, zip(inputs, positions)).map { $0 == $1.1 ? $1.0 : $0 }, hasTaps: false)
    weightLayout = PackedLayout(.spectra, sum, box.sizes + sum.axes.map(\.dilation), T.self)
    let bytes = MemoryLayout<T>.size
    let spectrum = 2 * box.size
    let tasks = sum.batch * blocks.reduce(1, *)
    let kept = sum.groups * sum.outputs * sum.inputs * spectrum
    let perTask = (min(sum.inputs, sum.outputs) + 2) * spectrum
    keepsKernels = tasks > 1 && (kept + perTask) * bytes <= limit
    let workspace = (perTask + (keepsKernels ? kept : 0)) * bytes
    // What a core does in a second, and moves.
    let model = CostModel(bytes: bytes)
    let groups = Double(sum.groups)
    let pairs = groups * Double(sum.outputs * sum.inputs)
    let transforms =
      Double(tasks) * groups
      * (Double(sum.inputs) * box.cost(extents: input) + Double(sum.outputs) * box.cost(extents: tile))
      + (keepsKernels ? 1 : Double(tasks)) * pairs * box.cost(extents: kernel)
    let products = Double(tasks) * pairs * Double(spectrum)
    // Each axis of each transform reads and writes the spectrum, which matters where it leaves the nearest cache.
    let moved =
      (Double(tasks) * groups * Double(sum.inputs + sum.outputs) + (keepsKernels ? 1 : Double(tasks)) * pairs)
      * Double(spectrum) * (spectrum * bytes > 1 << 20 ? 1.5 : 0.2)
    estimated = SumEstimate(
      seconds: transforms / (model.multiplyAdds * 0.4) + (products * 1.2 + moved) / model.elements
        + CostModel.overhead,
      workspace: workspace)
  }

  func estimate() -> SumEstimate { estimated }

  func run<T: KernelElement>(
    _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ weightOrigin: WeightOrigin?,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let kept = kernelSpectra(weight, weightOrigin)
    let boxes = blocks.reduce(1, *)
    forEach(sum.batch * sum.groups * boxes) { task in
      var rest = task
      var origin = Array(repeating: 0, count: blocks.count)
      for axis in blocks.indices.reversed() {
        let (outer, index) = rest.quotientAndRemainder(dividingBy: blocks[axis])
        origin[axis] = index * (blocks[axis] == 1 ? 0 : lattice.block[axis])
        rest = outer
      }
      let (sample, group) = rest.quotientAndRemainder(dividingBy: sum.groups)
      compute(
        origin, group,
        x + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group, weight,
        kept.map { UnsafePointer($0.elements + group * sum.outputs * sum.inputs * 2 * box.size) },
        bias.map { $0 + group * sum.outputs },
        output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group)
    }
    withExtendedLifetime(kept) {}
  }

  /// The spectra of all kernels, where tiles or samples share them or calls repeat; `nil` where each is used once.
  private func kernelSpectra<T: KernelElement>(
    _ weight: UnsafePointer<T>, _ origin: WeightOrigin?
  ) -> KernelSpectra<T>? {
    let spectrum = 2 * box.size
    let pairs = sum.outputs * sum.inputs
    let count = sum.groups * pairs * spectrum
    let make = {
      let spectra = KernelSpectra<T>(count: count)
      self.forEach(self.sum.groups * pairs) { index in
        let (group, pair) = index.quotientAndRemainder(dividingBy: pairs)
        self.transformKernel(
          weight, group, output: pair / self.sum.inputs, input: pair % self.sum.inputs,
          to: spectra.elements + index * spectrum)
      }
      return spectra
    }
    let byteCount = count * MemoryLayout<T>.size
    return keepsKernels
      ? PackedWeights.packed(origin, weightLayout, byteCount: byteCount, make: make)
      : PackedWeights.packedIfRepeated(origin, weightLayout, byteCount: byteCount, make: make)
  }

  /// Shares tasks out when there are enough small ones; a large one shares out its transforms itself.
  private func forEach(_ count: Int, _ body: (Int) -> Void) {
    if count >= 4 && box.size < 1 << 20 {
      parallel(count, body)
    } else {
      for index in 0..<count { body(index) }
    }
  }

  /// One tile of one sample and group.
  private func compute<T: KernelElement>(
    _ origin: [Int], _ group: Int, _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>,
    _ kept: UnsafePointer<T>?,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let spectrum = 2 * box.size
    let holdsOutputs = sum.outputs <= sum.inputs
    let held = holdsOutputs ? sum.outputs : sum.inputs
    let packer = lattice.packer(origin: origin)
    withScratch(T.self, (held + 2) * spectrum) { scratch in
      let one = scratch + held * spectrum
      let factor = one + spectrum
      func kernelSpectrum(_ output: Int, _ input: Int) -> UnsafePointer<T> {
        if let kept { return kept + (output * sum.inputs + input) * spectrum }
        transformKernel(weight, group, output: output, input: input, to: factor)
        return UnsafePointer(factor)
      }
      func transformInput(_ channel: Int, to place: UnsafeMutablePointer<T>) {
        packer.packPlanes(
          x + channel * sum.inputSteps.channel, lines: input[1], columns: box.paired(input[2]),
          pitch: box.pitch
        ) {
          place + box.plane($0)
        }
        box.forward(place, extents: input)
      }
      if holdsOutputs {
        for channel in 0..<sum.inputs {
          transformInput(channel, to: one)
          for target in 0..<sum.outputs {
            box.multiply(
              one, kernelSpectrum(target, channel), to: scratch + target * spectrum, accumulates: channel > 0)
          }
        }
        for target in 0..<sum.outputs { write(scratch + target * spectrum, target, origin, bias, output) }
      } else {
        for channel in 0..<sum.inputs { transformInput(channel, to: scratch + channel * spectrum) }
        for target in 0..<sum.outputs {
          for channel in 0..<sum.inputs {
            box.multiply(
              scratch + channel * spectrum, kernelSpectrum(target, channel), to: one, accumulates: channel > 0
            )
          }
          write(one, target, origin, bias, output)
        }
      }
    }
  }

  /// The spectrum of one kernel, scaled so that the inverse needs no scaling.
  private func transformKernel<T: KernelElement>(
    _ weight: UnsafePointer<T>, _ group: Int, output: Int, input: Int, to place: UnsafeMutablePointer<T>
  ) {
    let from =
      weight + sum.weightOffset + group * sum.weightSteps.group + output * sum.weightSteps.output
      + input * sum.weightSteps.input
    let scale = T(double: 1 / box.sizes.reduce(1.0) { $0 * Double($1) })
    let axes = sum.axes
    let first = axes[0]
    let middle = axes.count == 3 ? axes[1] : nil
    let last = axes[axes.count - 1]
    for plane in 0..<kernel[0] {
      let start = place + box.plane(plane)
      start.update(repeating: .zero, count: kernel[1] * box.pitch)
      if plane % first.dilation != 0 { continue }
      for row in 0..<(middle?.kernel ?? 1) {
        let line = start + row * (middle?.dilation ?? 1) * box.pitch
        let source = from + plane / first.dilation * first.weightStep + row * (middle?.weightStep ?? 0)
        for tap in 0..<last.kernel {
          line[tap * last.dilation] = T.multiply(source[tap * last.weightStep], scale)
        }
      }
    }
    box.forward(place, extents: kernel)
  }

  /// Transforms the sums of one output channel back and writes the positions that the stride keeps.
  private func write<T: KernelElement>(
    _ spectrum: UnsafeMutablePointer<T>, _ channel: Int, _ origin: [Int], _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    box.inverse(spectrum, extents: tile)
    let axes = sum.axes
    let table = T.kernels
    let tiles = axes.count == 2 ? [tile[0], tile[2]] : tile
    // The outputs of this tile along each axis: those whose position lies in it.
    let ranges = axes.indices.map { axis -> Range<Int> in
      let stride = axes[axis].stride
      let low = (origin[axis] + stride - 1) / stride
      return low..<max(low, min((origin[axis] + tiles[axis] - 1) / stride + 1, axes[axis].count))
    }
    let last = axes.count - 1
    let bias = sum.accumulates ? nil : bias.map { $0 + channel }
    let columns = ranges[last]
    if columns.isEmpty { return }
    let step = axes[last].stride
    let to = output + channel * sum.outputSteps.channel + columns.lowerBound * axes[last].outputStep
    let skipped = columns.lowerBound * step - origin[last]
    let rows = last == 2 ? ranges[1] : 0..<1
    parallel(ranges[0].count) { index in
      let plane = ranges[0].lowerBound + index
      withScratch(T.self, columns.count) { line in
        for row in rows {
          let place = last == 2 ? row * axes[1].stride - origin[1] : 0
          var from = spectrum + box.plane(plane * axes[0].stride - origin[0]) + place * box.pitch + skipped
          if step > 1 {
            for column in 0..<columns.count { line[column] = from[column * step] }
            from = line
          }
          table.table.emit?(
            1, columns.count, from, 0,
            to + plane * axes[0].outputStep + (last == 2 ? row * axes[1].outputStep : 0), 0,
            axes[last].outputStep, bias, sum.accumulates ? 1 : 0)
        }
      }
    }
  }
}

/// The spectra of a weight's kernels, one after the other.
// Unchecked: written only while it is made.
private final class KernelSpectra<T: KernelElement>: PackedWeight, @unchecked Sendable {
  let elements: UnsafeMutablePointer<T>
  let byteCount: Int

  init(count: Int) {
    byteCount = max(count, 1) * MemoryLayout<T>.size
    elements = Memory.allocate(byteCount: byteCount).bindMemory(to: T.self, capacity: max(count, 1))
  }

  deinit { Memory.deallocate(elements, byteCount: byteCount) }
}
