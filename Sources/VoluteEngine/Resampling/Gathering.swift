import VoluteArithmetic

extension Engine {
  /// `output[i, j, ...] = input[maps[0][i], maps[1][j], ...]`, and `fill` where a map has padding; one map an axis,
  /// each of one tap. The output is contiguous, the input has any strides.
  public static func gather(
    _ maps: [AxisMap], input: StridedArray, fill: Scalar, to output: StridedArray
  ) {
    output.dtype.dispatch(Gather(maps: maps, input: input, fill: fill, output: output))
  }

  private struct Gather: ElementVisitor {
    let maps: [AxisMap]
    let input: StridedArray
    let fill: Scalar
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      let from = input.pointer(as: T.self)
      let to = output.pointer(as: T.self)
      let fill = Engine.element(fill, as: T.self)
      if output.count == 0 { return }
      guard let last = maps.last else {
        to.pointee = from.pointee
        return
      }
      let width = last.outputSize
      let step = input.strides[maps.count - 1]
      let runs = last.runs(tap: 0)
      var position = Array(repeating: 0, count: maps.count - 1)
      for row in 0..<output.count / width {
        let target = to + row * width
        var base: Int? = 0
        for (axis, place) in position.enumerated() {
          let source = maps[axis].sources[place]
          base = source == AxisMap.padding ? nil : base.map { $0 + source * input.strides[axis] }
        }
        if let base {
          let source = from + base
          for run in runs {
            let part = target + run.output
            if run.source == AxisMap.padding {
              part.update(repeating: fill, count: run.count)
            } else if run.step * step == 1 {
              part.update(from: source + run.source * step, count: run.count)
            } else {
              for index in 0..<run.count { part[index] = source[(run.source + index * run.step) * step] }
            }
          }
        } else {
          target.update(repeating: fill, count: width)
        }
        for axis in position.indices.reversed() {
          position[axis] += 1
          if position[axis] < maps[axis].outputSize { break }
          position[axis] = 0
        }
      }
    }
  }
}
