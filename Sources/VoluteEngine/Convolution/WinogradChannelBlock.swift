import CVolute

/// Which axes ``WinogradChannelConvolution`` tiles, and the block of tiles that one of its tasks computes: chosen by what
/// it would cost, in cycles of a core that finishes two vectors of products in each.
struct WinogradChannelBlock {
  /// The sum, its tiled axes last.
  let sum: PhasedSum
  let tiles: [WinogradTile]
  /// The strides of the tiled axes: taps that far apart are of one tile, and the taps between are summed over as those
  /// of other axes are.
  let strides: [Int]
  /// The axes that are packed: of the tiled ones, windows are a tile's inputs, moved by its outputs.
  let axes: [WindowSum.Axis]
  /// Vectors of output channels in a panel.
  let vectors: Int
  let lanes: Int
  /// Outputs of a block along the axes that are not tiled, tiles along the others.
  private(set) var extents: [Int] = []
  /// Samples of a block.
  private(set) var samples = 1
  /// Shares that the units of a block's work are cut into.
  private(set) var shares = 1
  private(set) var cycles = Double.infinity

  private let parts: [Lattice.Axis]
  private let mostRows: Int
  private let bytes: Int

  /// Axes that are not tiled.
  var outer: Int { sum.sum.axes.count - tiles.count }
  var points: Int { tiles.reduce(1) { $0 * $1.points } }
  var panels: Int { (sum.sum.outputs + vectors * lanes - 1) / (vectors * lanes) }
  var inputVectors: Int { (sum.sum.inputs + lanes - 1) / lanes }
  /// Phases of all axes but the last, whose results are written together: each is work by itself.
  var outerPhases: Int { sum.phases.dropLast().reduce(1) { $0 * $1.count } }
  var units: Int { panels * outerPhases }

  /// Whether the channels on both sides fill half of the lanes.
  static func canFill(_ lanes: Int, _ sum: WindowSum) -> Bool {
    lanes > 1 && 2 * min(sum.inputs, sum.outputs) >= lanes
  }

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    if !canFill(lanes, sum) {
      return "\(sum.inputs) and \(sum.outputs) channels leave most of \(lanes) lanes empty"
    }
    return SampleLanes.reasonAgainst(sum.channelsAsSamples, lanes: lanes)
  }

  /// The cheapest choice of axes and blocks, with tiles of at most `points` points; `nil` if there is none, as the
  /// last axis cannot be tiled, or channels are too few or too many.
  static func best<T: KernelElement>(
    _ sum: PhasedSum, points: Int, _ type: T.Type
  ) -> WinogradChannelBlock? {
    if reasonAgainst(sum.sum, lanes: T.kernels.lanes) != nil { return nil }
    let axes = sum.sum.axes
    let able = axes.indices.filter { WinogradTile.best(points: points, along: axes[$0]) != nil }
    let options = WinogradTile.choices(of: able).filter { $0.contains(axes.count - 1) }
    let blocks = options.map { tiled in
      WinogradChannelBlock(
        sum.reordered(axes.indices.filter { !tiled.contains($0) } + tiled),
        tiles: tiled.compactMap { WinogradTile.best(points: points, along: axes[$0]) }, T.self)
    }
    return blocks.filter { $0.cycles < .infinity && $0.isWorthItsStrides }.min { $0.cycles < $1.cycles }
  }

  /// Whether the strides of tiled axes, each phase of which has weights of its own, leave those of a point and a panel
  /// near, and a panel has two vectors: others gather strided windows as fast, as measured.
  private var isWorthItsStrides: Bool {
    let taps = strides.reduce(1, *) * sum.sum.axes.prefix(outer).reduce(1) { $0 * $1.kernel }
    let near = taps * sum.sum.inputs * vectors * lanes * bytes <= 64 << 10
    return strides.allSatisfy { $0 == 1 } || vectors == 2 && near
  }

  private init<T: KernelElement>(_ sum: PhasedSum, tiles: [WinogradTile], _ type: T.Type) {
    self.sum = sum
    self.tiles = tiles
    lanes = T.kernels.lanes
    bytes = MemoryLayout<T>.size
    vectors = sum.sum.outputs > lanes ? 2 : 1
    let rows = T.kernels.table.channel_rows
    mostRows = vectors == 2 ? rows.1 : rows.0
    var axes = sum.sum.axes
    for (index, tile) in zip(axes.count - tiles.count..<axes.count, tiles) {
      axes[index] = axes[index].tiled(tile)
    }
    strides = sum.sum.axes.suffix(tiles.count).map(\.stride)
    self.axes = axes
    parts = axes.map(Lattice.Axis.init)
    search()
  }

  private mutating func search() {
    let counts = axes.map(\.count)
    let listed = sum.sum.axes.prefix(outer).reduce(Double(strides.reduce(1, *))) {
      $0 * Double($1.count) * Double($1.kernel)
    }
    if listed > Self.mostListed { return }
    func candidates(_ count: Int) -> [Int] {
      var pieces = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
      pieces += [2, 4, 8].map { (count + $0 - 1) / $0 } + [count]
      var more = 64
      while count / more >= 16 {
        pieces.append(more)
        more *= 2
      }
      return Set(pieces.map { (count + $0 - 1) / $0 }).sorted()
    }
    let work = sum.phases.reduce(sum.sum.multiplyAdds) { $0 * Double($1.count) }
    let wanted = SumTask.wanted(work)
    let choices = counts.map(candidates)
    let samples = candidates(sum.sum.batch)
    let held = (0..<outer).map(heldTaps)
    func choose(_ extents: [Int]) {
      if extents.count < counts.count {
        for extent in choices[extents.count] { choose(extents + [extent]) }
        return
      }
      let blocks = zip(counts, extents).reduce(sum.sum.groups) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
      for samples in samples {
        let tasks = blocks * ((sum.sum.batch + samples - 1) / samples)
        let shares = min(units, max(1, (wanted + tasks - 1) / tasks))
        let idle = max(1, Double(wanted) / Double(tasks * shares))
        guard let block = cost(extents, samples: samples, shares: shares, held: held) else { continue }
        let cycles = block * Double(tasks) * idle
        if cycles < self.cycles {
          (self.extents, self.samples, self.shares, self.cycles) = (extents, samples, shares, cycles)
        }
      }
    }
    choose([])
    cycles += weightCycles
  }

  /// Whether the rows of a tile's results lie pages apart in an array that no cache keeps: each waits for memory.
  private var isFarApart: Bool {
    let (sum, steps) = (sum.sum, sum.phases[outer].map(\.step))
    return tiles.count == 2 && (steps.max() ?? 0) * bytes >= 4096
      && sum.batch * sum.groups * sum.outputs * sum.outputSteps.channel * bytes >= WriteAhead.least
  }

  /// Elements of the transformed weight.
  private var weightElements: Double {
    Double(sum.sum.groups * panels * vectors * lanes * sum.sum.inputs * points) * sum.weightTaps(outer)
      * Double(strides.reduce(1, *)) * sum.phases[outer...].reduce(1) { $0 * Double($1.count) }
  }

  /// To pack and transform the weight, once.
  private var weightCycles: Double {
    let stored = weightElements * Double(bytes)
    return weightElements / Double(lanes) * 9.5 + CostModel.spill(kept: stored, moved: 2 * stored)
  }

  /// Of the axes that are not tiled: outputs of all phases, and the taps that they read.
  private func heldTaps(_ index: Int) -> (outputs: Int, taps: Int) {
    let axis = sum.sum.axes[index]
    return sum.phases[index].reduce((0, 0)) { total, phase in
      let taps = phase.places.reduce(0) { $0 + axis.taps(of: $1).filter { phase.taps[$0] != nil }.count }
      return (total.0 + phase.places.count, total.1 + taps)
    }
  }

  /// Elements that a block may have: the places of larger ones would take long to list, and gain nothing.
  private static let mostStored = 1 << 20

  /// Taps of all outputs of the axes that are not tiled: more would take long to list.
  private static let mostListed = Double(1 << 18)

  /// Cycles of a block; `nil` for one that is too large.
  private func cost(
    _ extents: [Int], samples: Int, shares: Int, held: [(outputs: Int, taps: Int)]
  ) -> Double? {
    let lengths = zip(extents, parts).map { $0 + $1.maximumShift }
    let tileCount = extents.suffix(tiles.count).reduce(1, *)
    let ownPlanes = zip(lengths, parts).prefix(outer).reduce(1) { $0 * $1.0 * $1.1.phases.count }
    let planes = strides.reduce(ownPlanes, *)
    let outputs = extents.prefix(outer).reduce(1, *)
    let rows = samples * tileCount
    let stored = points * inputVectors * planes * rows * lanes
    let lastPhases = sum.phases[sum.phases.count - 1].count
    let tilePhases = sum.phases.suffix(tiles.count).reduce(1) { $0 * $1.count }
    let parted = tiles.reduce(1) { $0 * $1.outputs }
    let results = (2 * points + lastPhases * parted) * outputs * rows * vectors * lanes
    if stored + results > Self.mostStored { return nil }

    // Of an output of the other axes, how many of all phases there are, and taps.
    var (planesOut, taps) = (1.0, Double(strides.reduce(1, *)))
    for (index, held) in held.enumerated() {
      let blocks = Double((axes[index].count + extents[index] - 1) / extents[index])
      planesOut *= Double(held.outputs) / blocks
      taps *= Double(held.taps) / blocks
    }
    let pieces = (rows + mostRows - 1) / mostRows
    // Few sums wait for each other, and of one vector each product for a load.
    let row = max(Double(rows * vectors) / 2 * (vectors == 1 ? 1.1 : 1), 4 * Double(pieces))
    let calls = Double(points * panels * tilePhases * pieces) * planesOut
    let product =
      Double(points * panels * tilePhases * sum.sum.inputs) * taps * row * 1.03 + calls * 40

    // Into the block.
    let isWhole =
      extents[extents.count - 1] >= axes[axes.count - 1].count && SampleLanes.joinsRows(sum.sum.axes)
    let reach = zip(axes, extents).map { $0.reach(of: $1) }
    let plane = max(reach.count - 2, 0)
    let turned =
      Double(reach.prefix(plane).reduce(1, *))
      * SampleLanes.turned(Array(reach[plane...]), isWhole: isWhole, lanes: lanes)
    var transformed = 0.0
    var after = ownPlanes
    for index in tiles.indices.reversed() {
      after *= strides[index]
      let before = outer..<outer + index
      let lines = before.reduce(after) { $0 * parts[$1].phases.count * lengths[$1] }
      let line = extents[(outer + index)...].reduce(1, *)
      transformed += Double(lines) * (Double(line * tiles[index].points) * 2.6 + 20)
      after *= tiles[index].points
    }
    let packed = Double(inputVectors) * (Double(samples) * (turned + transformed + 400) + 1500)

    // And out of it.
    var back = 0.0
    var left = Double(points)
    for tile in tiles {
      left = left / Double(tile.points) * Double(tile.outputs)
      back += left * 2.5
    }
    let tileResults = lastPhases * parted * tileCount
    let written =
      SampleLanes.turned([tileResults], isWhole: false, lanes: lanes) * 0.75
      + (isFarApart ? Double((tileResults + lanes - 1) / lanes * lanes) * 10 : 0)
    let backs =
      Double(samples * panels * vectors) * planesOut
      * (Double(tilePhases * tileCount) * back + Double(tilePhases / lastPhases) * written)

    let weights = weightElements / Double(sum.sum.groups) * Double(bytes)
    let spill =
      CostModel.spill(
        kept: Double((stored + results) * bytes),
        moved: Double(bytes) * (Double(stored * (1 + units)) + Double(units * results) * 2))
      + CostModel.spill(kept: weights, moved: weights)
    return product + packed + backs + spill
  }
}

extension PhasedSum {
  /// Taps of all phases of the first `count` axes.
  func weightTaps(_ count: Int) -> Double {
    phases.prefix(count).reduce(1) { $0 * Double($1.reduce(0) { $0 + $1.taps.compactMap { $0 }.count }) }
  }
}

extension WindowSum {
  /// The sum as lanes see it that lie along the input channels.
  var channelsAsSamples: WindowSum {
    var sum = self
    (sum.batch, sum.inputSteps.batch) = (inputs, inputSteps.channel)
    return sum
  }
}
