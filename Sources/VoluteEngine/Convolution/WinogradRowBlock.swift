import CVolute

/// Which axes ``WinogradRowConvolution`` tiles, and the block of tiles that one of its tasks computes: chosen by what
/// it would cost, in cycles of a core that finishes two vectors of products in each.
struct WinogradRowBlock {
  /// The sum, its axes in the order in which they lie in a block: those that stay whole, the tiled ones, the row.
  let sum: WindowSum
  /// The tiled axes of `sum`, and their tiles.
  let tiled: Range<Int>
  let tiles: [WinogradTile]
  /// The strides of the tiled axes: taps that far apart are of one tile, and the taps between are summed over as
  /// those of other axes are.
  let strides: [Int]
  /// The axes that are packed: of the tiled ones, windows are a tile's inputs, moved by its outputs.
  let axes: [WindowSum.Axis]
  /// Whether samples lie in the lanes, in an axis of their own behind the row.
  let hasSamples: Bool
  let height: Int
  /// Outputs of a block along the axes that are not tiled, tiles along the others.
  private(set) var extents: [Int] = []
  /// Shares that the panels of output channels are cut into.
  private(set) var shares = 1
  /// Of the products of a block.
  private(set) var order = WinogradProducts.Order.panelByPanel
  private(set) var cycles = Double.infinity

  private let parts: [Lattice.Axis]
  let lanes: Int
  private let kernels: KernelSet
  private let bytes: Int

  var panels: Int { (sum.outputs + height - 1) / height }
  var phases: Int { sum.allPhases.count }
  var points: Int { tiles.reduce(1) { $0 * $1.points } }
  /// Taps of the axes that are not tiled, and of the others those between the taps of a tile.
  var taps: Int {
    sum.axes.indices.reduce(strides.reduce(1, *)) { $0 * (tiled.contains($1) ? 1 : sum.axes[$1].kernel) }
  }
  /// Taps of the first axis, where it keeps them and has no stride; else 1.
  var planeTaps: Int { tiled.lowerBound > 0 && sum.axes[0].stride == 1 ? sum.axes[0].kernel : 1 }
  /// Phases of the first tiled axis, the last ones, that have a tap less than its tile: the tile's last point, which
  /// multiplies with the last tap alone, passes over them.
  private func phasesPassed(_ order: WinogradProducts.Order) -> Int {
    // Planes and slices each need the depth in an order of their own.
    if planeTaps > 1 || order.slices > 1 { return 0 }
    return strides[0] * tiles[0].taps - sum.axes[tiled.lowerBound].kernel
  }
  /// Whether the depth of a point has the phases of that axis one after the other, each with all channels.
  var hasPhasesFirst: Bool { phasesPassed(order) > 0 }
  /// Depth of the points that are last along that axis.
  var lastDepth: Int { sum.inputs * taps * (strides[0] - phasesPassed(order)) / strides[0] }
  /// What takes the place of the samples: squares of as many as there are lanes.
  var samples: Int { hasSamples ? (sum.batch + lanes - 1) / lanes : sum.batch }

  /// Outputs of a tile of an axis; 1 where there are none.
  func outputs(_ axis: Int) -> Int { tiled.contains(axis) ? tiles[axis - tiled.lowerBound].outputs : 1 }

  /// The cheapest choice of axes and blocks for sums that share a weight, with tiles of at most `points` points; none
  /// if no axis can be tiled.
  static func best<T: KernelElement>(
    _ sums: [WindowSum], points: Int, _ type: T.Type
  ) -> [WinogradRowBlock] {
    guard let first = sums.first else { return [] }
    let lanes = T.kernels.lanes
    let canTakeSamples =
      lanes > 1 && first.phases.isEmpty && SampleLanes.reasonAgainst(first, lanes: lanes) == nil
    let last = first.axes.count - 1
    let able = first.axes.indices.filter { WinogradTile.best(points: points, along: first.axes[$0]) != nil }
    let options = WinogradTile.choices(of: able).flatMap { tiled in
      let tiles = tiled.compactMap { WinogradTile.best(points: points, along: first.axes[$0]) }
      return [false, true].filter { $0 ? canTakeSamples : !tiled.contains(last) }.map { hasSamples in
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
    sum.axes = (untiled + tiled.filter { $0 < last } + [last]).map { whole.axes[$0] }
    self.sum = sum
    self.tiled = untiled.count..<untiled.count + tiled.count
    self.tiles = tiles
    strides = self.tiled.map { [sum] in sum.axes[$0].stride }
    self.hasSamples = hasSamples
    kernels = T.kernels
    lanes = T.kernels.lanes
    bytes = MemoryLayout<T>.size
    height = T.kernels.tileHeight(rows: sum.outputs)
    var axes = sum.axes
    for (index, tile) in zip(self.tiled, tiles) {
      axes[index] = axes[index].tiled(tile)
    }
    // Rows reach as far as those of all phases.
    axes[last].kernel += sum.allPhases.map(\.shift).max() ?? 0
    self.axes = axes
    parts = axes.map(Lattice.Axis.init)
    search()
  }

  private mutating func search() {
    let counts = axes.map(\.count)
    let wanted = SumTask.wanted(sum.multiplyAdds)
    let candidates = counts.indices.map { axis in
      // A block is never longer than 16 tiles, but a row may be whole.
      let pieces = axis >= tiled.upperBound ? Array(1...12) : (1...16).map { (counts[axis] + $0 - 1) / $0 }
      return Set(pieces.map { (counts[axis] + $0 - 1) / $0 }).sorted()
    }
    let left = Dictionary(
      uniqueKeysWithValues: candidates[0].map { extent in
        (extent, planeTaps > 1 ? WinogradPlanes.left(sum.axes[0], extent: extent) : (1, 1))
      })
    func tasks(_ extents: [Int]) -> Int {
      zip(counts, extents).reduce(samples * sum.groups) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    }
    var best: (extents: [Int], order: WinogradProducts.Order, cycles: Double)?
    func choose(_ extents: [Int]) {
      if extents.count < counts.count {
        for extent in candidates[extents.count] { choose(extents + [extent]) }
        return
      }
      let tasks = tasks(extents)
      // Fewer tasks than there may be cores to take them is dearer than a halo.
      let idle = max(1, Double(wanted) / Double(tasks * panels))
      let (order, cycles) = cost(
        extents, shares: min(panels, max(1, (wanted + tasks - 1) / tasks)), left: left[extents[0]] ?? (1, 1)
      )
      let total = cycles * Double(tasks) * idle
      if best.map({ total < $0.cycles }) ?? true { best = (extents, order, total) }
    }
    choose([])
    guard let best else { return }
    (extents, order, cycles) = best
    let count = tasks(extents)
    shares = min(panels, max(1, (wanted + count - 1) / count))
  }

  /// Cycles of a block, with its products in the better order.
  ///
  /// - Parameter left: how much of the products and of the planes is not of padding.
  private func cost(
    _ extents: [Int], shares: Int, left: (products: Double, planes: Double)
  ) -> (order: WinogradProducts.Order, cycles: Double) {
    let last = extents.count - 1
    let row = tiled.upperBound..<extents.count
    let width = hasSamples ? lanes : 1
    let lengths = zip(extents, parts).map { $0 + $1.maximumShift }
    let rowLength = lengths[row].reduce(width, *)
    let rowPhases = row.reduce(1) { $0 * parts[$1].phases.count }
    let lineLayout = WinogradRowLayout.Lines(
      count: extents[tiled.upperBound - 1], length: extents[row].reduce(width, *), pitch: rowLength,
      height: height, kernels)
    let groups = extents.prefix(tiled.upperBound - 1).reduce(1, *)
    let vectors = lineLayout.work * Double(groups)
    let calls = Double(lineLayout.pieces.count * groups)
    let points = Double(points)
    let panels = Double(panels)
    let inputs = Double(sum.inputs * shares)
    let phases = Double(phases)
    let product =
      points * panels * phases
      * (Double(sum.inputs * taps * height) * left.products * vectors / 2 / CostModel.speed(height: height)
        + calls * 20)

    // Into the block: packed, then transformed along one axis after the other.
    var work: Double
    if hasSamples {
      // What no window reaches is not turned.
      let reach = zip(axes, extents).map { $0.reach(of: $1) }
      let plane = max(last - 1, 0)...last
      let isWhole =
        extents[last] * outputs(last) >= sum.axes[last].count
        && SampleLanes.joinsRows(axes)
      work =
        inputs * Double(reach.prefix(plane.lowerBound).reduce(1, *))
        * SampleLanes.turned(Array(reach[plane]), isWhole: isWhole, lanes: lanes) * left.planes
    } else {
      let packed = Double(Lattice.channelSize(parts, block: extents))
      let vectors = Double((rowLength + lanes - 1) / lanes)
      work = inputs * packed / Double(lengths[last]) * (vectors * (axes[last].stride > 1 ? 5 : 2) + 4)
    }
    let slices = zip(parts, lengths).prefix(tiled.lowerBound).reduce(rowPhases) {
      $0 * $1.0.phases.count * $1.1
    }
    var after = rowLength
    for index in tiled.reversed() {
      let before = (tiled.lowerBound..<index).reduce(slices) { $0 * parts[$1].phases.count * lengths[$1] }
      let line = after * extents[index]
      let tile = tiles[index - tiled.lowerBound]
      let phases = strides[index - tiled.lowerBound]
      work +=
        inputs * left.planes * Double(before * phases)
        * WinogradStage.cycles(points: tile.points, length: line, lanes: lanes)
      after = phases * line * tile.points
    }
    let stored = Double(sum.inputs * slices * after)

    // And out of it.
    let resultVectors = Double(groups) * Double(lineLayout.size / lanes)
    var back = 0.0
    var parted = points
    for tile in tiles {
      parted = parted / Double(tile.points) * Double(tile.outputs)
      back += parted * resultVectors * 2.5
    }
    if hasSamples {
      let plane = (max(last - 1, 0)...last).map { extents[$0] * self.outputs($0) }
      let isWhole =
        plane[plane.count - 1] >= sum.axes[last].count
        && sum.axes[max(last - 1, 0)].outputStep == sum.axes[last].outputStep * sum.axes[last].count
      let count = zip(tiled, tiles).reduce(extents.reduce(1, *)) { $0 * $1.1.outputs }
      back +=
        Double(count) / Double(plane.reduce(1, *))
        * SampleLanes.turned(plane, isWhole: isWhole, lanes: lanes)
    } else {
      let lines = parted * Double(groups * extents[tiled.upperBound - 1])
      back += lines * (Double((extents[last] + lanes - 1) / lanes) * 2 + 5)
    }
    work += Double(sum.outputs) * phases * back
    let results = points * phases * Double(height * lineLayout.size * groups)
    let weights = points * panels * phases * Double(height * sum.inputs * taps * bytes)
    let (order, spill) = WinogradProducts.Order.best(
      stored: stored * Double(bytes), results: results * Double(bytes), weights: weights / Double(shares),
      panels: (self.panels + shares - 1) / shares, points: self.points,
      tile: sum.inputs * taps * ((lineLayout.pieces.map { $0.kernel.vectors }.max() ?? 0) + 1) * lanes
        * bytes,
      channels: planeTaps > 1 ? 1 : sum.inputs, calls: points * panels * phases * calls * 20)
    let passed = Double(phasesPassed(order)) / Double(strides[0] * tiles[0].points)
    return (order, product * (1 - passed) + work + spill * Double(shares))
  }
}
