import CVolute
import VoluteArithmetic

extension Engine {
  /// Weighted sums along the last axes of a contiguous array, Float32 or Float64: one map an axis.
  public static func resample(_ maps: [SamplingMap], input: StridedArray, to output: StridedArray) {
    if output.dtype == .float64 {
      Resampling<Double>(maps).run(input, output)
    } else {
      Resampling<Float>(maps).run(input, output)
    }
  }
}

/// Resampling one axis at a time, the last first, in slabs of the first axis that stay in the cache.
private struct Resampling<T: RowElement> {
  private let axes: [WeightedAxis<T>]
  private var first: WeightedAxis<T> { axes[0] }
  private let inputPlane: Int
  private let outputPlane: Int

  init(_ maps: [SamplingMap]) {
    axes = maps.map(WeightedAxis.init)
    inputPlane = maps.reduce(1) { $0 * $1.inputSize }
    outputPlane = maps.reduce(1) { $0 * $1.outputSize }
  }

  func run(_ input: StridedArray, _ output: StridedArray) {
    if output.count == 0 { return }
    let planes = output.count / outputPlane
    let (from, to) = (input.pointer(as: T.self), output.pointer(as: T.self))
    if axes.count == 1 {
      let lines = T.kernels.lanes * max(1, 16_384 / (T.kernels.lanes * outputPlane))
      parallel(planes, grain: lines) { range in
        first.resampleLines(
          range.count, from + range.lowerBound * inputPlane, to + range.lowerBound * outputPlane)
      }
      return
    }
    // As many outputs of the first axis at a time as leave work for several threads.
    let slice = outputPlane / first.outputSize
    let share = max((first.outputSize * planes + 15) / 16, 16_384 / slice)
    let height = min(first.outputSize, max(1, min(share, 65_536 / slice)))
    let slabs = (first.outputSize + height - 1) / height
    parallel(planes * slabs) { index in
      let top = index % slabs * height
      let plane = index / slabs
      slab(
        top..<min(top + height, first.outputSize), from + plane * inputPlane, to + plane * outputPlane)
    }
  }

  /// The outputs of a plane at `range` of the first axis.
  private func slab(
    _ range: Range<Int>, _ plane: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>
  ) {
    let sources = first.sources(of: range)
    let largest = axes.indices.dropFirst().map { count(sources.count, resampledFrom: $0) }.max() ?? 0
    let slice = axes.dropFirst().reduce(1) { $0 * $1.outputSize }
    withScratch(T.self, largest) { left in
      withScratch(T.self, largest) { right in
        var from = plane + sources.lowerBound * (inputPlane / first.inputSize)
        var (next, other) = (left, right)
        for axis in axes.indices.dropFirst().reversed() {
          let outer = axes[1..<axis].reduce(sources.count) { $0 * $1.inputSize }
          if axis == axes.count - 1 {
            axes[axis].resampleLines(outer, from, next)
          } else {
            let inner = axes[(axis + 1)...].reduce(1) { $0 * $1.outputSize }
            for block in 0..<outer {
              axes[axis].weigh(
                0..<axes[axis].outputSize, from + block * axes[axis].inputSize * inner, inner,
                next + block * axes[axis].outputSize * inner)
            }
          }
          from = UnsafePointer(next)
          swap(&next, &other)
        }
        first.weigh(
          range, from - sources.lowerBound * slice, slice, to + range.lowerBound * slice)
      }
    }
  }

  /// Elements of `slices` slices after the axes from `axis` on have been resampled.
  private func count(_ slices: Int, resampledFrom axis: Int) -> Int {
    axes.indices.dropFirst().reduce(slices) {
      $0 * ($1 < axis ? axes[$1].inputSize : axes[$1].outputSize)
    }
  }
}

/// A sampling map with its weights in the type that is computed in.
private struct WeightedAxis<T: RowElement> {
  let map: SamplingMap
  let weights: [T]

  init(_ map: SamplingMap) {
    self.map = map
    weights = map.weights.map { T(double: $0) }
  }

  var inputSize: Int { map.inputSize }
  var outputSize: Int { map.outputSize }

  /// The inputs that the outputs of `range` lie between.
  func sources(of range: Range<Int>) -> Range<Int> {
    let entries = map.sources[map.offsets[range.lowerBound]..<map.offsets[range.upperBound]]
    guard let first = entries.min(), let last = entries.max() else { return 0..<0 }
    return first..<last + 1
  }

  /// The outputs of `range` from the lines of `from`, each `width` long.
  func weigh(
    _ range: Range<Int>, _ from: UnsafePointer<T>, _ width: Int, _ to: UnsafeMutablePointer<T>
  ) {
    map.offsets.withUnsafeBufferPointer { offsets in
      if let offsets = offsets.baseAddress {
        T.rows.weigh_lines(
          width, range.count, offsets + range.lowerBound, map.sources, weights, from, width, to, width)
      }
    }
  }

  /// The axis within lines: as many of them as a vector has lanes are turned, so that a place of all is one vector.
  func resampleLines(_ count: Int, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>) {
    let lanes = T.kernels.lanes
    withScratch(T.self, (inputSize + outputSize) * lanes) { turned in
      let resampled = turned + inputSize * lanes
      for line in stride(from: 0, to: count, by: lanes) {
        let rows = min(lanes, count - line)
        T.kernels.table.lines_to_lanes(rows, inputSize, from + line * inputSize, inputSize, turned)
        weigh(0..<outputSize, turned, lanes, resampled)
        T.kernels.table.lanes_to_lines(rows, outputSize, resampled, to + line * outputSize, outputSize)
      }
    }
  }
}
