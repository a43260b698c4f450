/// How a weight is transformed for Winograd's tiles: which of its taps each tile takes, and what stays as it is.
struct WinogradWeightLayout: Sendable {
  /// The tiled axes' taps come last, row-major.
  let sum: WindowSum
  /// Where each tap's weight lies relative to the first, the tiled axes' innermost; `nil` for one that is zero.
  let tapOffsets: [Int?]
  let tiles: [WinogradTile]
  let height: Int
  /// Taps that are summed over one after the other, each with all channels, and phases; 1 where all taps of a channel are
  /// summed over.
  let outerTaps: Int
  let packed: PackedLayout

  /// - Parameters:
  ///   - sum: its last axes are those of the tiles.
  ///   - strides: of those axes; 1 each unless given. Taps a stride apart are of one tile, and the taps between are
  ///     further ones to sum over.
  ///   - outerTaps: those of the first axis, if they are summed over one after the other.
  ///   - hasPhasesFirst: whether the phases of the first of those strides are, instead.
  init<T: KernelElement>(
    _ sum: WindowSum, tiles: [WinogradTile], strides: [Int]? = nil, outerTaps: Int = 1,
    hasPhasesFirst: Bool = false, height: Int, _ type: T.Type
  ) {
    self.sum = sum
    self.tiles = tiles
    self.height = height
    let strides = strides ?? tiles.map { _ in 1 }
    self.outerTaps = hasPhasesFirst ? strides[0] : outerTaps
    let axes = sum.axes.suffix(tiles.count)
    let others = sum.axes.dropLast(tiles.count)
    let offsets: [Int?] = places(others.map(\.kernel), others.map(\.weightStep))
    // Which of the taps between, for all axes, and then the tiles' taps.
    let phases = combinations(strides.map { Array(0..<$0) })
    let outer = offsets.flatMap { base in phases.map { (base: base, phase: $0) } }
    let ordered =
      hasPhasesFirst
      ? (0..<strides[0]).flatMap { first in outer.filter { $0.phase[0] == first } } : outer
    tapOffsets = ordered.flatMap { base, phase in
      zip(zip(axes, tiles), zip(strides, phase)).reduce([base]) { taps, next in
        let ((axis, tile), (stride, first)) = next
        return taps.flatMap { tap in
          (0..<tile.taps).map { index in
            let place = first + index * stride
            return place < axis.kernel ? tap.map { $0 + place * axis.weightStep } : nil
          }
        }
      }
    }
    packed = PackedLayout(
      .winograd, sum,
      [height, outerTaps, hasPhasesFirst ? 1 : 0] + zip(tiles, strides).flatMap { [$0.points, $0.taps, $1] },
      T.self)
  }

  /// Weights for tiles of any taps.
  ///
  /// - Parameter tapOffsets: for each outer tap those of its tile, row-major.
  init<T: KernelElement>(
    _ sum: WindowSum, tapOffsets: [Int?], tiles: [WinogradTile], height: Int, _ type: T.Type
  ) {
    self.sum = sum
    self.tapOffsets = tapOffsets
    self.tiles = tiles
    self.height = height
    outerTaps = tapOffsets.count / tiles.reduce(1) { $0 * $1.taps }
    packed = PackedLayout(
      .winograd, sum,
      [-tiles.count, height] + tiles.flatMap { [$0.points, $0.taps] } + tapOffsets.map { $0 ?? -1 }, T.self)
  }

  /// For each point: input channels, taps that are not of a tile, and those between.
  var columns: Int { sum.inputs * tapOffsets.count / tiles.reduce(1) { $0 * $1.taps } }

  func byteCount(bytes: Int) -> Int {
    let points = tiles.reduce(1) { $0 * $1.points }
    let panels = sum.groups * ((sum.outputs + height - 1) / height)
    return max(panels * points * columns * height, 1) * bytes
  }
}

/// A weight transformed for Winograd's tiles: for each group, panel of outputs and point, the values of each outer tap,
/// input channel and other tap that is not transformed, one for each output of the panel.
// Unchecked: written only while it is made.
final class WinogradWeights<T: KernelElement>: PackedWeight, @unchecked Sendable {
  let panels: Int
  let height: Int
  /// Elements of a point of a panel.
  let pointSize: Int
  let points: Int
  let byteCount: Int
  private let elements: UnsafeMutablePointer<T>

  init(_ layout: WinogradWeightLayout, _ weight: UnsafePointer<T>) {
    let sum = layout.sum
    // The taps as they follow each other in memory, which is read in one go.
    let order = Set(layout.tapOffsets.compactMap { $0 }).sorted()
    let packed = WeightPanels<T>.packed(sum, weight, height: layout.height, offsets: order)
    let transform = WinogradWeightTransform(layout, order: order)
    height = layout.height
    panels = packed.panels
    points = transform.points
    pointSize = transform.pointSize
    byteCount = layout.byteCount(bytes: MemoryLayout<T>.size)
    elements = Memory.allocate(byteCount: byteCount).bindMemory(
      to: T.self, capacity: byteCount / MemoryLayout<T>.size)
    let size = points * pointSize
    nonisolated(unsafe) let elements = elements
    parallel(sum.groups * panels) { panel in
      transform.run(UnsafePointer(packed.elements) + panel * packed.panelSize, into: elements + panel * size)
    }
  }

  deinit { Memory.deallocate(elements, byteCount: byteCount) }

  @inline(__always)
  func panel(group: Int, _ panel: Int, point: Int) -> UnsafePointer<T> {
    UnsafePointer(elements + ((group * panels + panel) * points + point) * pointSize)
  }
}

/// The transform of a packed panel: several columns at once, from the last tiled axis, whose taps are read where they
/// lie, to the first, which writes the points.
private struct WinogradWeightTransform: Sendable {
  let points: Int
  let pointSize: Int
  private let height: Int
  private let columns: Int
  /// Columns of one outer tap, and within it of one input channel.
  private let columnsOfTap: Int
  private let columnsOfInput: Int
  /// Columns at once.
  private let chunk: Int
  /// For each column of an input channel and each of its taps, which of the packed ones it is; -1 for one that is zero.
  private let sources: [Int]
  /// Taps of an input channel as packed.
  private let packedTaps: Int
  private let last: WinogradStage
  private let stages: WinogradStages
  private let taps: Int

  init(_ layout: WinogradWeightLayout, order: [Int]) {
    let tiles = layout.tiles
    height = layout.height
    points = tiles.reduce(1) { $0 * $1.points }
    taps = tiles.reduce(1) { $0 * $1.taps }
    columns = layout.columns
    pointSize = columns * height
    packedTaps = order.count
    columnsOfTap = max(columns / layout.outerTaps, 1)
    columnsOfInput = layout.tapOffsets.count / taps / layout.outerTaps
    let places = Dictionary(uniqueKeysWithValues: zip(order, order.indices))
    sources = layout.tapOffsets.map { $0.flatMap { places[$0] } ?? -1 }
    // Lines long enough for vectors, and few enough to stay near.
    let pieces = (columns + 31) / 32
    chunk = pieces == 0 ? 0 : (columns + pieces - 1) / pieces
    let line = chunk * height
    var stages: [WinogradStage] = []
    for axis in tiles.indices.reversed() {
      let tile = tiles[axis]
      let outer = tiles[..<axis].reduce(1) { $0 * $1.taps }
      let after = tiles[(axis + 1)...].reduce(1) { $0 * $1.points }
      let isFirst = axis == 0
      // [taps before][taps of the axis][points after][column] to the same with the points of the axis.
      stages.append(
        WinogradStage(
          tile: tile, kind: .weight, length: isFirst ? line : after * line,
          lines: isFirst
            ? (0..<after).map { [pointSize] in ($0 * line, $0 * pointSize) }
            : (0..<outer).map { ($0 * tile.taps * after * line, $0 * tile.points * after * line) },
          inputs: (0..<tile.taps).map { $0 * after * line },
          outputs: (0..<tile.points).map { [pointSize] in $0 * after * (isFirst ? pointSize : line) }))
    }
    last = stages.removeFirst()
    self.stages = WinogradStages(stages)
  }

  func run<T: KernelElement>(_ packed: UnsafePointer<T>, into target: UnsafeMutablePointer<T>) {
    let half = points * chunk * height
    withScratch(T.self, 2 * half + height) { scratch in
      let zeros = scratch + 2 * half
      zeros.update(repeating: .zero, count: height)
      for piece in stride(from: 0, to: columns, by: max(chunk, 1)) {
        // The last chunk takes columns of the one before it again.
        let first = min(piece, columns - chunk)
        let to = target + first * height
        readTaps(packed, from: first, zeros: zeros, into: stages.count == 0 ? to : scratch)
        stages.run(scratch) { index in
          index == stages.count - 1 ? to : scratch + (index & 1 == 0 ? half : 0)
        }
      }
    }
  }

  /// Transforms the taps of the last axis, those of each column and of each tap of the axes before.
  private func readTaps<T: KernelElement>(
    _ packed: UnsafePointer<T>, from first: Int, zeros: UnsafePointer<T>, into target: UnsafeMutablePointer<T>
  ) {
    let transform = WinogradStage.transform(last.kind, last.tile, T.kernels.table.winograd)
    let lines = taps / last.tile.taps
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 6) { from in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: 6) { to in
        sources.withUnsafeBufferPointer { sources in
          last.outputs.withUnsafeBufferPointer { outputs in
            for column in 0..<chunk {
              let (tap, rest) = (first + column).quotientAndRemainder(dividingBy: columnsOfTap)
              let (input, inner) = rest.quotientAndRemainder(dividingBy: columnsOfInput)
              let own = tap * columnsOfInput + inner
              let base = packed + input * packedTaps * height
              for line in 0..<lines {
                for tap in 0..<last.tile.taps {
                  let source = sources[own * taps + line * last.tile.taps + tap]
                  from[tap] = UnsafeRawPointer(source < 0 ? zeros : base + source * height)
                }
                let start = target + line * last.tile.points * chunk * height + column * height
                for (point, offset) in outputs.enumerated() {
                  to[point] = UnsafeMutableRawPointer(start + offset)
                }
                transform?(height, from.baseAddress, to.baseAddress)
              }
            }
          }
        }
      }
    }
  }
}
