import CVolute

/// Where the products of a block of places belong: for each axis and each block along it, the elements that are given to,
/// and the products that belong to each.
///
/// Products are rows of a block's places, one for each tap, and channel after channel.
struct ScatterTargets {
  /// Places of a block along each axis.
  private let extents: [Int]
  private let counts: [Int]
  /// Elements of an axis that a block gives to, each with the rows of products that it takes; those come first that
  /// a block before gives to as well.
  private struct Lines {
    var old = 0
    var runs: [volute_run]
  }
  /// For each axis but the last and each block.
  private let lines: [[Lines]]
  /// For each block of the last axis.
  private let folds: [[volute_fold]]
  /// Whether all elements are set: then it does not matter what they were.
  let setsAll: Bool

  /// - Parameters:
  ///   - axes: of the window sum whose adjoint is computed: its inputs are what is given to.
  ///   - plane: elements of a channel.
  ///   - extents: places of a block.
  ///   - pitch: elements from one tap's row of products to the next.
  init(_ axes: [WindowSum.Axis], plane: Int, block extents: [Int], pitch: Int) {
    self.extents = extents
    counts = axes.map(\.count)
    let placePitches = StridedArray.contiguousStrides(extents)
    let tapPitches = StridedArray.contiguousStrides(axes.map(\.kernel)).map { $0 * pitch }
    let last = axes.count - 1
    let sizes = zip(axes, [plane] + axes.map(\.inputStep)).map { $1 / $0.inputStep }
    var isEachOnce = last < 3
    lines = (0..<last).map { index in
      let runs = stride(from: 0, to: axes[index].count, by: extents[index]).map { first in
        Self.lines(
          axes[index], places: first..<min(first + extents[index], axes[index].count),
          pitch: placePitches[index], tapPitch: tapPitches[index])
      }
      var known: Set<Int> = []
      let lines = runs.map { runs in
        let places = runs.map(\.to)
        isEachOnce = isEachOnce && Set(places).count == places.count
        let old = runs.filter { known.contains($0.to) }
        let new = runs.filter { !known.contains($0.to) }
        known.formUnion(places)
        return Lines(old: old.count, runs: old + new)
      }
      isEachOnce = isEachOnce && known.count == sizes[index]
      return lines
    }
    folds = stride(from: 0, to: axes[last].count, by: extents[last]).map { first in
      Self.folds(axes[last], places: first..<min(first + extents[last], axes[last].count), tapPitch: pitch)
    }
    let elements = folds.first?.flatMap { fold in (0..<fold.count).map { fold.to + $0 * fold.step } } ?? []
    setsAll =
      isEachOnce && folds.count == 1 && elements.count == sizes[last]
      && Set(elements).count == elements.count
  }

  /// For each element that some of the places give to, the first product and the others: from one tap to the next that
  /// meets it, the place moves back.
  private static func lines(
    _ axis: WindowSum.Axis, places: Range<Int>, pitch: Int, tapPitch: Int
  ) -> [volute_run] {
    let shared = greatestCommonDivisor(axis.stride, axis.dilation)
    let (tapStep, placeStep) = (axis.stride / shared, axis.dilation / shared)
    let reach = axis.reach(of: places.count)
    return (0..<reach).compactMap { offset in
      let source = axis.sources[places.lowerBound * axis.stride + offset]
      if source < 0 { return nil }
      guard
        let tap = (0..<min(tapStep, axis.kernel)).first(where: {
          (offset - $0 * axis.dilation) % axis.stride == 0 && offset >= $0 * axis.dilation
        })
      else { return nil }
      let place = (offset - tap * axis.dilation) / axis.stride
      // Only places of the block.
      let first = max(0, (place - places.count + placeStep) / placeStep)
      let end = min(place / placeStep, (axis.kernel - 1 - tap) / tapStep) + 1
      if first >= end { return nil }
      return volute_run(
        to: source * axis.inputStep,
        from: (place - first * placeStep) * pitch + (tap + first * tapStep) * tapPitch,
        step: tapStep * tapPitch - placeStep * pitch, count: end - first)
    }
  }

  /// The same for whole rows: a stretch of elements for each phase of the stride, evenly spaced.
  private static func folds(_ axis: WindowSum.Axis, places: Range<Int>, tapPitch: Int) -> [volute_fold] {
    let shared = greatestCommonDivisor(axis.stride, axis.dilation)
    let (tapStep, placeStep) = (axis.stride / shared, axis.dilation / shared)
    let folds = (0..<min(tapStep, axis.kernel)).flatMap { tap in
      let taps = (axis.kernel - 1 - tap) / tapStep + 1
      let runs = Lattice.runs(
        axis, places: places.lowerBound * axis.stride + tap * axis.dilation, step: axis.stride,
        length: places.count + (taps - 1) * placeStep)
      return runs.filter { $0.step != 0 }.map { run in
        volute_fold(
          to: run.from, step: run.step, count: run.count, first: run.to, taps: taps, from: tap * tapPitch,
          tap_step: tapStep * tapPitch, tap_shift: placeStep)
      }
    }
    return pairing(folds)
  }

  /// The folds with those of two phases whose elements alternate next to each other, the lower first: they are written
  /// together.
  private static func pairing(_ folds: [volute_fold]) -> [volute_fold] {
    var rest = folds.sorted { $0.to < $1.to }
    var paired: [volute_fold] = []
    while !rest.isEmpty {
      let fold = rest.removeFirst()
      paired.append(fold)
      let next = rest.firstIndex {
        $0.step == 2 && fold.step == 2 && $0.to == fold.to + 1 && (0...1).contains(fold.count - $0.count)
      }
      if let next { paired.append(rest.remove(at: next)) }
    }
    return paired
  }

  /// Adds the products of a block to the elements of `channels` channels, `step` apart; blocks come in row-major order.
  ///
  /// - Parameters:
  ///   - start: what elements are before anything is given to them, one value a channel; `nil` if they are that
  ///     already, as they must be unless ``setsAll``.
  ///   - channelPitch: elements from the products of one channel to those of the next.
  ///   - block: the block's number along each axis.
  func add<T: KernelElement>(
    _ products: UnsafePointer<T>, channels: Int, channelPitch: Int, block: [Int], start: UnsafePointer<T>?,
    to output: UnsafeMutablePointer<T>, step: Int
  ) {
    let last = extents.count - 1
    let whole = Lines(runs: [volute_run(to: 0, from: 0, step: 0, count: 1)])
    let inner = last > 0 ? lines[last - 1][block[last - 1]] : whole
    let outer = last > 1 ? lines[last - 2][block[last - 2]] : whole
    // Axes before those, a product at a time.
    let places = (0..<max(last - 2, 0)).reduce([(to: 0, from: 0)]) { places, axis in
      places.flatMap { place in
        lines[axis][block[axis]].runs.flatMap { run in
          (0..<run.count).map { (to: place.to + run.to, from: place.from + run.from + $0 * run.step) }
        }
      }
    }
    let folds = folds[block[last]]
    let length = min(extents[last], counts[last] - block[last] * extents[last])
    for channel in 0..<channels {
      for place in places {
        T.kernels.table.fold?(
          outer.runs.count, outer.old, outer.runs,
          inner.runs.count, inner.old, inner.runs, folds.count, folds, length,
          products + channel * channelPitch + place.from, start.map { $0 + channel },
          output + channel * step + place.to)
      }
    }
  }

  /// Cycles to add the products of all blocks of a channel.
  func cycles(lanes: Int) -> Double {
    var rows = 1.0
    var targets = 1.0
    for axis in lines {
      rows *= Double(axis.reduce(0) { $0 + $1.runs.reduce(0) { $0 + $1.count } })
      targets *= Double(axis.reduce(0) { $0 + $1.runs.count })
    }
    return folds.joined().reduce(0) { cycles, fold in
      let vectors = Double((fold.count + lanes - 1) / lanes)
      return cycles + vectors
        * (rows * Double(fold.taps) * 1.5 + targets * (fold.step == 1 ? 4 : fold.step == 2 ? 8 : 24))
        + targets * 6
    }
  }
}
