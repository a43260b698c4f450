import CVolute

/// Winograd's minimal filtering along one axis: tiles of `points` inputs make `outputs` outputs of `taps` taps with one
/// product a point.
struct WinogradTile: Hashable, Sendable {
  /// Inputs of a tile, and products: 4 or 6, of stencils up to 10.
  let points: Int
  let taps: Int

  /// Outputs of a tile.
  var outputs: Int { points + 1 - taps }

  /// F(2, 3).
  static let two = WinogradTile(points: 4, taps: 3)
  /// F(4, 3).
  static let four = WinogradTile(points: 6, taps: 3)

  /// The tile of at most `points` points that takes the fewest products for `count` outputs of `taps` taps; `nil` if
  /// there is none.
  static func best(points: Int, taps: Int, count: Int) -> WinogradTile? {
    let tiles = [4, 6].filter { $0 <= points && taps > 1 && taps < $0 }.map {
      WinogradTile(points: $0, taps: taps)
    }
    return tiles.min { $0.products(count) < $1.products(count) }
  }

  /// The best tile for the taps of each phase of an axis; `nil` if there is none.
  static func best(points: Int, along axis: WindowSum.Axis) -> WinogradTile? {
    if axis.dilation > 1 { return nil }
    return best(points: points, taps: (axis.kernel + axis.stride - 1) / axis.stride, count: axis.count)
  }

  /// Which of the axes that can be tiled may be: each alone, and each pair.
  static func choices(of axes: [Int]) -> [[Int]] {
    axes.map { [$0] } + axes.flatMap { first in axes.filter { $0 > first }.map { [first, $0] } }
  }

  /// Products of a line of `count` outputs.
  private func products(_ count: Int) -> Int { (count + outputs - 1) / outputs * points }
}

extension WindowSum.Axis {
  /// The axis with tiles for outputs: windows are the inputs of one, of all phases of the stride, moved by its outputs.
  func tiled(_ tile: WinogradTile) -> WindowSum.Axis {
    var axis = self
    axis.count = (count + tile.outputs - 1) / tile.outputs
    axis.kernel = stride * tile.points
    axis.stride = stride * tile.outputs
    return axis
  }
}
