import CVolute

/// The input under a block of outputs, packed so that a tap is a shift: every axis is cut into the phases of its
/// stride, and along each phase the window moves by one.
///
/// ```
/// padded axis   0 1 2 3 4 5 6 7 8          stride 2, kernel 3, 4 outputs
/// phase 0       0   2   4   6   8          taps 0 and 2: shifts 0 and 1
/// phase 1         1   3   5   7            tap 1: shift 0
/// ```
///
/// A block is laid out `[channel][phases of the axes][place on each axis]`, so the element that output `q` reads
/// through a tap lies at `q + tapOffsets[tap]`, where `q` counts places, not outputs. Padding is whatever the
/// axis' sources say; the block is the only place where it ever takes room.
final class Lattice: Sendable {
  struct Axis {
    /// What is left of the places by the stride, for the taps there are, in order of appearance.
    var phases: [Int] = []
    /// For each tap its phase's index and its shift.
    var taps: [(phase: Int, shift: Int)] = []
    var maximumShift = 0

    init(_ axis: WindowSum.Axis) {
      for tap in 0..<axis.kernel {
        let (shift, phase) = (tap * axis.dilation).quotientAndRemainder(dividingBy: axis.stride)
        let index: Int
        if let known = phases.firstIndex(of: phase) {
          index = known
        } else {
          index = phases.count
          phases.append(phase)
        }
        taps.append((index, shift))
        maximumShift = max(maximumShift, shift)
      }
    }
  }

  let axes: [WindowSum.Axis]
  let parts: [Axis]
  /// Outputs of a block along each axis, at most.
  let block: [Int]
  /// Places of a phase along each axis, and the distance between neighbours.
  let lengths: [Int]
  let pitches: [Int]
  /// Places of one combination of phases, and of all of them: one channel.
  let phaseSize: Int
  let channelSize: Int
  /// For each tap, row-major, where it reads relative to its output.
  let tapOffsets: [Int]
  /// What to copy for a stretch of `block.last` outputs along the last axis: for each of its phases some runs, one
  /// phase's behind the other's.
  fileprivate struct Runs {
    var all: [volute_run] = []
    var ends: [Int] = []
  }
  private let runs: [Runs]
  private let cutsLines: Bool

  /// Places of one channel of a block, without laying it out.
  static func channelSize(_ parts: [Axis], block: [Int]) -> Int {
    zip(parts, block).reduce(1) { $0 * $1.0.phases.count * ($1.1 + $1.0.maximumShift) }
  }

  /// - Parameter hasTaps: whether ``tapOffsets`` are wanted.
  init(_ axes: [WindowSum.Axis], block: [Int], hasTaps: Bool = true) {
    self.axes = axes
    self.block = block
    parts = axes.map(Axis.init)
    lengths = zip(block, parts).map { $0 + $1.maximumShift }
    pitches = StridedArray.contiguousStrides(lengths)
    phaseSize = lengths.reduce(1, *)
    let phasePitches = StridedArray.contiguousStrides(parts.map(\.phases.count)).map { [phaseSize] in
      $0 * phaseSize
    }
    channelSize = parts.reduce(phaseSize) { $0 * $1.phases.count }
    var offsets = [0]
    for (part, (phasePitch, pitch)) in zip(parts, zip(phasePitches, pitches)) where hasTaps {
      offsets = offsets.flatMap { outer in
        part.taps.map { outer + $0.phase * phasePitch + $0.shift * pitch }
      }
    }
    tapOffsets = offsets
    let last = axes.count - 1
    let axis = axes[last]
    let phases = parts[last].phases
    // A line whose every phase is wanted is built once and then cut.
    cutsLines = axis.stride > 1 && phases == Array(0..<axis.stride)
    runs = stride(from: 0, to: axis.count, by: block[last]).map { [cutsLines, length = lengths[last]] first in
      if cutsLines {
        let runs = Self.runs(axis, places: first * axis.stride, step: 1, length: length * axis.stride)
        return Runs(all: runs, ends: [runs.count])
      }
      return phases.reduce(into: Runs()) {
        $0.all += Self.runs(axis, places: first * axis.stride + $1, step: axis.stride, length: length)
        $0.ends.append($0.all.count)
      }
    }
  }

  /// The places of a phase, which is `left` places of an axis behind the first, that windows of a block reach.
  func reached(_ index: Int, left: Int) -> Range<Int> {
    let axis = axes[index]
    let reach = axis.reach(of: block[index])
    return 0..<min(lengths[index], (reach - left + axis.stride - 1) / axis.stride)
  }

  /// For each tap of some channels, where it reads relative to the first channel's output.
  func offsets(channels: Int) -> [Int32] {
    (0..<channels).flatMap { channel in tapOffsets.map { Int32(channel * channelSize + $0) } }
  }

  /// The places `first, first + step, ...` of the last axis as evenly spaced stretches of the input.
  static func runs(
    _ axis: WindowSum.Axis, places first: Int, step: Int, length: Int
  ) -> [volute_run] {
    var runs: [volute_run] = []
    for index in 0..<length {
      let source = axis.source(at: first + index * step)
      let from = source < 0 ? 0 : source * axis.inputStep
      if let last = runs.last {
        let step = from - (last.from + (last.count - 1) * last.step)
        let isVoid = last.step == 0 && last.from == -1
        if isVoid && source < 0 {
          runs[runs.count - 1].count += 1
          continue
        }
        if !isVoid && source >= 0 && step != 0 && (last.count == 1 || step == last.step) {
          runs[runs.count - 1].count += 1
          runs[runs.count - 1].step = step
          continue
        }
      }
      // A lone element may have any step; 1 until a second one tells.
      runs.append(
        source < 0
          ? volute_run(to: index, from: -1, step: 0, count: 1)
          : volute_run(to: index, from: from, step: 1, count: 1))
    }
    for index in runs.indices where runs[index].step == 0 { runs[index].from = 0 }
    return runs
  }

  /// Packs channels for the block whose first output is `origin`. It has what it needs: what belongs to the lattice would
  /// be retained for each channel, by all threads at once.
  struct Packer {
    fileprivate let lines: [Int]
    fileprivate let runs: Runs
    /// Places of a line, lines of a phase, and places of the first axis.
    fileprivate let length: Int
    fileprivate let linesOfPhase: Int
    fileprivate let planes: Int
    fileprivate let phaseSize: Int
    /// That of the last axis where lines are built whole and then cut, else 1.
    fileprivate let stride: Int

    /// Packs one channel.
    ///
    /// - Parameters:
    ///   - next: how far behind it the next channel lies.
    ///   - line: room for ``Lattice/lineSize`` elements.
    func pack<T: KernelElement>(
      _ input: UnsafePointer<T>, next: Int, into buffer: UnsafeMutablePointer<T>,
      line: UnsafeMutablePointer<T>
    ) {
      let pack = T.kernels.table.pack
      lines.withUnsafeBufferPointer { lines in
        runs.all.withUnsafeBufferPointer { all in
          guard let first = lines.baseAddress, let run = all.baseAddress else { return }
          if stride == 1 && runs.ends.count == 1 {
            pack?(lines.count, first, input, all.count, run, buffer, length, next)
            return
          }
          var to = buffer
          for outer in Swift.stride(from: 0, to: lines.count, by: linesOfPhase) {
            if stride > 1 {
              T.kernels.table.pack_phases?(
                linesOfPhase, first + outer, input, all.count, run, stride, line, to, length, phaseSize, next)
              to += stride * phaseSize
              continue
            }
            var start = 0
            for end in runs.ends {
              pack?(linesOfPhase, first + outer, input, end - start, run + start, to, length, next)
              to += phaseSize
              start = end
            }
          }
        }
      }
    }

    /// Packs one channel of a lattice without strides, its planes (of the first axis) where `plane` says and their
    /// `lines` lines `pitch` apart, with zeros up to `columns`.
    func packPlanes<T: KernelElement>(
      _ input: UnsafePointer<T>, lines count: Int, columns: Int, pitch: Int,
      plane: (Int) -> UnsafeMutablePointer<T>
    ) {
      let runs = runs.all + [volute_run(to: length, from: 0, step: 0, count: columns - length)]
      let pack = T.kernels.table.pack
      lines.withUnsafeBufferPointer { lines in
        for index in 0..<planes {
          pack?(
            count, lines.baseAddress.map { $0 + index * count }, input, runs.count, runs, plane(index), pitch,
            0)
        }
      }
    }
  }

  /// Elements of the line that the packer needs room for.
  var lineSize: Int { cutsLines ? lengths[axes.count - 1] * axes[axes.count - 1].stride + 64 : 0 }

  func packer(origin: [Int]) -> Packer {
    let last = axes.count - 1
    return Packer(
      lines: sources(origin: origin), runs: runs[origin[last] / block[last]], length: lengths[last],
      linesOfPhase: phaseSize / lengths[last], planes: lengths[0], phaseSize: phaseSize,
      stride: cutsLines ? axes[last].stride : 1)
  }

  /// The packers of all blocks, row-major, where several samples or groups share them; else `nil`, as each is made
  /// where it is used.
  ///
  /// - Parameter blocks: how many there are along each axis.
  func sharedPackers(_ blocks: [Int], for samples: Int) -> [Packer]? {
    samples == 1 ? nil : origins(blocks).map { packer(origin: $0) }
  }

  /// The first outputs of all blocks, row-major.
  ///
  /// - Parameter blocks: how many there are along each axis.
  func origins(_ blocks: [Int]) -> [[Int]] {
    combinations(zip(blocks, block).map { count, extent in (0..<count).map { $0 * extent } })
  }

  /// Where each line of the last axis starts in the input, or -1 for a line of padding: phases, then places.
  private func sources(origin: [Int]) -> [Int] {
    let outer = axes.indices.dropLast()
    // Of each phase of each axis, place by place.
    let tables = outer.map { index in
      let axis = axes[index]
      return parts[index].phases.map { phase in
        (0..<lengths[index]).map { offset in
          let source = axis.source(at: (origin[index] + offset) * axis.stride + phase)
          return source < 0 ? -1 : source * axis.inputStep
        }
      }
    }
    var lines: [Int] = []
    lines.reserveCapacity(channelSize / lengths[axes.count - 1])
    for tables in combinations(tables) {
      var bases = [0]
      for table in tables {
        var next: [Int] = []
        next.reserveCapacity(bases.count * table.count)
        for base in bases {
          for step in table { next.append(base < 0 || step < 0 ? -1 : base + step) }
        }
        bases = next
      }
      lines += bases
    }
    return lines
  }
}
