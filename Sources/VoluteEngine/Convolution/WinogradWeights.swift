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

  /// - Parameter tiles: those of the last axes of `sum`; the others' taps stay as they are.
  init(_ sum: WindowSum, _ weight: UnsafePointer<T>, tiles: [WinogradTile], height: Int) {
    let packed = WeightPanels<T>.packed(sum, weight, height: height)
    self.height = height
    panels = packed.panels
    points = tiles.reduce(1) { $0 * $1.points }
    let taps = tiles.reduce(1) { outer, _ in outer * 3 }
    let columns = sum.inputs * sum.taps / taps
    pointSize = columns * height
    let size = points * pointSize
    byteCount = Self.byteCount(sum, tiles: tiles, height: height)
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

  static func byteCount(_ sum: WindowSum, tiles: [WinogradTile], height: Int) -> Int {
    let points = tiles.reduce(1) { $0 * $1.points }
    let columns = tiles.reduce(sum.depth) { outer, _ in outer / 3 }
    let panels = sum.groups * ((sum.outputs + height - 1) / height)
    return max(panels * points * columns * height, 1) * MemoryLayout<T>.size
  }

  /// From the last axis to the first; taps of an axis become its points in place.
  private static func stages(_ tiles: [WinogradTile], height: Int) -> [WinogradStage] {
    tiles.indices.reversed().map { axis in
      let before = Array(repeating: 3, count: axis)
      let after = tiles[(axis + 1)...].reduce(height) { $0 * $1.points }
      let outer = before.reduce(1, *)
      let points = tiles[axis].points
      return WinogradStage(
        tile: tiles[axis], kind: .weight, length: after,
        lines: (0..<outer).map { ($0 * 3 * after, $0 * points * after) },
        inputs: (0..<3).map { $0 * after }, outputs: (0..<points).map { $0 * after })
    }
  }

  @inline(__always)
  func panel(group: Int, _ panel: Int, point: Int) -> UnsafePointer<T> {
    UnsafePointer(elements + ((group * panels + panel) * points + point) * pointSize)
  }
}
