/// How a calorimeter of cylindrical shape is cut into voxels: layers in depth, and in each bins of radius and angle.
public struct CalorimeterBinning: Hashable, Sendable {
  /// A layer: bins between radial edges, each cut into equal angles.
  public struct Layer: Hashable, Sendable {
    /// The number that the detector gives it.
    public let id: Int
    /// In millimetres, rising.
    public let radialEdges: [Double]
    /// Equal angles; 1 where the layer is not cut into any.
    public let angularBins: Int

    /// A layer; one with a single edge, or without angles, has no voxels.
    public init(id: Int, radialEdges: [Double], angularBins: Int) {
      self.id = id
      self.radialEdges = radialEdges
      self.angularBins = angularBins
    }

    /// Bins between the edges.
    public var radialBins: Int { max(radialEdges.count - 1, 0) }
    /// Radii times angles.
    public var voxels: Int { radialBins * angularBins }
  }

  /// The layers that have voxels, in depth.
  public let layers: [Layer]

  /// Leaves out layers without voxels.
  public init(_ layers: [Layer]) { self.layers = layers.filter { $0.voxels > 0 } }

  /// The voxels of a shower, in the order layer, angle, radius.
  public var voxels: Int { layers.reduce(0) { $0 + $1.voxels } }

  /// Where each layer's voxels lie in a shower.
  public var ranges: [Range<Int>] {
    var start = 0
    return layers.map { layer in
      defer { start += layer.voxels }
      return start..<start + layer.voxels
    }
  }

  /// Whether all layers are cut alike, so that a shower is a box.
  public var isRegular: Bool {
    layers.allSatisfy {
      $0.radialEdges == layers[0].radialEdges && $0.angularBins == layers[0].angularBins
    }
  }

  /// The edges of all layers together: those of the regular grid into which every layer fits.
  public var gridEdges: [Double] { Set(layers.flatMap(\.radialEdges)).sorted() }
  /// Angles of the regular grid, the most that a layer has.
  public var gridAngularBins: Int { layers.map(\.angularBins).max() ?? 0 }
  /// Cells of the regular grid along depth, angle and radius.
  public var gridSize: [Int] { [layers.count, gridAngularBins, max(gridEdges.count - 1, 0)] }
}

extension CalorimeterBinning {
  /// CaloChallenge's dataset 1, photons: 368 voxels.
  public static let photons = CalorimeterBinning([
    Layer(id: 0, radialEdges: [0, 5, 10, 30, 50, 100, 200, 400, 600], angularBins: 1),
    Layer(
      id: 1, radialEdges: [0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200],
      angularBins: 10),
    Layer(
      id: 2,
      radialEdges: [
        0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400,
      ], angularBins: 10),
    Layer(id: 3, radialEdges: [0, 50, 100, 200, 400, 600], angularBins: 1),
    Layer(id: 12, radialEdges: [0, 100, 200, 400, 1000, 2000], angularBins: 1),
  ])

  /// CaloChallenge's dataset 1, pions: 533 voxels.
  public static let pions = CalorimeterBinning([
    Layer(id: 0, radialEdges: [0, 5, 10, 30, 50, 100, 200, 400, 600], angularBins: 1),
    Layer(id: 1, radialEdges: [0, 1, 4, 7, 10, 15, 30, 50, 90, 150, 200], angularBins: 10),
    Layer(id: 2, radialEdges: [0, 5, 10, 20, 30, 50, 80, 130, 200, 300, 400], angularBins: 10),
    Layer(id: 3, radialEdges: [0, 50, 100, 200, 400, 600], angularBins: 1),
    Layer(
      id: 12, radialEdges: [0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 1000, 2000],
      angularBins: 10),
    Layer(
      id: 13,
      radialEdges: [0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 600, 1000, 2000],
      angularBins: 10),
    Layer(id: 14, radialEdges: [0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 2000], angularBins: 1),
  ])

  /// CaloChallenge's dataset 2: 45 layers of 16 angles and 9 radii.
  public static let dataset2 = regular(layers: 45, angularBins: 16, radialBins: 9, width: 4.65)
  /// CaloChallenge's dataset 3: 45 layers of 50 angles and 18 radii.
  public static let dataset3 = regular(layers: 45, angularBins: 50, radialBins: 18, width: 2.325)

  /// Layers that are all cut alike, into rings of one width.
  public static func regular(layers: Int, angularBins: Int, radialBins: Int, width: Double) -> Self {
    CalorimeterBinning(
      (0..<layers).map {
        Layer(id: $0, radialEdges: (0...radialBins).map { width * Double($0) }, angularBins: angularBins)
      })
  }
}
