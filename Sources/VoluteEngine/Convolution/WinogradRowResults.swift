/// How the results of a block of ``WinogradRowConvolution`` lie once they are transformed back, and where they go.
struct WinogradRowResults: Sendable {
  private let block: WinogradRowBlock
  /// Among the results of one output channel: from one tile of an axis, or output where there are no tiles, to the
  /// next, and from one output of a tile to the next.
  private let tileSteps: [Int]
  private let partSteps: [Int]
  /// Of samples: the ways of planes of results, the last two axes, by how many outputs are wanted along them.
  private let routes: [[Int]: LaneRoute]
  /// Elements of the longest stretch of those.
  let longest: Int
  /// From one row of tiles to the next, among the results and among the outputs; along a row of outputs.
  let pitch: Int
  let linePitch: Int
  let placeStep: Int

  /// - Parameters:
  ///   - lanes: samples of a task.
  ///   - partSize: elements from one output of a tile to the next, all channels that are transformed at once.
  init(_ block: WinogradRowBlock, _ lines: WinogradRowLayout.Lines, lanes: Int, partSize: Int) {
    self.block = block
    let (sum, tiled, tiles) = (block.sum, block.tiled, block.tiles)
    let groups = StridedArray.contiguousStrides(Array(block.extents.prefix(tiled.upperBound - 1)))
    let tileSteps =
      groups.map { $0 * lines.size } + [lines.pitch] + block.extents[tiled.upperBound...].map { _ in lanes }
    let partSteps =
      Array(repeating: 0, count: tiled.lowerBound)
      + StridedArray.contiguousStrides(tiles.map(\.outputs)).map { $0 * partSize }
      + Array(repeating: 0, count: sum.axes.count - tiled.upperBound)
    self.tileSteps = tileSteps
    self.partSteps = partSteps
    pitch = lines.pitch
    linePitch = sum.axes[tiled.upperBound - 1].outputStep * tiles[tiles.count - 1].outputs
    placeStep = sum.axes[sum.axes.count - 1].outputStep
    var routes: [[Int]: LaneRoute] = [:]
    if block.hasSamples {
      let plane = sum.axes.indices.suffix(2)
      let wanted = plane.map { axis in
        Array(
          LaneResults.pieces(of: sum.axes[axis].count, extent: block.extents[axis] * block.outputs(axis)))
      }
      for wanted in combinations(wanted) {
        let pairs = zip(plane, wanted).reduce([(element: 0, place: 0)]) { outer, axis in
          outer.flatMap { base in
            (0..<axis.1).map { position in
              let place = Self.place(
                position, of: block.outputs(axis.0), tileSteps[axis.0], partSteps[axis.0])
              return (base.element + position * sum.axes[axis.0].outputStep, base.place + place)
            }
          }
        }
        routes[wanted] = LaneRoute(pairs, bridges: false)
      }
    }
    self.routes = routes
    longest = routes.values.map(\.longest).max() ?? 0
  }

  /// Where an output of an axis lies among the results.
  private static func place(_ position: Int, of outputs: Int, _ tileStep: Int, _ partStep: Int) -> Int {
    position / outputs * tileStep + position % outputs * partStep
  }

  /// Where the results of a block and phase go, without those that tiles have too many: a task's own, in plain memory
  /// that it deallocates.
  struct Target {
    /// Rows under the tiles of the last tiled axis or, of samples, a plane.
    struct Rows {
      /// The first among the results of one output channel, once they are transformed back.
      var from: Int
      /// The first among the outputs of the channel.
      var to: Int
      var count: Int
    }

    let rows: UnsafeBufferPointer<Rows>
    /// So many of them, one after the other, are of the same tiles.
    let rowsOfTile: Int
    /// Outputs of a row.
    let width: Int
    /// Behind the sum's own.
    let offset: Int
    /// Of samples: the way of a plane, which the plan keeps.
    let route: Unmanaged<LaneRoute>?
  }

  /// - Parameter origin: the first tile, or output, of the block along each axis.
  func target(origin: [Int], _ phase: WindowSum.Phase) -> Target {
    let sum = block.sum
    let firsts = sum.axes.indices.map { origin[$0] * block.outputs($0) }
    let counts = sum.axes.dropLast().map(\.count) + [phase.count]
    let wanted = sum.axes.indices.map {
      max(0, min(block.extents[$0] * block.outputs($0), counts[$0] - firsts[$0]))
    }
    let end = block.hasSamples ? max(sum.axes.count - 2, 0) : block.tiled.upperBound - 1
    let start = sum.axes.indices.reduce(0) { $0 + firsts[$1] * sum.axes[$1].outputStep }
    let bases = (0..<end).reduce([(from: 0, to: start)]) { bases, axis in
      bases.flatMap { base in
        (0..<wanted[axis]).map { position in
          let from = Self.place(position, of: block.outputs(axis), tileSteps[axis], partSteps[axis])
          return (base.from + from, base.to + position * sum.axes[axis].outputStep)
        }
      }
    }
    let rows: [Target.Rows]
    var rowsOfTile = 1
    var route: LaneRoute?
    if block.hasSamples {
      route = routes[Array(wanted[end...])]
      rows = bases.map { Target.Rows(from: $0.from, to: $0.to, count: 1) }
    } else {
      let (outputs, step) = (block.outputs(end), sum.axes[end].outputStep)
      rowsOfTile = min(outputs, wanted[end])
      rows = bases.flatMap { base in
        (0..<rowsOfTile).map {
          Target.Rows(
            from: base.from + $0 * partSteps[end], to: base.to + $0 * step,
            count: (wanted[end] - $0 - 1) / outputs + 1)
        }
      }
    }
    return Target(
      rows: UnsafeBufferPointer(copying: rows), rowsOfTile: rowsOfTile, width: wanted[wanted.count - 1],
      offset: phase.outputOffset,
      route: route.map(Unmanaged.passUnretained))
  }

  /// The lines of the cache under a channel's outputs of the target, as far as neighbours in a row are neighbours, in
  /// bytes behind the channel's start: plain memory that the caller deallocates.
  ///
  /// - Parameter width: neighbouring outputs of a row, of all phases.
  func lines(_ target: Target, width: Int, samples: Int, bytes: Int) -> UnsafeBufferPointer<Int32> {
    func lines(_ element: Int, _ count: Int) -> StrideTo<Int> {
      let first = (target.offset + element) * bytes
      return stride(from: first, to: first + count * bytes, by: 64)
    }
    let all =
      if let route = target.route?.takeUnretainedValue() {
        target.rows.flatMap { rows in
          (0..<samples).flatMap { sample in
            route.runs.flatMap {
              lines(rows.to + sample * block.sum.outputSteps.batch + $0.lowerBound, $0.count)
            }
          }
        }
      } else {
        target.rows.flatMap { rows in
          (0..<rows.count).flatMap { lines(rows.to + $0 * linePitch, width) }
        }
      }
    // Further away than that is nothing that a block has.
    return UnsafeBufferPointer(copying: all.compactMap(Int32.init(exactly:)))
  }
}
