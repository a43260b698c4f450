/// The part of a large window that ``CorrelationConvolution`` adds up at once, and the axes that it tiles.
struct CorrelationBlock {
  let sum: WindowSum
  /// Tiled axes in the order in which they are transformed, none of them the last.
  let tiles: [(axis: Int, tile: WinogradTile)]
  let height: Int
  let lanes: Int
  let bytes: Int
  /// Places of the window along each axis: of tiled ones, whole tiles.
  private(set) var extents: [Int]
  let blocks: [Int]
  /// Shares that the blocks are cut into, each with sums of its own.
  let shares: Int

  static func reasonAgainst(_ sum: WindowSum) -> String? {
    if sum.accumulates { return "it adds to its output" }
    if sum.positions * 4 > sum.taps {
      return "a window of \(sum.taps) places for \(sum.positions) outputs is small"
    }
    return nil
  }

  init<T: KernelElement>(_ sum: WindowSum, tiles: [(axis: Int, tile: WinogradTile)], _ type: T.Type) {
    self.sum = sum
    self.tiles = tiles
    height = T.kernels.tileHeight(rows: sum.outputs)
    lanes = T.kernels.lanes
    bytes = MemoryLayout<T>.size
    let points = tiles.reduce(1.0) { $0 * Double($1.tile.points) / Double($1.tile.outputs) }
    let budget = Double(ConvolutionBlock.budget(bytes: bytes))
    let multiples = sum.axes.indices.map { axis in tiles.first { $0.axis == axis }?.tile.outputs ?? 1 }
    func whole(_ extent: Int, _ axis: Int) -> Int {
      (extent + multiples[axis] - 1) / multiples[axis] * multiples[axis]
    }
    var extents = multiples
    // Along each axis: window place p of output t reads padded place p * dilation + t * stride.
    func size() -> Double {
      let packed = extents.indices.reduce(sum.batch) { size, index in
        let axis = sum.axes[index]
        // Windows of one tile and the next have nothing in common once they are transformed.
        let halo = multiples[index] > 1 ? 0 : (axis.count - 1) * axis.stride + 1 - axis.dilation
        return size * max(extents[index] * axis.dilation + halo, extents[index] * axis.dilation)
      }
      return Double(packed) * points
    }
    for axis in extents.indices.reversed() {
      extents[axis] = whole(sum.axes[axis].kernel, axis)
      while extents[axis] > multiples[axis] && (size() > budget || extents.reduce(1, *) > 2048) {
        extents[axis] = whole((extents[axis] + 1) / 2, axis)
      }
    }
    blocks = zip(sum.axes, extents).map { ($0.kernel + $1 - 1) / $1 }
    // No block much smaller than the others.
    for axis in extents.indices {
      extents[axis] = whole((sum.axes[axis].kernel + blocks[axis] - 1) / blocks[axis], axis)
    }
    self.extents = extents
    shares = min(blocks.reduce(sum.inputs, *), 8)
  }

  /// The cheapest of the choices of at most two axes that can be tiled, with tiles of at most `points` points; `nil` if
  /// none can.
  static func best<T: KernelElement>(
    _ sum: WindowSum, points: Int, _ type: T.Type
  ) -> CorrelationConvolution? {
    let able = sum.axes.indices.dropLast().filter {
      sum.axes[$0].stride == 1 && sum.axes[$0].dilation == 1
    }.compactMap { axis in
      WinogradTile.best(points: points, taps: sum.axes[axis].count, count: sum.axes[axis].kernel).map {
        (axis: axis, tile: $0)
      }
    }
    let choices = able.map { [$0] } + able.flatMap { a in able.filter { $0.axis > a.axis }.map { [$0, a] } }
    let plans = choices.map { tiles in
      return CorrelationConvolution(CorrelationBlock(sum, tiles: tiles, T.self), T.self)
    }
    return plans.min { $0.cycles < $1.cycles }
  }

  var panels: Int { (sum.outputs + height - 1) / height }
  var points: Int { tiles.reduce(1) { $0 * $1.tile.points } }
  /// Places of a block that are multiplied: tiles along the axes that have them.
  var counts: [Int] {
    tiles.reduce(into: extents) { counts, tiled in counts[tiled.axis] /= tiled.tile.outputs }
  }
  func isTiled(_ axis: Int) -> Bool { tiles.contains { $0.axis == axis } }
}
