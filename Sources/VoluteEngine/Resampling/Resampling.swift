import VoluteArithmetic

extension Engine {
  /// Weighted sums along one axis of a contiguous `[outer, n, inner]` array, Float32 or Float64, into
  /// `[outer, m, inner]`.
  public static func resample(
    _ map: SamplingMap, input: StridedArray, inner: Int, to output: StridedArray
  ) {
    output.dtype.dispatch(Resample(map: map, input: input, inner: inner, output: output))
  }

  private struct Resample: ElementVisitor {
    let map: SamplingMap
    let input: StridedArray
    let inner: Int
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      let outer = output.count / max(map.outputSize * inner, 1)
      let from = input.pointer(as: T.self)
      let to = output.pointer(as: T.self)
      let weights = map.weights.map { T.Math(double: $0) }
      for block in 0..<outer {
        let source = from + block * map.inputSize * inner
        for place in 0..<map.outputSize {
          let target = to + (block * map.outputSize + place) * inner
          let entries = map.offsets[place]..<map.offsets[place + 1]
          for index in 0..<inner {
            var sum = T.Math.zero
            for entry in entries {
              sum = T.Math.add(
                sum,
                T.Math.multiply(weights[entry], source[map.sources[entry] * inner + index].math))
            }
            target[index] = T(math: sum)
          }
        }
      }
    }
  }
}
