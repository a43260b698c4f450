import CVolute

/// A window sum as a product of spectra, over the whole input at once or over overlapping tiles of it.
///
/// Takes the same time for any kernel that a transform holds. A stride either computes every position and keeps those
/// that are asked for, or adds up what its phases give, each a small input with a part of the kernel; a dilated kernel
/// is transformed with its holes. One NaN, infinity or huge value reaches every output of its tile: errors are
/// relative to the largest output, not to each.
final class FourierConvolution: Sendable {
  /// What is added up, each over all input channels; all but their inputs and kernels alike.
  private let terms: [WindowSum]
  private let lattices: [Lattice]
  private let shape: Shape
  /// The first of the terms.
  private let sum: WindowSum
  /// Inputs that one output is made of: terms and channels.
  private let depth: Int
  /// Of each term.
  private let kernels: [Kernel]
  /// From one output to the next along each of three axes, among the positions and in memory.
  private let strides: SIMD3<Int>
  private let steps: SIMD3<Int>

  /// Where the weight's taps along each of three axes lie in memory, from where on and how far apart, and how far apart
  /// in a box.
  private struct Kernel {
    let offset: Int
    let taps: SIMD3<Int>
    let steps: SIMD3<Int>
    let dilations: SIMD3<Int>
  }

  /// A size of the transform along one axis.
  private struct Cut {
    var size: Int
    /// Positions of a tile, the input that it reads, and all positions.
    var tile: Int
    var input: Int
    var positions: Int
    /// The kernel with its holes.
    var kernel: Int
    var blocks: Int { (positions + tile - 1) / tile }
  }

  /// What the estimate and the run agree on.
  private struct Shape {
    let cuts: [Cut]
    let box: FourierBox
    /// Positions of a tile along each of three axes, its input, and the kernel.
    let tile: SIMD3<Int>
    let input: SIMD3<Int>
    let kernel: SIMD3<Int>
    /// Whether the kernels' spectra are kept for all tiles and samples.
    let keepsKernels: Bool
    let estimate: SumEstimate
  }

  /// Why a sum cannot be computed so; `nil` if it can.
  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if sum.axes.count == 1 {
      return "one axis: \(ConvolutionAlgorithm.fourierRows.rawValue) transforms its rows"
    }
    if sum.axes.count > 3 { return "\(sum.axes.count) axes, more than 3" }
    return nil
  }

  /// The cheapest choice of tiles within `limit` bytes of workspace.
  static func best<T: KernelElement>(
    _ sum: WindowSum, limit: Int, _ type: T.Type
  ) -> Result<FourierConvolution, FourierRefusal> {
    var best: (terms: [WindowSum], shape: Shape)?
    var least = Int.max
    let isStrided = sum.axes.contains { $0.stride > 1 }
    for terms in [[sum]] + (isStrided ? [sum.unstrided()] : []) {
      let options = sum.axes.indices.map { axis in cuts(terms.map { $0.axes[axis] }) }
      func search(_ chosen: [Cut]) {
        if chosen.count == options.count {
          let shape = shape(terms, chosen, limit: limit, T.self)
          least = min(least, shape.estimate.workspace)
          if shape.estimate.workspace <= limit,
            best.map({ shape.estimate.seconds < $0.shape.estimate.seconds }) ?? true
          {
            best = (terms, shape)
          }
          return
        }
        for cut in options[chosen.count] { search(chosen + [cut]) }
      }
      search([])
    }
    if let best { return .success(FourierConvolution(terms: best.terms, shape: best.shape)) }
    return .failure(
      FourierRefusal(text: "it needs \(least) bytes of workspace, more than the limit of \(limit)"))
  }

  struct FourierRefusal: Error {
    var text: String
  }

  /// The whole axis, and tiles of a few times the kernel.
  private static func cuts(_ axes: [WindowSum.Axis]) -> [Cut] {
    let kernel = axes.map { ($0.kernel - 1) * $0.dilation + 1 }.max() ?? 1
    let positions = (axes[0].count - 1) * axes[0].stride + 1
    let reach = positions + kernel - 1
    // Places beyond the transform come round to its first: they may if both read the same, as padding often does.
    let whole = FourierLine.size(atLeast: max(positions, kernel)) { size in
      axes.allSatisfy { axis in
        func source(_ place: Int) -> Int { place < axis.sources.count ? axis.sources[place] : -1 }
        return (size..<max(size, reach)).allSatisfy { source($0) == source($0 - size) }
      }
    }
    let tiles = [2, 3, 4, 6, 8, 12].map { FourierLine.size(atLeast: max($0 * kernel, 16)) }
    return [
      Cut(size: whole, tile: positions, input: min(whole, reach), positions: positions, kernel: kernel)
    ]
      + Set(tiles.filter { $0 < whole * 2 / 3 && $0 > kernel }).sorted().map { size in
        let tile = min(size - kernel + 1, positions)
        return Cut(size: size, tile: tile, input: tile + kernel - 1, positions: positions, kernel: kernel)
      }
  }

  private static func shape<T: KernelElement>(
    _ terms: [WindowSum], _ cuts: [Cut], limit: Int, _ type: T.Type
  ) -> Shape {
    let sum = terms[0]
    let box = FourierBox(three(cuts.map(\.size), missing: 1), T.self)
    let (tile, input, kernel) = (
      three(cuts.map(\.tile), missing: 1), three(cuts.map(\.input), missing: 1),
      three(cuts.map(\.kernel), missing: 1)
    )
    let depth = terms.count * sum.inputs
    let bytes = MemoryLayout<T>.size
    let spectrum = 2 * box.size
    let tasks = sum.batch * cuts.reduce(1) { $0 * $1.blocks }
    let kept = sum.groups * sum.outputs * depth * spectrum
    let perTask = (min(depth, sum.outputs) + 2) * spectrum
    let keepsKernels = tasks > 1 && (kept + perTask) * bytes <= limit
    let workspace = (perTask + (keepsKernels ? kept : 0)) * bytes
    // What a core does in a second, and moves.
    let model = CostModel(bytes: bytes)
    let groups = Double(sum.groups)
    let pairs = groups * Double(sum.outputs * depth)
    let kernels = keepsKernels ? pairs : pairs * Double(tasks)
    let transforms =
      Double(tasks) * groups
      * (Double(depth) * box.cost(extents: input) + Double(sum.outputs) * box.cost(extents: tile))
      + kernels * box.cost(extents: kernel)
    let products = Double(tasks) * pairs * Double(spectrum)
    // Each axis of each transform reads and writes the spectrum, which takes longer the further away that is.
    let boxes = Double(tasks) * groups * Double(depth + sum.outputs) + kernels
    let moved = boxes * Double(spectrum)
    let held = 3 * spectrum * bytes
    let distance = held > 3 << 19 ? 1 : held > 3 << 17 ? 0.5 : 0
    let distanceOfKernels = keepsKernels && kept * bytes > 1 << 20 ? 1 : distance
    // Lines are short, so that each costs more than its elements, and most where a stride takes it apart.
    let (line, element) = terms.count > 1 ? (70.0, 1.0) : (40.0, 0.2)
    let lines =
      Double(tasks) * groups
      * (Double(depth * input[0] * input[1]) * (line + Double(input[2]) * element)
        + Double(sum.outputs * tile[0] * tile[1]) * (40 + Double(tile[2]) * 0.2))
      + kernels * Double(kernel[0] * kernel[1]) * 40
    let seconds =
      transforms / (model.multiplyAdds * 1.2)
      + (products * (0.13 + 0.27 * distanceOfKernels) + moved * (0.3 + 0.6 * distance) + lines)
      / model.elements
      + boxes * 0.3e-6 + CostModel.overhead
    return Shape(
      cuts: cuts, box: box, tile: tile, input: input, kernel: kernel, keepsKernels: keepsKernels,
      estimate: SumEstimate(seconds: seconds, workspace: workspace))
  }

  /// What two axes or three have, the one between two being missing.
  private static func three(_ values: [Int], missing: Int) -> SIMD3<Int> {
    values.count == 2 ? SIMD3(values[0], missing, values[1]) : SIMD3(values)
  }

  private init(terms: [WindowSum], shape: Shape) {
    self.terms = terms
    self.shape = shape
    sum = terms[0]
    depth = terms.count * sum.inputs
    kernels = terms.map { term in
      Kernel(
        offset: term.weightOffset, taps: Self.three(term.axes.map(\.kernel), missing: 1),
        steps: Self.three(term.axes.map(\.weightStep), missing: 0),
        dilations: Self.three(term.axes.map(\.dilation), missing: 1))
    }
    strides = Self.three(sum.axes.map(\.stride), missing: 1)
    steps = Self.three(sum.axes.map(\.outputStep), missing: 0)
    lattices = terms.map { term in
      Lattice(
        zip(term.axes, shape.cuts).map { axis, cut in
          var axis = axis
          axis.stride = 1
          axis.dilation = 1
          // A whole axis is one block; its taps are not asked for.
          axis.kernel = cut.blocks == 1 ? 1 : cut.kernel
          axis.count = cut.blocks == 1 ? cut.input : cut.positions
          return axis
        }, block: shape.cuts.map { $0.blocks == 1 ? $0.input : $0.tile }, hasTaps: false)
    }
  }

  func estimate() -> SumEstimate { shape.estimate }

  func run<T: KernelElement>(
    _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ weightOrigin: WeightOrigin?,
    _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let box = shape.box.prepared()
    let kept = kernelSpectra(box, weight, weightOrigin)
    let blocks = shape.cuts.map(\.blocks)
    let boxes = blocks.reduce(1, *)
    func tile(_ index: Int) -> Tile {
      Tile(self, origin: zip(unravelled(index, over: blocks).indices, shape.cuts).map { $0 * $1.tile })
    }
    let shared = sum.batch * sum.groups > 1 ? (0..<boxes).map(tile) : nil
    forEach(sum.batch * sum.groups * boxes) { task in
      let (rest, index) = task.quotientAndRemainder(dividingBy: boxes)
      let (sample, group) = rest.quotientAndRemainder(dividingBy: sum.groups)
      compute(
        box, shared?[index] ?? tile(index), group,
        x + sum.inputOffset + sample * sum.inputSteps.batch + group * sum.inputSteps.group, weight,
        kept.map { UnsafePointer($0.elements + group * sum.outputs * depth * 2 * box.size) },
        bias.map { $0 + group * sum.outputs },
        output + sum.outputOffset + sample * sum.outputSteps.batch + group * sum.outputSteps.group)
    }
    withExtendedLifetime(kept) {}
  }

  /// The spectra of all kernels, where tiles or samples share them or calls repeat; `nil` where each is used once.
  private func kernelSpectra<T: KernelElement>(
    _ box: FourierBox, _ weight: UnsafePointer<T>, _ origin: WeightOrigin?
  ) -> KernelSpectra<T>? {
    let spectrum = 2 * box.size
    let pairs = sum.outputs * depth
    let count = sum.groups * pairs * spectrum
    let make = {
      let spectra = KernelSpectra<T>(count: count)
      self.forEach(self.sum.groups * pairs) { index in
        let (group, pair) = index.quotientAndRemainder(dividingBy: pairs)
        self.transformKernel(
          box, weight, group, output: pair / self.depth, input: pair % self.depth,
          to: spectra.elements + index * spectrum)
      }
      return spectra
    }
    let details = terms.flatMap { term in
      [term.weightOffset] + term.axes.flatMap { [$0.kernel, $0.dilation, $0.weightStep] }
    }
    let sizes = (0..<3).map { box.sizes[$0] } + (0..<3).map { shape.kernel[$0] }
    let layout = PackedLayout(.spectra, sum, sizes + details, T.self)
    let byteCount = count * MemoryLayout<T>.size
    return shape.keepsKernels
      ? PackedWeights.packed(origin, layout, byteCount: byteCount, make: make)
      : PackedWeights.packedIfRepeated(origin, layout, byteCount: byteCount, make: make)
  }

  /// Shares tasks out when there are enough small ones; a large one shares out its transforms itself.
  private func forEach(_ count: Int, _ body: (Int) -> Void) {
    if count >= 4 && shape.box.size < 1 << 20 {
      parallel(count, body)
    } else {
      for index in 0..<count { body(index) }
    }
  }

  /// What samples and groups share of a tile.
  private struct Tile {
    let packers: [Lattice.Packer]
    /// Along each axis the first position, and the outputs whose positions lie in the tile.
    let origin: SIMD3<Int>
    let planes: Range<Int>
    let rows: Range<Int>
    let columns: Range<Int>

    init(_ plan: FourierConvolution, origin: [Int]) {
      packers = plan.lattices.map { $0.packer(origin: origin) }
      let first = FourierConvolution.three(origin, missing: 0)
      let counts = FourierConvolution.three(plan.sum.axes.map(\.count), missing: 1)
      func outputs(_ axis: Int) -> Range<Int> {
        let stride = plan.strides[axis]
        let low = (first[axis] + stride - 1) / stride
        return low..<max(low, min((first[axis] + plan.shape.tile[axis] - 1) / stride + 1, counts[axis]))
      }
      self.origin = first
      (planes, rows, columns) = (outputs(0), outputs(1), outputs(2))
    }
  }

  /// One tile of one sample and group.
  private func compute<T: KernelElement>(
    _ box: FourierBox, _ tile: Tile, _ group: Int, _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>,
    _ kept: UnsafePointer<T>?, _ bias: UnsafePointer<T>?, _ output: UnsafeMutablePointer<T>
  ) {
    let spectrum = 2 * box.size
    let holdsOutputs = sum.outputs <= depth
    let held = holdsOutputs ? sum.outputs : depth
    let input = shape.input
    withScratch(T.self, (held + 2) * spectrum) { scratch in
      let one = scratch + held * spectrum
      let factor = one + spectrum
      func kernelSpectrum(_ output: Int, _ input: Int) -> UnsafePointer<T> {
        if let kept { return kept + (output * depth + input) * spectrum }
        transformKernel(box, weight, group, output: output, input: input, to: factor)
        return UnsafePointer(factor)
      }
      func transformInput(_ index: Int, to place: UnsafeMutablePointer<T>) {
        let (term, channel) = index.quotientAndRemainder(dividingBy: sum.inputs)
        tile.packers[term].packPlanes(
          x + channel * sum.inputSteps.channel, lines: input[1], columns: box.paired(input[2]),
          pitch: box.pitch
        ) {
          place + box.plane($0)
        }
        box.forward(place, extents: input)
      }
      if holdsOutputs {
        for channel in 0..<depth {
          transformInput(channel, to: one)
          for target in 0..<sum.outputs {
            box.multiply(
              one, kernelSpectrum(target, channel), to: scratch + target * spectrum, accumulates: channel > 0)
          }
        }
        for target in 0..<sum.outputs { write(box, scratch + target * spectrum, target, tile, bias, output) }
      } else {
        for channel in 0..<depth { transformInput(channel, to: scratch + channel * spectrum) }
        for target in 0..<sum.outputs {
          for channel in 0..<depth {
            box.multiply(
              scratch + channel * spectrum, kernelSpectrum(target, channel), to: one, accumulates: channel > 0
            )
          }
          write(box, one, target, tile, bias, output)
        }
      }
    }
  }

  /// The spectrum of one kernel, scaled so that the inverse needs no scaling.
  private func transformKernel<T: KernelElement>(
    _ box: FourierBox, _ weight: UnsafePointer<T>, _ group: Int, output: Int, input: Int,
    to place: UnsafeMutablePointer<T>
  ) {
    let (index, channel) = input.quotientAndRemainder(dividingBy: sum.inputs)
    let (own, kernel) = (kernels[index], shape.kernel)
    let from =
      weight + own.offset + group * sum.weightSteps.group + output * sum.weightSteps.output
      + channel * sum.weightSteps.input
    let scale = T(double: 1 / (Double(box.sizes[0]) * Double(box.sizes[1]) * Double(box.sizes[2])))
    let (step, dilation) = (own.steps[2], own.dilations[2])
    for plane in 0..<kernel[0] {
      let start = place + box.plane(plane)
      start.update(repeating: .zero, count: kernel[1] * box.pitch)
      // Phases of a stride may differ by a tap.
      if plane % own.dilations[0] != 0 || plane / own.dilations[0] >= own.taps[0] { continue }
      for row in 0..<own.taps[1] {
        let line = start + row * own.dilations[1] * box.pitch
        let source = from + plane / own.dilations[0] * own.steps[0] + row * own.steps[1]
        if step == 1 && dilation == 1 {
          for tap in 0..<own.taps[2] { line[tap] = T.multiply(source[tap], scale) }
        } else {
          for tap in 0..<own.taps[2] { line[tap * dilation] = T.multiply(source[tap * step], scale) }
        }
      }
    }
    box.forward(place, extents: kernel)
  }

  /// Transforms the sums of one output channel back and writes the positions that the stride keeps.
  private func write<T: KernelElement>(
    _ box: FourierBox, _ spectrum: UnsafeMutablePointer<T>, _ channel: Int, _ tile: Tile,
    _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    box.inverse(spectrum, extents: shape.tile)
    let (columns, rows, origin) = (tile.columns, tile.rows, tile.origin)
    if columns.isEmpty { return }
    let emit = T.kernels.table.emit
    let bias = sum.accumulates ? nil : bias.map { $0 + channel }
    let accumulates: Int32 = sum.accumulates ? 1 : 0
    let (strides, steps) = (strides, steps)
    let to = output + channel * sum.outputSteps.channel + columns.lowerBound * steps[2]
    let skipped = columns.lowerBound * strides[2] - origin[2]
    parallel(tile.planes.count) { index in
      let plane = tile.planes.lowerBound + index
      for row in rows {
        let from =
          spectrum + box.plane(plane * strides[0] - origin[0]) + (row * strides[1] - origin[1]) * box.pitch
          + skipped
        if strides[2] > 1 {
          for column in 0..<columns.count { from[column] = from[column * strides[2]] }
        }
        emit?(
          1, columns.count, from, 0, to + plane * steps[0] + row * steps[1], 0, steps[2], bias, accumulates)
      }
    }
  }
}

/// The spectra of a weight's kernels, one after the other.
// Unchecked: written only while it is made.
final class KernelSpectra<T: KernelElement>: PackedWeight, @unchecked Sendable {
  let elements: UnsafeMutablePointer<T>
  let byteCount: Int

  init(count: Int) {
    byteCount = max(count, 1) * MemoryLayout<T>.size
    elements = Memory.allocate(byteCount: byteCount).bindMemory(to: T.self, capacity: max(count, 1))
  }

  deinit { Memory.deallocate(elements, byteCount: byteCount) }
}
