/// Winograd's tiles in a correlation: transforms along some axes of `[place on each axis][neighbours]`, after which
/// the points lie outermost and each tiled axis has one place a tile.
struct CorrelationTransform {
  let stages: WinogradStages
  /// Of each stage: the lines that it writes, and their elements.
  private let written: [(count: Int, length: Int)]
  /// Elements of what each stage makes.
  let sizes: [Int]
  /// Elements of one point.
  let pointSize: Int
  /// Places on the first axis, each of which may be transformed without the others; 1 where they are transformed
  /// together.
  let planes: Int

  /// - Parameters:
  ///   - kind: inputs that tiles share, or outputs of the tiles' own.
  ///   - outer: arrays that are transformed one like the other.
  ///   - lengths: places on each axis.
  ///   - tiles: of the axes that are transformed, and how many there are.
  ///   - inner: elements at each place.
  init(
    _ kind: WinogradStage.Kind, outer: Int, lengths: [Int],
    tiles: [(axis: Int, tile: WinogradTile, count: Int)], inner: Int
  ) {
    var lengths = lengths
    var (outer, stages, sizes) = (outer, [WinogradStage](), [Int]())
    var points = 1
    let planes = tiles.contains { $0.axis == 0 } ? 1 : lengths[0]
    self.planes = planes
    for (axis, tile, count) in tiles {
      let rows = lengths[..<axis].reduce(outer, *)
      let length = lengths[(axis + 1)...].reduce(inner, *)
      let values = kind == .input ? tile.points : tile.outputs
      let pointSize = rows * count * length
      stages.append(
        WinogradStage(
          tile: tile, kind: kind, length: length,
          // The first axis outermost.
          lines: (0..<planes).flatMap { [outer, lengths] plane in
            (0..<outer).flatMap { array in
              (0..<rows / outer / planes).flatMap { inner in
                let row = (array * planes + plane) * (rows / outer / planes) + inner
                return (0..<count).map {
                  ((row * lengths[axis] + $0 * tile.outputs) * length, (row * count + $0) * length)
                }
              }
            }
          },
          inputs: (0..<values).map { $0 * length }, outputs: (0..<tile.points).map { $0 * pointSize }))
      sizes.append(tile.points * pointSize)
      lengths[axis] = count
      outer *= tile.points
      points *= tile.points
    }
    self.stages = WinogradStages(stages)
    written = stages.map { ($0.lines.count * $0.outputs.count, $0.length) }
    self.sizes = sizes
    pointSize = lengths.reduce(outer, *) * inner / points
  }

  /// Elements of the two buffers that the stages write by turns.
  var bufferSizes: (Int, Int) {
    func largest(_ first: Int) -> Int {
      stride(from: first, to: sizes.count, by: 2).map { sizes[$0] }.max() ?? 0
    }
    return (largest(0), largest(1))
  }

  /// Vectors that the stages write.
  func vectors(lanes: Int) -> Double {
    written.reduce(0) { $0 + Double($1.count) * Double(($1.length + lanes - 1) / lanes) }
  }

  /// Runs the stages on some places of the first axis; `values` may be overwritten, and is room for what the second
  /// stage makes.
  ///
  /// - Parameter wanted: places of the first axis, all of them unless given; of no account where they are transformed
  ///   together.
  /// - Returns: where the result lies, which is `values` where there are no stages.
  func run<T: KernelElement>(
    _ values: UnsafeMutablePointer<T>, planes wanted: Range<Int>? = nil, scratch: UnsafeMutablePointer<T>
  ) -> UnsafeMutablePointer<T> {
    let all = 0..<planes
    stages.run(values, parts: planes == 1 ? all : wanted ?? all, of: planes) {
      $0 & 1 == 0 ? scratch : values
    }
    return stages.count & 1 == 0 ? values : scratch
  }

  /// The way back of one line for each point: to a line for each combination of taps, row-major.
  static func adjoint(_ tiles: [WinogradTile], length: Int) -> WinogradStages {
    // Points of the axis transformed last lie outermost.
    var before = 1
    let stages = tiles.indices.reversed().map { index in
      let inner = tiles[..<index].reduce(length) { $0 * $1.points }
      let tile = tiles[index]
      let stage = WinogradStage(
        tile: tile, kind: .weightAdjoint, length: inner,
        lines: (0..<before).map { ($0 * tile.points * inner, $0 * tile.taps * inner) },
        inputs: (0..<tile.points).map { $0 * inner }, outputs: (0..<tile.taps).map { $0 * inner })
      before *= tile.taps
      return stage
    }
    return WinogradStages(stages)
  }
}
