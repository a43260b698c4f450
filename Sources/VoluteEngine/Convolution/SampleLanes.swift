import CVolute

/// Blocks whose samples lie in the lanes of vectors: one more axis behind the others, as long as a vector, whose
/// window is one. Elements get there, and results back, by a ``LaneRoute``.
struct SampleLanes: Sendable {
  /// The last two axes of a block, which are packed at once; only one if there is no other.
  fileprivate struct Plane {
    let route: LaneRoute
    /// Runs of places that hold padding, and of all there are.
    let voids: [Range<Int>]
    let all: [Range<Int>]
  }

  private let lattice: Lattice
  private let lanes: Int
  private let batchStep: Int
  /// Places between the phases of each axis.
  private let phaseSteps: [Int]
  /// The axes of a plane, and before them the others.
  private let planeAxes: Range<Int>
  /// For each axis of a plane and each block along it: its kind, and the element that the kind's elements are relative
  /// to. Blocks in the middle are all of one kind.
  private let kinds: [[(kind: Int, element: Int)]]
  /// By the kinds of the axes.
  private let planes: [[Plane]]

  /// - Parameter channels: as few input channels as can be packed at once.
  static func reasonAgainst(_ sum: WindowSum, lanes: Int, channels: Int = 1) -> String? {
    if 2 * sum.batch < lanes { return "a batch of \(sum.batch) leaves most of \(lanes) lanes empty" }
    if sum.axes.last?.inputStep != 1 { return "rows of the input do not lie in a row" }
    let parts = sum.axes.map(Lattice.Axis.init)
    let places = Lattice.channelSize(parts, block: parts.map { _ in 1 })
    if places.multipliedReportingOverflow(by: channels).overflow
      || places * channels > BatchBlock.mostPacked / lanes
    {
      return
        "windows reach over \(places) places of \(channels) channels, too many to be packed for each output"
    }
    return nil
  }

  /// The axis of the samples.
  static func axis(_ sum: WindowSum, lanes: Int) -> WindowSum.Axis {
    WindowSum.Axis(
      sources: Array(0..<lanes), stride: 1, dilation: 1, kernel: 1, count: lanes,
      inputStep: sum.inputSteps.batch, weightStep: 0, outputStep: sum.outputSteps.batch)
  }

  /// - Parameter lattice: of the axes of `sum`, or what became of them, and ``axis(_:lanes:)``.
  init(_ sum: WindowSum, _ lattice: Lattice, lanes: Int) {
    self.lattice = lattice
    self.lanes = lanes
    batchStep = sum.inputSteps.batch
    let count = lattice.axes.count - 1
    planeAxes = max(count - 2, 0)..<count
    let phaseSteps = StridedArray.contiguousStrides(lattice.parts.map(\.phases.count)).map {
      $0 * lattice.phaseSize
    }
    self.phaseSteps = phaseSteps

    /// Places along an axis in all phases, and under each the element, relative to some; `nil` for padding.
    typealias Line = [(place: Int, element: Int?)]
    var kinds: [[(kind: Int, element: Int)]] = []
    var lines: [[Line]] = []
    for index in planeAxes {
      let axis = lattice.axes[index]
      var known: [[Int?]: Int] = [:]
      var linesOfAxis: [Line] = []
      let blocks = stride(from: 0, to: axis.count, by: lattice.block[index]).map { first in
        let places = lattice.parts[index].phases.enumerated().flatMap { phase, left in
          lattice.reached(index, left: left).map { offset in
            (
              place: phase * phaseSteps[index] + offset * lattice.pitches[index],
              source: (first + offset) * axis.stride + left
            )
          }
        }
        let sources = places.map { axis.source(at: $0.source) }
        let base = sources.first { $0 >= 0 } ?? 0
        let relative = sources.map { $0 < 0 ? nil : $0 - base }
        let kind = known[relative] ?? linesOfAxis.count
        if kind == linesOfAxis.count {
          known[relative] = kind
          linesOfAxis.append(zip(places, relative).map { ($0.place, $1.map { $0 * axis.inputStep }) })
        }
        return (kind: kind, element: base * axis.inputStep)
      }
      kinds.append(blocks)
      lines.append(linesOfAxis)
    }
    self.kinds = kinds
    let rows: [Line] = lines.count == 2 ? lines[0] : [[(0, 0)]]
    planes = rows.map { row in
      lines[lines.count - 1].map { line in
        var pairs: [(element: Int, place: Int)] = []
        var voids: [Int] = []
        for outer in row {
          for inner in line {
            if let a = outer.element, let b = inner.element {
              pairs.append((a + b, outer.place + inner.place))
            } else {
              voids.append(outer.place + inner.place)
            }
          }
        }
        return Plane(
          route: LaneRoute(pairs, bridges: true), voids: Self.runs(voids, lanes: lanes),
          all: Self.runs(voids + pairs.map(\.place), lanes: lanes))
      }
    }
  }

  /// Vectors as runs of elements.
  private static func runs(_ places: [Int], lanes: Int) -> [Range<Int>] {
    places.sorted().reduce(into: []) { runs, place in
      if let last = runs.last, last.upperBound == place {
        runs[runs.count - 1] = last.lowerBound..<place + lanes
      } else {
        runs.append(place..<place + lanes)
      }
    }
  }

  /// Whether whole rows of the input travel together, as no more lies between them than may travel too.
  static func joinsRows(_ axes: [WindowSum.Axis]) -> Bool {
    let plane = axes.suffix(2)
    guard let rows = plane.first, let last = plane.last else { return true }
    let row = (last.sources.max() ?? -1) + 1
    return plane.count == 1 || rows.inputStep - row < LaneRoute.bridge
  }

  /// Cycles to turn the samples and places of a plane about: as many of them as a vector has lanes at once.
  ///
  /// - Parameter isWhole: whether rows travel together.
  static func turned(_ plane: [Int], isWhole: Bool, lanes: Int) -> Double {
    let row = plane[plane.count - 1]
    let rows = plane.dropLast().reduce(1, *)
    let vectors = isWhole ? (row * rows + lanes - 1) / lanes : rows * ((row + lanes - 1) / lanes)
    // Short stretches are read and written under masks, and lines of the cache more than once.
    return Double(vectors * lanes) * (isWhole ? 3.5 : 7)
  }

  /// Packs channels for one block.
  struct Packer {
    fileprivate let plane: Plane
    fileprivate let batchStep: Int
    /// Where each plane starts in the input, or -1 for one of padding, and in the block.
    fileprivate let starts: [(from: Int, to: Int)]

    /// Packs one channel.
    ///
    /// - Parameter next: how far behind it the next channel lies, if there is one.
    func pack<T: KernelElement>(
      _ input: UnsafePointer<T>, samples: Int, next: Int?, into buffer: UnsafeMutablePointer<T>
    ) {
      for (index, (from, to)) in starts.enumerated() {
        for void in from < 0 ? plane.all : plane.voids {
          (buffer + to + void.lowerBound).update(repeating: .zero, count: void.count)
        }
        if from >= 0 {
          let following =
            starts[(index + 1)...].first { $0.from >= 0 }?.from
            ?? next.flatMap { next in starts.first { $0.from >= 0 }.map { $0.from + next } }
          plane.route.pack(
            input + from, next: following.map { $0 - from }, samples: samples, batchStep: batchStep,
            into: buffer + to)
        }
      }
    }
  }

  /// - Parameters:
  ///   - origin: the block's first output along each axis but the samples'.
  ///   - planes: which places of the first axis are wanted; all of them unless given.
  func packer(origin: [Int], planes wanted: Range<Int>? = nil) -> Packer {
    let here = planeAxes.map { kinds[$0 - planeAxes.lowerBound][origin[$0] / lattice.block[$0]] }
    var starts = [(from: here.reduce(0) { $0 + $1.element }, to: 0)]
    for index in 0..<planeAxes.lowerBound {
      let axis = lattice.axes[index]
      let all = 0..<lattice.lengths[index]
      starts = starts.flatMap { base in
        lattice.parts[index].phases.enumerated().flatMap { phase, left in
          lattice.reached(index, left: left).clamped(to: index == 0 ? wanted ?? all : all).map { offset in
            let source = axis.source(at: (origin[index] + offset) * axis.stride + left)
            return (
              base.from < 0 || source < 0 ? -1 : base.from + source * axis.inputStep,
              base.to + phase * phaseSteps[index] + offset * lattice.pitches[index]
            )
          }
        }
      }
    }
    let row = here.count == 2 ? here[0].kind : 0
    return Packer(plane: planes[row][here[here.count - 1].kind], batchStep: batchStep, starts: starts)
  }
}
