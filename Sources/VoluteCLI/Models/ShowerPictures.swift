import VoluteModels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Mean showers of the reference and of the samples, and their ratio, cell by cell.
///
/// Energies have one scale of colours, by their logarithms over five orders of magnitude; ratios go from a quarter to four.
struct ShowerPictures {
  /// What a picture shows.
  enum Subject: CaseIterable {
    case reference, samples, ratio

    var title: String {
      switch self {
      case .reference: "reference"
      case .samples: "samples"
      case .ratio: "samples / reference"
      }
    }
  }

  /// Steps of ratios' colours, from a quarter to four.
  static let ratioLevels = 17
  private static let orders = 5.0

  private let binning: CalorimeterBinning
  private let reference: [Double]
  private let samples: [Double]
  /// The logarithm of the largest mean energy.
  private let top: Double

  init(_ evaluation: ShowerEvaluation) {
    binning = evaluation.preset.binning
    reference = evaluation.reference.meanShower
    samples = evaluation.samples.meanShower
    top = log10(max(reference.max() ?? 0, samples.max() ?? 0, 1e-12))
  }

  /// The colours, as style rules: those of energies, and blue through grey to red for ratios.
  static var styles: String {
    let ends = (low: (37.0, 99.0, 235.0), middle: (203.0, 205.0, 209.0), high: (220.0, 38.0, 38.0))
    let rules = (0..<ratioLevels).map { level -> String in
      let place = Double(level) / Double(ratioLevels - 1) * 2 - 1
      let end = place < 0 ? ends.low : ends.high
      let channels = [(ends.middle.0, end.0), (ends.middle.1, end.1), (ends.middle.2, end.2)]
        .map { Int($0 + ($1 - $0) * abs(place) + 0.5) }
      return ".q\(level){fill:rgb(\(channels.map(String.init).joined(separator: ",")))}"
    }
    // Outlines of the same colour close the seams between neighbours.
    return (ColorScale.styles + rules.joined() + ".none{fill:var(--none)}").split(separator: "}")
      .map { rule in
        let colour = rule.split(separator: ":", maxSplits: 1).last ?? ""
        return "\(rule);stroke:\(colour);stroke-width:.4}"
      }.joined()
  }

  /// The class of a cell's colour.
  private func style(_ subject: Subject, _ a: Double, _ b: Double) -> String {
    func energy(_ value: Double) -> String {
      guard value > 0 else { return "v0" }
      let place = min(max(1 + (log10(value) - top) / Self.orders, 0), 1)
      return "v\(Int(place * Double(ColorScale.levels - 1) + 0.5))"
    }
    switch subject {
    case .reference: return energy(a)
    case .samples: return energy(b)
    case .ratio:
      guard a > 0 || b > 0 else { return "none" }
      let place = a > 0 ? b > 0 ? min(max(log2(b / a) / 2, -1), 1) : -1 : 1
      return "q\(Int(((place + 1) / 2 * Double(Self.ratioLevels - 1)).rounded()))"
    }
  }

  /// All layers beside each other, angles upwards and radii to the right in each.
  func unrolled(_ subject: Subject) -> String {
    // Rows of about the same length, of few layers large.
    let count = binning.layers.count
    let most = count > 16 ? 15 : 8
    let rows = (count + most - 1) / most
    let columns = (count + rows - 1) / rows
    let (width, height, gap, label) = (
      900.0 / Double(columns) - 4, 0.62 * (900.0 / Double(columns) - 4) + 16, 4.0, 12.0
    )
    var paths: [String: String] = [:]
    var texts = ""
    for (index, layer) in binning.layers.enumerated() {
      let x = Double(index % columns) * (width + gap)
      let y = Double(index / columns) * (height + gap + label) + label
      let (cellWidth, cellHeight) = (width / Double(layer.radialBins), height / Double(layer.angularBins))
      let start = binning.ranges[index].lowerBound
      for angle in 0..<layer.angularBins {
        let below = coordinate(y + height - Double(angle + 1) * cellHeight)
        var radius = 0
        while radius < layer.radialBins {
          func found(_ radius: Int) -> String {
            let place = start + angle * layer.radialBins + radius
            return style(subject, reference[place], samples[place])
          }
          // Neighbours of one colour are one rectangle.
          let (first, colour) = (radius, found(radius))
          repeat { radius += 1 } while radius < layer.radialBins && found(radius) == colour
          let span = coordinate(Double(radius - first) * cellWidth)
          paths[colour, default: ""] +=
            "M\(coordinate(x + Double(first) * cellWidth)) \(below)h\(span)v\(coordinate(cellHeight))h-\(span)z"
        }
      }
      texts += "<text x=\"\(coordinate(x))\" y=\"\(coordinate(y - 3))\">\(layer.id)</text>"
    }
    let total = Double(rows) * (height + gap + label)
    return svg(subject, "unrolled", "0 0 900 \(coordinate(total))", paths, texts, edges: "crispEdges")
  }

  /// The layers that are seen along the axis: all of a few, some of many.
  var polarLayers: [Int] {
    let (count, most) = (binning.layers.count, 8)
    if count <= most { return Array(0..<count) }
    return (0..<most).map { $0 * (count - 1) / (most - 1) }
  }

  /// What a layer looks like along the axis: rings of equal width, whatever their radii.
  func polar(_ subject: Subject, layer index: Int) -> String {
    let (layer, start) = (binning.layers[index], binning.ranges[index].lowerBound)
    var paths: [String: String] = [:]
    let step = 2 * Double.pi / Double(layer.angularBins)
    for angle in 0..<layer.angularBins {
      for radius in 0..<layer.radialBins {
        let place = start + angle * layer.radialBins + radius
        let colour = style(subject, reference[place], samples[place])
        let (low, high) = (
          96 * Double(radius) / Double(layer.radialBins), 96 * Double(radius + 1) / Double(layer.radialBins)
        )
        paths[colour, default: ""] += Self.sector(
          low, high, from: Double(angle) * step, by: step)
      }
    }
    return svg(
      subject, "layer \(layer.id)", "-100 -100 200 200", paths, "", edges: "geometricPrecision")
  }

  /// A piece of a ring around the middle; the angle goes against the clock.
  private static func sector(_ low: Double, _ high: Double, from start: Double, by span: Double) -> String {
    func point(_ radius: Double, _ angle: Double) -> String {
      "\(coordinate(radius * cos(angle))) \(coordinate(-radius * sin(angle)))"
    }
    // An arc cannot go all the way round.
    let pieces = span > 3 ? 2 : 1
    return (0..<pieces).map { piece in
      let part = span / Double(pieces)
      let (first, last) = (start + Double(piece) * part, start + Double(piece + 1) * part)
      let (inner, outer) = (coordinate(low), coordinate(high))
      let back =
        low > 0 ? "L\(point(low, last))A\(inner) \(inner) 0 0 1 \(point(low, first))" : "L0 0"
      return "M\(point(high, first))A\(outer) \(outer) 0 0 0 \(point(high, last))\(back)z"
    }.joined()
  }

  private func svg(
    _ subject: Subject, _ name: String, _ box: String, _ paths: [String: String], _ texts: String,
    edges: String
  ) -> String {
    let drawn = paths.sorted { $0.key < $1.key }.map { "<path class=\"\($0)\" d=\"\($1)\"/>" }
    return "<svg viewBox=\"\(box)\" role=\"img\"><title>\(subject.title), \(name)</title>"
      + "<g shape-rendering=\"\(edges)\">\(drawn.joined(separator: "\n"))</g>\(texts)</svg>"
  }

  /// What the colours of energies stand for.
  var energyLegend: String {
    let cells = (0..<ColorScale.levels).map {
      "<rect class=\"v\($0)\" x=\"\($0 * 6)\" width=\"6.5\" height=\"10\"/>"
    }
    return legend(cells, width: ColorScale.levels * 6)
      + "mean energy from \(Self.short(power10(top - Self.orders))) MeV or less to "
      + "\(Self.short(power10(top))) MeV"
  }

  /// Two digits and what follows them.
  private static func short(_ value: Double) -> String {
    decimals(value, max(1 - Int(log10(value).rounded(.down)), 0))
  }

  /// What the colours of ratios stand for.
  var ratioLegend: String {
    let cells = (0..<Self.ratioLevels).map {
      "<rect class=\"q\($0)\" x=\"\($0 * 12)\" width=\"12.5\" height=\"10\"/>"
    }
    return legend(cells, width: Self.ratioLevels * 12)
      + "samples / reference from ¼ or less to 4 or more"
  }

  private func legend(_ cells: [String], width: Int) -> String {
    "<svg class=\"legend\" viewBox=\"0 0 \(width) 10\" style=\"width:\(width)px\">\(cells.joined())</svg> "
  }
}
