import CVolute

/// A window sum as sums of correlations along one of its axes, each of a row of the input with a row of the weight.
///
/// Rows are dense: of stride and dilation, a row of the input has every `step`-th place, `step` the least common
/// multiple of the two. So outputs fall into phases of the dilation and taps into phases of the stride, and what is
/// not along the axis, the outputs and taps of the other axes, batch and channels, only says which rows meet.
///
/// ```
/// stride 2, dilation 1, kernel 5     outputs  0 1 2 3 4 5 6      one phase, cut into tiles
///                                    taps     0   2   4          the first phase, cut into pieces
///                                               1   3            the second
/// ```
///
/// A *unit* is a tile of outputs of one channel; a *term* is a piece of the taps of one input channel.
struct RowSum: Sendable {
  let sum: WindowSum
  private let axis: Int
  private let line: WindowSum.Axis
  private let outer: [WindowSum.Axis]
  private let step: Int
  /// From one tap of a phase to the next, and from one output.
  private let tapStep: Int
  private let outputStep: Int
  private let tapPhases: Int
  private let outputPhases: Int
  /// Taps and outputs of a phase, at most.
  let taps: Int
  let outputs: Int
  private let outerTaps: Int
  private let outerOutputs: Int
  private let stretches: [Stretch]
  /// Outputs of a unit and taps of a term, at most, and how many of these there are along the axis.
  private(set) var tile = 1
  private(set) var piece = 1
  private var tiles = 1
  private var pieces = 1

  /// Neighbouring places whose sources are evenly spaced.
  private struct Stretch {
    var place: Int
    var source: Int
    var step: Int
    var count: Int
  }

  /// - Parameters:
  ///   - sum: the sum.
  ///   - axis: the axis of its rows.
  init(_ sum: WindowSum, axis: Int) {
    self.sum = sum
    self.axis = axis
    var line = sum.axes[axis]
    // One output has no stride, and one tap no dilation.
    if line.count == 1 { line.stride = line.dilation }
    if line.kernel == 1 { line.dilation = line.stride }
    self.line = line
    outer = sum.axes.indices.filter { $0 != axis }.map { sum.axes[$0] }
    let shared = greatestCommonDivisor(line.stride, line.dilation)
    tapStep = line.stride / shared
    outputStep = line.dilation / shared
    step = line.stride * outputStep
    tapPhases = min(tapStep, line.kernel)
    outputPhases = min(outputStep, line.count)
    taps = (line.kernel - 1) / tapStep + 1
    outputs = (line.count - 1) / outputStep + 1
    outerTaps = outer.reduce(1) { $0 * $1.kernel }
    outerOutputs = outer.reduce(1) { $0 * $1.count }
    stretches = Self.stretches(line.sources)
  }

  private static func stretches(_ sources: [Int]) -> [Stretch] {
    var stretches: [Stretch] = []
    var open: Stretch?
    for (place, source) in sources.enumerated() {
      if var last = open {
        let step = source - (last.source + (last.count - 1) * last.step)
        if source >= 0 && step != 0 && (last.count == 1 || step == last.step) {
          last.count += 1
          last.step = step
          open = last
          continue
        }
        stretches.append(last)
      }
      open = source < 0 ? nil : Stretch(place: place, source: source, step: 1, count: 1)
    }
    if let open { stretches.append(open) }
    return stretches
  }

  /// Cuts the axis into tiles and pieces of nearly one size.
  func cut(tiles: Int, pieces: Int) -> RowSum {
    var cut = self
    cut.tile = (outputs + tiles - 1) / tiles
    cut.piece = (taps + pieces - 1) / pieces
    cut.tiles = (outputs + cut.tile - 1) / cut.tile
    cut.pieces = (taps + cut.piece - 1) / cut.piece
    return cut
  }

  /// Units of one output channel, of the whole batch.
  var units: Int { sum.batch * outerOutputs * outputPhases * tiles }
  /// Terms of one output channel.
  var terms: Int { sum.inputs * outerTaps * tapPhases * pieces }
  /// Places of a row of the input that a unit reads in a term.
  var reach: Int { tile + piece - 1 }

  /// What decides which taps are in which term.
  var weightCut: [Int] { [axis, tapStep, piece] }
  /// Elements in memory between neighbours of a row.
  var inputStride: Int { step * line.inputStep }
  var outputStride: Int { outputStep * line.outputStep }

  private struct Unit {
    var batch: Int
    var outer: Int
    var phase: Int
    /// Its first output within the phase.
    var first: Int
  }

  private struct Term {
    var channel: Int
    var outer: Int
    var phase: Int
    /// Its first tap within the phase.
    var first: Int
  }

  private func unit(_ index: Int) -> Unit {
    let (rest, tile) = index.quotientAndRemainder(dividingBy: tiles)
    let (outer, phase) = rest.quotientAndRemainder(dividingBy: outputPhases)
    let (batch, position) = outer.quotientAndRemainder(dividingBy: outerOutputs)
    return Unit(batch: batch, outer: position, phase: phase, first: tile * self.tile)
  }

  private func term(_ index: Int) -> Term {
    let (rest, piece) = index.quotientAndRemainder(dividingBy: pieces)
    let (outer, phase) = rest.quotientAndRemainder(dividingBy: tapPhases)
    let (channel, taps) = outer.quotientAndRemainder(dividingBy: outerTaps)
    return Term(channel: channel, outer: taps, phase: phase, first: piece * self.piece)
  }

  /// The row that `unit` reads in `term`, filled up with zeros to `size`: where it lies in the input, or in `row`,
  /// where it is put together.
  func load<T: KernelElement>(
    unit: Int, term: Int, group: Int, _ x: UnsafePointer<T>, size: Int, row: UnsafeMutablePointer<T>,
    runs: inout [volute_run]
  ) -> UnsafePointer<T> {
    let unit = self.unit(unit)
    let term = self.term(term)
    var start =
      sum.inputOffset + unit.batch * sum.inputSteps.batch + group * sum.inputSteps.group
      + term.channel * sum.inputSteps.channel
    var (positions, taps) = (unit.outer, term.outer)
    var isVoid = false
    for axis in outer.reversed() {
      let (nextPositions, position) = positions.quotientAndRemainder(dividingBy: axis.count)
      let (nextTaps, tap) = taps.quotientAndRemainder(dividingBy: axis.kernel)
      let source = axis.sources[position * axis.stride + tap * axis.dilation]
      if source < 0 { isVoid = true }
      start += source * axis.inputStep
      (positions, taps) = (nextPositions, nextTaps)
    }
    if isVoid {
      row.update(repeating: .zero, count: size)
      return UnsafePointer(row)
    }
    let place = unit.phase * line.stride + term.phase * line.dilation + (unit.first + term.first) * step
    runs.removeAll(keepingCapacity: true)
    var filled = 0
    var index = firstStretch(endingAfter: place)
    let wanted = reach
    while index < stretches.count {
      let stretch = stretches[index]
      let low = max((stretch.place - place + step - 1) / step, 0)
      if low >= wanted { break }
      let end = min((stretch.place + stretch.count - 1 - place) / step + 1, size)
      index += 1
      if low >= end { continue }
      if low > filled { runs.append(volute_run(to: filled, from: 0, step: 0, count: low - filled)) }
      let from = (stretch.source + (place + low * step - stretch.place) * stretch.step) * line.inputStep
      runs.append(
        volute_run(to: low, from: from, step: step * stretch.step * line.inputStep, count: end - low))
      filled = end
    }
    if runs.count == 1, filled == size, runs[0].step == 1 { return x + start + runs[0].from }
    if filled < size { runs.append(volute_run(to: filled, from: 0, step: 0, count: size - filled)) }
    var source = 0
    T.kernels.table.pack?(1, &source, x + start, runs.count, runs, row, size, 0)
    return UnsafePointer(row)
  }

  private func firstStretch(endingAfter place: Int) -> Int {
    var (low, high) = (0, stretches.count)
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].place + stretches[middle].count <= place {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// The taps of a term, times `scale` and filled up with zeros to `size`.
  func loadTaps<T: KernelElement>(
    _ term: Int, group: Int, output: Int, _ weight: UnsafePointer<T>, scale: T, size: Int,
    row: UnsafeMutablePointer<T>
  ) {
    let term = self.term(term)
    var start =
      sum.weightOffset + group * sum.weightSteps.group + output * sum.weightSteps.output
      + term.channel * sum.weightSteps.input
    var taps = term.outer
    for axis in outer.reversed() {
      let (next, tap) = taps.quotientAndRemainder(dividingBy: axis.kernel)
      start += tap * axis.weightStep
      taps = next
    }
    let step = tapStep * line.weightStep
    let count = max(min(piece, (line.kernel - term.phase - 1) / tapStep + 1 - term.first), 0)
    let from = weight + start + (term.phase + term.first * tapStep) * line.weightStep
    for tap in 0..<count { row[tap] = T.multiply(from[tap * step], scale) }
    (row + count).update(repeating: .zero, count: size - count)
  }

  /// Writes the outputs of a unit.
  func store<T: KernelElement>(
    unit: Int, group: Int, output channel: Int, _ row: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    to output: UnsafeMutablePointer<T>
  ) {
    let unit = self.unit(unit)
    var start =
      sum.outputOffset + unit.batch * sum.outputSteps.batch + group * sum.outputSteps.group
      + channel * sum.outputSteps.channel
    var positions = unit.outer
    for axis in outer.reversed() {
      let (next, position) = positions.quotientAndRemainder(dividingBy: axis.count)
      start += position * axis.outputStep
      positions = next
    }
    start += (unit.phase + unit.first * outputStep) * line.outputStep
    let count = min(tile, (line.count - unit.phase - 1) / outputStep + 1 - unit.first)
    if count <= 0 { return }
    let extra = sum.accumulates ? nil : bias.map { $0 + (group * sum.outputs + channel) }
    T.kernels.table.emit?(
      1, count, row, 0, output + start, 0, outputStride, extra, sum.accumulates ? 1 : 0)
  }
}
