/// Where things lie while ``WinogradChannelConvolution`` transforms a block: in the end
/// `[point][vector of input channels][plane][sample][tile][channel]`, so that what one point takes of neighbouring places are
/// neighbours.
struct WinogradChannelLayout {
  /// For one sample and vector of channels.
  let stages: [WinogradStage]
  /// Elements after the largest stage but the last.
  let stageSize: Int
  /// Distance of samples, of planes, of vectors of channels and of points.
  let samplePitch: Int
  let planePitch: Int
  let vectorPitch: Int
  let pointPitch: Int

  /// - Parameters:
  ///   - lattice: the axes that are not tiled, the tiled ones, cut into the phases of a tile's outputs times the stride,
  ///     and the lanes.
  ///   - strides: of the tiled axes. Each of their phases makes planes of its own, as do those of the other axes: planes
  ///     are numbered by the phases of the tiled axes, then those of the others, then the others' places.
  init(
    _ lattice: Lattice, tiles: [WinogradTile], strides: [Int], samples: Int, vectors: Int, lanes: Int
  ) {
    let outer = lattice.parts.count - tiles.count - 1
    let lengths = Array(lattice.lengths[outer..<outer + tiles.count])
    let counts = Array(lattice.block[outer..<outer + tiles.count])
    let phases = zip(tiles, strides).map { $0.outputs * $1 }
    let outerPhases = lattice.parts.prefix(outer).reduce(1) { $0 * $1.phases.count }
    let outerPlaces = lattice.lengths.prefix(outer).reduce(1, *)
    // Places of the first axis come first, as some of them may be left out.
    let placesOfFirst = outer == 0 ? 1 : outerPlaces / lattice.lengths[0]
    let outerPlanes = (0..<outerPhases * outerPlaces).sorted {
      let (first, second) = ($0 % outerPlaces / placesOfFirst, $1 % outerPlaces / placesOfFirst)
      return (first, $0) < (second, $1)
    }
    let planes = strides.reduce(outerPhases * outerPlaces, *)
    samplePitch = counts.reduce(lanes, *)
    planePitch = samples * samplePitch
    vectorPitch = planes * planePitch
    // A line more than it needs, so that points do not meet in one set of the cache.
    pointPitch = vectors * vectorPitch + 16

    var stages: [WinogradStage] = []
    var largest = 0
    for axis in tiles.indices.reversed() {
      // From [points after][planes][phases][places][what is transformed], phases and places of this axis and those
      // before, to [point][points after][phase of the stride][planes][phases][places][tile][what is transformed], of
      // those before alone.
      let (tile, stride) = (tiles[axis], strides[axis])
      let (isFirst, isLast) = (axis == tiles.count - 1, axis == 0)
      let pointsAfter = tiles[(axis + 1)...].reduce(1) { $0 * $1.points }
      let phasesAfter = strides[(axis + 1)...].reduce(1, *)
      let planesHere = phasesAfter * outerPhases * outerPlaces
      let phasesBefore = phases[..<axis].reduce(1, *)
      let placesBefore = lengths[..<axis].reduce(1, *)
      let unit = counts[(axis + 1)...].reduce(lanes, *)
      let placeSize = placesBefore * lengths[axis] * unit
      let length = counts[axis] * unit
      // As packed, the phases of all axes lie before the places.
      let phaseStep = isFirst ? outerPlaces * placeSize : placeSize
      func start(_ point: Int, _ plane: Int) -> Int {
        let phaseCount = phasesBefore * phases[axis]
        if !isFirst { return (point * planesHere + plane) * phaseCount * placeSize }
        let (phase, place) = plane.quotientAndRemainder(dividingBy: outerPlaces)
        return phase * phaseCount * phaseStep + place * placeSize
      }
      var lines: [(from: Int, to: Int)] = []
      let size = pointsAfter * stride * planesHere * phasesBefore * placesBefore * length
      for outerPlane in outerPlanes {
        for after in 0..<pointsAfter {
          for phaseAfter in 0..<phasesAfter {
            let plane = phaseAfter * outerPhases * outerPlaces + outerPlane
            for phase in 0..<stride {
              let target = phase * planesHere + plane
              for before in 0..<phasesBefore {
                for place in 0..<placesBefore {
                  let slice = (after * stride * planesHere + target) * phasesBefore + before
                  lines.append(
                    (
                      start(after, plane) + (before * phases[axis] + phase) * phaseStep
                        + place * lengths[axis] * unit,
                      isLast
                        ? after * pointPitch + target * planePitch : (slice * placesBefore + place) * length
                    ))
                }
              }
            }
          }
        }
      }
      stages.append(
        WinogradStage(
          tile: tile, kind: .input, length: length, lines: lines,
          inputs: (0..<tile.points).map {
            $0 % tile.outputs * stride * phaseStep + $0 / tile.outputs * unit
          },
          outputs: (0..<tile.points).map { [pointPitch] in $0 * (isLast ? pointsAfter * pointPitch : size) }))
      if !isLast { largest = max(largest, tile.points * size) }
    }
    self.stages = stages
    stageSize = largest
  }
}
