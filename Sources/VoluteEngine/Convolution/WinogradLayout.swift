/// Where things lie while a packed channel is transformed: after each stage, the untransformed axes still have
/// phases and places, the transformed ones tiles and points.
struct WinogradLayout {
  private(set) var stages: [WinogradStage] = []
  /// For each line of tiles after the last stage: where it starts, and the place and the point it starts in the
  /// transformed block.
  private(set) var lines: [(from: Int, place: Int, point: Int)] = []
  /// Places of one channel of the transformed block.
  let places: Int
  /// Elements of a channel after its largest stage.
  private(set) var stageSize = 0

  init(_ lattice: Lattice, tiles: [WinogradTile]) {
    let outer = lattice.parts.count - tiles.count
    let lengths = lattice.lengths
    let extents = lattice.block
    // Combinations of phases and places of the axes that are not transformed.
    let outerPhases = lattice.parts.prefix(outer).reduce(1) { $0 * $1.phases.count }
    let outerPlaces = lengths.prefix(outer).reduce(1, *)
    let slices = outerPhases * outerPlaces
    let tileCount = extents.suffix(tiles.count).reduce(1, *)
    places = slices * tileCount

    let count = tiles.count
    // Before the first stage: [outer phases][phases][outer places][places].
    var phaseSteps = StridedArray.contiguousStrides(tiles.map(\.outputs)).map { $0 * lattice.phaseSize }
    var placeSteps = Array(lattice.pitches.suffix(count))
    let outerPhaseStep = tiles.reduce(lattice.phaseSize) { $0 * $1.outputs }
    let outerPlaceStep = lengths.suffix(count).reduce(1, *)
    var bases = VoluteEngine.places([outerPhases, outerPlaces], [outerPhaseStep, outerPlaceStep])
    var length = extents[extents.count - 1]
    for axis in (0..<count).reversed() {
      let tile = tiles[axis]
      let isLast = axis == count - 1
      let before = 0..<axis
      // After the stage: [slice][phases before][places before][tile of this axis][point][what was transformed].
      let after = length * tile.points
      let tilesHere = isLast ? 1 : extents[outer + axis]
      let lineCount = after * tilesHere
      let beforeShape =
        before.map { tiles[$0].outputs } + before.map { lengths[outer + $0] }
      let from = VoluteEngine.places(
        beforeShape, before.map { phaseSteps[$0] } + before.map { placeSteps[$0] })
      let sliceSize = beforeShape.reduce(1, *) * lineCount
      var lines: [(from: Int, to: Int)] = []
      for (slice, base) in bases.enumerated() {
        for (index, start) in from.enumerated() {
          for tileIndex in 0..<tilesHere {
            lines.append(
              (
                base + start + (isLast ? 0 : tileIndex * placeSteps[axis]),
                slice * sliceSize + index * lineCount + tileIndex * after
              ))
          }
        }
      }
      let shiftStep = isLast ? 1 : placeSteps[axis]
      stages.append(
        WinogradStage(
          tile: tile, kind: .input, length: length, lines: lines,
          inputs: (0..<tile.points).map {
            $0 % tile.outputs * phaseSteps[axis] + $0 / tile.outputs * shiftStep
          },
          outputs: (0..<tile.points).map { $0 * length }))
      stageSize = max(stageSize, slices * sliceSize)
      // Where things lie now.
      let shape = StridedArray.contiguousStrides(beforeShape).map { $0 * lineCount }
      for index in before {
        phaseSteps[index] = shape[index]
        placeSteps[index] = shape[axis + index]
      }
      bases = (0..<slices).map { $0 * sliceSize }
      length = isLast ? after : lineCount
      if isLast && count > 1 { length = after }
    }
    appendLines(slices: slices, tiles: tiles, extents: Array(extents.suffix(count)))
  }

  /// After the last stage: [slice][tile][point][tile][point]...[tile][points of the last axes][last tiles].
  private mutating func appendLines(slices: Int, tiles: [WinogradTile], extents: [Int]) {
    let row = extents[extents.count - 1]
    let count = tiles.count
    let tileCount = extents.reduce(1, *)
    // Points of the last two axes lie side by side when there are tiles of one axis between slices only.
    let inner = tiles.suffix(2).reduce(row) { $0 * $1.points }
    let rows = count >= 2 ? extents[count - 2] : 1
    let outerTiles = count == 3 ? extents[0] : 1
    let outerPoints = count == 3 ? tiles[0].points : 1
    let pointsInside = tiles.suffix(2).reduce(1) { $0 * $1.points }
    var from = 0
    for slice in 0..<slices {
      for outerTile in 0..<outerTiles {
        for point in 0..<outerPoints {
          for line in 0..<rows {
            lines.append(
              (from, slice * tileCount + (outerTile * rows + line) * row, point * pointsInside))
            from += inner
          }
        }
      }
    }
  }

  /// The stages that turn the products of `count` places, points `firstPitch` apart, into their outputs, `pitch`
  /// apart as everything between, from the first axis to the last.
  static func outputStages(
    _ tiles: [WinogradTile], firstPitch: Int, pitch: Int, count: Int
  ) -> [WinogradStage] {
    tiles.indices.map { axis in
      let tile = tiles[axis]
      let done = tiles[..<axis].reduce(1) { $0 * $1.outputs }
      let left = tiles[(axis + 1)...].reduce(1) { $0 * $1.points }
      // The first stage reads what the products wrote; the others read the stage before.
      let fromPitch = axis == 0 ? firstPitch : pitch
      var lines: [(from: Int, to: Int)] = []
      for outer in 0..<done {
        for inner in 0..<left {
          lines.append(
            ((outer * tile.points * left + inner) * fromPitch, (outer * tile.outputs * left + inner) * pitch))
        }
      }
      return WinogradStage(
        tile: tile, kind: .output, length: count, lines: lines,
        inputs: (0..<tile.points).map { $0 * left * fromPitch },
        outputs: (0..<tile.outputs).map { $0 * left * pitch })
    }
  }
}
