/// The part of a large window that ``CorrelationConvolution`` adds up at once, and the axes that it tiles.
struct CorrelationBlock {
  /// The sum, its axes in an order of the block's own: taps of the last lie side by side.
  let sum: WindowSum
  /// The axis along which arrays lie in rows.
  let row: Int
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

  /// The best tile of at most `points` points along an axis; `nil` if there is none.
  static func tile(_ axis: WindowSum.Axis, points: Int) -> WinogradTile? {
    if axis.stride > 1 || axis.dilation > 1 { return nil }
    return .best(points: points, taps: axis.count, count: axis.kernel)
  }

  init<T: KernelElement>(_ sum: WindowSum, tiles: [(axis: Int, tile: WinogradTile)], _ type: T.Type) {
    self.sum = sum
    self.tiles = tiles
    row = sum.axes.indices.min { sum.axes[$0].inputStep < sum.axes[$1].inputStep } ?? 0
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

  var panels: Int { (sum.outputs + height - 1) / height }
  var points: Int { tiles.reduce(1) { $0 * $1.tile.points } }
  /// Places of a block that are multiplied: tiles along the axes that have them.
  var counts: [Int] {
    tiles.reduce(into: extents) { counts, tiled in counts[tiled.axis] /= tiled.tile.outputs }
  }
  func isTiled(_ axis: Int) -> Bool { tiles.contains { $0.axis == axis } }
}
