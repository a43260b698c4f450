import VoluteArithmetic

/// The axis maps of a convolution, scaled and flattened for inner loops.
///
/// Positions are flat over the side that the window moves along; sources are flat over the side that it reads.
struct WindowTable {
  /// A stretch of neighbouring positions along the last axis that fall into one panel of columns.
  struct Stretch {
    /// Where its window starts on each outer axis' padded line; unused entries are 0.
    var starts: SIMD8<Int>
    /// Where it starts on the last axis' padded line.
    var start: Int
    var count: Int
    var panel: Int
    var column: Int
  }

  let rank: Int
  let positions: Int
  let taps: Int
  private let sizes: [Int]
  private let strides: [Int]
  private let dilations: [Int]
  private let kernels: [Int]
  /// For each axis, the source under each padded place times the axis' stride in memory; ``void`` for padding.
  private let places: [[Int]]
  private static let void = -(1 << 60)

  /// The most spatial axes that the inner loops take: 8 outer ones and the last.
  static let maximumRank = 9

  init(_ geometry: ConvolutionGeometry) {
    let maps = geometry.maps
    precondition(maps.count <= Self.maximumRank, "convolution: \(maps.count) spatial axes, at most 9")
    rank = maps.count
    positions = maps.reduce(1) { $0 * $1.outputSize }
    taps = maps.reduce(1) { $0 * $1.kernel }
    sizes = maps.map(\.outputSize)
    strides = maps.map(\.stride)
    dilations = maps.map(\.dilation)
    kernels = maps.map(\.kernel)
    let steps = StridedArray.contiguousStrides(maps.map(\.inputSize))
    places = zip(maps, steps).map { map, step in
      map.sources.map { $0 == AxisMap.padding ? Self.void : $0 * step }
    }
  }

  /// Cuts the positions `columns` at line ends and at multiples of `width`.
  func stretches(_ columns: Range<Int>, width: Int) -> [Stretch] {
    var result: [Stretch] = []
    let last = rank - 1
    var column = columns.lowerBound
    while column < columns.upperBound {
      let within = column - columns.lowerBound
      let along = column % sizes[last]
      let count = min(
        sizes[last] - along, width - within % width, columns.upperBound - column)
      var starts = SIMD8<Int>(repeating: 0)
      var rest = column / sizes[last]
      for axis in (0..<last).reversed() {
        starts[axis] = rest % sizes[axis] * strides[axis]
        rest /= sizes[axis]
      }
      result.append(
        Stretch(
          starts: starts, start: along * strides[last], count: count, panel: within / width,
          column: within % width))
      column += count
    }
    return result
  }

  /// Calls `body` for each stretch with the source of its line under `tap`; `nil` where the line is padding.
  @inline(__always)
  private func forEachLine(
    _ stretches: [Stretch], tap: Int, _ body: (Stretch, _ line: Int?, _ along: UnsafePointer<Int>) -> Void
  ) {
    let last = rank - 1
    var offsets = SIMD8<Int>(repeating: 0)
    var rest = tap / kernels[last]
    for axis in (0..<last).reversed() {
      offsets[axis] = rest % kernels[axis] * dilations[axis]
      rest /= kernels[axis]
    }
    let shift = tap % kernels[last] * dilations[last]
    places[last].withUnsafeBufferPointer { line in
      guard let line = line.baseAddress else { return }
      for stretch in stretches {
        var base = 0
        for axis in 0..<last { base += places[axis][stretch.starts[axis] + offsets[axis]] }
        body(stretch, base < 0 ? nil : base, line + stretch.start + shift)
      }
    }
  }

  /// Reads the elements of one channel under `tap` into panels of columns.
  func gather<T: MatrixElement>(
    _ plane: UnsafeMutablePointer<T>, _ stretches: [Stretch], tap: Int,
    into row: UnsafeMutablePointer<T>, panelStride: Int
  ) {
    let step = strides[rank - 1]
    forEachLine(stretches, tap: tap) { stretch, line, along in
      let to = row + stretch.panel * panelStride + stretch.column
      guard let line else {
        to.update(repeating: .zero, count: stretch.count)
        return
      }
      let from = plane + line
      let first = along[0]
      // Steps are +1 at most, so ends this far apart mean that all lie side by side.
      if step == 1 && first >= 0 && along[stretch.count - 1] - first == stretch.count - 1 {
        to.update(from: from + first, count: stretch.count)
      } else {
        for index in 0..<stretch.count {
          let source = along[index * step]
          to[index] = source < 0 ? .zero : from[source]
        }
      }
    }
  }

  /// Adds a row of products to the elements of one channel that they belong to under `tap`.
  func scatterAdd<T: MatrixElement>(
    _ products: UnsafeMutablePointer<T>, _ stretches: [Stretch], tap: Int,
    into plane: UnsafeMutablePointer<T>
  ) {
    let step = strides[rank - 1]
    forEachLine(stretches, tap: tap) { stretch, line, along in
      guard let line else { return }
      let to = plane + line
      let from = products + stretch.column
      for index in 0..<stretch.count {
        let target = along[index * step]
        if target >= 0 { to[target] = T.add(to[target], from[index]) }
      }
    }
  }
}
