import CVolute

/// Samples side by side in the lanes of a vector: one more axis behind the others, as long as a vector, whose window is
/// one.
///
/// Blocks are packed like any other, but by turning samples and places about, and complete sums are turned back.
struct SampleLanes: Sendable {
  let count: Int
  private let batchStep: Int
  /// The axes of the lattice that is packed, without the samples.
  private let axes: [WindowSum.Axis]
  /// For each block along the last axis, what its rows are made of.
  private let rows: [Row]

  /// The places of a row of the input, in each phase of the stride.
  private struct Row {
    let runs: [volute_run]
    /// The elements that are read.
    let span: Range<Int>
    /// Whether phases are stretches of the row as it is.
    let isPlain: Bool

    /// - Parameter phaseSize: places from one phase to the next.
    init(_ axis: WindowSum.Axis, phases: [Int], first: Int, length: Int, phaseSize: Int) {
      runs = phases.enumerated().flatMap { index, phase in
        Lattice.runs(axis, places: first * axis.stride + phase, step: axis.stride, length: length).map {
          volute_run(to: index * phaseSize + $0.to, from: $0.from, step: $0.step, count: $0.count)
        }
      }
      let read = runs.filter { $0.step != 0 }
      let ends = read.flatMap { [$0.from, $0.from + ($0.count - 1) * $0.step] }
      span = (ends.min() ?? 0)..<(ends.max() ?? -1) + 1
      isPlain = read.allSatisfy { $0.step == 1 }
    }
  }

  static func reasonAgainst(_ sum: WindowSum, lanes: Int) -> String? {
    if 2 * sum.batch < lanes { return "a batch of \(sum.batch) leaves most of \(lanes) lanes empty" }
    if sum.axes.last?.inputStep != 1 { return "rows of the input do not lie in a row" }
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
    count = lanes
    batchStep = sum.inputSteps.batch
    axes = Array(lattice.axes.dropLast())
    let last = axes.count - 1
    rows = stride(from: 0, to: axes[last].count, by: lattice.block[last]).map { [axes] first in
      Row(
        axes[last], phases: lattice.parts[last].phases, first: first, length: lattice.lengths[last],
        phaseSize: lattice.phaseSize / lanes)
    }
  }

  /// How often an element is moved while it is packed.
  var passes: Int { rows.allSatisfy(\.isPlain) ? 1 : 2 }

  /// Elements of a row of all samples, before it is cut into phases.
  var rowSize: Int { count * (rows.map(\.span.count).max() ?? 0) }

  /// Packs channels of some samples for one block.
  struct Packer {
    private let samples: Int
    private let batchStep: Int
    private let row: Row
    /// Where each row of places starts in the input, or -1 for one of padding, and in the block.
    private let rows: [(from: Int, to: Int)]
    private let lanes: Int

    fileprivate init(_ parent: SampleLanes, _ lattice: Lattice, _ origin: [Int], _ samples: Int) {
      let axes = parent.axes
      let last = axes.count - 1
      self.samples = samples
      lanes = parent.count
      batchStep = parent.batchStep
      row = parent.rows[origin[last] / lattice.block[last]]
      let phaseSteps = StridedArray.contiguousStrides(lattice.parts.map(\.phases.count)).map {
        $0 * lattice.phaseSize
      }
      var rows = [(from: 0, to: 0)]
      for axis in 0..<last {
        let table = axes[axis]
        rows = rows.flatMap { base in
          lattice.parts[axis].phases.enumerated().flatMap { phase, left in
            (0..<lattice.lengths[axis]).map { index in
              let place = (origin[axis] + index) * table.stride + left
              let source = place < table.sources.count ? table.sources[place] : -1
              return (
                base.from < 0 || source < 0 ? -1 : base.from + source * table.inputStep,
                base.to + phase * phaseSteps[axis] + index * lattice.pitches[axis]
              )
            }
          }
        }
      }
      self.rows = rows
    }

    /// - Parameter row: room for a row of all samples.
    func pack<T: KernelElement>(
      _ input: UnsafePointer<T>, into buffer: UnsafeMutablePointer<T>, row scratch: UnsafeMutablePointer<T>
    ) {
      let kernels = T.kernels
      let turn = kernels.table.lines_to_lanes
      let (isPlain, span, count) = (row.isPlain, row.span, row.runs.count)
      row.runs.withUnsafeBufferPointer { runs in
        rows.withUnsafeBufferPointer { rows in
          for (from, to) in rows {
            let line = input + from
            if from >= 0 && !isPlain {
              turn?(samples, span.count, line + span.lowerBound, batchStep, scratch)
            }
            for index in 0..<count {
              let run = runs[index]
              let place = buffer + to + run.to * lanes
              if from < 0 || run.step == 0 {
                place.update(repeating: .zero, count: run.count * lanes)
              } else if isPlain {
                turn?(samples, run.count, line + run.from, batchStep, place)
              } else {
                let first = scratch + (run.from - span.lowerBound) * lanes
                kernels.table.emit?(run.count, lanes, first, run.step * lanes, place, lanes, 1, nil, 0)
              }
            }
          }
        }
      }
    }
  }

  /// - Parameter origin: the block's first output along each axis but the samples'.
  func packer(_ lattice: Lattice, origin: [Int], samples: Int) -> Packer {
    Packer(self, lattice, origin, samples)
  }

  /// Turns a row of complete sums back and puts it where it belongs.
  ///
  /// - Parameter row: room for as many elements.
  func put<T: KernelElement>(
    _ sums: UnsafePointer<T>, width: Int, samples: Int, to output: UnsafeMutablePointer<T>, _ sum: WindowSum,
    step: Int, row: UnsafeMutablePointer<T>
  ) {
    let table = T.kernels.table
    if step == 1 && !sum.accumulates {
      table.lanes_to_lines?(samples, width, sums, output, sum.outputSteps.batch)
    } else {
      table.lanes_to_lines?(samples, width, sums, row, width)
      table.emit?(
        samples, width, row, width, output, sum.outputSteps.batch, step, nil, sum.accumulates ? 1 : 0)
    }
  }
}
