import Volute

/// Showers and energies, in MeV, as a network takes them, and back.
extension ShowerPreset {
  /// Keeps empty and full voxels' logits finite.
  private static let margin = 1e-6

  /// Incident energies as numbers from 0 to 1, by their logarithm.
  ///
  /// # Shapes
  /// `[batch]`, in MeV, of any type; the result is float32.
  ///
  /// - Parameters:
  ///   - energies: one a shower.
  ///   - first: the number of the first shower, for errors.
  /// - Throws: `ShapeError` when an energy lies outside of ``energyRange``.
  public func normalized(energies: Tensor, first: Int = 0) throws(ShapeError) -> Tensor {
    let (low, high) = (energyRange.lowerBound * 1000, energyRange.upperBound * 1000)
    // What rounding to float32 may have moved beyond the ends.
    let slack = 1e-6
    let values = energies.elements(as: Double.self)
    if let place = values.firstIndex(where: { !(low * (1 - slack)...high * (1 + slack) ~= $0) }) {
      throw ShapeError(
        "normalized", parameter: "energies",
        "the energy of shower \(first + place) is \(values[place] / 1000) GeV, but \(name) has energies from "
          + "\(energyRange.lowerBound) to \(energyRange.upperBound) GeV")
    }
    let logs = (energies.to(.float64) / low).log() / Tensor(full: [], high / low, dtype: .float64).log()
    return logs.to(.float32)
  }

  /// Voxels as numbers of about mean 0 and deviation 1: the standardised logits of their shares.
  ///
  /// # Shapes
  /// - `showers`: `[batch, voxels]`, in MeV.
  /// - `energies`: `[batch]`, in MeV.
  ///
  /// - Parameters:
  ///   - showers: their voxels.
  ///   - energies: one a shower.
  ///   - first: the number of the first shower, for errors.
  /// - Throws: `ShapeError` when the shapes are others, or a voxel holds no number, less than nothing, or more than it can.
  public func normalized(
    showers: Tensor, energies: Tensor, first: Int = 0
  ) throws(ShapeError) -> Tensor {
    try ((logits(showers, energies, first) - mean) / deviation).to(.float32)
  }

  /// This preset with the mean and the deviation that the logits of some showers have.
  ///
  /// - Throws: `ShapeError` as ``normalized(showers:energies:first:)``.
  public func standardized(by showers: Tensor, energies: Tensor) throws(ShapeError) -> ShowerPreset {
    let logits = try logits(showers, energies, 0)
    let mean = logits.mean().item(as: Double.self)
    let deviation = (logits - mean).square().mean().item(as: Double.self).squareRoot()
    return with(mean: mean, deviation: Swift.max(deviation, 1e-6))
  }

  /// The logits of the voxels' shares, in float64.
  private func logits(_ showers: Tensor, _ energies: Tensor, _ first: Int) throws(ShapeError) -> Tensor {
    try check(showers, energies)
    let share = showers.to(.float64) / scale(energies)
    if share.count > 0, !((share .>= 0) .& (share .<= 1)).all() {
      let values = share.elements(as: Double.self)
      let place = values.firstIndex { !(0...1 ~= $0) } ?? 0
      let (shower, voxel) = (place / binning.voxels, place % binning.voxels)
      throw ShapeError(
        "normalized", parameter: "showers",
        "voxel \(voxel) of shower \(first + shower) holds \(values[place] * largestShare) of the incident energy, but "
          + "\(name) allows 0 to \(largestShare)")
    }
    let inner = share * (1 - 2 * Self.margin) + Self.margin
    return (inner / (1 - inner)).log()
  }

  /// The inverse of ``normalized(showers:energies:first:)``.
  ///
  /// - Parameters:
  ///   - normalized: what that gave, or a network.
  ///   - energies: one a shower, in MeV.
  ///   - cuts: whether voxels below the cut are emptied, as for samples.
  /// - Throws: `ShapeError` when the shapes do not fit.
  public func showers(
    normalized: Tensor, energies: Tensor, cuts: Bool = true
  ) throws(ShapeError) -> Tensor {
    try check(normalized, energies)
    let inner = (normalized.to(.float64) * deviation + mean).sigmoid()
    let share = ((inner - Self.margin) / (1 - 2 * Self.margin)).clamped(0, 1)
    let result = share * scale(energies)
    return (cuts ? result * (result .>= cut * 1000).to(.float64) : result).to(.float32)
  }

  /// What the shares are of, as a column.
  private func scale(_ energies: Tensor) -> Tensor {
    (energies.to(.float64) * largestShare).reshaped([energies.count, 1])
  }

  private func check(_ showers: Tensor, _ energies: Tensor) throws(ShapeError) {
    guard showers.rank == 2, showers.shape[1] == binning.voxels, energies.shape == [showers.shape[0]] else {
      throw ShapeError(
        "showers", parameter: "showers",
        "\(name) has showers of shape [batch, \(binning.voxels)] with one energy each, but got \(showers.shape) "
          + "and energies of \(energies.shape)", shapes: [showers.shape, energies.shape])
    }
  }
}
