import VoluteModels

/// A comparison of showers as a page that stands for itself, in the reader's light or dark theme.
struct ShowerPage {
  private typealias Quantity = ShowerObservables.Quantity

  private let evaluation: ShowerEvaluation
  private let pictures: ShowerPictures

  init(_ evaluation: ShowerEvaluation) {
    self.evaluation = evaluation
    pictures = ShowerPictures(evaluation)
  }

  private static let layered: [Quantity] = [
    .layerEnergy, .layerHits, .centreEta, .centrePhi, .centreRadius, .widthEta, .widthPhi, .widthRadius,
  ]

  var html: String {
    let title = "Showers of \(evaluation.preset.name)"
    let sections =
      [summary, wholes, strip, unrolled, polar]
      + Self.layered.filter { !evaluation.separations($0).isEmpty }.map(histograms)
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>
      \(Self.styles)
      \(ShowerPictures.styles)
      </style>
      </head>
      <body>
      <header>
      <h1>\(title)</h1>
      <p class="key"><span class="swatch filled"></span>reference, \(grouped(evaluation.reference.count)) showers
      <span class="swatch outlined"></span>samples, \(grouped(evaluation.samples.count)) showers</p>
      </header>
      <main>
      \(sections.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  private static let styles = """
    :root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#5b6470;--rule:#e2e5e9;--fill:#b9c6da;--line:#c2410c;\
    --none:#eceef1;--card:#f7f8fa}
    @media(prefers-color-scheme:dark){:root{--page:#15181d;--ink:#e6e9ed;--soft:#9aa4b1;--rule:#2b313a;--fill:#3f4f68;\
    --line:#fb923c;--none:#262b33;--card:#1c2027}}
    *{box-sizing:border-box}
    body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:2rem 1.25rem 4rem;background:var(--page);\
    color:var(--ink)}
    h1{font-size:1.7rem;margin:0}h2{font-size:1.15rem;margin:2.5rem 0 .35rem}p{margin:.35rem 0}
    .note{color:var(--soft);max-width:62rem}
    .key{color:var(--soft)}.swatch{display:inline-block;width:1.6em;height:.8em;margin:0 .5em 0 0}
    .filled{background:var(--fill)}.outlined{border:2px solid var(--line);border-bottom:0;margin-left:1.2em}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.9rem;margin:1.4rem 0 .4rem}
    .card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.7rem .9rem}
    .card b{display:block;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}.card span{color:var(--soft);\
    font-size:13px}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(17.5rem,1fr));gap:1.2rem 1.4rem;margin-top:.8rem}
    figure{margin:0}figcaption{font-size:13px;display:flex;justify-content:space-between;gap:1em}
    figcaption i{color:var(--soft);font-style:normal;font-variant-numeric:tabular-nums;white-space:nowrap}
    svg{width:100%;display:block}text{font-size:10px;fill:var(--soft)}
    .reference{fill:var(--fill)}.samples{fill:none;stroke:var(--line);stroke-width:1.6}.axis{fill:none;stroke:var(--soft);\
    stroke-width:.8}
    .legend{display:inline-block;height:10px;max-width:60%;vertical-align:baseline;margin-right:.5em}
    .discs{display:grid;grid-template-columns:repeat(auto-fill,minmax(17.5rem,1fr));gap:1.4rem;margin-top:.8rem}
    .disc div{display:grid;grid-template-columns:repeat(3,1fr);gap:.3rem}
    .wide{overflow-x:auto}.wide table{border-collapse:collapse;font-size:12px;font-variant-numeric:tabular-nums}
    th{font-weight:400;color:var(--soft);text-align:left;padding:.15rem .8rem .15rem 0;white-space:nowrap}
    thead th{text-align:center;padding:.15rem .1rem}
    td{text-align:center;min-width:1.5rem;height:1.5rem;border:1px solid var(--page);padding:0 .2rem}\
    .many td{min-width:1.1rem;padding:0}
    details{margin-top:2rem;border-top:1px solid var(--rule);padding-top:.8rem}
    summary{cursor:pointer;font-size:1.15rem;font-weight:600}summary i{font-style:normal;font-weight:400;font-size:14px;\
    color:var(--soft);margin-left:.7em}
    """

  /// The numbers that say most.
  private var summary: String {
    var cards: [(String, String)] = []
    if let classifiers = evaluation.classifiers {
      cards.append((ShowerEvaluation.text(classifiers.high), "AUC of a classifier, by observables (high)"))
      cards.append((ShowerEvaluation.text(classifiers.low), "AUC of a classifier, by voxels (low)"))
    }
    cards.append((decimals(evaluation.depth.separationPower, 5), "separation of the profile in depth"))
    cards.append((decimals(evaluation.radius.separationPower, 5), "separation of the profile in radius"))
    let powers = evaluation.rows.map(\.histograms.separationPower)
    let mean = powers.reduce(0, +) / Double(max(powers.count, 1))
    cards.append((decimals(mean, 5), "mean separation of \(powers.count) histograms"))
    let boxes = cards.map { "<div class=\"card\"><b>\($0)</b><span>\($1)</span></div>" }
    return """
      <section><div class="cards">
      \(boxes.joined(separator: "\n"))
      </div>
      <p class="note">The separation power S = ½ Σ (a − b)² / (a + b) is 0 for equal histograms and 1 for those that share
      nothing. An AUC of 0.5 is guessing, 1 is certainty; beside it stands the deviation that chance alone gives.</p>
      </section>
      """
  }

  /// Profiles, and what is said of whole showers.
  private var wholes: String {
    var figures = [
      figure("mean share of the energy by layer", HistogramFigure(histograms: evaluation.depth)),
      figure(
        "mean share of the energy by radius, mm",
        HistogramFigure(histograms: evaluation.radius, hasLogarithmicHeights: true, hasEqualBins: true)),
    ]
    for row in evaluation.rows where row.key.layer == nil {
      figures.append(
        figure(
          evaluation.name(row.key),
          HistogramFigure(histograms: row.histograms, hasLogarithmicHeights: row.key.quantity == .voxels)))
    }
    return "<section><h2>Whole showers</h2>\(grid(figures))</section>"
  }

  /// Separation powers of all quantities in all layers.
  private var strip: String {
    let layers = evaluation.preset.binning.layers
    let rows = Self.layered.compactMap { quantity -> String? in
      let powers = evaluation.separations(quantity)
      if powers.isEmpty { return nil }
      let cells = layers.indices.map { layer -> String in
        guard let power = powers.first(where: { $0.layer == layer })?.power else { return "<td></td>" }
        // A quarter of all that can be is as bad as the colour goes.
        let share = min((power / 0.25).squareRoot(), 1)
        let text = layers.count > 20 ? "" : decimals(power, 2).dropFirst(power < 0.995 ? 1 : 0)
        return
          "<td style=\"background:color-mix(in srgb,var(--line) \(decimals(share * 85, 0))%,var(--card))\" "
          + "title=\"\(quantity.rawValue), layer \(layers[layer].id): \(decimals(power, 5))\">\(text)</td>"
      }
      return "<tr><th>\(quantity.rawValue)</th>\(cells.joined())</tr>"
    }
    let heads = layers.indices.map { index in
      "<th>\(layers.count <= 20 || index % 5 == 0 ? "\(layers[index].id)" : "")</th>"
    }
    return """
      <section><h2>Separation power in each layer</h2>
      <p class="note">The stronger the colour, the further apart; the pointer shows the number.</p>
      <div class="wide"><table\(layers.count > 20 ? " class=\"many\"" : "")><thead><tr><th></th>\(heads.joined())</tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table></div></section>
      """
  }

  private var unrolled: String {
    let drawings = ShowerPictures.Subject.allCases.map {
      "<figure><figcaption>\($0.title)</figcaption>\(pictures.unrolled($0))</figure>"
    }
    return """
      <section><h2>The mean shower, unrolled</h2>
      <p class="note">Layer by layer: the radius to the right, the angle upwards.</p>
      \(drawings.joined(separator: "\n"))
      <p class="note">\(pictures.energyLegend)</p><p class="note">\(pictures.ratioLegend)</p></section>
      """
  }

  private var polar: String {
    let layers = evaluation.preset.binning.layers
    let figures = pictures.polarLayers.map { layer -> String in
      let discs = ShowerPictures.Subject.allCases.map { pictures.polar($0, layer: layer) }
      return "<figure class=\"disc\"><div>\(discs.joined())</div>"
        + "<figcaption>layer \(layers[layer].id)</figcaption></figure>"
    }
    return """
      <section><h2>The mean shower along the axis</h2>
      <p class="note">Reference, samples and their ratio in the colours above; rings are drawn equally wide.</p>
      <div class="discs">\(figures.joined(separator: "\n"))</div></section>
      """
  }

  /// All layers' histograms of a quantity, which open at a click where there are many.
  private func histograms(_ quantity: Quantity) -> String {
    let rows = evaluation.rows.filter { $0.key.quantity == quantity }
    let figures = rows.map { figure(evaluation.name($0.key), HistogramFigure(histograms: $0.histograms)) }
    let powers = rows.map(\.histograms.separationPower)
    let mean = powers.reduce(0, +) / Double(max(powers.count, 1))
    return "<details\(rows.count <= 16 ? " open" : "")><summary>\(Self.plural(quantity)) of the layers"
      + "<i>mean S \(decimals(mean, 5))</i></summary>\(grid(figures))</details>"
  }

  private static func plural(_ quantity: Quantity) -> String {
    switch quantity {
    case .layerEnergy: "Energies"
    case .layerHits: "Voxels that are hit"
    case .centreEta: "Centres in η"
    case .centrePhi: "Centres in φ"
    case .centreRadius: "Centres in r"
    case .widthEta: "Widths in η"
    case .widthPhi: "Widths in φ"
    case .widthRadius: "Widths in r"
    case .ratio, .hits, .voxels: quantity.rawValue
    }
  }

  private func grid(_ figures: [String]) -> String {
    "<div class=\"grid\">\(figures.joined(separator: "\n"))</div>"
  }

  private func figure(_ name: String, _ drawing: HistogramFigure) -> String {
    "<figure>\(drawing.svg)<figcaption>\(name)\(drawing.hasLogarithmicHeights ? " (heights by logarithm)" : "")"
      + "<i>S = \(decimals(drawing.histograms.separationPower, 5))</i></figcaption></figure>"
  }
}
