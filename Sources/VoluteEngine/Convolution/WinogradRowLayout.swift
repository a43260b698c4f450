import CVolute

/// Where things lie while ``WinogradRowConvolution`` transforms a packed channel, and afterwards:
/// `[phases and places of the axes that are not tiled][phase of the stride][point][tile] of each tiled axis, [place] of
/// the row`.
///
/// Tiles of an axis are neighbours, and so are the rows under them, which makes long lines for the transforms; the
/// products read them as they lie.
struct WinogradRowLayout {
  let stages: [WinogradStage]
  /// Elements of a channel after all stages, and after the largest before.
  let places: Int
  let stageSize: Int
  /// Distance between neighbours along each axis, outputs or tiles.
  let pitches: [Int]
  /// Where the taps of the axes that are not tiled read, relative to their output: axes before the tiled ones, then
  /// the row, then the phases of the tiled axes.
  let tapOffsets: [Int]
  /// Where each point lies, those of the last axis side by side.
  let pointOffsets: [Int]

  /// - Parameters:
  ///   - strides: of the tiled axes, whose places `lattice` has by phases of a tile's outputs times the stride.
  ///   - rowTaps: taps of the last axis, which `lattice` may have more of.
  ///   - planes: places of the first axis that may be transformed one without the other, or 1.
  ///   - hasPhasesFirst: whether the taps have the phases of the first tiled axis one after the other.
  init(
    _ lattice: Lattice, tiled: Range<Int>, tiles: [WinogradTile], strides: [Int], rowTaps: Int, planes: Int,
    hasPhasesFirst: Bool
  ) {
    let (parts, lengths) = (lattice.parts, lattice.lengths)
    let whole = 0..<tiled.lowerBound
    let row = tiled.upperBound..<parts.count
    let counts = tiled.map { lattice.block[$0] }
    // Elements of what lies under each tiled axis, once that is transformed: the slice's first.
    var sizes = [lengths[row].reduce(1, *)]
    for axis in tiles.indices.reversed() {
      sizes.insert(sizes[0] * strides[axis] * tiles[axis].points * counts[axis], at: 0)
    }
    let wholePhases = whole.map { parts[$0].phases.count }
    let rowPhases = row.map { parts[$0].phases.count }
    let slices = (wholePhases + rowPhases).reduce(1, *) * lengths[whole].reduce(1, *)

    // Phases of the first axis there are none, where its planes are told apart.
    let slicesOfPlane = lengths[whole].dropFirst().reduce(1, *)
    let planeOrder = (0..<slices).sorted {
      let (first, second) = ($0 / slicesOfPlane % planes, $1 / slicesOfPlane % planes)
      return (first, $0) < (second, $1)
    }
    var phaseSteps = StridedArray.contiguousStrides(parts.map(\.phases.count)).map { $0 * lattice.phaseSize }
    var bases = VoluteEngine.places(
      wholePhases + rowPhases + Array(lengths[whole]),
      Array(phaseSteps[whole]) + Array(phaseSteps[row]) + Array(lattice.pitches[whole]))
    phaseSteps = Array(phaseSteps[tiled])
    var placeSteps = Array(lattice.pitches[tiled])
    var stages: [WinogradStage] = []
    var largest = 0
    for axis in tiles.indices.reversed() {
      // [slice][phases of the axes before][their places][what is transformed]
      let before = 0..<axis
      let shape =
        before.map { strides[$0] * tiles[$0].outputs } + before.map { lengths[tiled.lowerBound + $0] }
      let starts = VoluteEngine.places(shape, Array(phaseSteps[before]) + Array(placeSteps[before]))
      let length = counts[axis] * sizes[axis + 1]
      let (tile, phases) = (tiles[axis], strides[axis])
      let phaseStep = phaseSteps[axis]
      stages.append(
        WinogradStage(
          tile: tile, kind: .input, length: length,
          lines: planeOrder.flatMap { slice in
            let base = bases[slice]
            return starts.enumerated().flatMap { index, start in
              (0..<phases).map {
                (
                  base + start + $0 * phaseStep,
                  (slice * starts.count + index) * sizes[axis] + $0 * tile.points * length
                )
              }
            }
          },
          inputs: (0..<tile.points).map {
            $0 % tile.outputs * phases * phaseStep + $0 / tile.outputs * placeSteps[axis]
          },
          outputs: (0..<tile.points).map { $0 * length }))
      largest = max(largest, slices * starts.count * sizes[axis])
      bases = (0..<slices).map { $0 * starts.count * sizes[axis] }
      let steps = StridedArray.contiguousStrides(shape).map { $0 * sizes[axis] }
      phaseSteps = Array(steps.prefix(axis))
      placeSteps = Array(steps.suffix(axis))
    }
    self.stages = stages
    stageSize = stages.count > 1 ? largest : 0
    places = slices * sizes[0]

    let wholePitches = StridedArray.contiguousStrides(Array(lengths[whole])).map { $0 * sizes[0] }
    pitches = wholePitches + Array(sizes.dropFirst()) + Array(lattice.pitches[row])
    let slicesOfPhase = lengths[whole].reduce(sizes[0], *)
    let phasePitches = StridedArray.contiguousStrides(wholePhases + rowPhases).map { $0 * slicesOfPhase }
    func phaseOffsets(_ axis: Int) -> [Int] {
      (0..<strides[axis]).map { $0 * tiles[axis].points * counts[axis] * sizes[axis + 1] }
    }
    var taps = hasPhasesFirst ? phaseOffsets(0) : [0]
    for (index, axis) in (Array(whole) + Array(row)).enumerated() {
      let pitch = axis < tiled.lowerBound ? wholePitches[axis] : lattice.pitches[axis]
      taps = taps.flatMap { base in
        parts[axis].taps.prefix(axis == parts.count - 1 ? rowTaps : .max).map {
          base + $0.phase * phasePitches[index] + $0.shift * pitch
        }
      }
    }
    for axis in strides.indices.dropFirst(hasPhasesFirst ? 1 : 0) {
      taps = taps.flatMap { base in phaseOffsets(axis).map { base + $0 } }
    }
    tapOffsets = taps
    pointOffsets = VoluteEngine.places(
      tiles.map(\.points), zip(counts, sizes.dropFirst()).map { $0 * $1 })
  }

  /// The products of one point under neighbouring tiles of the last tiled axis: their rows one by one, or with the
  /// halos between them in one go, whichever takes fewer vectors.
  struct Lines {
    let pieces: [(place: Int, column: Int, kernel: volute_tile)]
    /// Distance of the rows' results.
    let pitch: Int
    /// Elements of all results, whole vectors.
    let size: Int
    /// Vectors that the pieces amount to; one that is alone waits for its sums.
    let work: Double

    /// - Parameters:
    ///   - count: rows.
    ///   - length: elements of one that are wanted.
    ///   - pitch: distance of the rows.
    init(count: Int, length: Int, pitch: Int, height: Int, _ kernels: KernelSet) {
      let lanes = kernels.lanes
      func cut(_ length: Int) -> (pieces: [(place: Int, kernel: volute_tile)], work: Double) {
        let tiles = kernels.tiles(rows: height, columns: length)
        let work = tiles.reduce(0) { $0 + ($1.kernel.vectors == 1 ? 1.5 : Double($1.kernel.vectors)) }
        return (tiles.map { ($0.column, $0.kernel) }, work)
      }
      let row = cut(length)
      let flat = cut((count - 1) * pitch + length)
      if flat.work < row.work * Double(count) {
        pieces = flat.pieces.map { ($0.place, $0.place, $0.kernel) }
        self.pitch = pitch
        size = ((count - 1) * pitch + length + lanes - 1) / lanes * lanes
        work = flat.work
      } else {
        let step = (length + lanes - 1) / lanes * lanes
        pieces = (0..<count).flatMap { line in
          row.pieces.map { (line * pitch + $0.place, line * step + $0.place, $0.kernel) }
        }
        self.pitch = step
        size = count * step
        work = row.work * Double(count)
      }
    }
  }
}
