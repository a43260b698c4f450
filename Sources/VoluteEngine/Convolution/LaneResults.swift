/// Results of blocks whose samples lie in the lanes of vectors, on their way back to where they belong.
struct LaneResults: Sendable {
  private let sum: WindowSum
  private let lanes: Int
  /// The ways of planes of results, the last two axes, by their extents.
  private let routes: [[Int]: LaneRoute]
  /// Elements of the row that is needed to write results.
  let rowSize: Int

  /// - Parameter extents: that planes of results may have along each of the last two axes.
  init(_ sum: WindowSum, extents: [Set<Int>], lanes: Int) {
    self.sum = sum
    self.lanes = lanes
    let planeAxes = sum.axes.indices.suffix(2)
    var routes: [[Int]: LaneRoute] = [:]
    for plane in combinations(extents.map(Array.init)) {
      // Results lie as they are counted.
      let outputs = places(plane, planeAxes.map { sum.axes[$0].outputStep })
      routes[plane] = LaneRoute(outputs.enumerated().map { ($1, $0 * lanes) }, bridges: false)
    }
    self.routes = routes
    rowSize = lanes * (routes.values.map { $0.rowLength(accumulates: sum.accumulates) }.max() ?? 0)
  }

  /// The extents of pieces of an axis: of a whole one, and of the last.
  static func pieces(of count: Int, extent: Int) -> Set<Int> {
    [min(extent, count), (count - 1) % extent + 1]
  }

  /// The way of a plane of such extents.
  func route(_ plane: [Int]) -> LaneRoute {
    guard let route = routes[plane] else { preconditionFailure("no way for a plane of \(plane) results") }
    return route
  }

  /// Turns complete sums back and puts them where they belong, or adds them to what is there.
  ///
  /// - Parameters:
  ///   - stage: a block of `extents` of each channel, which ends with the lanes.
  ///   - output: the first channel's results of the first sample.
  func write<T: KernelElement>(
    _ stage: UnsafePointer<T>, samples: Int, channels: Int, origin: [Int], extents: [Int],
    row: UnsafeMutablePointer<T>, to output: UnsafeMutablePointer<T>
  ) {
    let planeExtents = Array(extents.dropLast().suffix(2))
    let plane = planeExtents.reduce(lanes, *)
    let route = route(planeExtents)
    let outer = sum.axes.count - planeExtents.count
    let starts = places(Array(extents.prefix(outer)), sum.axes.prefix(outer).map(\.outputStep))
    let first = zip(sum.axes, origin).reduce(0) { $0 + $1.0.outputStep * $1.1 }
    var from = stage
    for channel in 0..<channels {
      for start in starts {
        route.unpack(
          from, samples: samples, batchStep: sum.outputSteps.batch, accumulates: sum.accumulates, row: row,
          to: output + channel * sum.outputSteps.channel + first + start)
        from += plane
      }
    }
  }
}
