import CVolute

/// One axis of Winograd's F(m, 3): tiles of `m` outputs from `m + 2` points.
enum WinogradTile: Int, Hashable, Sendable {
  case two = 2
  case four = 4

  /// Outputs of a tile.
  var outputs: Int { rawValue }
  /// Inputs of a tile, and products: one a point.
  var points: Int { rawValue + 2 }
}

/// One transform along one axis, for many lines at once: where lines start, and where the values of a tile lie
/// relative to that.
final class WinogradStage: Sendable {
  enum Kind: Sendable {
    case input
    case weight
    case output
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

  func run<T: KernelElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>) {
    let kernels = T.kernels
    let transforms =
      switch kind {
      case .input: kernels.table.winograd_input
      case .weight: kernels.table.winograd_weight
      case .output: kernels.table.winograd_output
      }
    let transform = tile == .two ? transforms.0 : transforms.1
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

/// Index tuples of `shape` in row-major order, as their flat places under `strides`.
func places(_ shape: [Int], _ strides: [Int]) -> [Int] {
  zip(shape, strides).reduce([0]) { outer, axis in
    outer.flatMap { base in (0..<axis.0).map { base + $0 * axis.1 } }
  }
}
