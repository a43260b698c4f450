import Volute

/// A chain of convolutions over a grid of cells that scores every way to place a block: its type, its orientation and the
/// cell. The best is the largest of all scores, its place unravelled.
///
/// # Shapes
/// `[batch, channels, x, y, z]` gives `[batch, types, orientations, x, y, z]`.
public final class PlacementNet: Layer {
  /// Kinds of blocks.
  public let types: Int
  /// Ways that a block may be turned.
  public let orientations: Int
  private let conv1: Conv3d
  private let conv2: Conv3d
  private let isRectified: Bool

  /// - Parameters:
  ///   - channels: of the grid.
  ///   - types: kinds of blocks.
  ///   - orientations: ways that a block may be turned.
  ///   - width: channels between the two convolutions.
  ///   - kernelSize: of the first, odd; 1 looks at each cell alone.
  ///   - isRectified: whether a ReLU stands between the two, without which the chain is one linear map.
  ///   - generator: what the weights are drawn from.
  public init(
    channels: Int = 7, types: Int = 6, orientations: Int = 2, width: Int = 1, kernelSize: Int = 1,
    isRectified: Bool = false, generator: Generator = .default
  ) {
    self.types = types
    self.orientations = orientations
    self.isRectified = isRectified
    conv1 = Conv3d(
      inChannels: channels, outChannels: width, kernelSize: PerAxis(kernelSize), padding: .same,
      generator: generator)
    conv2 = Conv3d(
      inChannels: width, outChannels: types * orientations, kernelSize: 1, generator: generator)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let hidden = try conv1(x)
    let scores = try conv2(isRectified ? hidden.relu() : hidden)
    return try rearrange(scores, "b (t o) x y z -> b t o x y z", ["t": types])
  }

  /// The best placement of each sample: type, orientation, x, y, z.
  ///
  /// # Shapes
  /// Of scores `[batch, types, orientations, x, y, z]`, `[batch][5]`.
  ///
  /// - Throws: `ShapeError` when there are not six axes.
  public static func best(_ scores: Tensor) throws(ShapeError) -> [[Int]] {
    guard scores.rank == 6 else {
      throw ShapeError(
        "best", parameter: "scores",
        "expected scores [batch, types, orientations, x, y, z], but got \(scores.shape)",
        shapes: [scores.shape])
    }
    let places = try unravelIndex(scores.flattened(1, -1).argmax(1), Array(scores.shape.dropFirst()))
    let columns = places.map { $0.integers() }
    return (0..<scores.shape[0]).map { sample in columns.map { $0[sample] } }
  }

  /// The share of grids that are placed right, and the shares of right types, orientations and cells.
  ///
  /// - Throws: `ShapeError` when the grids have other channels than the network.
  public func accuracy(on rule: PlacementRule) throws -> (whole: Double, parts: [Double]) {
    var counts = [0, 0, 0, 0]
    for start in stride(from: 0, to: rule.count, by: 50) {
      let batch = try rule.batch(
        (start..<Swift.min(start + 50, rule.count)).map { rule.element(at: $0) })
      let scores = try noGrad { () throws(ShapeError) in try self(batch[0]) }
      let columns = try unravelIndex(batch[1], Array(scores.shape.dropFirst())).map { $0.integers() }
      for (sample, found) in try Self.best(scores).enumerated() {
        let isRight = zip(found, columns).map { $0 == $1[sample] }
        let parts = [isRight[0], isRight[1], isRight[2...].allSatisfy { $0 }]
        for (index, part) in ([parts.allSatisfy { $0 }] + parts).enumerated() where part {
          counts[index] += 1
        }
      }
    }
    let shares = counts.map { Double($0) / Double(rule.count) }
    return (shares[0], Array(shares.dropFirst()))
  }
}

/// Grids with a rule to learn: one cell holds a block, in one of the channels; the others hold noise. The block's channel
/// says which type it is, its sign the orientation, and it belongs where it is.
public struct PlacementRule: Dataset {
  public let count: Int
  /// Of all grids; each is drawn from its own stream.
  public let seed: Int
  /// Cells along x, y and z.
  public let size: [Int]
  /// Of a grid; a block lies in that of its type.
  public let channels: Int
  /// Kinds of blocks.
  public let types: Int

  /// - Precondition: `types` is no more than `channels`.
  public init(count: Int, seed: Int, size: [Int] = [5, 5, 5], channels: Int = 7, types: Int = 6) {
    precondition(types <= channels, "placement_rule: \(types) types do not fit into \(channels) channels")
    self.count = count
    self.seed = seed
    self.size = size
    self.channels = channels
    self.types = types
  }

  /// A grid `[channels, x, y, z]`, and the flat index of its placement among the scores `[]`.
  public func element(at index: Int) -> [Tensor] {
    let stream = sampleStream(seed: seed, index: index)
    let cells = size.reduce(1, *)
    var grid = Tensor.normal([channels, cells], mean: 0, deviation: 0.1, generator: stream)
      .elements(as: Float.self)
    let type = Tensor.randint(0, types, [], generator: stream).integers()[0]
    let orientation = Tensor.randint(0, 2, [], generator: stream).integers()[0]
    let cell = Tensor.randint(0, cells, [], generator: stream).integers()[0]
    grid[type * cells + cell] = orientation == 0 ? 1 : -1
    return [
      Tensor(grid, shape: [channels] + size), Tensor((type * 2 + orientation) * cells + cell),
    ]
  }
}
