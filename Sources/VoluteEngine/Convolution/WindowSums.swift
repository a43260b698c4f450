import VoluteArithmetic

/// Which of the three products of a convolution is asked for.
public enum ConvolutionDirection: String, Hashable, Sendable, CaseIterable {
  case forward
  case inputGradient = "input-gradient"
  case weightGradient = "weight-gradient"
}

/// A convolution, or one of its gradients, as the window sums that make it up, to be run in order.
package struct WindowSums: Hashable, Sendable {
  package var sums: [WindowSum] = []
  /// Whether some outputs belong to no sum, so that all must be set to the bias, or to zero, first.
  package var needsFill = false
  /// The sum that these are together the adjoint of; `nil` where they are not of one.
  private(set) var window: WindowSum?

  package init(_ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection) {
    let sides = Sides(geometry)
    switch (direction, geometry.isTransposed) {
    case (.forward, false), (.inputGradient, true): sums = [sides.gather()]
    case (.forward, true), (.inputGradient, false):
      (sums, needsFill) = sides.scatter()
      window = sides.gather()
    case (.weightGradient, _): sums = [sides.correlate()]
    }
    // Outputs that nothing is added up for are filled.
    sums.removeAll { $0.isEmpty || $0.depth == 0 }
  }
}

/// The two arrays beside the weight: the one that the window reads (elements), and the one with an entry for each
/// place of the window (positions). A transposed convolution goes from positions to elements.
private struct Sides {
  let maps: [AxisMap]
  let batch: Int
  let groups: Int
  /// Channels of a group.
  let elementChannels: Int
  let positionChannels: Int
  let elementSteps: [Int]
  let positionSteps: [Int]
  let tapSteps: [Int]
  let elementPlane: Int
  let positionPlane: Int
  let taps: Int

  init(_ geometry: ConvolutionGeometry) {
    maps = geometry.maps
    batch = geometry.batch
    groups = geometry.groups
    let (elements, positions) =
      geometry.isTransposed
      ? (geometry.outputChannels, geometry.inputChannels) : (geometry.inputChannels, geometry.outputChannels)
    elementChannels = elements / groups
    positionChannels = positions / groups
    elementSteps = StridedArray.contiguousStrides(maps.map(\.inputSize))
    positionSteps = StridedArray.contiguousStrides(maps.map(\.outputSize))
    tapSteps = StridedArray.contiguousStrides(maps.map(\.kernel))
    elementPlane = maps.reduce(1) { $0 * $1.inputSize }
    positionPlane = maps.reduce(1) { $0 * $1.outputSize }
    taps = maps.reduce(1) { $0 * $1.kernel }
  }

  private var elementArray: WindowSum.ArraySteps {
    WindowSum.ArraySteps(
      batch: groups * elementChannels * elementPlane, group: elementChannels * elementPlane,
      channel: elementPlane)
  }

  private var positionArray: WindowSum.ArraySteps {
    WindowSum.ArraySteps(
      batch: groups * positionChannels * positionPlane, group: positionChannels * positionPlane,
      channel: positionPlane)
  }

  /// The weight is `[positions' channels, elements' channels / groups, taps]` in every direction.
  private var weightGroup: Int { positionChannels * elementChannels * taps }

  /// Positions from elements.
  func gather() -> WindowSum {
    WindowSum(
      axes: maps.indices.map { axis in
        WindowSum.Axis(
          sources: maps[axis].sources, stride: maps[axis].stride, dilation: maps[axis].dilation,
          kernel: maps[axis].kernel, count: maps[axis].outputSize, inputStep: elementSteps[axis],
          weightStep: tapSteps[axis], outputStep: positionSteps[axis])
      },
      batch: batch, groups: groups, inputs: elementChannels, outputs: positionChannels,
      inputSteps: elementArray,
      weightSteps: .init(group: weightGroup, output: elementChannels * taps, input: taps),
      outputSteps: positionArray)
  }

  /// Weights from both: a convolution of the elements, batch and channels exchanged, with the positions for a
  /// kernel, stride and dilation exchanged.
  func correlate() -> WindowSum {
    let (elements, positions) = (elementArray, positionArray)
    return WindowSum(
      axes: maps.indices.map { axis in
        WindowSum.Axis(
          sources: maps[axis].sources, stride: maps[axis].dilation, dilation: maps[axis].stride,
          kernel: maps[axis].outputSize, count: maps[axis].kernel, inputStep: elementSteps[axis],
          weightStep: positionSteps[axis], outputStep: tapSteps[axis])
      },
      batch: elementChannels, groups: groups, inputs: batch, outputs: positionChannels,
      inputSteps: .init(batch: elements.channel, group: elements.group, channel: elements.batch),
      weightSteps: .init(group: positions.group, output: positions.channel, input: positions.batch),
      outputSteps: .init(batch: taps, group: weightGroup, channel: elementChannels * taps))
  }

  /// Elements from positions: a sum for each combination of the axes' pieces.
  func scatter() -> (sums: [WindowSum], needsFill: Bool) {
    let pieces = maps.map(AdjointPiece.pieces)
    var sum = WindowSum(
      axes: [], batch: batch, groups: groups, inputs: positionChannels, outputs: elementChannels,
      inputSteps: positionArray,
      weightSteps: .init(group: weightGroup, output: taps, input: elementChannels * taps),
      outputSteps: elementArray)
    var sums: [WindowSum] = []
    var isComplete = true
    func choose(_ axis: Int) {
      if axis == maps.count {
        sums.append(sum)
        return
      }
      let outer = sum
      let alone = pieces[axis].pieces.map { [$0] }
      for group in axis == maps.count - 1 ? AdjointPiece.alike(pieces[axis].pieces) : alone {
        guard let piece = group.first else { continue }
        sum = outer
        sum.axes.append(
          WindowSum.Axis(
            sources: piece.sources, stride: 1, dilation: piece.dilation, kernel: piece.kernel,
            count: piece.count, inputStep: positionSteps[axis], weightStep: -piece.tapStep * tapSteps[axis],
            outputStep: piece.step * elementSteps[axis]))
        sum.weightOffset += piece.lastTap * tapSteps[axis]
        sum.outputOffset += piece.first * elementSteps[axis]
        sum.accumulates = sum.accumulates || piece.isRepeated
        if group.count > 1 { join(group, axis) }
        choose(axis + 1)
      }
      sum = outer
    }
    /// Makes the sum of the first piece that of all.
    func join(_ group: [AdjointPiece], _ axis: Int) {
      let (piece, base) = (group[0], group.map(\.base).min() ?? 0)
      sum.phases = group.map {
        WindowSum.Phase(
          shift: $0.base - base, count: $0.count, weightOffset: ($0.lastTap - piece.lastTap) * tapSteps[axis],
          outputOffset: ($0.first - piece.first) * elementSteps[axis])
      }
      sum.axes[axis].count = group.map(\.count).max() ?? 0
      let end = group.map { $0.base + $0.sources.count }.max() ?? base
      sum.axes[axis].sources = AdjointPiece.sources(maps[axis], base..<end, isRing: piece.isRing)
    }
    choose(0)
    for piece in pieces where !piece.isComplete { isComplete = false }
    // Those that write come before those that add.
    let order = sums.filter { !$0.accumulates } + sums.filter(\.accumulates)
    return (order, !isComplete)
  }
}

/// Some elements of one axis, evenly spaced, with the positions that read them: the axis map run backwards.
private struct AdjointPiece {
  /// The element of the first output, and the distance to the next.
  var first: Int
  var step: Int
  var count: Int
  /// The position under each place; -1 for none. Output `i` reads, through tap `j`, place `i + j * dilation`.
  var sources: [Int]
  /// The position under the first place, which may be outside.
  var base: Int
  var isRing: Bool
  var dilation: Int
  /// Taps come from the last to the first, `tapStep` apart.
  var kernel: Int
  var lastTap: Int
  var tapStep: Int
  /// Whether another piece has written these elements.
  var isRepeated: Bool

  /// The pieces of a map, and whether each element is in one that is not repeated.
  static func pieces(_ map: AxisMap) -> (pieces: [AdjointPiece], isComplete: Bool) {
    let size = map.inputSize
    guard size > 0, map.outputSize > 0 else { return ([], size == 0) }
    let isRing = isRing(map)
    // Element e lies at place e + before; where the windows do not reach, it reads no position.
    var pieces = phases(map, place: map.before, element: 0, step: 1, count: size, isRing: isRing)
    let covered = pieces.reduce(0) { $0 + $1.count }
    if !isRing {
      for run in halos(map) {
        pieces += phases(
          map, place: run.place, element: run.element, step: run.step, count: run.count, isRing: false
        ).map { piece in
          var piece = piece
          piece.isRepeated = true
          return piece
        }
      }
    }
    return (pieces, covered == size)
  }

  /// Pieces whose windows are the same but for where they lie go together.
  static func alike(_ pieces: [AdjointPiece]) -> [[AdjointPiece]] {
    pieces.reduce(into: []) { groups, piece in
      let index = groups.firstIndex { group in
        let first = group[0]
        return !piece.isRepeated && !first.isRepeated && piece.kernel == first.kernel && piece.dilation == 1
          && first.dilation == 1 && piece.step == first.step && abs(piece.base - first.base) <= 2
          && abs(piece.count - first.count) <= 1
      }
      if let index { groups[index].append(piece) } else { groups.append([piece]) }
    }
  }

  /// The positions in a range, -1 for those outside, or round and round.
  static func sources(_ map: AxisMap, _ range: Range<Int>, isRing: Bool) -> [Int] {
    range.map { position in
      if isRing { return floorModulo(position, map.outputSize) }
      return position >= 0 && position < map.outputSize ? position : -1
    }
  }

  /// Whether the places go round the elements as a whole number of strides does.
  private static func isRing(_ map: AxisMap) -> Bool {
    map.outputSize * map.stride == map.inputSize
      && map.sources.indices.allSatisfy { map.sources[$0] == floorModulo($0 - map.before, map.inputSize) }
  }

  /// The places outside the input proper that stand for elements, as evenly spaced runs.
  private static func halos(_ map: AxisMap) -> [(place: Int, element: Int, step: Int, count: Int)] {
    var runs: [(place: Int, element: Int, step: Int, count: Int)] = []
    for (place, element) in map.sources.enumerated() {
      if element < 0 || (place >= map.before && place < map.before + map.inputSize) { continue }
      if let last = runs.last, last.place + last.count == place {
        let step = element - (last.element + (last.count - 1) * last.step)
        // A repeated element must not meet itself in one sum.
        if step != 0 && (last.count == 1 || step == last.step) {
          runs[runs.count - 1].step = step
          runs[runs.count - 1].count += 1
          continue
        }
      }
      runs.append((place, element, 1, 1))
    }
    return runs
  }

  /// Splits a run of places by what the stride leaves of them.
  private static func phases(
    _ map: AxisMap, place: Int, element: Int, step: Int, count: Int, isRing: Bool
  ) -> [AdjointPiece] {
    let shared = greatestCommonDivisor(map.stride, map.dilation)
    let (tapStep, dilation) = (map.stride / shared, map.dilation / shared)
    return (0..<min(map.stride, count)).compactMap { phase in
      let first = place + phase
      // The taps that meet a position: first - tap * dilation is a multiple of the stride.
      guard
        let tap = (0..<min(tapStep, map.kernel)).first(where: {
          floorModulo(first - $0 * map.dilation, map.stride) == 0
        })
      else { return nil }
      let kernel = (map.kernel - 1 - tap) / tapStep + 1
      let outputs = (count - phase - 1) / map.stride + 1
      let base = floorDivide(first - tap * map.dilation, map.stride) - (kernel - 1) * dilation
      let places = base..<base + outputs + (kernel - 1) * dilation
      return AdjointPiece(
        first: element + phase * step, step: step * map.stride, count: outputs,
        sources: sources(map, places, isRing: isRing), base: base, isRing: isRing, dilation: dilation,
        kernel: kernel, lastTap: tap + (kernel - 1) * tapStep, tapStep: tapStep,
        isRepeated: false)
    }
  }
}

private func floorModulo(_ value: Int, _ divisor: Int) -> Int {
  value - floorDivide(value, divisor) * divisor
}

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  b == 0 ? a : greatestCommonDivisor(b, a % b)
}
