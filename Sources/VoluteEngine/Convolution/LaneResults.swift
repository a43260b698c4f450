/// Results of blocks whose samples lie in the lanes of vectors, on their way back to where they belong.
struct LaneResults: Sendable {
  private let sum: WindowSum
  private let lanes: Int
  /// The ways of planes of results, the last two axes, by their extents.
  private let routes: [[Int]: LaneRoute]
  /// Elements of the row that ``write(_:samples:channels:origin:extents:row:to:)`` needs room for: the longest stretch of
  /// results of all samples.
  let rowSize: Int

  /// - Parameter extents: of a block, along each axis of `sum`, and the lanes.
  init(_ sum: WindowSum, _ extents: [Int], lanes: Int) {
    self.sum = sum
    self.lanes = lanes
    let planeAxes = sum.axes.indices.suffix(2)
    let planes = planeAxes.reduce([[Int]()]) { planes, axis in
      planes.flatMap { plane in
        // A whole block's, and those of the last block.
        [extents[axis], (sum.axes[axis].count - 1) % extents[axis] + 1].map { plane + [$0] }
      }
    }
    var routes: [[Int]: LaneRoute] = [:]
    for plane in planes {
      // Results lie as they are counted.
      let outputs = places(plane, planeAxes.map { sum.axes[$0].outputStep })
      routes[plane] = LaneRoute(outputs.enumerated().map { ($1, $0 * lanes) }, bridges: false)
    }
    self.routes = routes
    rowSize = extents.dropLast().suffix(2).reduce(lanes, *)
  }

  /// The way of a plane of such extents.
  func route(_ plane: [Int]) -> LaneRoute? { routes[plane] }

  /// Turns complete sums back and puts them where they belong, or adds them to what is there.
  ///
  /// - Parameters:
  ///   - stage: a block of each channel.
  ///   - output: the first channel's results of the first sample.
  func write<T: KernelElement>(
    _ stage: UnsafePointer<T>, samples: Int, channels: Int, origin: [Int], extents: [Int],
    row: UnsafeMutablePointer<T>, to output: UnsafeMutablePointer<T>
  ) {
    let planeExtents = Array(extents.dropLast().suffix(2))
    let plane = planeExtents.reduce(lanes, *)
    guard let route = routes[planeExtents] else { return }
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
