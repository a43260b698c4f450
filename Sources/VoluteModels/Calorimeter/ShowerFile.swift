import Volute
import VoluteFormats

/// Showers with their incident energies, in MeV, under the names that CaloChallenge's files have.
public struct ShowerSet: Sendable {
  /// `[count, voxels]`.
  public let showers: Tensor
  /// `[count]`.
  public let energies: Tensor

  public var count: Int { energies.count }

  /// - Throws: ``ShapeError`` when the shapes are others.
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

  private static let names = (energies: "incident_energies", showers: "showers")

  /// Reads an `.npz` archive with `incident_energies` of shape (N, 1) or (N) and `showers` of (N, voxels).
  ///
  /// - Throws: ``FormatError`` when the file is damaged, lacks an array, or does not hold showers of the preset.
  public init(_ path: String, of preset: ShowerPreset) throws(FormatError) {
    let archive = try NPZ(path)
    let showers = try archive.tensor(Self.names.showers)
    let energies = try archive.tensor(Self.names.energies)
    let voxels = preset.binning.voxels
    guard showers.rank == 2, showers.shape[1] == voxels else {
      throw FormatError(
        path,
        "the array '\(Self.names.showers)' has shape \(showers.shape), but \(preset.name) has showers of "
          + "\(voxels) voxels: [count, \(voxels)]")
    }
    let count = showers.shape[0]
    guard count > 0, energies.shape == [count] || energies.shape == [count, 1] else {
      throw FormatError(
        path, "the array '\(Self.names.energies)' has shape \(energies.shape), but there are \(count) showers"
      )
    }
    guard showers.dtype.isFloatingPoint, energies.dtype.isFloatingPoint else {
      throw FormatError(
        path, "holds \(showers.dtype.rawValue) and \(energies.dtype.rawValue), where real numbers are wanted")
    }
    self.showers = showers.to(.float32)
    self.energies = energies.flattened().to(.float32)
    do {
      // What cannot be learned from is found before anything starts.
      _ = try preset.normalized(energies: self.energies)
      for start in stride(from: 0, to: count, by: 1000) {
        let part = start..<Swift.min(start + 1000, count)
        _ = try preset.normalized(
          showers: self.showers.sliced(0, part), energies: self.energies.sliced(0, part))
      }
    } catch {
      throw FormatError(path, error.description)
    }
  }

  /// Writes an `.npz` archive.
  ///
  /// - Throws: ``FormatError`` when the file cannot be written.
  public func write(to path: String) throws(FormatError) {
    try NPZ.write(
      [(Self.names.energies, energies.unsqueezed(1)), (Self.names.showers, showers)], to: path,
      compressed: true)
  }
}
