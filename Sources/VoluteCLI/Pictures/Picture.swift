import Volute

/// The middle slices of what goes in and what comes out, as a drawing that follows the reader's light or dark theme.
struct Picture {
  private static let panel = 200.0
  private static let gap = 24.0
  private static let margin = 24.0
  private static let lineWidth = 448.0
  private static let lineHeight = 96.0

  private let title: String
  private let rows: [Row]

  /// One tensor: its slices beside each other, and the scale of their colours.
  private struct Row {
    let label: String
    let slices: [Slice]
    let scale: ColorScale

    init(_ name: String, _ tensor: Tensor, rank: Int) {
      slices = Slice.middle(of: tensor, rank: min(rank, 3))
      scale = ColorScale(slices.flatMap(\.values))
      var label = "\(name) \(tensor.shape) \(tensor.dtype.rawValue)"
      let step = slices.map(\.step).max() ?? 1
      if step > 1 { label += ", every \(ordinal(step)) element of the sides above \(Slice.longest)" }
      self.label = label
    }
  }

  /// - Parameters:
  ///   - rank: the number of spatial axes.
  ///   - columns: which of the two are columns of windows, a plane whatever the rank.
  init(title: String, input: Tensor, output: Tensor, rank: Int, columns: Columns = .none) {
    self.title = title
    rows = [
      Row("input", input, rank: columns == .input ? 2 : rank),
      Row("output", output, rank: columns == .output ? 2 : rank),
    ]
  }

  /// The tensor, if any, whose last two axes are rows and positions of windows.
  enum Columns {
    case none, input, output
  }

  var svg: String {
    let widest = rows.map { max($0.slices.count, 1) }.max() ?? 1
    let width = max(
      2 * Self.margin + Double(widest) * (Self.panel + Self.gap) - Self.gap, 560,
      2 * Self.margin + 9 * Double(title.count))
    var y = Self.margin + 16
    var body = text(title, x: Self.margin, y: y, style: "title")
    for row in rows {
      y += 34
      body += text(row.label, x: Self.margin, y: y)
      y += 12
      let heights = row.slices.enumerated().map { index, slice in
        let x = Self.margin + Double(index) * (Self.panel + Self.gap)
        let (drawing, height) = panel(slice, row.scale, x: x, y: y)
        body += drawing
        return height
      }
      y += heights.max() ?? 0
      if row.slices.isEmpty {
        body += text("nothing: the tensor is empty", x: Self.margin, y: y, style: "small")
      }
      body += row.slices.first?.isLine == true ? range(row.scale, y: y + 17) : legend(row.scale, y: y + 8)
      y += 20
    }
    let height = y + Self.margin
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" \
      width="\(number(width))" height="\(number(height))" role="img">
      <title>\(escaped(title))</title>
      <style>
      svg{color:#1a1a1a;font:14px system-ui,sans-serif}
      .page{fill:#fff}text{fill:currentColor}.title{font-weight:600;font-size:16px}.small{font-size:12px;opacity:.75}
      .frame{fill:none;stroke:currentColor;stroke-opacity:.3}.line{fill:none;stroke:currentColor;stroke-width:1.5}
      \(ColorScale.styles)
      @media(prefers-color-scheme:dark){svg{color:#e8e8e8}.page{fill:#16181c}}
      </style>
      <rect class="page" width="100%" height="100%"/>
      \(body)</svg>

      """
  }

  /// One slice with its caption below; returns the drawing and its height, caption included.
  private func panel(_ slice: Slice, _ scale: ColorScale, x: Double, y: Double) -> (String, Double) {
    let cell = Self.panel / Double(max(slice.rows, slice.columns))
    let width = slice.isLine ? Self.lineWidth : cell * Double(slice.columns)
    // Very flat planes are stretched until something is to be seen.
    let height = slice.isLine ? Self.lineHeight : max(cell * Double(slice.rows), Self.panel / 8)
    let content = slice.isLine ? curve(slice, scale, x: x, y: y) : cells(slice, scale)
    let placed =
      slice.isLine
      ? content
      : """
      <g transform="translate(\(number(x)) \(number(y))) scale(\(number(width / Double(slice.columns))) \
      \(number(height / Double(slice.rows))))" shape-rendering="crispEdges">
      \(content)</g>

      """
    let frame =
      "<rect class=\"frame\" x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" "
      + "height=\"\(number(height))\"/>\n"
    guard let caption = slice.caption else { return (placed + frame, height) }
    return (placed + frame + text(caption, x: x, y: y + height + 14, style: "small"), height + 14)
  }

  /// Runs of one colour as one path a colour.
  private func cells(_ slice: Slice, _ scale: ColorScale) -> String {
    var paths = Array(repeating: "", count: ColorScale.levels + 1)
    for row in 0..<slice.rows {
      var column = 0
      while column < slice.columns {
        let level = scale.level(slice.values[row * slice.columns + column])
        let first = column
        repeat {
          column += 1
        } while column < slice.columns && scale.level(slice.values[row * slice.columns + column]) == level
        paths[level] += "M\(first) \(row)h\(column - first)v1h-\(column - first)z"
      }
    }
    return paths.enumerated().filter { !$1.isEmpty }
      .map { "<path class=\"v\($0)\" d=\"\($1)\"/>\n" }.joined()
  }

  /// A line of numbers as steps, the largest at the top.
  private func curve(_ slice: Slice, _ scale: ColorScale, x: Double, y: Double) -> String {
    let step = Self.lineWidth / Double(slice.columns)
    var path = ""
    var isDrawing = false
    for (column, value) in slice.values.enumerated() {
      guard let place = scale.place(value) else {
        isDrawing = false
        continue
      }
      let (left, level) = (x + Double(column) * step, y + Self.lineHeight * (0.96 - 0.92 * place))
      path += "\(isDrawing ? "L" : "M")\(number(left)) \(number(level))h\(number(step))"
      isDrawing = true
    }
    return "<path class=\"line\" d=\"\(path)\"/>\n"
  }

  /// The colours from the least to the largest value shown.
  private func legend(_ scale: ColorScale, y: Double) -> String {
    let width = 96.0 / Double(ColorScale.levels)
    let label = significant(scale.least)
    let x = Self.margin + 8 + 7 * Double(label.count)
    let bar = (0..<ColorScale.levels).map {
      "<rect class=\"v\($0)\" x=\"\(number(x + Double($0) * width))\" y=\"\(number(y))\" "
        + "width=\"\(number(width + 0.2))\" height=\"10\"/>"
    }
    return text(label, x: Self.margin, y: y + 9, style: "small") + bar.joined() + "\n"
      + text(significant(scale.most), x: x + 104, y: y + 9, style: "small")
  }

  /// What the top and the bottom of a curve stand for.
  private func range(_ scale: ColorScale, y: Double) -> String {
    text(
      "from \(significant(scale.least)) at the bottom to \(significant(scale.most)) at the top",
      x: Self.margin,
      y: y, style: "small")
  }

  private func text(_ text: String, x: Double, y: Double, style: String? = nil) -> String {
    let attribute = style.map { " class=\"\($0)\"" } ?? ""
    return "<text\(attribute) x=\"\(number(x))\" y=\"\(number(y))\">\(escaped(text))</text>\n"
  }
}

/// `2nd`, `3rd`, `4th`.
private func ordinal(_ value: Int) -> String {
  let endings = [1: "st", 2: "nd", 3: "rd"]
  return "\(value)" + ((11...13).contains(value % 100) ? "th" : endings[value % 10] ?? "th")
}

/// A coordinate, to three decimals.
private func number(_ value: Double) -> String { plain((value * 1000).rounded() / 1000) }

/// A value in about four digits.
private func significant(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return plain(value) }
  let magnitude = abs(value)
  guard (0.001..<1e6).contains(magnitude) else { return "\(Float(value))" }
  let scale = magnitude >= 1000 ? 1.0 : magnitude >= 10 ? 100 : magnitude >= 0.1 ? 1000 : 100_000
  return plain((value * scale).rounded() / scale)
}

private func escaped(_ text: String) -> String {
  text.reduce(into: "") { result, character in
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
}
