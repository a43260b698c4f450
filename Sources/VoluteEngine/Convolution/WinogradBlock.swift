import CVolute

/// The block of tiles that a task of ``WinogradConvolution`` transforms and multiplies: chosen by what it would
/// cost, in vector operations, against the outputs that it gives.
struct WinogradBlock {
  /// Outputs of a block along the untransformed axes, tiles along the others.
  let extents: [Int]
  /// Shares that the panels of output channels are cut into.
  let shares: Int

  init(
    _ sum: WindowSum, _ axes: [WindowSum.Axis], tiles: [WinogradTile], height: Int, kernels: KernelSet,
    bytes: Int
  ) {
    let counts = axes.map(\.count)
    let outer = axes.count - tiles.count
    let parts = axes.map(Lattice.Axis.init)
    let points = Double(tiles.reduce(1) { $0 * $1.points })
    let taps = axes.prefix(outer).reduce(1) { $0 * $1.kernel }
    let panels = (sum.outputs + height - 1) / height
    let lanes = Double(kernels.lanes)

    /// Vector operations of a block for one output that is wanted.
    func cost(_ extents: [Int]) -> Double {
      let tileCount = extents.suffix(tiles.count).reduce(1, *)
      let flat = (outer > 0 ? extents[outer - 1] : 1) * tileCount
      let repeats = Double(extents.prefix(max(outer - 1, 0)).reduce(1, *))
      let widest = kernels.tile(rows: height).vectors
      let vectors = (flat + kernels.lanes - 1) / kernels.lanes
      // A narrow tile waits for its sums.
      let rest = vectors % widest
      let columns = Double(vectors - rest) + (rest == 0 ? 0 : Double(rest) + 0.4)
      let product = points * Double(sum.inputs * taps * panels * height) * columns * repeats / 2
      let places = zip(parts, extents).prefix(outer).reduce(Double(tileCount)) {
        $0 * Double($1.0.phases.count * ($1.1 + $1.0.maximumShift))
      }
      let packed = Double(Lattice.channelSize(parts, block: extents))
      // Lines of tiles are short: a call and a last vector for each.
      let row = Double(extents[extents.count - 1])
      let rowVectors = (row / lanes).rounded(.up)
      let transform =
        Double(sum.inputs) * places / row * (points * 3 * rowVectors + 60) + Double(sum.inputs) * packed * 2
        / lanes
      let back = Double(sum.outputs) * Double(extents.reduce(1, *)) * points * 3 / lanes
      let stored = places * points * Double(sum.inputs)
      let results = points * Double(height) * columns * lanes * repeats
      let weights = points * Double(sum.inputs * taps * panels * height)
      let spill = WinogradProducts.Order.spillPanelByPanel(
        stored: stored * Double(bytes), results: results * Double(bytes), weights: weights * Double(bytes),
        panels: panels)
      let useful = zip(counts, extents).reduce(1.0) {
        $0 * Double($1.0) / Double(($1.0 + $1.1 - 1) / $1.1)
      }
      return (product + transform + back + spill) / useful
    }

    let wanted = SumTask.wanted(sum.multiplyAdds)
    func tasks(_ extents: [Int]) -> Int {
      zip(counts, extents).reduce(sum.batch * sum.groups) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    }
    let last = counts.count - 1
    var best = Array(repeating: 1, count: counts.count)
    best[last] = min(counts[last], 64)
    var bestCost = Double.infinity
    func search(_ axis: Int, _ extents: [Int]) {
      if axis < 0 {
        // Fewer tasks than there may be cores to take them is dearer than a halo.
        let idle = max(1, Double(wanted) / Double(tasks(extents) * panels))
        let total = cost(extents) * idle
        if total < bestCost { (best, bestCost) = (extents, total) }
        return
      }
      var tried: Set<Int> = []
      for limit in 1...(axis == last ? 64 : 16) {
        let pieces = (counts[axis] + limit - 1) / limit
        let extent = (counts[axis] + pieces - 1) / pieces
        // Short lines along the last axis waste lanes.
        if axis == last && extent < min(counts[last], kernels.lanes) { continue }
        if tried.insert(extent).inserted { search(axis - 1, [extent] + extents) }
      }
    }
    search(last, [])
    extents = best
    shares = min(panels, max(1, (wanted + tasks(best) - 1) / tasks(best)))
  }
}
