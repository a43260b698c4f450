import VoluteEngine
import VoluteModels

/// A comparison of two sets of showers, as text and as a page.
struct ShowerEvaluation {
  struct Row {
    let name: String
    let histograms: HistogramPair
  }

  let preset: ShowerPreset
  let counts: (reference: Int, samples: Int)
  let rows: [Row]
  let profiles: (reference: [Double], samples: [Double])

  init(preset: ShowerPreset, reference: ShowerSet, samples: ShowerSet, bins: Int) {
    self.preset = preset
    counts = (reference.count, samples.count)
    let (first, second) = (
      ShowerObservables(reference, of: preset), ShowerObservables(samples, of: preset)
    )
    profiles = (first.profile, second.profile)
    rows = zip(first.observables, second.observables).map { a, b in
      // Energies over many orders of magnitude are seen by their roots, which have a place for nothing.
      func seen(_ values: [Double]) -> [Double] {
        a.isLogarithmic ? values.map { Double.power(max($0, 0), 0.25) } : values
      }
      return Row(
        name: a.isLogarithmic ? a.name + " (fourth root)" : a.name,
        histograms: HistogramPair(reference: seen(a.values), samples: seen(b.values), bins: bins))
    }
  }

  /// The separation power of the mean profiles in depth, each of sum 1.
  var profileSeparation: Double {
    func shares(_ profile: [Double]) -> [Double] {
      let sum = profile.reduce(0, +)
      return sum > 0 ? profile.map { $0 / sum } : profile
    }
    return zip(shares(profiles.reference), shares(profiles.samples)).reduce(0) { sum, pair in
      let total = pair.0 + pair.1
      return total > 0 ? sum + 0.5 * (pair.0 - pair.1) * (pair.0 - pair.1) / total : sum
    }
  }

  /// Separation powers: the whole ones, and the worst of the layers'.
  var text: String {
    var lines = [
      ("showers", "\(grouped(counts.samples)) samples beside \(grouped(counts.reference)), \(preset.name)"),
      ("separation", "\(decimals(profileSeparation, 5))  mean profile in depth"),
    ]
    for row in rows.prefix(2) {
      lines.append(("", "\(decimals(row.histograms.separationPower, 5))  \(row.name)"))
    }
    let layers = rows.dropFirst(2).sorted { $0.histograms.separationPower > $1.histograms.separationPower }
    lines.append(("the worst", layers.isEmpty ? "none" : "of \(layers.count) histograms of layers:"))
    for row in layers.prefix(5) {
      lines.append(("", "\(decimals(row.histograms.separationPower, 5))  \(row.name)"))
    }
    return Report.text(lines)
  }

  /// A page that stands for itself.
  var html: String {
    let depths = (0...profiles.reference.count).map(Double.init)
    let figures =
      [
        figure(
          "mean share of the energy in each layer", depths, profiles.reference, profiles.samples,
          profileSeparation)
      ]
      + rows.map {
        figure(
          $0.name, $0.histograms.edges, $0.histograms.reference, $0.histograms.samples,
          $0.histograms.separationPower)
      }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Showers of \(preset.name)</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }
      main { display: grid; grid-template-columns: repeat(auto-fill, minmax(19em, 1fr)); gap: 1.5em; }
      figure { margin: 0; } figcaption { font-size: 13px; } svg { width: 100%; }
      .reference { fill: #b8c4d6; } .samples { fill: none; stroke: #c2410c; stroke-width: 1.5; }
      text { font-size: 10px; fill: #555; } .key span { padding: 0 .6em; }
      </style>
      </head>
      <body>
      <h1>Showers of \(preset.name)</h1>
      <p class="key"><span style="background: #b8c4d6">reference</span> \(grouped(counts.reference)) showers,
      <span style="border-bottom: 2px solid #c2410c">samples</span> \(grouped(counts.samples)). S is the separation
      power: 0 for equal histograms, 1 for those that share nothing.</p>
      <main>
      \(figures.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  /// Two histograms over each other.
  private func figure(
    _ name: String, _ edges: [Double], _ reference: [Double], _ samples: [Double], _ separation: Double
  ) -> String {
    let (width, height) = (320.0, 150.0)
    let top = max((reference + samples).max() ?? 0, 1e-12)
    let step = width / Double(max(reference.count, 1))
    func place(_ value: Double) -> String { decimals(height - value / top * (height - 8), 2) }
    var bars = ""
    var line = "M0 \(decimals(height, 0))"
    for (index, (a, b)) in zip(reference, samples).enumerated() {
      let (left, right) = (decimals(Double(index) * step, 2), decimals(Double(index + 1) * step, 2))
      bars += "M\(left) \(decimals(height, 0))V\(place(a))H\(right)V\(decimals(height, 0))Z"
      line += "V\(place(b))H\(right)"
    }
    let (low, high) = (decimals(edges.first ?? 0, 3), decimals(edges.last ?? 0, 3))
    return """
      <figure>
      <svg viewBox="0 0 320 166" role="img" aria-label="\(name)">
      <path class="reference" d="\(bars)"/><path class="samples" d="\(line)V\(decimals(height, 0))"/>
      <text x="0" y="163">\(low)</text><text x="320" y="163" text-anchor="end">\(high)</text>
      </svg>
      <figcaption>\(name)<br>S = \(decimals(separation, 5))</figcaption>
      </figure>
      """
  }
}
