import Volute

/// Brings showers whose layers are cut differently onto one regular grid, and back, by a learned matrix for each layer.
///
/// The matrices begin with the shares of area: what a bin holds is spread evenly over the cells that it covers. The way
/// back begins as the pseudo-inverse, which undoes that exactly. A layer without angles is spread evenly over them.
///
/// # Shapes
/// Showers are `[batch, voxels]`; the grid is `[batch, 1, layers, angles, radii]`.
///
/// State: `encs.<layer>.weight`, `decs.<layer>.weight`.
public final class LayerMaps: Module {
  /// The layers, as they are cut.
  public let binning: CalorimeterBinning
  private let encs: [any Layer]
  private let decs: [any Layer]

  /// - Parameters:
  ///   - binning: the layers.
  ///   - noise: the deviation of what is added to the matrices, 1e-5 in the published network, so that they are not all
  ///     zeros where nothing overlaps.
  ///   - generator: what the noise is drawn from.
  public init(_ binning: CalorimeterBinning, noise: Double = 0, generator: Generator = .default) {
    self.binning = binning
    let grid = binning.gridEdges
    var encs: [any Layer] = []
    var decs: [any Layer] = []
    for layer in binning.layers {
      let (spread, gathered) = Self.matrices(layer.radialEdges, grid)
      for (matrix, isEncoder) in [(spread, true), (gathered, false)] {
        let linear = Linear(
          inFeatures: matrix.shape[1], outFeatures: matrix.shape[0], bias: false, generator: generator)
        let shake = Tensor.normal(
          matrix.shape, mean: 0, deviation: noise, dtype: .float64, generator: generator)
        linear.weight.value = (matrix + shake).to(.float32)
        if isEncoder { encs.append(linear) } else { decs.append(linear) }
      }
    }
    self.encs = encs
    self.decs = decs
  }

  /// The shares of each bin in the cells of the grid, `[cells, bins]`, and the pseudo-inverse.
  private static func matrices(_ edges: [Double], _ grid: [Double]) -> (Tensor, Tensor) {
    let (bins, cells) = (edges.count - 1, grid.count - 1)
    func area(_ low: Double, _ high: Double) -> Double { max(high * high - low * low, 0) }
    var spread = [Double](repeating: 0, count: cells * bins)
    var gathered = spread
    for bin in 0..<bins {
      let (low, high) = (edges[bin], edges[bin + 1])
      let shares = (0..<cells).map { cell in
        area(max(low, grid[cell]), min(high, grid[cell + 1])) / area(low, high)
      }
      // Bins share no cell, so the pseudo-inverse is each column over its square.
      let square = shares.reduce(0) { $0 + $1 * $1 }
      for (cell, share) in shares.enumerated() {
        spread[cell * bins + bin] = share
        gathered[bin * cells + cell] = share / square
      }
    }
    return (Tensor(spread, shape: [cells, bins]), Tensor(gathered, shape: [bins, cells]))
  }

  /// Showers on the grid.
  ///
  /// - Throws: `ShapeError` when there are not as many voxels.
  public func encode(_ showers: Tensor) throws(ShapeError) -> Tensor {
    guard showers.rank == 2, showers.shape[1] == binning.voxels else {
      throw ShapeError(
        "layer_maps", parameter: "showers",
        "expected showers of shape [batch, \(binning.voxels)], but got \(showers.shape)",
        shapes: [showers.shape])
    }
    let angles = binning.gridAngularBins
    var layers: [Tensor] = []
    for (index, (layer, range)) in zip(binning.layers, binning.ranges).enumerated() {
      var x = showers.sliced(1, range).reshaped([-1, layer.angularBins, layer.radialBins])
      if layer.angularBins == 1 { x = x.expanded([x.shape[0], angles, x.shape[2]]) / angles }
      layers.append(try encs[index](x))
    }
    return try stack(layers, axis: 1).unsqueezed(1)
  }

  /// The inverse of ``encode(_:)``.
  ///
  /// - Throws: `ShapeError` when the grid is another.
  public func decode(_ grid: Tensor) throws(ShapeError) -> Tensor {
    let expected = [1] + binning.gridSize
    guard grid.rank == 5, Array(grid.shape.dropFirst()) == expected else {
      throw ShapeError(
        "layer_maps", parameter: "grid",
        "expected a grid of shape [batch, 1, \(binning.gridSize.map(String.init).joined(separator: ", "))], but got "
          + "\(grid.shape)", shapes: [grid.shape])
    }
    var layers: [Tensor] = []
    for (index, layer) in binning.layers.enumerated() {
      var x = try decs[index](grid.selected(2, index).squeezed(1))
      if layer.angularBins == 1 { x = x.sum([1]) }
      layers.append(x.flattened(1, -1))
    }
    return try concatenate(layers, axis: 1)
  }
}
