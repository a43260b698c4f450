import CVolute
import Volute

/// What showers are judged by, collected from as many sets as one likes: numbers of each shower, and means of all.
public struct ShowerObservables: Sendable {
  /// What an observable says of a shower, or of one of its layers.
  public enum Quantity: String, CaseIterable, Sendable {
    /// What all voxels hold over what came in.
    case ratio = "total energy / incident energy"
    /// The share of voxels above the cut.
    case hits = "voxels that are hit"
    /// What each voxel above the cut holds.
    case voxels = "energy of a voxel"
    /// What a layer holds.
    case layerEnergy = "energy"
    /// The share of a layer's voxels above the cut.
    case layerHits = "share of voxels that are hit"
    /// The mean place along the first axis across.
    case centreEta = "centre in η"
    /// The mean place along the second axis across.
    case centrePhi = "centre in φ"
    /// The mean distance from the axis.
    case centreRadius = "centre in r"
    /// The deviation along the first axis across.
    case widthEta = "width in η"
    /// The deviation along the second axis across.
    case widthPhi = "width in φ"
    /// The deviation of the distance from the axis.
    case widthRadius = "width in r"

    /// Whether it is looked at by its logarithm.
    public var isLogarithmic: Bool { self == .voxels || self == .layerEnergy }

    /// The unit; nothing for shares.
    public var unit: String {
      switch self {
      case .ratio, .hits, .layerHits: ""
      case .voxels, .layerEnergy: "MeV"
      default: "mm"
      }
    }

    fileprivate static let moments: [(axis: Int, centre: Self, width: Self)] = [
      (1, .centreEta, .widthEta), (2, .centrePhi, .widthPhi), (3, .centreRadius, .widthRadius),
    ]
  }

  /// A quantity of whole showers, or of one layer.
  public struct Key: Hashable, Sendable {
    /// What is said.
    public let quantity: Quantity
    /// The layer's place in depth; `nil` for whole showers.
    public let layer: Int?

    /// The quantity of a layer, or of whole showers.
    public init(_ quantity: Quantity, layer: Int? = nil) {
      self.quantity = quantity
      self.layer = layer
    }
  }

  /// What kind of showers.
  public let preset: ShowerPreset
  /// All that there is, in order.
  public let keys: [Key]
  /// The number of showers.
  public private(set) var count = 0
  private var incident: [Double] = []
  private var values: [Key: [Double]] = [:]
  private var sums: [Double]
  private var shares: [Double]
  private let projections: [(first: Tensor, second: Tensor)]

  /// Voxels of no more than so many showers are looked at one by one.
  private var voxelShowers: Int { Swift.max(4_000_000 / preset.binning.voxels, 1) }

  /// No shower yet.
  public init(_ preset: ShowerPreset) {
    self.preset = preset
    let binning = preset.binning
    var keys = [Key(.ratio), Key(.hits), Key(.voxels)]
    for (index, layer) in binning.layers.enumerated() {
      keys += [Key(.layerEnergy, layer: index), Key(.layerHits, layer: index)]
      for (axis, centre, width) in Quantity.moments where axis == 3 || layer.angularBins > 1 {
        keys += [Key(centre, layer: index), Key(width, layer: index)]
      }
    }
    self.keys = keys
    sums = [Double](repeating: 0, count: binning.voxels)
    shares = [Double](repeating: 0, count: binning.layers.count)
    projections = binning.layers.map { layer in
      var places: [[Double]] = []
      for angle in 0..<layer.angularBins {
        let turn = 2 * Double.pi * (Double(angle) + 0.5) / Double(layer.angularBins)
        for (low, high) in zip(layer.radialEdges, layer.radialEdges.dropFirst()) {
          let radius = (low + high) / 2
          places.append([1, radius * cos(turn), radius * sin(turn), radius])
        }
      }
      return (Tensor(places), Tensor(places.map { $0.map { $0 * $0 } }))
    }
  }

  /// The observables of one set.
  public init(_ set: ShowerSet, of preset: ShowerPreset) {
    self.init(preset)
    add(set)
  }

  /// Takes in more showers.
  ///
  /// - Precondition: they are of the preset.
  public mutating func add(_ set: ShowerSet) {
    let binning = preset.binning
    precondition(
      set.showers.shape[1] == binning.voxels, "shower_observables: expected showers of \(preset.name)")
    let energies = set.energies.elements(as: Double.self)
    let threshold = preset.cut * 1000
    var total = [Double](repeating: 0, count: set.count)
    for (layer, range) in binning.ranges.enumerated() {
      let part = set.showers.sliced(1, range)
      let x = part.to(.float64)
      let firsts = x.matmul(projections[layer].first).elements(as: Double.self)
      let seconds = x.matmul(projections[layer].second).elements(as: Double.self)
      let found = (0..<set.count).map { firsts[4 * $0] }
      for index in 0..<set.count {
        total[index] += found[index]
        shares[layer] += found[index] / energies[index]
      }
      append(found, .layerEnergy, layer)
      append((part .> threshold).to(.float64).mean([1]).elements(as: Double.self), .layerHits, layer)
      for (axis, centre, width) in Quantity.moments where axis == 3 || binning.layers[layer].angularBins > 1 {
        // A layer without energy has no centre.
        let centres = found.indices.map { found[$0] > 0 ? firsts[4 * $0 + axis] / found[$0] : Double.nan }
        append(centres, centre, layer)
        append(
          found.indices.map {
            found[$0] > 0
              ? Swift.max(seconds[4 * $0 + axis] / found[$0] - centres[$0] * centres[$0], 0).squareRoot()
              : .nan
          }, width, layer)
      }
      for (place, value) in zip(range, x.sum([0]).elements(as: Double.self)) { sums[place] += value }
    }
    append(zip(total, energies).map { $0 / $1 }, .ratio)
    append((set.showers .> threshold).to(.float64).mean([1]).elements(as: Double.self), .hits)
    let looked = Swift.max(Swift.min(voxelShowers - count, set.count), 0)
    if looked > 0 {
      append(
        set.showers.sliced(0, 0..<looked).elements(as: Double.self).filter { $0 > threshold }, .voxels)
    }
    incident += energies
    count += set.count
  }

  private mutating func append(_ new: [Double], _ quantity: Quantity, _ layer: Int? = nil) {
    values[Key(quantity, layer: layer), default: []] += new
  }

  /// One number a shower, NaN for one that has none; of ``Quantity/voxels`` one a voxel that is hit.
  public subscript(_ key: Key) -> [Double] { values[key] ?? [] }

  /// The mean energy in each voxel, in MeV.
  public var meanShower: [Double] { sums.map { $0 / Double(Swift.max(count, 1)) } }

  /// The mean share of the incident energy in each layer.
  public var depthProfile: [Double] { shares.map { $0 / Double(Swift.max(count, 1)) } }

  /// The share of the energy between each two neighbours of the grid's radial edges; a bin that spans several is spread
  /// over their areas.
  public var radialProfile: [Double] {
    let edges = preset.binning.gridEdges
    var result = [Double](repeating: 0, count: preset.binning.gridSize[2])
    for (layer, range) in zip(preset.binning.layers, preset.binning.ranges) {
      for (place, voxel) in range.enumerated() {
        let bin = place % layer.radialBins
        let (low, high) = (layer.radialEdges[bin], layer.radialEdges[bin + 1])
        for cell in result.indices where edges[cell] >= low && edges[cell + 1] <= high {
          let area = edges[cell + 1] * edges[cell + 1] - edges[cell] * edges[cell]
          result[cell] += sums[voxel] * area / (high * high - low * low)
        }
      }
    }
    let total = result.reduce(0, +)
    return total > 0 ? result.map { $0 / total } : result
  }

  /// What a classifier looks at, one row a shower: the incident energy and all but ``Quantity/voxels``, energies by their
  /// logarithms, 0 where there is none.
  public var features: Tensor {
    let columns = keys.filter { $0.quantity != .voxels }.map { key -> [Double] in
      self[key].map { value in
        if value.isNaN { return 0 }
        return key.quantity.isLogarithmic ? log(value + 1e-3) : value
      }
    }
    let all = [incident.map { log($0) }] + columns
    return Tensor(all.flatMap(\.self), shape: [all.count, count]).transposed().to(.float32)
  }
}
