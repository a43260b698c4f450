import CVolute

/// Winograd's minimal filtering along one axis: tiles of `points` inputs make `outputs` outputs of `taps` taps with one
/// product a point.
struct WinogradTile: Hashable, Sendable {
  /// Inputs of a tile, and products: 4 or 6.
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

  /// Which of the axes that can be tiled may be: each alone, and each pair.
  static func choices(of axes: [Int]) -> [[Int]] {
    axes.map { [$0] } + axes.flatMap { first in axes.filter { $0 > first }.map { [first, $0] } }
  }

  /// Products of a line of `count` outputs.
  private func products(_ count: Int) -> Int { (count + outputs - 1) / outputs * points }
}

/// One transform along one axis, for many lines at once: where lines start, and where the values of a tile lie
/// relative to that.
final class WinogradStage: Sendable {
  enum Kind: Sendable {
    case input
    case weight
    case output
    /// A tile of the output's gradient to points.
    case outputAdjoint
    /// The points' products to the gradient of the taps.
    case weightAdjoint
  }

  let tile: WinogradTile
  let kind: Kind
  /// Neighbouring elements that are transformed alike.
  let length: Int
  let lines: [(from: Int, to: Int)]
  let inputs: [Int]
  let outputs: [Int]

  init(
    tile: WinogradTile, kind: Kind, length: Int, lines: [(from: Int, to: Int)], inputs: [Int], outputs: [Int]
  ) {
    self.tile = tile
    self.kind = kind
    self.length = length
    self.lines = lines
    self.inputs = inputs
    self.outputs = outputs
  }

  func transform(_ kernels: volute_winograd) -> volute_lines? {
    let first = tile.points == 6 ? 2 : -2
    return switch kind {
    case .input: kernels.input[tile.points == 6 ? 1 : 0]
    case .weight: kernels.weight[first + tile.taps]
    case .output: kernels.output[first + tile.outputs]
    case .outputAdjoint: kernels.output_adjoint[first + tile.outputs]
    case .weightAdjoint: kernels.weight_adjoint[first + tile.taps]
    }
  }

  func run<T: KernelElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>) {
    let transform = transform(T.kernels.table.winograd)
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 6) { sources in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: 6) { targets in
        for line in lines {
          for (index, offset) in inputs.enumerated() {
            sources[index] = UnsafeRawPointer(from + line.from + offset)
          }
          for (index, offset) in outputs.enumerated() {
            targets[index] = UnsafeMutableRawPointer(to + line.to + offset)
          }
          transform?(length, sources.baseAddress, targets.baseAddress)
        }
      }
    }
  }
}
