import CVolute

/// Which axis ``WinogradOutputConvolution`` tiles, and the block of tiles that one of its tasks computes: chosen by what
/// it would cost, in cycles of a core that finishes two vectors of products in each.
struct WinogradOutputBlock {
  /// The sum, its axes in the order in which they lie in a block: those that stay whole, the tiled one, the row.
  let sum: WindowSum
  let tile: WinogradTile
  /// The axes by tiles: of the tiled one, windows are a tile's inputs, moved by its outputs.
  let axes: [WindowSum.Axis]
  /// Elements of a row as it is read.
  let rowLength: Int
  /// Whether the input is read where it lies.
  var isInPlace: Bool { isInPlace(extents) }

  /// Whether there is no padding, and no more between two rows than may be read too.
  private let isPlain: Bool
  /// Vectors of output channels in a panel.
  let vectors: Int
  let lanes: Int
  /// Outputs of a block along the axes that stay whole, tiles along the next, and all outputs of a row.
  private(set) var extents: [Int] = []
  /// Shares that the panels of output channels are cut into.
  private(set) var shares = 1
  private(set) var cycles = Double.infinity

  private let mostPlaces: Int
  private let bytes: Int

  var tiled: Int { sum.axes.count - 2 }
  /// The stride of the tiled axis: taps that far apart are of one tile, and the taps between are summed over as those of
  /// other axes are.
  var stride: Int { sum.axes[tiled].stride }
  var row: WindowSum.Axis { sum.axes[tiled + 1] }
  var height: Int { vectors * lanes }
  var panels: Int { (sum.outputs + height - 1) / height }
  /// Products of a point.
  var depth: Int {
    sum.axes.indices.reduce(sum.inputs * stride) { $0 * ($1 == tiled ? 1 : sum.axes[$1].kernel) }
  }

  /// Places of the input that a block reads along each axis.
  func reads(_ extents: [Int]) -> [Int] {
    zip(axes, extents).dropLast().map { $0.reach(of: $1) } + [rowLength]
  }

  /// A last block that is like the others reads nothing beyond the input.
  private func isInPlace(_ extents: [Int]) -> Bool {
    isPlain && zip(axes, extents).allSatisfy { $0.count % $1 == 0 }
  }

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    if lanes == 1 || 2 * sum.outputs < lanes {
      return "\(sum.outputs) output channels leave most of \(lanes) lanes empty"
    }
    if !sum.phases.isEmpty { return "the phases of a stride are not taken together" }
    if let row = sum.axes.last, row.stride > 2 {
      return "a stride of \(row.stride) along the rows, more than 2"
    }
    return nil
  }

  /// The cheapest choice of an axis and blocks, with tiles of at most `points` points; `nil` if there is none.
  static func best<T: KernelElement>(_ sum: WindowSum, points: Int, _ type: T.Type) -> WinogradOutputBlock? {
    if reasonAgainst(sum, lanes: T.kernels.lanes) != nil { return nil }
    let last = sum.axes.count - 1
    let blocks = (0..<max(last, 0)).compactMap { axis in
      WinogradTile.best(points: points, along: sum.axes[axis]).map {
        WinogradOutputBlock(sum, tiled: axis, $0, T.self)
      }
    }
    return blocks.filter { $0.cycles < .infinity }.min { $0.cycles < $1.cycles }
  }

  private init<T: KernelElement>(_ whole: WindowSum, tiled: Int, _ tile: WinogradTile, _ type: T.Type) {
    var sum = whole
    let last = whole.axes.count - 1
    sum.axes = ((0..<last).filter { $0 != tiled } + [tiled, last]).map { whole.axes[$0] }
    self.sum = sum
    self.tile = tile
    lanes = T.kernels.lanes
    bytes = MemoryLayout<T>.size
    vectors = sum.outputs > lanes ? 2 : 1
    let most = T.kernels.table.channel_rows
    mostPlaces = vectors == 2 ? most.1 : most.0
    var axes = sum.axes
    axes[last - 1] = axes[last - 1].tiled(tile)
    self.axes = axes
    let (reach, step) = (axes[last].reach, axes[last - 1].inputStep)
    isPlain =
      tiled == last - 1 && axes[last].inputStep == 1 && reach...reach * 5 / 4 ~= step
      && axes.allSatisfy { axis in
        axis.sources.count >= axis.reach
          && axis.sources.prefix(axis.reach).enumerated().allSatisfy { $1 == axis.sources[0] + $0 }
          && axis.sources[0] >= 0
      }
    rowLength = isPlain ? step : reach
    search()
  }

  private mutating func search() {
    let counts = axes.map(\.count)
    let wanted = SumTask.wanted(sum.multiplyAdds)
    let candidates = counts.dropLast().map { count in
      Set((1...16).map { (count + $0 - 1) / $0 }.map { (count + $0 - 1) / $0 }).sorted()
    }
    func choose(_ extents: [Int]) {
      if extents.count < candidates.count {
        for extent in candidates[extents.count] { choose(extents + [extent]) }
        return
      }
      let extents = extents + [counts[counts.count - 1]]
      let tasks = zip(counts, extents).reduce(sum.batch * sum.groups) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
      let shares = min(panels, max(1, (wanted + tasks - 1) / tasks))
      // Fewer tasks than there may be cores to take them is dearer than a halo.
      let idle = max(1, Double(wanted) / Double(tasks * shares))
      guard let block = cost(extents, shares: shares) else { return }
      let cycles = block * Double(tasks) * idle
      if cycles < self.cycles { (self.extents, self.shares, self.cycles) = (extents, shares, cycles) }
    }
    choose([])
    let weights = Double(sum.groups * panels * height * depth * tile.points)
    cycles +=
      weights / Double(lanes) * 9.5
      + CostModel.spill(kept: weights * Double(bytes), moved: 2 * weights * Double(bytes))
  }

  /// Elements that a block may have: the places of larger ones would take long to list, and gain nothing.
  private static let mostStored = 1 << 20

  /// Cycles of a block; `nil` for one that is too large.
  private func cost(_ extents: [Int], shares: Int) -> Double? {
    let reads = reads(extents)
    if reads.reduce(Double(sum.inputs), { $0 * Double($1) }) > Double(Self.mostStored) { return nil }
    let slices = reads.prefix(tiled).reduce(1, *)
    let tiles = extents[tiled]
    let line = stride * rowLength
    let stored = sum.inputs * slices * tile.points * tiles * line
    let rows = extents.prefix(tiled + 1).reduce(1, *)
    let places = rows * row.count
    let results = (tile.points + tile.outputs) * places * height
    if stored + results > Self.mostStored { return nil }

    let pieces = (row.count + mostPlaces - 1) / mostPlaces
    // Few sums wait for each other, and of one vector each product for a load.
    let rowCycles = max(Double(row.count * vectors) / 2 * (vectors == 1 ? 1.05 : 1), 4 * Double(pieces))
    // Weights that the first cache does not hold come from the second, each time.
    let fetched = depth * height * bytes > 32 << 10 ? Double(depth * vectors * pieces) * 3.5 : 0
    let product =
      Double(tile.points * panels * rows)
      * (Double(depth) * rowCycles * 1.03 + fetched + Double(pieces * 40))

    // Into the block, for each share anew.
    let packed =
      isInPlace(extents) ? 0 : Double(slices * reads[tiled]) * Double((rowLength + lanes - 1) / lanes * 2 + 4)
    let transformed =
      Double(slices * tiles) * WinogradStage.cycles(points: tile.points, length: line, lanes: lanes)
    let into = Double(sum.inputs * shares) * (packed + transformed)

    // And out of it.
    let back = Double(panels * vectors * places * tile.outputs) * 2.5
    let outer = extents.prefix(tiled).reduce(1, *)
    let written =
      Double(panels * vectors * outer) * 0.75
      * SampleLanes.turned([tiles * tile.outputs * row.count], isWhole: false, lanes: lanes)

    let weights = Double(panels * height * depth * tile.points * bytes)
    let spill =
      CostModel.spill(
        kept: Double((stored + results) * bytes),
        moved: Double(bytes) * Double(stored * (shares + panels) + 2 * panels * results))
      + CostModel.spill(kept: weights, moved: weights)
    return product + into + back + written + spill
  }
}
