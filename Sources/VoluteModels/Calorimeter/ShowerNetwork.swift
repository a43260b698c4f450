import Volute

/// The cylindrical U-Net with what stands between it and showers: images of the coordinates, and for layers that are cut
/// differently the maps to a regular grid.
///
/// # Shapes
/// - `showers`: `[batch, voxels]`.
/// - `energy`, `time`: `[batch]`.
/// - result: `[batch, voxels]`.
///
/// State: the U-Net's under `model.`, the maps' under `NN_embed.`.
public final class ShowerNetwork: Module {
  /// What kind of showers.
  public let preset: ShowerPreset
  private let net: CylindricalUNet
  private let maps: LayerMaps?
  /// `[1, channels - 1, layers, angles, radii]`.
  private let images: Buffer

  public var keys: [String: String] { ["net": "model", "maps": "NN_embed"] }

  /// - Parameters:
  ///   - preset: the kind of showers.
  ///   - mapNoise: as of ``LayerMaps``.
  ///   - generator: what the weights are drawn from.
  public init(_ preset: ShowerPreset, mapNoise: Double = 1e-5, generator: Generator = .default) {
    self.preset = preset
    net = CylindricalUNet(preset.network, generator: generator)
    maps =
      preset.binning.isRegular
      ? nil : LayerMaps(preset.binning, noise: mapNoise, generator: generator)
    images = Buffer(preset.images, isPersistent: false)
  }

  /// Runs the network.
  ///
  /// - Throws: `ShapeError` when a shape does not fit the preset.
  public func callAsFunction(_ showers: Tensor, energy: Tensor, time: Tensor) throws(ShapeError) -> Tensor {
    try called(with: [showers, energy, time]) { () throws(ShapeError) in
      let grid: Tensor
      if let maps {
        grid = try maps.encode(showers)
      } else {
        grid = try reshape(showers, [showers.shape.first ?? 0, 1] + preset.binning.gridSize)
      }
      let images = self.images.value
      let beside = images.expanded([grid.shape[0]] + images.shape.dropFirst())
      let result = try net(concatenate([grid, beside], axis: 1), energy: energy, time: time)
      return try maps?.decode(result) ?? result.flattened(1, -1)
    }
  }
}

extension ShowerPreset {
  /// The coordinates that the network sees beside a shower: radius, depth, and for irregular layers the angle.
  ///
  /// # Shapes
  /// `[1, 2 or 3, layers, angles, radii]`.
  public var images: Tensor {
    let size = binning.gridSize
    let edges = binning.gridEdges
    let middles = zip(edges, edges.dropFirst()).map { ($0 + $1) / 2 }
    let last = middles.last ?? 1
    let channels = binning.isRegular ? 2 : 3
    var values: [Float] = []
    for channel in 0..<channels {
      for layer in 0..<size[0] {
        for angle in 0..<size[1] {
          for radius in 0..<size[2] {
            switch channel {
            case 0: values.append(Float(middles[radius] / last))
            case 1: values.append(Float(layer) / Float(size[0]))
            default: values.append(Float(angle) / Float(max(size[1] - 1, 1)))
            }
          }
        }
      }
    }
    return Tensor(values, shape: [1, channels] + size)
  }
}
