import CVolute

/// The register tiles that cover a block of outputs, and where their results go.
///
/// A tile is a stretch of neighbouring places; places that no output belongs to (the halo between rows) are
/// computed and dropped where that is cheaper than ending a tile at each row.
struct BlockTiles {
  /// Outputs side by side along the last axis.
  struct Segment {
    var column: Int
    var count: Int
    /// Where the first belongs, relative to the block's first output.
    var output: Int
  }

  struct Tile {
    var place: Int
    var kernel: volute_tile
    var segments: Range<Int>
  }

  private(set) var tiles: [Tile] = []
  private(set) var segments: [Segment] = []
  /// Elements of the results of all tiles.
  private(set) var stageSize = 0
  /// Elements that the work of the tiles amounts to; a tile of one vector waits for its sums.
  private(set) var paddedCount = 0

  /// - Parameters:
  ///   - extents: outputs along each axis.
  ///   - pitches: distance between the places of neighbouring outputs.
  ///   - steps: distance between neighbouring outputs in memory.
  init(extents: [Int], pitches: [Int], steps: [Int], height: Int, kernels: KernelSet) {
    let last = extents.count - 1
    let lineSize = extents[last]
    let lines = last > 0 ? extents[last - 1] : 1
    let linePitch = last > 0 ? pitches[last - 1] : 0
    let flat = (lines - 1) * linePitch + lineSize
    let widest = kernels.tile(rows: height).vectors * kernels.lanes
    let byLine = Double(lines) * Self.vectors(lineSize, widest: widest, lanes: kernels.lanes)
    let isFlat = linePitch > 0 && Self.vectors(flat, widest: widest, lanes: kernels.lanes) < byLine
    var outer = [(place: 0, output: 0)]
    for axis in 0..<max(last - 1, 0) {
      outer = outer.flatMap { base in
        (0..<extents[axis]).map { (base.place + $0 * pitches[axis], base.output + $0 * steps[axis]) }
      }
    }
    for base in outer {
      if isFlat {
        append(length: flat, base: base, kernels, height, lineSize, linePitch, steps)
      } else {
        for line in 0..<lines {
          let start = (
            place: base.place + line * linePitch,
            output: base.output + (last > 0 ? line * steps[last - 1] : 0)
          )
          append(length: lineSize, base: start, kernels, height, lineSize, lineSize, steps)
        }
      }
    }
    paddedCount = tiles.reduce(0) {
      $0 + ($1.kernel.vectors == 1 ? 3 * kernels.lanes / 2 : $1.kernel.vectors * kernels.lanes)
    }
    stageSize = tiles.reduce(0) { $0 + height * $1.kernel.vectors * kernels.lanes }
  }

  /// Each tile with its first segment.
  @inline(__always)
  func forEach(_ body: (Tile, Segment) -> Void) {
    tiles.withUnsafeBufferPointer { tiles in
      segments.withUnsafeBufferPointer { segments in
        for index in 0..<tiles.count { body(tiles[index], segments[tiles[index].segments.lowerBound]) }
      }
    }
  }

  /// The work of covering `length` elements, in vectors; a tile of one vector waits for its sums.
  private static func vectors(_ length: Int, widest: Int, lanes: Int) -> Double {
    let (whole, rest) = length.quotientAndRemainder(dividingBy: widest)
    let vectors = Double((rest + lanes - 1) / lanes)
    return Double(whole * (widest / lanes)) + (rest == 0 ? 0 : vectors + 0.4)
  }

  private mutating func append(
    length: Int, base: (place: Int, output: Int), _ kernels: KernelSet, _ height: Int, _ lineSize: Int,
    _ linePitch: Int, _ steps: [Int]
  ) {
    let last = steps.count - 1
    for (start, kernel) in kernels.tiles(rows: height, columns: length) {
      let end = min(start + kernel.vectors * kernels.lanes, length)
      let first = segments.count
      var place = start
      while place < end {
        let (line, column) = place.quotientAndRemainder(dividingBy: linePitch)
        if column < lineSize {
          let count = min(lineSize - column, end - place)
          let output = base.output + (last > 0 ? line * steps[last - 1] : 0) + column * steps[last]
          if segments.count > first, let previous = segments.last, steps[last] == 1,
            previous.column + previous.count == place - start, previous.output + previous.count == output
          {
            segments[segments.count - 1].count += count
          } else {
            segments.append(Segment(column: place - start, count: count, output: output))
          }
        }
        place = (line + 1) * linePitch
      }
      // A tile of halo only computes nothing.
      if segments.count > first {
        tiles.append(Tile(place: base.place + start, kernel: kernel, segments: first..<segments.count))
      }
    }
  }
}
