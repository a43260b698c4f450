import Volute
import VoluteModels

/// A comparison of two sets of showers.
struct ShowerEvaluation {
  typealias Key = ShowerObservables.Key
  typealias Quantity = ShowerObservables.Quantity

  struct Row {
    let key: Key
    let histograms: HistogramPair
  }

  let reference: ShowerObservables
  let samples: ShowerObservables
  let rows: [Row]
  /// Of the mean shares of energy by depth.
  let depth: HistogramPair
  /// Of the mean shares of energy by radius.
  let radius: HistogramPair
  /// By observables, and by voxels.
  var classifiers: (high: ShowerClassifier, low: ShowerClassifier)?

  var preset: ShowerPreset { reference.preset }

  init(reference: ShowerObservables, samples: ShowerObservables, bins: Int) {
    self.reference = reference
    self.samples = samples
    rows = reference.keys.map { key in
      Row(
        key: key,
        histograms: HistogramPair(
          reference: reference[key], samples: samples[key], bins: bins,
          isLogarithmic: key.quantity.isLogarithmic))
    }
    depth = HistogramPair(
      edges: (0...reference.depthProfile.count).map(Double.init), reference: reference.depthProfile,
      samples: samples.depthProfile)
    radius = HistogramPair(
      edges: reference.preset.binning.gridEdges, reference: reference.radialProfile,
      samples: samples.radialProfile)
  }

  /// Trains the classifiers.
  static func classified(
    _ reference: ShowersSeen, _ samples: ShowersSeen, seed: Int
  ) throws -> (high: ShowerClassifier, low: ShowerClassifier)? {
    let (a, b) = (try reference.features(), try samples.features())
    // Too few to be parted.
    if min(a.low.shape[0], b.low.shape[0]) < 5 { return nil }
    let progress = Progress("training classifiers")
    defer { progress.finish() }
    return (
      try ShowerClassifier(reference: a.high, samples: b.high, seed: seed),
      try ShowerClassifier(reference: a.low, samples: b.low, seed: seed)
    )
  }

  /// The separation powers of a quantity in every layer that has it.
  func separations(_ quantity: Quantity) -> [(layer: Int, power: Double)] {
    rows.compactMap { row in
      guard row.key.quantity == quantity, let layer = row.key.layer else { return nil }
      return (layer, row.histograms.separationPower)
    }
  }

  /// What an observable is called.
  func name(_ key: Key) -> String {
    let unit = key.quantity.unit.isEmpty ? "" : ", \(key.quantity.unit)"
    let layer = key.layer.map { ", layer \(preset.binning.layers[$0].id)" } ?? ""
    return key.quantity.rawValue + layer + unit
  }

  /// Separation powers: the whole ones, and the worst of the layers'; and what the classifiers found.
  var text: String {
    var lines = [
      (
        "showers",
        "\(grouped(samples.count)) samples beside \(grouped(reference.count)), \(preset.name)"
      ),
      ("separation", "\(decimals(depth.separationPower, 5))  mean profile in depth"),
      ("", "\(decimals(radius.separationPower, 5))  mean profile in radius"),
    ]
    for row in rows where row.key.layer == nil {
      lines.append(("", "\(decimals(row.histograms.separationPower, 5))  \(name(row.key))"))
    }
    let layers = rows.filter { $0.key.layer != nil }
      .sorted { $0.histograms.separationPower > $1.histograms.separationPower }
    lines.append(("the worst", layers.isEmpty ? "none" : "of \(layers.count) histograms of layers:"))
    for row in layers.prefix(5) {
      lines.append(("", "\(decimals(row.histograms.separationPower, 5))  \(name(row.key))"))
    }
    if let classifiers {
      for (label, found) in [("AUC high", classifiers.high), ("AUC low", classifiers.low)] {
        lines.append((label, Self.text(found) + (label == "AUC high" ? "  by observables" : "  by voxels")))
      }
    }
    return Report.text(lines)
  }

  /// `0.512 ± 0.020`.
  static func text(_ classifier: ShowerClassifier) -> String {
    "\(decimals(classifier.auc, 3)) ± \(decimals(classifier.uncertainty, 3))"
  }
}
