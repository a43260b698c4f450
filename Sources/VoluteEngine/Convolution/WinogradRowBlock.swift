import CVolute

/// Which axes ``WinogradRowConvolution`` tiles, and the block of tiles that one of its tasks computes: chosen by what
/// it would cost, in cycles of a core that finishes two vectors of products in each.
struct WinogradRowBlock {
  /// The sum, its axes in the order in which they lie in a block: those that stay whole, the tiled ones, the row.
  let sum: WindowSum
  /// The tiled axes of `sum`, and their tiles.
  let tiled: Range<Int>
  let tiles: [WinogradTile]
  /// The axes that are packed: of the tiled ones, windows are a tile's inputs, moved by its outputs.
  let axes: [WindowSum.Axis]
  /// Whether samples lie in the lanes, in an axis of their own behind the row.
  let hasSamples: Bool
  let height: Int
  /// Outputs of a block along the axes that are not tiled, tiles along the others.
  private(set) var extents: [Int] = []
  /// Shares that the panels of output channels are cut into.
  private(set) var shares = 1
  private(set) var cycles = Double.infinity

  private let parts: [Lattice.Axis]
  let lanes: Int
  private let kernels: KernelSet
  private let bytes: Int

  var panels: Int { (sum.outputs + height - 1) / height }
  var points: Int { tiles.reduce(1) { $0 * $1.points } }
  /// Taps of the axes that are not tiled.
  var taps: Int { tiles.reduce(sum.taps) { outer, _ in outer / 3 } }
  /// What takes the place of the samples: squares of as many as there are lanes.
  var samples: Int { hasSamples ? (sum.batch + lanes - 1) / lanes : sum.batch }

  private static func canTile(_ axis: WindowSum.Axis) -> Bool {
    axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1
  }

  /// The cheapest choice of axes and blocks for sums that share a weight, with tiles of at most `tile`; none if no
  /// axis can be tiled.
  static func best<T: KernelElement>(
    _ sums: [WindowSum], tile: WinogradTile, _ type: T.Type
  ) -> [WinogradRowBlock] {
    guard let first = sums.first else { return [] }
    let able = first.axes.indices.dropLast().filter { canTile(first.axes[$0]) }
    let choices = able.map { [$0] } + able.flatMap { a in able.filter { $0 > a }.map { [a, $0] } }
    let lanes = T.kernels.lanes
    let rows = lanes > 1 && SampleLanes.reasonAgainst(first, lanes: lanes) == nil ? [false, true] : [false]
    let options = choices.flatMap { tiled in
      // Four outputs from six points, unless tiles of two waste so much less.
      let tiles = tiled.map { axis -> WinogradTile in
        let count = first.axes[axis].count
        return tile == .four && (count + 3) / 4 * 6 < (count + 1) / 2 * 4 ? .four : .two
      }
      return rows.map { hasSamples in
        sums.map { WinogradRowBlock($0, tiled: tiled, tiles, hasSamples: hasSamples, T.self) }
      }
    }
    func cycles(_ blocks: [WinogradRowBlock]) -> Double { blocks.reduce(0) { $0 + $1.cycles } }
    return options.min { cycles($0) < cycles($1) } ?? []
  }

  private init<T: KernelElement>(
    _ whole: WindowSum, tiled: [Int], _ tiles: [WinogradTile], hasSamples: Bool, _ type: T.Type
  ) {
    var sum = whole
    let last = whole.axes.count - 1
    let untiled = (0..<last).filter { !tiled.contains($0) }
    sum.axes = (untiled + tiled + [last]).map { whole.axes[$0] }
    self.sum = sum
    self.tiled = untiled.count..<last
    self.tiles = tiles
    self.hasSamples = hasSamples
    kernels = T.kernels
    lanes = T.kernels.lanes
    bytes = MemoryLayout<T>.size
    height = T.kernels.tileHeight(rows: sum.outputs)
    var axes = sum.axes
    for (index, tile) in zip(self.tiled, tiles) {
      axes[index].count = (axes[index].count + tile.outputs - 1) / tile.outputs
      axes[index].kernel = tile.points
      axes[index].stride = tile.outputs
    }
    self.axes = axes
    parts = axes.map(Lattice.Axis.init)
    search()
  }

  private mutating func search() {
    let counts = axes.map(\.count)
    let wanted = sum.multiplyAdds < 2e6 ? 1 : 8
    let candidates = counts.indices.map { axis in
      // A block is never longer than 16 tiles, but a row may be whole.
      let pieces = axis == counts.count - 1 ? Array(1...12) : (1...16).map { (counts[axis] + $0 - 1) / $0 }
      return Set(pieces.map { (counts[axis] + $0 - 1) / $0 }).sorted()
    }
    func tasks(_ extents: [Int]) -> Int {
      zip(counts, extents).reduce(samples * sum.groups) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    }
    var best: (extents: [Int], cycles: Double)?
    func choose(_ extents: [Int]) {
      if extents.count < counts.count {
        for extent in candidates[extents.count] { choose(extents + [extent]) }
        return
      }
      let tasks = tasks(extents)
      // Fewer tasks than there may be cores to take them is dearer than a halo.
      let idle = max(1, Double(wanted) / Double(tasks * panels))
      let shares = min(panels, max(1, (wanted + tasks - 1) / tasks))
      let total = cost(extents, shares: shares) * Double(tasks) * idle
      if best.map({ total < $0.cycles }) ?? true { best = (extents, total) }
    }
    choose([])
    guard let best else { return }
    (extents, cycles) = best
    let count = tasks(extents)
    shares = min(panels, max(1, (wanted + count - 1) / count))
  }

  /// Cycles of a block.
  private func cost(_ extents: [Int], shares: Int) -> Double {
    let last = extents.count - 1
    let width = hasSamples ? lanes : 1
    let lengths = zip(extents, parts).map { $0 + $1.maximumShift }
    let rowLength = lengths[last] * width
    let lineLayout = WinogradRowLayout.Lines(
      count: extents[tiled.upperBound - 1], length: extents[last] * width, pitch: rowLength,
      height: height, kernels)
    let groups = extents.prefix(tiled.upperBound - 1).reduce(1, *)
    let vectors = lineLayout.work * Double(groups)
    let calls = Double(lineLayout.pieces.count * groups)
    let points = Double(points)
    let panels = Double(panels)
    let inputs = Double(sum.inputs * shares)
    let product = points * panels * (Double(sum.inputs * taps * height) * vectors / 2 + calls * 20)

    // Into the block: packed, then transformed along one axis after the other.
    let packedRows = Double(zip(parts, lengths).dropLast().reduce(1) { $0 * $1.0.phases.count * $1.1 })
    let rowVectors = Double((rowLength + lanes - 1) / lanes * parts[last].phases.count)
    var work = inputs * packedRows * (axes[last].stride > 1 ? rowVectors * 5 + 6 : rowVectors * 2.5 + 6)
    if hasSamples {
      let places = lengths[last] * parts[last].phases.count
      let rows = parts[last - 1].phases.count * lengths[last - 1]
      let isWhole = extents[last] == axes[last].count && axes[last - 1].inputStep == rowElements
      work = inputs * packedRows / Double(rows) * turned(places, rows, isWhole: isWhole)
    }
    let slices = zip(parts, lengths).prefix(tiled.lowerBound).reduce(parts[last].phases.count) {
      $0 * $1.0.phases.count * $1.1
    }
    var after = rowLength
    for index in tiled.reversed() {
      let before = (tiled.lowerBound..<index).reduce(slices) { $0 * parts[$1].phases.count * lengths[$1] }
      let line = after * extents[index]
      let tile = tiles[index - tiled.lowerBound]
      work += inputs * Double(before) * (Double((line + lanes - 1) / lanes * tile.points) * 2.2 + 20)
      after = line * tile.points
    }
    let stored = inputs * Double(slices * after)

    // And out of it.
    let outputs = Double(sum.outputs)
    let row = Double(groups) * Double(lineLayout.size / lanes)
    var back = 0.0
    var parted = points
    for tile in tiles {
      parted = parted / Double(tile.points) * Double(tile.outputs)
      back += parted * row * 2.5
    }
    let lines = parted * Double(groups * extents[tiled.upperBound - 1])
    if hasSamples {
      let rows = extents[last - 1] * tiles[tiles.count - 1].outputs
      let isWhole =
        extents[last] == axes[last].count
        && sum.axes[last - 1].outputStep == sum.axes[last].outputStep * axes[last].count
      back += lines / Double(rows) * turned(extents[last], rows, isWhole: isWhole)
    } else {
      back += lines * (Double((extents[last] + lanes - 1) / lanes) * 2 + 5)
    }
    work += outputs * back
    // What leaves the second level of cache between the steps comes back slowly.
    let kept = stored + points * Double(height * lineLayout.size * groups)
    let budget = Double(640 << 10 / bytes)
    let spill = kept > budget ? product * min(0.5, 0.25 * (kept / budget - 1)) : 0
    return product + work + spill
  }

  /// Elements of a row of the input.
  private var rowElements: Int { (axes[axes.count - 1].sources.max() ?? -1) + 1 }

  /// Cycles to turn samples and places about: as many of them as a vector has lanes at once.
  private func turned(_ places: Int, _ rows: Int, isWhole: Bool) -> Double {
    let vectors = isWhole ? (places * rows + lanes - 1) / lanes : rows * ((places + lanes - 1) / lanes)
    return Double(vectors * lanes) * 3.5
  }
}
