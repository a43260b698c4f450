import CVolute
import VoluteArithmetic

extension Engine {
  /// `output[i, j, ...] = input[maps[0][i], maps[1][j], ...]`, and `fill` where a map has padding; one map an axis,
  /// each of one tap. The output is contiguous, the input has any strides.
  public static func gather(
    _ maps: [AxisMap], input: StridedArray, fill: Scalar, to output: StridedArray
  ) {
    if output.count == 0 { return }
    let lines = GatheredLines(maps, strides: input.strides)
    let fill = output.dtype.dispatch(Filler(scalar: fill))
    let width = lines.width
    parallel(output.count / width, grain: 65_536 / width) { range in
      withScratch(Int.self, range.count) { sources in
        lines.locate(range, sources)
        let target = output.base + range.lowerBound * width * output.dtype.size
        withUnsafePointer(to: fill) { fill in
          switch output.dtype.size {
          case 1: lines.copy(UInt8.self, range.count, sources, input.base, fill, target)
          case 2: lines.copy(UInt16.self, range.count, sources, input.base, fill, target)
          case 4:
            Float.rows.gather_lines(
              range.count, sources, input.base, lines.runs.count, lines.runs, fill, target, width)
          default:
            Double.rows.gather_lines(
              range.count, sources, input.base, lines.runs.count, lines.runs, fill, target, width)
          }
        }
      }
    }
  }

  /// The bits of a number as an element, from the first byte on.
  private struct Filler: ElementVisitor {
    let scalar: Scalar

    func visit<T: Element>(_ type: T.Type) -> UInt64 {
      var bits: UInt64 = 0
      withUnsafeMutableBytes(of: &bits) {
        $0.storeBytes(of: Engine.element(scalar, as: T.self), as: T.self)
      }
      return bits
    }
  }
}

/// An array as lines, each made of the same stretches of a line of another.
private struct GatheredLines {
  /// Elements of a line.
  let width: Int
  let runs: [volute_run]
  /// For each axis outside of the lines the offset in the input of each output, or `Int.min` for padding.
  private let offsets: [[Int]]

  init(_ maps: [AxisMap], strides: [Int]) {
    var maps = maps
    // Axes at the end that are copied whole lengthen the elements of the axis before them.
    var block = 1
    while maps.count > 1, let map = maps.last, strides[maps.count - 1] == block, map.isIdentity {
      block *= map.outputSize
      maps.removeLast()
    }
    let step = maps.isEmpty ? 1 : strides[maps.count - 1]
    let last = maps.popLast()
    width = (last?.outputSize ?? 1) * block
    var runs: [volute_run] = []
    if last == nil { runs = [volute_run(to: 0, from: 0, step: 1, count: 1)] }
    for run in last?.runs(tap: 0) ?? [] {
      let from = run.source * step
      if run.source == AxisMap.padding {
        runs.append(volute_run(to: run.output * block, from: Int.min, step: 0, count: run.count * block))
      } else if block == 1 {
        runs.append(
          volute_run(to: run.output, from: from, step: run.count == 1 ? 1 : run.step * step, count: run.count)
        )
      } else if run.step * step == block {
        runs.append(volute_run(to: run.output * block, from: from, step: 1, count: run.count * block))
      } else {
        for index in 0..<run.count {
          runs.append(
            volute_run(
              to: (run.output + index) * block, from: from + index * run.step * step, step: 1, count: block))
        }
      }
    }
    self.runs = runs
    offsets = maps.enumerated().map { axis, map in
      (0..<map.outputSize).map {
        let source = map.source(output: $0, tap: 0)
        return source == AxisMap.padding ? Int.min : source * strides[axis]
      }
    }
  }

  /// Where the lines of `range` start in the input.
  func locate(_ range: Range<Int>, _ sources: UnsafeMutablePointer<Int>) {
    var position = offsets.map { _ in 0 }
    var left = range.lowerBound
    for axis in offsets.indices.reversed() {
      position[axis] = left % offsets[axis].count
      left /= offsets[axis].count
    }
    guard let inner = offsets.last else { return sources.update(repeating: 0, count: range.count) }
    var line = 0
    while line < range.count {
      var base = 0
      for axis in offsets.indices.dropLast() {
        let offset = offsets[axis][position[axis]]
        base = offset == Int.min || base == Int.min ? Int.min : base + offset
      }
      let first = position[offsets.count - 1]
      let count = min(range.count - line, inner.count - first)
      for index in 0..<count {
        let offset = inner[first + index]
        sources[line + index] = base == Int.min || offset == Int.min ? Int.min : base + offset
      }
      line += count
      position[offsets.count - 1] = 0
      for axis in offsets.indices.dropLast().reversed() {
        position[axis] += 1
        if position[axis] < offsets[axis].count { break }
        position[axis] = 0
      }
    }
  }

  /// Copies lines of elements that have no kernel, as `gather_lines` does.
  func copy<Bits: BitwiseCopyable>(
    _ type: Bits.Type, _ count: Int, _ sources: UnsafePointer<Int>, _ from: UnsafeRawPointer,
    _ fill: UnsafeRawPointer, _ to: UnsafeMutableRawPointer
  ) {
    let filler = fill.assumingMemoryBound(to: Bits.self).pointee
    for line in 0..<count {
      let target = to.assumingMemoryBound(to: Bits.self) + line * width
      if sources[line] == Int.min {
        target.update(repeating: filler, count: width)
        continue
      }
      let source = from.assumingMemoryBound(to: Bits.self) + sources[line]
      for run in runs {
        let part = target + run.to
        if run.step == 0 {
          part.update(repeating: run.from == Int.min ? filler : source[run.from], count: run.count)
        } else if run.step == 1 {
          part.update(from: source + run.from, count: run.count)
        } else {
          for index in 0..<run.count { part[index] = source[run.from + index * run.step] }
        }
      }
    }
  }
}

extension AxisMap {
  /// Whether every output reads the input at its own place.
  fileprivate var isIdentity: Bool {
    outputSize == inputSize && (0..<outputSize).allSatisfy { source(output: $0, tap: 0) == $0 }
  }
}
