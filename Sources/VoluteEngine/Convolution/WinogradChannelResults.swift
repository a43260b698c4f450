/// Where the results of ``WinogradChannelConvolution`` lie, `[phase of the last axis][place in the tile][output of the
/// other axes][sample][tile][output channel]`, and where they go.
struct WinogradChannelResults: Sendable {
  /// Tiles of a block.
  let tileCount: Int
  let lastPhases: Int
  /// Elements of the products of a point, or of the results at a place in the tile, of a phase, and of all.
  let partPitch: Int
  let phasePitch: Int
  let size: Int
  /// Elements of the row that is needed to write results.
  let rowSize: Int

  /// Outputs of a block along a tiled axis: of each phase, relative to where the first phase's first would lie.
  private struct Kind: Hashable {
    var phases: [[Int: Int]]
  }

  private let outer: Int
  /// For each tiled axis and block along it, its kind, and where the kind's outputs are relative to.
  private let kinds: [[(kind: Int, offset: Int)]]
  private let kindCounts: [Int]
  /// By the phases of the tiled axes but the last, and the kinds of all.
  private let routes: [[LaneRoute]]

  init(_ block: WinogradChannelBlock) {
    let (tiles, lanes, outer) = (block.tiles, block.lanes, block.outer)
    let height = block.vectors * lanes
    let extents = Array(block.extents[outer...])
    self.outer = outer
    tileCount = extents.reduce(1, *)
    let phases = Array(block.sum.phases[outer...])
    lastPhases = phases[phases.count - 1].count
    let rows = block.extents.prefix(outer).reduce(block.samples * tileCount, *)
    // A line more than it needs, so that points do not meet in one set of the cache.
    partPitch = rows * height + 16
    phasePitch = tiles.reduce(partPitch) { $0 * $1.outputs }
    size = lastPhases * phasePitch

    var kinds: [[(kind: Int, offset: Int)]] = []
    var known: [[Kind]] = []
    for (index, tile) in tiles.enumerated() {
      var ofAxis: [Kind] = []
      let extent = extents[index] * tile.outputs
      kinds.append(
        (0..<(block.axes[outer + index].count + extents[index] - 1) / extents[index]).map { number in
          let origin = number * extent
          let offset = phases[index][0].first + origin * phases[index][0].step
          let kind = Kind(
            phases: phases[index].map { phase in
              let places = phase.places.clamped(to: origin..<origin + extent)
              return Dictionary(
                uniqueKeysWithValues: places.map { ($0 - origin, phase.first + $0 * phase.step - offset) })
            })
          let id = ofAxis.firstIndex(of: kind) ?? ofAxis.count
          if id == ofAxis.count { ofAxis.append(kind) }
          return (id, offset)
        })
      known.append(ofAxis)
    }
    self.kinds = kinds
    kindCounts = known.map(\.count)

    // From one tile to the next, and from one place in it to the next.
    let tileSteps = StridedArray.contiguousStrides(extents).map { $0 * height }
    let partSteps = StridedArray.contiguousStrides(tiles.map(\.outputs)).map { [partPitch] in $0 * partPitch }
    let last = tiles.count - 1
    let before = combinations(phases.dropLast().map { Array($0.indices) })
    routes = before.map { [lastPhases, phasePitch] chosen in
      combinations(known).map { kinds in
        var pairs = [(element: 0, place: 0)]
        for (axis, kind) in kinds.enumerated() {
          let wanted = axis == last ? Array(0..<lastPhases) : [chosen[axis]]
          pairs = pairs.flatMap { base in
            wanted.flatMap { phase in
              kind.phases[phase].map { place, element in
                let (tile, part) = place.quotientAndRemainder(dividingBy: tiles[axis].outputs)
                return (
                  base.element + element,
                  base.place + tile * tileSteps[axis] + part * partSteps[axis]
                    + (axis == last ? phase * phasePitch : 0)
                )
              }
            }
          }
        }
        return LaneRoute(pairs, bridges: false)
      }
    }
    rowSize =
      lanes
      * (routes.joined().map { $0.rowLength(accumulates: block.sum.sum.accumulates) }.max() ?? 0)
  }

  /// The way of a plane of results, and where it begins.
  ///
  /// - Parameter phase: of the tiled axes but the last.
  func route(_ index: [Int], _ phase: Int) -> (route: LaneRoute, offset: Int) {
    var (number, offset) = (0, 0)
    for (axis, place) in index[outer...].enumerated() {
      let (kind, start) = kinds[axis][place]
      number = number * kindCounts[axis] + kind
      offset += start
    }
    return (routes[phase][number], offset)
  }
}
