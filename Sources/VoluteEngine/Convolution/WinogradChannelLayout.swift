/// Where things lie while ``WinogradChannelConvolution`` transforms a block: in the end
/// `[point][vector of input channels][place of the axes that are not tiled][sample][tile][channel]`, so that what one
/// point takes of neighbouring places are neighbours.
struct WinogradChannelLayout {
  /// For one sample and vector of channels.
  let stages: [WinogradStage]
  /// Elements after the largest stage but the last.
  let stageSize: Int
  /// Places of the axes that are not tiled.
  let planes: Int
  /// Distance of samples, of planes, of vectors of channels and of points.
  let samplePitch: Int
  let planePitch: Int
  let vectorPitch: Int
  let pointPitch: Int

  /// - Parameters:
  ///   - lattice: the axes that are not tiled, the tiled ones, cut into the phases of a tile's outputs, and the lanes.
  ///   - vectors: of input channels.
  init(_ lattice: Lattice, tiles: [WinogradTile], samples: Int, vectors: Int, lanes: Int) {
    let outer = lattice.parts.count - tiles.count - 1
    let lengths = Array(lattice.lengths[outer..<outer + tiles.count])
    let counts = Array(lattice.block[outer..<outer + tiles.count])
    planes = lattice.lengths.prefix(outer).reduce(1, *)
    samplePitch = counts.reduce(lanes, *)
    planePitch = samples * samplePitch
    vectorPitch = planes * planePitch
    // A line more than it needs, so that points do not meet in one set of the cache.
    pointPitch = vectors * vectorPitch + 16

    var stages: [WinogradStage] = []
    var largest = 0
    for axis in tiles.indices.reversed() {
      // From [points after][phases before][phase][plane][places before][place][what is transformed]
      // to [point][points after][phases before][plane][places before][tile][what is transformed].
      let tile = tiles[axis]
      let after = tiles[(axis + 1)...].reduce(1) { $0 * $1.points }
      let phasesBefore = tiles[..<axis].reduce(1) { $0 * $1.outputs }
      let placesBefore = lengths[..<axis].reduce(1, *)
      let unit = counts[(axis + 1)...].reduce(lanes, *)
      let phaseSize = planes * placesBefore * lengths[axis] * unit
      let length = counts[axis] * unit
      let isLast = axis == 0
      var lines: [(from: Int, to: Int)] = []
      for plane in 0..<planes {
        for point in 0..<after {
          for phase in 0..<phasesBefore {
            for place in 0..<placesBefore {
              let slice = (point * phasesBefore + phase) * planes + plane
              lines.append(
                (
                  (point * phasesBefore + phase) * tile.outputs * phaseSize
                    + (plane * placesBefore + place) * lengths[axis] * unit,
                  isLast ? point * pointPitch + plane * planePitch : (slice * placesBefore + place) * length
                ))
            }
          }
        }
      }
      let size = after * phasesBefore * planes * placesBefore * length
      stages.append(
        WinogradStage(
          tile: tile, kind: .input, length: length, lines: lines,
          inputs: (0..<tile.points).map { $0 % tile.outputs * phaseSize + $0 / tile.outputs * unit },
          outputs: (0..<tile.points).map { [pointPitch] in $0 * (isLast ? after * pointPitch : size) }))
      if !isLast { largest = max(largest, tile.points * size) }
    }
    self.stages = stages
    stageSize = largest
  }
}
