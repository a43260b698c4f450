import VoluteModels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Two histograms over each other, with their axis, as a drawing.
struct HistogramFigure {
  private static let size = (width: 320.0, height: 150.0)

  let histograms: HistogramPair
  /// Draws the shares by their logarithms.
  var hasLogarithmicHeights = false
  /// Draws all bins equally wide, with the edges written below.
  var hasEqualBins = false

  var svg: String {
    let (width, height) = Self.size
    let pair = histograms
    let values = pair.reference + pair.samples
    let top = max(values.max() ?? 0, 1e-12)
    // Four orders of magnitude are seen.
    func share(_ value: Double) -> Double {
      hasLogarithmicHeights ? max(1 + log10(max(value / top, 1e-9)) / 4, 0) : value / top
    }
    func y(_ value: Double) -> String { coordinate(height - share(value) * (height - 8)) }
    let (low, high) = (pair.edges[0], max(pair.edges[pair.edges.count - 1], pair.edges[0] + 1e-300))
    func place(_ index: Int) -> Double {
      hasEqualBins
        ? Double(index) / Double(pair.reference.count) * width
        : (pair.edges[index] - low) / (high - low) * width
    }
    var bars = "M0 \(coordinate(height))"
    var line = bars
    for index in pair.reference.indices {
      let right = coordinate(place(index + 1))
      bars += "V\(y(pair.reference[index]))H\(right)"
      line += "V\(y(pair.samples[index]))H\(right)"
    }
    bars += "V\(coordinate(height))Z"
    line += "V\(coordinate(height))"
    return """
      <svg viewBox="-14 0 348 172" role="img">
      <path class="reference" d="\(bars)"/><path class="samples" d="\(line)"/>
      <path class="axis" d="M0 150H320"/>\(ticks(low, high, place))
      </svg>
      """
  }

  private func ticks(_ low: Double, _ high: Double, _ place: (Int) -> Double) -> String {
    let (width, height) = Self.size
    var marks: [(x: Double, text: String)] = []
    if hasEqualBins {
      let step = max((histograms.edges.count + 5) / 6, 1)
      marks = stride(from: 0, to: histograms.edges.count, by: step).map {
        (place($0), plain((histograms.edges[$0] * 100).rounded() / 100))
      }
    } else if histograms.isLogarithmic {
      let step = max(((high - low) / 5).rounded(.up), 1)
      marks = stride(from: low.rounded(.up), through: high, by: step).map { exponent in
        (
          (exponent - low) / (high - low) * width,
          (-2...3).contains(exponent) ? plain(power10(exponent)) : "1e\(Int(exponent))"
        )
      }
      if marks.count < 2 {
        marks = [
          (0, short(power10(low), 0.01 * power10(low))), (width, short(power10(high), 0.01 * power10(high))),
        ]
      }
    } else {
      let step = niceStep((high - low) / 4)
      marks = stride(from: (low / step).rounded(.up) * step, through: high + step * 1e-9, by: step).map {
        (($0 - low) / (high - low) * width, short($0, step))
      }
    }
    return marks.map { mark in
      let x = coordinate(mark.x)
      return "<path class=\"axis\" d=\"M\(x) \(coordinate(height))v4\"/>"
        + "<text x=\"\(x)\" y=\"167\" text-anchor=\"middle\">\(mark.text)</text>"
    }.joined()
  }

  /// 1, 2 or 5 times a power of ten, no less than what is given.
  private func niceStep(_ least: Double) -> Double {
    guard least > 0, least.isFinite else { return 1 }
    let power = power10(log10(least).rounded(.down))
    return ([1, 2, 5, 10].first { $0 * power >= least * 0.999 } ?? 10) * power
  }

  /// A number in as many decimals as the step between ticks has.
  private func short(_ value: Double, _ step: Double) -> String {
    let places = max(-Int(log10(step).rounded(.down)), 0)
    if places > 6 || abs(value) >= 1e6 { return "\(Float(value))" }
    return decimals(abs(value) < step / 1000 ? 0 : value, places)
  }
}

/// A coordinate in a drawing, to two decimals.
func coordinate(_ value: Double) -> String { plain((value * 100).rounded() / 100) }

func power10(_ exponent: Double) -> Double { pow(10, exponent) }
