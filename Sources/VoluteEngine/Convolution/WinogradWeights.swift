/// How a weight is transformed for Winograd's tiles: which of its taps each tile takes, and what stays as it is.
struct WinogradWeightLayout: Sendable {
  /// The tiled axes' taps come last, row-major.
  let sum: WindowSum
  /// Where each tap's weight lies relative to the first, the tiled axes' innermost; `nil` for one that is zero.
  let tapOffsets: [Int?]
  let tiles: [WinogradTile]
  let height: Int
  let packed: PackedLayout

  /// - Parameters:
  ///   - sum: its last axes are those of the tiles.
  ///   - strides: of those axes; 1 each unless given. Taps a stride apart are of one tile, and the taps between are
  ///     further ones to sum over.
  init<T: KernelElement>(
    _ sum: WindowSum, tiles: [WinogradTile], strides: [Int]? = nil, height: Int, _ type: T.Type
  ) {
    self.sum = sum
    self.tiles = tiles
    self.height = height
    let strides = strides ?? tiles.map { _ in 1 }
    let axes = sum.axes.suffix(tiles.count)
    let others = sum.axes.dropLast(tiles.count)
    let offsets: [Int?] = places(others.map(\.kernel), others.map(\.weightStep))
    // Which of the taps between, for all axes, and then the tiles' taps.
    let phases = strides.reduce([[Int]()]) { phases, stride in
      phases.flatMap { phase in (0..<stride).map { phase + [$0] } }
    }
    tapOffsets = offsets.flatMap { base in
      phases.flatMap { phase in
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
    }
    packed = PackedLayout(
      .winograd, sum, [height] + zip(tiles, strides).flatMap { [$0.points, $0.taps, $1] }, T.self)
  }

  /// For each point: input channels, taps that are not of a tile, and those between.
  var columns: Int { sum.inputs * tapOffsets.count / tiles.reduce(1) { $0 * $1.taps } }

  func byteCount(bytes: Int) -> Int {
    let points = tiles.reduce(1) { $0 * $1.points }
    let panels = sum.groups * ((sum.outputs + height - 1) / height)
    return max(panels * points * columns * height, 1) * bytes
  }
}

/// A weight transformed for Winograd's tiles: for each group, panel of outputs and point, the values of each input
/// channel and untransformed tap, one for each output of the panel.
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
    let (sum, tiles) = (layout.sum, layout.tiles)
    let packed = WeightPanels<T>.packed(sum, weight, height: layout.height, offsets: layout.tapOffsets)
    height = layout.height
    panels = packed.panels
    points = tiles.reduce(1) { $0 * $1.points }
    let taps = tiles.reduce(1) { $0 * $1.taps }
    let columns = layout.columns
    pointSize = columns * height
    let size = points * pointSize
    byteCount = layout.byteCount(bytes: MemoryLayout<T>.size)
    elements = Memory.allocate(byteCount: byteCount).bindMemory(
      to: T.self, capacity: byteCount / MemoryLayout<T>.size)
    let stages = Self.stages(tiles, height: height)
    let (points, height, pointSize) = (points, height, pointSize)
    nonisolated(unsafe) let elements = elements
    parallel(sum.groups * panels) { panel in
      let from = packed.elements + panel * packed.panelSize
      let to = elements + panel * size
      withScratch(T.self, 2 * points * height) { scratch in
        for column in 0..<columns {
          var source = UnsafePointer(from + column * taps * height)
          var target = scratch
          for stage in stages {
            stage.run(source, target)
            source = UnsafePointer(target)
            target = target == scratch ? scratch + points * height : scratch
          }
          for point in 0..<points {
            (to + point * pointSize + column * height).update(from: source + point * height, count: height)
          }
        }
      }
    }
  }

  deinit { Memory.deallocate(elements, byteCount: byteCount) }

  /// From the last axis to the first; taps of an axis become its points in place.
  private static func stages(_ tiles: [WinogradTile], height: Int) -> [WinogradStage] {
    tiles.indices.reversed().map { axis in
      let after = tiles[(axis + 1)...].reduce(height) { $0 * $1.points }
      let outer = tiles[..<axis].reduce(1) { $0 * $1.taps }
      let (points, taps) = (tiles[axis].points, tiles[axis].taps)
      return WinogradStage(
        tile: tiles[axis], kind: .weight, length: after,
        lines: (0..<outer).map { ($0 * taps * after, $0 * points * after) },
        inputs: (0..<taps).map { $0 * after }, outputs: (0..<points).map { $0 * after })
    }
  }

  @inline(__always)
  func panel(group: Int, _ panel: Int, point: Int) -> UnsafePointer<T> {
    UnsafePointer(elements + ((group * panels + panel) * points + point) * pointSize)
  }
}
