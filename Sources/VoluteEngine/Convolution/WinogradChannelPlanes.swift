import CVolute

/// The axes that ``WinogradChannelConvolution`` does not tile: which taps each of their outputs reads, without those
/// that read nothing but padding or have no weight.
struct WinogradChannelPlanes: Sendable {
  /// Neighbouring planes that read alike.
  struct Run {
    /// Among the planes that are packed, and among the outputs of the set.
    var place: Int
    var first: Int
    var count: Int
    /// In the set's taps.
    var taps: Range<Int>
  }

  /// The outputs of a block, of one phase of each axis.
  struct Outputs {
    /// Where the outputs lie.
    var planes: [Int] = []
    var runs: [Run] = []
    var taps: [volute_tap] = []
  }

  /// For each phase of the tiled axes, and each phase and tap of the others that has a weight, the weights of a tile.
  let tapOffsets: [Int?]
  /// Columns of the weights of one phase of the tiled axes.
  let weightPitch: Int
  /// Phases of the tiled axes but the last.
  let tilePhasesBefore: Int
  /// By the block along the axes that are not tiled, and the phase of each.
  private let sets: [[Outputs]]
  private let blocks: [Int]
  /// Of each block along the first axis, where that is not tiled, the planes that hold anything but padding.
  private let wantedPlanes: [Range<Int>]

  init(_ block: WinogradChannelBlock, _ lattice: Lattice, _ layout: WinogradChannelLayout) {
    let (sum, outer) = (block.sum.sum, block.outer)
    let phases = block.sum.phases
    tilePhasesBefore = phases[outer...].dropLast().reduce(1) { $0 * $1.count }
    blocks = zip(block.axes, block.extents).prefix(outer).map { ($0.count + $1 - 1) / $1 }
    let axes = sum.axes.prefix(outer)
    // Phases of the axes that are not tiled, and under each all taps.
    let choices = combinations(Array(phases.prefix(outer)))
    // Of those their taps, and of the tiled ones the phases of their strides.
    let windows = combinations((axes.map(\.kernel) + block.strides).map { Array(0..<$0) })
    func offset(_ phases: [PhasedSum.Phase], _ taps: [Int]) -> Int? {
      zip(phases, taps).reduce(0) { sum, next in
        let tap = next.1 < next.0.taps.count ? next.0.taps[next.1] : nil
        return sum.flatMap { sum in tap.map { sum + $0 } }
      }
    }
    var columns: [[[Int]: Int]] = []
    var outerOffsets: [(offset: Int, strided: [Int])] = []
    for choice in choices {
      var known: [[Int]: Int] = [:]
      for taps in windows {
        guard let offset = offset(choice, Array(taps.prefix(outer))) else { continue }
        known[taps] = outerOffsets.count
        outerOffsets.append((offset, Array(taps.dropFirst(outer))))
      }
      columns.append(known)
    }
    weightPitch = outerOffsets.count * sum.inputs
    let tileTaps = combinations(block.tiles.map { Array(0..<$0.taps) })
    tapOffsets = combinations(Array(phases[outer...])).flatMap { phases in
      outerOffsets.flatMap { base, strided in
        tileTaps.map { taps in
          offset(phases, zip(zip(taps, block.strides), strided).map { $0.0 * $0.1 + $1 }).map { base + $0 }
        }
      }
    }

    // Where the taps of the axes that are not tiled read, and the phases of the others.
    let placeCount = lattice.lengths.prefix(outer).reduce(1, *)
    let counts = block.strides + lattice.parts.prefix(outer).map(\.phases.count)
    let phasePitches = StridedArray.contiguousStrides(counts).map { $0 * placeCount }
    let pitches = StridedArray.contiguousStrides(Array(lattice.lengths.prefix(outer)))
    let reads =
      (0..<outer).map { index in
        lattice.parts[index].taps.map {
          $0.phase * phasePitches[block.strides.count + index] + $0.shift * pitches[index]
        }
      } + zip(block.strides, phasePitches).map { stride, pitch in (0..<stride).map { $0 * pitch } }
    let height = block.vectors * block.lanes
    let (extents, blocks) = (block.extents, blocks)
    sets = (0..<blocks.reduce(1, *)).map { number in
      let origin = zip(unravelled(number, over: blocks).indices, extents).map { $0 * $1 }
      return zip(choices, columns).map { choice, columns in
        Self.set(
          axes, choice, origin: origin, extents: extents, pitches: pitches, reads: reads,
          planePitch: layout.planePitch
        ) { columns[$0].map { $0 * sum.inputs * height } }
      }
    }
    wantedPlanes =
      outer == 0 || sum.axes[0].stride > 1
      ? []
      : (0..<blocks[0]).map { sum.axes[0].held(from: $0 * extents[0], count: lattice.lengths[0]) }
  }

  private static func set(
    _ axes: ArraySlice<WindowSum.Axis>, _ phases: [PhasedSum.Phase], origin: [Int], extents: [Int],
    pitches: [Int], reads: [[Int]], planePitch: Int, weight: ([Int]) -> Int?
  ) -> Outputs {
    var set = Outputs()
    let outputs = combinations(
      axes.indices.map {
        Array(phases[$0].places.clamped(to: origin[$0]..<origin[$0] + extents[$0]))
      })
    for output in outputs {
      let windows = combinations(
        reads.indices.map { Array($0 < axes.count ? axes[$0].taps(of: output[$0]) : reads[$0].indices) })
      let taps = windows.compactMap { window in
        weight(window).map { weight in
          let plane = zip(reads, window).reduce(0) { $0 + $1.0[$1.1] }
          return (from: plane * planePitch, weight: weight)
        }
      }
      let place = axes.indices.reduce(0) { $0 + (output[$1] - origin[$1]) * pitches[$1] }
      let isNext =
        set.runs.last.map { last in
          last.place + last.count == place && last.taps.count == taps.count
            && zip(set.taps[last.taps], taps).allSatisfy { $0.from == $1.from && $0.weight == $1.weight }
        } ?? false
      if isNext {
        set.runs[set.runs.count - 1].count += 1
      } else {
        let first = set.taps.count
        set.taps += taps.map { volute_tap(from: $0.from, weight: $0.weight) }
        set.runs.append(Run(place: place, first: set.planes.count, count: 1, taps: first..<set.taps.count))
      }
      set.planes.append(axes.indices.reduce(0) { $0 + phases[$1].first + output[$1] * phases[$1].step })
    }
    return set
  }

  /// The stretch of planes of the first axis that a block has transformed; `nil` where that is tiled or strided.
  func wanted(_ index: [Int]) -> Range<Int>? { wantedPlanes.isEmpty ? nil : wantedPlanes[index[0]] }

  /// - Parameter phase: of all axes but the last.
  func outputs(_ index: [Int], _ phase: Int) -> Outputs {
    let number = zip(index, blocks).reduce(0) { $0 * $1.1 + $1.0 }
    return sets[number][phase / tilePhasesBefore]
  }
}
