import CVolute

/// The matrix products of a transformed block: for each point, the rows of a panel of output channels.
///
/// What one point takes of a block stays in the second level of cache while several panels read it; what all points
/// take seldom does.
struct WinogradProducts {
  /// For each input channel and each tap that is not of a tile, the row of a point that it reads.
  let offsets: [Int32]
  /// Where each point starts.
  let points: [Int]
  /// Points that are last along the first tiled axis, and what they read of the depth.
  var last: (points: Range<Int>, depth: Int) = (0..<0, 0)
  /// Where each tile reads among the places of a row, the column of its results, and the output of the first axis that
  /// they are of, in the block.
  let tiles: [(place: Int, column: Int, kernel: volute_tile, plane: Int)]
  let height: Int
  /// Phases of a stride, each with weights of its own, that read the same points.
  let phases: Int
  /// Elements of a row of results.
  let rowSize: Int
  let order: Order

  /// How many panels of output channels are multiplied before they are transformed back, and in which order.
  struct Order {
    /// Panels that read a point before the next.
    var panels: Int
    /// Parts of a point's tiles, each small enough to stay near while all those panels read it.
    var parts: Int
    /// Slices of the input channels, each transformed and multiplied before the next. What a tile reads of one stays
    /// in the first level of cache while all panels read it.
    var slices = 1

    /// Each panel reads all points. As good where products read one row behind the other: what comes next is then
    /// fetched ahead from wherever it lies.
    static let panelByPanel = Order(panels: 1, parts: 1)

    /// Bytes of a tile's rows that stay in the first level of cache beside the weights that pass.
    private static let near = 24 << 10

    /// The better order where products read rows far apart, and the cycles that a task spends on what does not stay
    /// near.
    ///
    /// - Parameters:
    ///   - stored: bytes of transformed input.
    ///   - results: bytes of the products of a panel, of all phases.
    ///   - weights: bytes of the weight that a task reads.
    ///   - panels: panels of output channels that a task has.
    ///   - tile: bytes that a tile reads of a point.
    ///   - channels: input channels that may be cut into slices; 1 where they are to stay together.
    ///   - calls: cycles of calls that each slice needs again, of all panels.
    static func best(
      stored: Double, results: Double, weights: Double, panels: Int, points: Int, tile: Int, channels: Int,
      calls: Double
    ) -> (order: Order, spill: Double) {
      let one = spillPanelByPanel(stored: stored, results: results, weights: weights, panels: panels)
      let parts = (stored / Double(points) / 512e3).rounded(.up)
      let all = results * Double(panels)
      let read = CostModel.spill(kept: weights, moved: weights)
      let together = read * parts + CostModel.spill(kept: stored + all, moved: 2 * (stored + all))
      let slices = min((tile + near - 1) / near, channels)
      if slices > 1 {
        let count = Double(slices)
        let sliced =
          read + calls * (count - 1)
          + CostModel.spill(kept: stored / count + all, moved: 2 * (stored + all * count))
        if sliced < min(one, together) { return (Order(panels: panels, parts: 1, slices: slices), sliced) }
      }
      return together < one ? (Order(panels: panels, parts: Int(parts)), together) : (panelByPanel, one)
    }

    /// The cycles where each panel reads all points.
    static func spillPanelByPanel(stored: Double, results: Double, weights: Double, panels: Int) -> Double {
      let read = CostModel.spill(kept: weights, moved: weights)
      let moved = stored * Double(1 + panels) + results * 2 * Double(panels)
      return read + CostModel.spill(kept: stored + results, moved: moved)
    }
  }

  /// Elements of the results of a panel and phase, `[point][row][column]`.
  var panelSize: Int { points.count * height * rowSize }
  /// Elements of the results of all panels that are multiplied at once.
  var size: Int { order.panels * phases * panelSize }

  /// Multiplies `panels`, at most as many as `order` has, and leaves the results of each, phase by phase, behind those
  /// before.
  ///
  /// - Parameters:
  ///   - slice: the part of the depth to multiply, if not all of it; all but the first add to the results.
  ///   - depths: for each output of the first axis the part of the depth that is not padding, where not all is read.
  ///   - ahead: what will be written afterwards, and is fetched meanwhile.
  ///   - weights: those of a panel, phase and point, and how far behind the rows' places they are to read.
  @inline(__always)
  func run<T: KernelElement>(
    _ transformed: UnsafePointer<T>, _ panels: Range<Int>, into results: UnsafeMutablePointer<T>,
    slice: Range<Int>? = nil, depths: UnsafePointer<Range<Int>>? = nil, ahead: WriteAhead,
    weights: (_ panel: Int, _ phase: Int, _ point: Int) -> (values: UnsafePointer<T>, shift: Int)
  ) {
    let accumulates = slice.map { $0.lowerBound > 0 } ?? false
    let lanes = T.kernels.lanes
    let count = panels.count * phases
    var ahead = ahead
    ahead.share(among: points.count * count * tiles.count)
    offsets.withUnsafeBufferPointer { offsets in
      tiles.withUnsafeBufferPointer { tiles in
        // All panels read a part of the tiles while it is near.
        let parts = order.slices > 1 ? tiles.count : order.parts
        for (point, place) in points.enumerated() {
          let all = slice ?? 0..<(last.points.contains(point) ? last.depth : offsets.count)
          for part in 0..<parts {
            let tiles = tiles[tiles.count * part / parts..<tiles.count * (part + 1) / parts]
            for index in 0..<count {
              let (panel, phase) = index.quotientAndRemainder(dividingBy: phases)
              let (a, shift) = weights(panels.lowerBound + panel, phase, point)
              let c = results + index * panelSize + point * height * rowSize
              for tile in tiles {
                ahead.fetch()
                let depth = depths.map { $0[tile.plane] } ?? all
                tile.kernel.run?(
                  depth.count, a + depth.lowerBound * height, transformed + place + shift + tile.place,
                  offsets.baseAddress.map { $0 + depth.lowerBound }, c + tile.column, rowSize, height,
                  tile.kernel.vectors * lanes, accumulates ? 1 : 0)
              }
            }
          }
        }
      }
    }
  }
}
