import CVolute

/// The input under a block of ``CorrelationConvolution``, laid out `[place on each axis][channel]`: what lies under one
/// place of the window and all taps of the last axis is one line.
struct CorrelationLines: Sendable {
  private let axes: [WindowSum.Axis]
  private let channels: Int
  private let channelStep: Int
  /// Places along each axis, those between the places of a dilated window as well.
  let lengths: [Int]
  /// Elements between neighbouring places.
  private let pitches: [Int]
  /// The axis whose neighbours are neighbours in memory, and the others in the order in which they lie there.
  private let row: Int
  private let others: [Int]
  /// Of each block along the row: the stretches of the input.
  private let runs: [[volute_run]]

  init(_ block: CorrelationBlock) {
    let sum = block.sum
    axes = sum.axes
    channels = sum.batch
    channelStep = sum.inputSteps.batch
    lengths = zip(sum.axes, block.extents).map { axis, extent in
      extent * axis.dilation + max((axis.count - 1) * axis.stride + 1 - axis.dilation, 0)
    }
    pitches = StridedArray.contiguousStrides(lengths).map { $0 * sum.batch }
    row = block.row
    others = sum.axes.indices.filter { $0 != block.row }.sorted {
      sum.axes[$0].inputStep > sum.axes[$1].inputStep
    }
    let (axis, extent, length) = (sum.axes[row], block.extents[row], lengths[row])
    runs = (0..<block.blocks[row]).map {
      Lattice.runs(axis, places: $0 * extent * axis.dilation, step: 1, length: length)
    }
  }

  /// Elements of a block.
  var size: Int { lengths.reduce(channels, *) }

  /// The stretch of places along the first axis that hold anything but padding, in a block that begins at its place
  /// `origin` of the window.
  func planes(_ origin: Int) -> Range<Int> {
    axes[0].held(from: origin * axes[0].dilation, count: lengths[0])
  }

  /// Packs a block.
  ///
  /// - Parameters:
  ///   - origin: its first place of the window along each axis.
  ///   - box: its number along each axis.
  ///   - planes: the places along the first axis that are wanted.
  func pack<T: KernelElement>(
    _ input: UnsafePointer<T>, origin: [Int], box: [Int], planes: Range<Int>,
    into lines: UnsafeMutablePointer<T>
  ) {
    var starts = [(from: 0, to: 0)]
    for axis in others {
      let places = (axis == 0 ? planes : 0..<lengths[axis]).map { place in
        let source = axes[axis].source(at: origin[axis] * axes[axis].dilation + place)
        return (from: source < 0 ? -1 : source * axes[axis].inputStep, to: place * pitches[axis])
      }
      starts = starts.flatMap { start in
        places.map { (start.from < 0 || $0.from < 0 ? -1 : start.from + $0.from, start.to + $0.to) }
      }
    }
    let transpose = T.kernels.table.transpose
    let pitch = pitches[row]
    runs[box[row]].withUnsafeBufferPointer { runs in
      for start in starts {
        let to = lines + start.to
        if start.from < 0 {
          clear(to, places: lengths[row])
          continue
        }
        for run in runs {
          if run.step == 0 {
            clear(to + run.to * pitch, places: run.count)
          } else {
            transpose?(
              channels, run.count, input + start.from + run.from, channelStep, run.step, to + run.to * pitch,
              pitch)
          }
        }
      }
    }
  }

  /// Sets places along the row to zero.
  private func clear<T: KernelElement>(_ to: UnsafeMutablePointer<T>, places: Int) {
    let pitch = pitches[row]
    if pitch == channels { return to.update(repeating: .zero, count: places * channels) }
    for place in 0..<places { (to + place * pitch).update(repeating: .zero, count: channels) }
  }
}
