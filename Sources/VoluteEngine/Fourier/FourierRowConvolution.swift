import CVolute

/// A window sum as products of spectra along one of its axes.
///
/// Two real rows are transformed as one complex row. They are either those of two units, which meet the same row of the
/// weight, so that the parts of the product are the sums of the one and of the other; or those of two terms, whose
/// rows of the weight are paired as well, so that the real part of x * conjugate(w) has the sum over both.
///
/// A task transforms the rows of a few units, a few terms at a time, multiplies them with the spectra of the weight
/// frequency by frequency, a matrix product, and transforms the sums back.
final class FourierRowConvolution: Sendable {
  let sum: WindowSum
  private let rows: RowSum
  private let pairsTerms: Bool
  private let row: FourierRow
  private let shape: Shape

  /// What the estimate and the run agree on: counts, and how the work is cut, by sizes alone.
  private struct Shape {
    var size: Int
    /// Between the parts of a spectrum: a vector more than there is, so that spectra do not share their places in
    /// the cache. And between spectra.
    var imaginary: Int
    var pitch: Int { 2 * imaginary }
    /// Rows of a channel, and rows under one output, paired.
    var slots: Int
    var depth: Int
    /// Slots of a task; rows that are transformed before they are multiplied; rows of a task.
    var block: Int
    var chunk: Int
    var share: Int
    var keepsWeights: Bool
    var blocks: Int { (slots + block - 1) / block }
    var shares: Int { (depth + share - 1) / share }
    /// Elements beside the arrays: sums of shares, those and kept spectra, and what one task needs.
    var partial = 0
    var kept = 0
    var perTask = 0
    var seconds = 0.0
  }

  /// The cheapest choice of axis, size and cut within `limit` bytes of workspace.
  static func best<T: KernelElement>(
    _ sum: WindowSum, limit: Int, _ type: T.Type
  ) -> Result<FourierRowConvolution, FourierConvolution.FourierRefusal> {
    var best: (rows: RowSum, pairsTerms: Bool, shape: Shape)?
    var least = Int.max
    for axis in sum.axes.indices {
      let whole = RowSum(sum, axis: axis)
      for (tiles, pieces) in cuts(whole, T.self) {
        let rows = whole.cut(tiles: tiles, pieces: pieces)
        for pairsTerms in [false, true] {
          let shape = shape(rows, pairsTerms: pairsTerms, limit: limit, T.self)
          let workspace = (shape.kept + shape.perTask) * MemoryLayout<T>.size
          least = min(least, workspace)
          if workspace <= limit, best.map({ shape.seconds < $0.shape.seconds }) ?? true {
            best = (rows, pairsTerms, shape)
          }
        }
      }
    }
    if let best {
      return .success(
        FourierRowConvolution(
          sum: sum, rows: best.rows, pairsTerms: best.pairsTerms,
          row: FourierRow(best.shape.size, T.self), shape: best.shape, bytes: MemoryLayout<T>.size))
    }
    return .failure(.init(text: "it needs \(least) bytes of workspace, more than the limit of \(limit)"))
  }

  /// Numbers of tiles and of pieces worth a try: one of them 1, or both alike.
  private static func cuts<T: KernelElement>(_ rows: RowSum, _ type: T.Type) -> [(tiles: Int, pieces: Int)] {
    let (outputs, taps) = (rows.outputs, rows.taps)
    var cuts: Set<[Int]> = []
    let largest = FourierRow.size(atLeast: outputs + taps - 1, T.self)
    func add(tile: Int, piece: Int) {
      if tile < 1 || piece < 1 { return }
      cuts.insert([(outputs + tile - 1) / tile, (taps + piece - 1) / piece])
    }
    if largest <= maximumSize { add(tile: outputs, piece: taps) }
    var size = T.kernels.lanes * T.kernels.lanes
    while size < largest && size <= maximumSize {
      for size in [size, size / 2 * 3] {
        add(tile: size - taps + 1, piece: taps)
        add(tile: outputs, piece: size - outputs + 1)
        let half = min(taps, size / 2)
        add(tile: min(outputs, size - half + 1), piece: half)
      }
      size *= 2
    }
    return cuts.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0[0], $0[1]) }
  }

  private static let maximumSize = 1 << 18

  private static func shape<T: KernelElement>(
    _ rows: RowSum, pairsTerms: Bool, limit: Int, _ type: T.Type
  ) -> Shape {
    let bytes = MemoryLayout<T>.size
    let sum = rows.sum
    let size = FourierRow.size(atLeast: rows.reach, T.self)
    let slots = pairsTerms ? rows.units : (rows.units + 1) / 2
    let depth = pairsTerms ? (rows.terms + 1) / 2 : rows.terms
    var shape = Shape(
      size: size, imaginary: size + T.kernels.lanes, slots: slots, depth: depth, block: 1,
      chunk: min(depth, 16), share: depth, keepsWeights: false)
    // What a task holds stays in the second level of cache, and every spectrum of the weight serves it all.
    let budget = (1 << 20) / bytes
    shape.block = max(1, min(slots, 16, budget / ((sum.outputs + shape.chunk) * shape.pitch)))
    // Enough tasks to share out, when there is enough to do.
    let wanted = Double(slots * depth * size) < 1e5 ? 1 : 8
    while sum.groups * shape.blocks < wanted && shape.block > 1 { shape.block = (shape.block + 1) / 2 }
    let parts = min((wanted + sum.groups * shape.blocks - 1) / (sum.groups * shape.blocks), max(depth / 4, 1))
    shape.share = (depth + parts - 1) / parts
    shape.chunk = min(shape.chunk, shape.share)
    let weights = sum.groups * sum.outputs * depth * shape.pitch
    let sums = shape.block * sum.outputs * shape.pitch
    shape.perTask = shape.block * shape.chunk * shape.pitch + 4 * shape.pitch
    shape.partial = shape.shares > 1 ? sum.groups * shape.blocks * shape.shares * sums : 0
    if shape.shares == 1 { shape.perTask += sums }
    shape.keepsWeights = shape.blocks > 1 && (weights + shape.partial + shape.perTask) * bytes <= limit
    if !shape.keepsWeights { shape.perTask += min(sum.outputs, 2) * shape.chunk * shape.pitch }
    shape.kept = shape.partial + (shape.keepsWeights ? weights : 0)
    // What a core does in a second, and moves.
    let model = CostModel(bytes: bytes)
    let pairs = Double(sum.groups * sum.outputs * depth)
    let transforms =
      Double(sum.groups * slots * (depth + sum.outputs))
      + pairs * (shape.keepsWeights ? 1 : Double(shape.blocks))
    // Passes over what leaves the nearer caches take longer.
    let held = 6 * size * bytes
    let distance = held <= 100 << 10 ? 1 : held <= 400 << 10 ? 1.5 : held <= 2 << 20 ? 1.8 : 2.5
    let products = pairs * Double(slots * 4 * size)
    let read = pairs * Double(shape.blocks * shape.pitch)
    let rowSize = Double(2 * sum.groups * slots * size)
    let loaded = rowSize * Double(depth) * (rows.inputStride == 1 ? 0.4 : 1.4)
    let stored = rowSize * Double(sum.outputs) * (rows.outputStride == 1 ? 0.4 : 1.4)
    shape.seconds =
      transforms * (FourierRow.cost(size, T.self) * distance / model.multiplyAdds + 0.1e-6)
      + products / (model.multiplyAdds * 0.8) + (read * 0.15 + loaded + stored) * 0.75 / model.elements
      + CostModel.overhead
    return shape
  }

  private let bytes: Int

  private init(sum: WindowSum, rows: RowSum, pairsTerms: Bool, row: FourierRow, shape: Shape, bytes: Int) {
    self.sum = sum
    self.rows = rows
    self.pairsTerms = pairsTerms
    self.row = row
    self.shape = shape
    self.bytes = bytes
  }

  func estimate() -> SumEstimate {
    SumEstimate(seconds: shape.seconds, workspace: (shape.kept + shape.perTask) * bytes)
  }

  func run<T: KernelElement>(
    _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ origin: WeightOrigin?, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let (groups, outputs, depth, pitch) = (sum.groups, sum.outputs, shape.depth, shape.pitch)
    let (blocks, shares) = (shape.blocks, shape.shares)
    let sums = shape.block * outputs * pitch
    let kept = kernelSpectra(weight, origin)
    withScratch(T.self, shape.partial) { partial in
      parallel(groups * blocks * shares) { task in
        let (place, share) = task.quotientAndRemainder(dividingBy: shares)
        let (group, block) = place.quotientAndRemainder(dividingBy: blocks)
        let spectra = kept.map { UnsafePointer($0.elements + group * outputs * depth * pitch) }
        let part = min(share * shape.share, depth)..<min((share + 1) * shape.share, depth)
        if shares > 1 {
          add(x, weight, spectra, group: group, block: block, part, to: partial + task * sums)
        } else {
          withScratch(T.self, sums) { sums in
            add(x, weight, spectra, group: group, block: block, part, to: sums)
            withRows(T.self) { scratch in
              for slot in slots(of: block) {
                for channel in 0..<outputs {
                  let place = ((slot - block * shape.block) * outputs + channel) * pitch
                  write(sums + place, slot: slot, group: group, output: channel, bias, output, scratch)
                }
              }
            }
          }
        }
      }
      if shares == 1 { return }
      parallel(groups * shape.slots * outputs) { index in
        let (place, channel) = index.quotientAndRemainder(dividingBy: outputs)
        let (group, slot) = place.quotientAndRemainder(dividingBy: shape.slots)
        let block = slot / shape.block
        let first =
          partial + (group * blocks + block) * shares * sums
          + ((slot - block * shape.block) * outputs + channel) * pitch
        for share in 1..<shares {
          T.kernels.table.emit?(1, pitch, first + share * sums, 0, first, 0, 1, nil, 1)
        }
        withRows(T.self) { scratch in
          write(first, slot: slot, group: group, output: channel, bias, output, scratch)
        }
      }
    }
    withExtendedLifetime(kept) {}
  }

  /// The spectra of all rows of the weight, where tasks share them or calls repeat; `nil` where each is used once.
  private func kernelSpectra<T: KernelElement>(
    _ weight: UnsafePointer<T>, _ origin: WeightOrigin?
  ) -> KernelSpectra<T>? {
    let (rows, depth) = (sum.groups * sum.outputs, shape.depth)
    let count = rows * depth * shape.pitch
    let make = {
      let spectra = KernelSpectra<T>(count: count)
      parallel(rows) { [self] index in
        let (group, output) = index.quotientAndRemainder(dividingBy: sum.outputs)
        withRows(T.self) { scratch in
          for place in 0..<depth {
            transformWeight(
              weight, group: group, output: output, depth: place,
              to: spectra.elements + (index * depth + place) * shape.pitch, scratch)
          }
        }
      }
      return spectra
    }
    // No box has a size of -1.
    let details = [-1, shape.size, pairsTerms ? 1 : 0] + self.rows.weightCut
    let layout = PackedLayout(.spectra, sum, details, T.self)
    let byteCount = count * MemoryLayout<T>.size
    return shape.keepsWeights
      ? PackedWeights.packed(origin, layout, byteCount: byteCount, make: make)
      : PackedWeights.packedIfRepeated(origin, layout, byteCount: byteCount, make: make)
  }

  private func slots(of block: Int) -> Range<Int> {
    block * shape.block..<min((block + 1) * shape.block, shape.slots)
  }

  /// Room for two complex rows.
  private func withRows<T: KernelElement>(_ type: T.Type, _ body: (UnsafeMutablePointer<T>) -> Void) {
    withScratch(T.self, 2 * shape.pitch, body)
  }

  private func parts<T>(_ spectrum: UnsafeMutablePointer<T>) -> FourierRow.Parts<T> {
    (spectrum, spectrum + shape.imaginary)
  }

  /// The sums over some of the depth, of one block of slots, as spectra.
  private func add<T: KernelElement>(
    _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ spectra: UnsafePointer<T>?, group: Int, block: Int,
    _ part: Range<Int>, to sums: UnsafeMutablePointer<T>
  ) {
    let (outputs, pitch, chunk) = (sum.outputs, shape.pitch, shape.chunk)
    let slots = slots(of: block)
    // Rows of the weight that are not kept are made for two outputs at a time.
    let columns = spectra == nil ? min(outputs, 2) : outputs
    let factors = spectra == nil ? columns * chunk : 0
    var runs: [volute_run] = []
    withScratch(T.self, (slots.count * chunk + factors + 2) * pitch) { inputs in
      let factor = inputs + slots.count * chunk * pitch
      let scratch = factor + factors * pitch
      for first in Swift.stride(from: part.lowerBound, to: part.upperBound, by: chunk) {
        let count = min(chunk, part.upperBound - first)
        for (row, slot) in slots.enumerated() {
          for place in 0..<count {
            transformInput(
              x, slot: slot, depth: first + place, group: group,
              to: inputs + (row * chunk + place) * pitch, scratch, &runs)
          }
        }
        for target in Swift.stride(from: 0, to: outputs, by: columns) {
          let columns = min(columns, outputs - target)
          if spectra == nil {
            for column in 0..<columns {
              for place in 0..<count {
                transformWeight(
                  weight, group: group, output: target + column, depth: first + place,
                  to: factor + (column * chunk + place) * pitch, scratch)
              }
            }
          }
          var arrays = volute_spectra(
            imaginary: shape.imaginary, x_row: chunk * pitch, x_depth: pitch,
            w_column: (spectra == nil ? chunk : shape.depth) * pitch, w_depth: pitch,
            s_row: outputs * pitch, s_column: pitch)
          T.kernels.table.sum_spectra?(
            &arrays, shape.size, slots.count, columns, count, inputs,
            spectra.map { $0 + first * pitch } ?? UnsafePointer(factor),
            sums + target * pitch, first > part.lowerBound ? 1 : 0)
        }
      }
    }
  }

  /// The spectrum of the input's rows under a slot.
  private func transformInput<T: KernelElement>(
    _ x: UnsafePointer<T>, slot: Int, depth: Int, group: Int, to spectrum: UnsafeMutablePointer<T>,
    _ scratch: UnsafeMutablePointer<T>, _ runs: inout [volute_run]
  ) {
    let (re, im) = parts(scratch)
    func load(_ part: Int, to row: UnsafeMutablePointer<T>) -> UnsafePointer<T> {
      let unit = pairsTerms ? slot : 2 * slot + part
      let term = pairsTerms ? 2 * depth + part : depth
      if unit < rows.units && term < rows.terms {
        return rows.load(unit: unit, term: term, group: group, x, size: shape.size, row: row, runs: &runs)
      }
      row.update(repeating: .zero, count: shape.size)
      return UnsafePointer(row)
    }
    row.run(load(0, to: re), load(1, to: im), to: parts(spectrum), other: parts(scratch + shape.pitch))
  }

  /// The spectrum of rows of the weight, scaled so that the inverse needs no scaling.
  private func transformWeight<T: KernelElement>(
    _ weight: UnsafePointer<T>, group: Int, output: Int, depth: Int, to spectrum: UnsafeMutablePointer<T>,
    _ scratch: UnsafeMutablePointer<T>
  ) {
    let (re, im) = parts(scratch)
    let scale = T(double: 1 / Double(shape.size))
    func load(_ term: Int, to row: UnsafeMutablePointer<T>) {
      rows.loadTaps(term, group: group, output: output, weight, scale: scale, size: shape.size, row: row)
    }
    load(pairsTerms ? 2 * depth : depth, to: re)
    if pairsTerms && 2 * depth + 1 < rows.terms {
      load(2 * depth + 1, to: im)
    } else {
      im.update(repeating: .zero, count: shape.size)
    }
    row.run(re, im, to: parts(spectrum), other: parts(scratch + shape.pitch))
  }

  /// Transforms the sums of a slot and an output channel back and writes them.
  private func write<T: KernelElement>(
    _ spectrum: UnsafeMutablePointer<T>, slot: Int, group: Int, output channel: Int,
    _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>, _ scratch: UnsafeMutablePointer<T>
  ) {
    let (re, im) = parts(scratch)
    let from = parts(spectrum)
    row.run(from.im, from.re, to: (im, re), other: parts(scratch + shape.pitch))
    let units = pairsTerms ? slot..<slot + 1 : 2 * slot..<min(2 * slot + 2, rows.units)
    for (unit, part) in zip(units, [re, im]) {
      rows.store(unit: unit, group: group, output: channel, part, bias, to: output)
    }
  }
}
