import Volute
import VoluteFormats

/// Showers with their incident energies, in MeV.
public struct ShowerSet: Sendable {
  /// `[count, voxels]`.
  public let showers: Tensor
  /// `[count]`.
  public let energies: Tensor

  /// The number of showers.
  public var count: Int { energies.count }

  /// - Throws: `ShapeError` when the shapes are others.
  public init(showers: Tensor, energies: Tensor) throws(ShapeError) {
    guard showers.rank == 2, energies.shape == [showers.shape[0]] else {
      throw ShapeError(
        "shower_set", parameter: "energies",
        "expected showers [count, voxels] with one energy each, but got \(showers.shape) and \(energies.shape)",
        shapes: [showers.shape, energies.shape])
    }
    self.showers = showers.to(.float32)
    self.energies = energies.to(.float32)
  }

  /// Reads all showers of a file, as ``ShowerFile`` does.
  ///
  /// - Throws: `FormatError` as ``ShowerFile``.
  public init(_ path: String, of preset: ShowerPreset) throws(FormatError) {
    let file = try ShowerFile(path, of: preset)
    var showers = Tensor.zeros([file.count, preset.binning.voxels])
    var energies = Tensor.zeros([file.count])
    for part in file.parts {
      let set = try file.showers(part)
      showers[part] = set.showers
      energies[part] = set.energies
    }
    self.showers = showers
    self.energies = energies
  }

  /// Writes an archive of `.npz`, or HDF5 where the name ends in `.hdf5` or `.h5`, under the names of CaloChallenge.
  ///
  /// - Throws: `FormatError` when the file cannot be written, or is HDF5 and the package was built without it.
  public func write(to path: String) throws(FormatError) {
    let arrays = [(ShowerFile.energyKey, energies.unsqueezed(1)), (ShowerFile.showerKey, showers)]
    if ShowerFile.isHDF5(path) {
      try HDF5File.write(arrays, to: path)
    } else {
      try NPZ.write(arrays, to: path, compressed: true)
    }
  }
}

/// A file of showers as CaloChallenge has them, read part by part: `incident_energies` of shape (N, 1) or (N) and `showers`
/// of (N, voxels), in MeV, in HDF5 or an `.npz` archive.
public struct ShowerFile: Sendable {
  static let energyKey = "incident_energies"
  static let showerKey = "showers"

  /// The endings that files of showers have.
  public static let endings = [".npz", ".hdf5", ".h5"]

  /// Refuses a name of HDF5 where the package was built without it.
  ///
  /// - Throws: `FormatError` that says how to build it in.
  public static func requireFormat(of path: String) throws(FormatError) {
    if isHDF5(path) { try HDF5File.requireAvailable(for: path) }
  }

  /// Whether the name is one of HDF5.
  static func isHDF5(_ path: String) -> Bool {
    endings.dropFirst().contains { path.lowercased().hasSuffix($0) }
  }

  private enum Source {
    case arrays(showers: Tensor, energies: Tensor)
    case hdf5(HDF5File, rowsAtOnce: Int)
  }

  /// The file.
  public let path: String
  /// What kind of showers.
  public let preset: ShowerPreset
  /// The number of showers, at least one.
  public let count: Int
  private let source: Source

  /// Opens the file at `path`; the name says whether it is HDF5.
  ///
  /// - Throws: `FormatError` when the file is damaged, lacks an array, has none of this preset's showers, or is HDF5 and the
  ///   package was built without it.
  public init(_ path: String, of preset: ShowerPreset) throws(FormatError) {
    self.path = path
    self.preset = preset
    let shapes: (showers: [Int], energies: [Int])
    if Self.isHDF5(path) {
      let file = try HDF5File(path)
      shapes = (try file.shape(of: Self.showerKey), try file.shape(of: Self.energyKey))
      source = .hdf5(file, rowsAtOnce: try file.rowsAtOnce(of: Self.showerKey))
    } else {
      let archive = try NPZ(path)
      let (showers, energies) = (
        try archive.tensor(Self.showerKey), try archive.tensor(Self.energyKey)
      )
      for (key, tensor) in [(Self.showerKey, showers), (Self.energyKey, energies)]
      where !tensor.dtype.isFloatingPoint {
        throw FormatError(
          path, "the array '\(key)' is of \(tensor.dtype.rawValue), where real numbers are wanted")
      }
      shapes = (showers.shape, energies.shape)
      source = .arrays(showers: showers, energies: energies)
    }
    let voxels = preset.binning.voxels
    guard shapes.showers.count == 2, shapes.showers[1] == voxels else {
      throw FormatError(
        path,
        "the array '\(Self.showerKey)' has shape \(shapes.showers), but \(preset.name) has showers of "
          + "\(voxels) voxels: [count, \(voxels)]")
    }
    count = shapes.showers[0]
    if count == 0 { throw FormatError(path, "holds no showers") }
    guard shapes.energies == [count] || shapes.energies == [count, 1] else {
      throw FormatError(
        path, "the array '\(Self.energyKey)' has shape \(shapes.energies), but there are \(count) showers")
    }
  }

  /// All showers, in parts that are read at once.
  public var parts: [Range<Int>] { parts(of: 0..<count) }

  private func parts(of range: Range<Int>) -> [Range<Int>] {
    let step: Int
    switch source {
    case .hdf5(_, let rowsAtOnce): step = rowsAtOnce
    case .arrays: step = Swift.max((64 << 20) / (8 * preset.binning.voxels), 1)
    }
    return stride(from: range.lowerBound, to: range.upperBound, by: step).map {
      $0..<Swift.min($0 + step, range.upperBound)
    }
  }

  /// Some of the showers.
  ///
  /// - Throws: `FormatError` when they cannot be read, an energy lies outside of the preset's range, or a voxel holds no
  ///   number, less than nothing or more than it can.
  public func showers(_ range: Range<Int>) throws(FormatError) -> ShowerSet { try checked(range).set }

  /// Some of the showers, and what a network makes of them.
  private func checked(
    _ range: Range<Int>
  ) throws(FormatError) -> (set: ShowerSet, showers: Tensor, energies: Tensor) {
    let (showers, energies): (Tensor, Tensor)
    switch source {
    case .arrays(let all, let allEnergies):
      (showers, energies) = (all.sliced(0, range), allEnergies.flattened().sliced(0, range))
    case .hdf5(let file, _):
      showers = try file.rows(of: Self.showerKey, range)
      energies = try file.rows(of: Self.energyKey, range).flattened()
    }
    do {
      let set = try ShowerSet(showers: showers, energies: energies)
      return (
        set, try preset.normalized(showers: set.showers, energies: set.energies, first: range.lowerBound),
        try preset.normalized(energies: set.energies, first: range.lowerBound)
      )
    } catch {
      let key = error.parameter == "energies" ? Self.energyKey : Self.showerKey
      throw FormatError(path, "in the array '\(key)', \(error.message)", mend: error.mend)
    }
  }

  /// All showers as a network takes them; no more than these and a part of the file are in memory at once.
  ///
  /// - Parameter didRead: is told of every part.
  /// - Returns: showers `[count, voxels]` and energies `[count]`.
  /// - Throws: `FormatError` as ``showers(_:)``.
  public func normalized(
    didRead: () -> Void = {}
  ) throws(FormatError) -> (showers: Tensor, energies: Tensor) {
    var showers = Tensor.zeros([count, preset.binning.voxels])
    var energies = Tensor.zeros([count])
    for part in parts {
      let found = try checked(part)
      showers[part] = found.showers
      energies[part] = found.energies
      didRead()
    }
    return (showers, energies)
  }
}
