import Volute
import VoluteArithmetic

/// A layer at work, as a drawing that moves by itself: a self-contained SVG that follows the reader's light or dark
/// theme, stands still where reduced motion is asked for, and pauses under the pointer.
///
/// One side of a layer has a window that moves over it, padding included: the input of a convolution or a pooling,
/// the output of a transposed convolution. Each element of the other side is one place of the window, and one step.
public struct Animation: Sendable {
  /// The most steps, and the most elements on a side, padding included.
  public static let largest = 1024

  private let layer: ResolvedLayer
  private let numbers: ExampleNumbers?
  private let input: Panel
  private let output: Panel
  /// The places of the window, which are the elements of the side that it does not lie on.
  private let steps: [[Int]]

  /// - Throws: `ShapeError` for more than three axes, or more than can be drawn.
  public init(_ layer: ResolvedLayer) throws(ShapeError) {
    guard layer.rank <= 3 else {
      throw ShapeError(
        layer.name, parameter: "input", "\(layer.rank) axes cannot be drawn", mend: "at most 3")
    }
    let (window, places) =
      layer.isTransposed ? (layer.outputSize, layer.inputSize) : (layer.inputSize, layer.outputSize)
    let reach = layer.axes.indices.map { index -> Range<Int> in
      let axis = layer.axes[index]
      let end = (places[index] - 1) * axis.stride - axis.paddingBefore + axis.extent
      return -axis.paddingBefore..<max(window[index] + axis.paddingAfter, end)
    }
    for sizes in [reach.map(\.count), places, layer.axes.map(\.kernel)] {
      let count = sizes.reduce(1.0) { $0 * Double($1) }
      guard count <= Double(Self.largest), count >= 1 else {
        throw ShapeError(
          layer.name, parameter: "input", "a drawing of \(sizeText(sizes)) elements cannot be read",
          mend: "at most \(Self.largest) elements, padding included")
      }
    }
    self.layer = layer
    steps = product(places.map { Array(0..<$0) })
    let moved: Panel
    let rest: Panel
    if layer.rank == 1, layer.axes[0].mode == .circular {
      let radius = max(70, Panel.cell * Double(max(window[0], places[0])) / 6)
      moved = Panel(ring: window[0], inner: radius, outer: radius + Panel.cell)
      let inside = radius - 1.35 * Panel.cell
      rest = Panel(ring: places[0], inner: inside, outer: inside + Panel.cell)
    } else {
      moved = Panel(reach)
      rest = Panel(places.map { 0..<$0 })
    }
    (input, output) = layer.isTransposed ? (rest, moved) : (moved, rest)
    let isSmall =
      max(reach.reduce(1) { $0 * $1.count }, steps.count) <= 144
      && layer.axes.reduce(1) { $0 * $1.kernel } <= 49
    numbers = isSmall ? try ExampleNumbers(layer) : nil
  }

  /// The drawing that moves.
  public var svg: String { drawing(still: nil) }

  /// The drawing at the step of one output, or, of a transposed convolution, of one input.
  ///
  /// - Throws: `ShapeError` for a place that there is not.
  public func still(at place: [Int]) throws(ShapeError) -> String {
    guard let step = steps.firstIndex(of: place) else {
      throw ShapeError(
        layer.name, parameter: layer.isTransposed ? "input" : "output",
        "there is no step at \(place)", mend: "from 0, one number an axis")
    }
    return drawing(still: step)
  }

  private var window: Panel { layer.isTransposed ? output : input }
  private var pointer: Panel { layer.isTransposed ? input : output }

  // MARK: - Time

  private var secondsAStep: Double { min(max(24 / Double(steps.count), 0.12), 0.7) }
  /// Steps at the end, to look at the result.
  private var rest: Int { max(3, steps.count / 10) }
  private var duration: Double { Double(steps.count + rest) * secondsAStep }

  private func percent(_ step: Int) -> String {
    "\(number(100 * Double(step) / Double(steps.count + rest)))%"
  }

  private var keyframes: String {
    func movement(_ name: String, _ panel: Panel, _ offset: ([Int]) -> [Int]) -> String {
      let frames = steps.enumerated().map { "\(percent($0)){transform:\(panel.motion(offset($1)))}" }
      let last = steps.last.map { "to{transform:\(panel.motion(offset($0)))}" } ?? ""
      return "@keyframes \(name){\(frames.joined())\(last)}\n"
    }
    var text = movement("w", window) { zip($0, layer.axes).map { $0 * $1.stride } }
    text += movement("p", pointer) { $0 }
    for step in steps.indices {
      if step > 0 { text += "@keyframes f\(step){0%{opacity:0}\(percent(step)){opacity:1}}\n" }
    }
    for step in Set(numbers?.sums.flatMap { $0.dropFirst().map(\.input) } ?? []).sorted() {
      text += "@keyframes u\(step){0%{opacity:1}\(percent(step)){opacity:0}}\n"
    }
    return text
  }

  // MARK: - Drawing

  private func drawing(still: Int?) -> String {
    let margin = 24.0
    let isRing = input.isRing
    let (a, b) = (input.bounds, output.bounds)
    let gap = 60.0
    let left = Point(x: margin - a.0.x, y: 0)
    let right =
      isRing ? left : Point(x: margin + (a.1.x - a.0.x) + gap - b.0.x, y: 0)
    let contentWidth = isRing ? max(a.1.x, b.1.x) * 2 : (a.1.x - a.0.x) + gap + (b.1.x - b.0.x)
    let contentHeight = max(a.1.y - a.0.y, b.1.y - b.0.y)
    let width = max(contentWidth + 2 * margin, 8.2 * Double(max(title.count, caption.count)) + 2 * margin)
    let top = 86.0
    let height = top + contentHeight + margin
    let shift = (width - contentWidth - 2 * margin) / 2
    func origin(_ side: Point, _ bounds: (Point, Point)) -> String {
      let x = isRing ? width / 2 : side.x + shift
      let y =
        isRing ? top + contentHeight / 2 : top - bounds.0.y + (contentHeight - (bounds.1.y - bounds.0.y)) / 2
      return "translate(\(number(x)) \(number(y)))"
    }
    let heads =
      isRing
      ? label(ringLabel, x: width / 2, y: 74)
      : label("input", x: left.x + shift + (a.0.x + a.1.x) / 2, y: 74)
        + label("output", x: right.x + shift + (b.0.x + b.1.x) / 2, y: 74)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" \
      width="\(number(width))" height="\(number(height))" role="img">
      <title>\(title)</title>
      <desc>\(caption)</desc>
      <style>
      \(Self.styles)
      \(still == nil ? motion : "")</style>
      <rect class="page" width="100%" height="100%"/>
      <text class="title" x="\(number(width / 2))" y="30">\(title)</text>
      <text class="small" x="\(number(width / 2))" y="50">\(caption)</text>
      \(heads)<g transform="\(origin(left, a))">
      \(panel(input, isInput: true, still: still))</g>
      <g transform="\(origin(right, b))">
      \(panel(output, isInput: false, still: still))</g>
      </svg>

      """
  }

  private var motion: String {
    """
    .w,.p,.f{animation:\(number(duration))s step-end infinite}.w{animation-name:w}.p{animation-name:p}
    svg:hover *{animation-play-state:paused}
    @media(prefers-reduced-motion:reduce){*{animation:none!important}}
    \(keyframes)
    """
  }

  /// The elements of one side, its padding, and what moves over it.
  private func panel(_ panel: Panel, isInput: Bool, still: Int?) -> String {
    let size = isInput ? layer.inputSize : layer.outputSize
    let isWindowSide = isInput != layer.isTransposed
    let values = isInput ? numbers?.input : numbers?.output
    var text = ""
    for place in product(panel.positions.map(Array.init)) {
      let isInside = zip(place, size).allSatisfy { (0..<$1).contains($0) }
      if !isInside {
        // Outside of the elements: padding, and what is read there; beyond it, nothing.
        let sources = zip(zip(layer.axes, size), place).map { $0.0.mode.source(of: $1, size: $0.1) }
        let isPadding = zip(zip(layer.axes, size), place).allSatisfy { axis, at in
          at < axis.1 + axis.0.paddingAfter
        }
        let kind = !isPadding ? "over" : sources.contains(-1) ? "zero" : "copy"
        text += "<path class=\"\(kind)\" d=\"\(panel.outline(place))\"/>"
        if isPadding, isInput, let values {
          let value = sources.contains(-1) ? (layer.kind == .maxPool ? "" : "0") : values[flat(sources, size)]
          text += number(value, panel.center(place), "faint")
        }
        text += "\n"
        continue
      }
      text += "<path class=\"\(isInput ? "in" : "empty")\" d=\"\(panel.outline(place))\"/>"
      if isInput, let values { text += number(values[flat(place, size)], panel.center(place), "n") }
      text += "\n"
    }
    if !isInput { text += results(panel, still: still) }
    let marks =
      isWindowSide ? windowMarks(panel) : "<path class=\"here\" d=\"\(panel.outline(size.map { _ in 0 }))\"/>"
    let name = isWindowSide ? "w" : "p"
    guard let still else { return text + "<g class=\"\(name)\">\n\(marks)</g>\n" }
    let offset = isWindowSide ? zip(steps[still], layer.axes).map { $0 * $1.stride } : steps[still]
    return text + "<g style=\"transform:\(panel.motion(offset))\">\n\(marks)</g>\n"
  }

  /// The window at its first place.
  private func windowMarks(_ panel: Panel) -> String {
    let kernel = layer.axes.map(\.kernel)
    return product(kernel.map { Array(0..<$0) }).map { tap in
      let place = zip(tap, layer.axes).map { $0 * $1.dilation - $1.paddingBefore }
      var mark = "<path class=\"tap\" d=\"\(panel.outline(place))\"/>"
      // In sheets there is no room for a second number.
      if let weights = numbers?.weight, !weights.isEmpty, layer.rank < 3 {
        let aside = Point(x: panel.isRing ? 0 : 0.3 * Panel.cell, y: 0.34 * Panel.cell)
        mark += number(weights[flat(tap, kernel)], panel.center(place) + aside, "weight")
      }
      return mark + "\n"
    }.joined()
  }

  /// The outputs as they come about: at their own step, or, scattered to, with every step that adds to them.
  private func results(_ panel: Panel, still: Int?) -> String {
    let size = layer.outputSize
    let links = layer.links
    return product(size.map { Array(0..<$0) }).map { place in
      let index = flat(place, size)
      let outline = "<path class=\"out\" d=\"\(panel.outline(place))\"/>"
      guard layer.isTransposed else {
        let content = outline + number(numbers?.output[index], panel.center(place), "n")
        return appearing(content, from: index, until: nil, still: still)
      }
      let inputs = zip(links, place).map { Set($0.links[$1].map(\.input)).sorted() }
      let hits = product(inputs).map { flat($0, layer.inputSize) }.sorted()
      guard let first = hits.first else { return "" }
      var text = appearing(outline, from: first, until: nil, still: still)
      guard let numbers else { return text }
      let sums = numbers.sums[index]
      for (turn, sum) in sums.enumerated() {
        let next = turn + 1 < sums.count ? sums[turn + 1].input : nil
        text += appearing(
          number(sum.text, panel.center(place), "n"), from: sum.input, until: next, still: still)
      }
      return text
    }.joined()
  }

  /// What shows from one step on, until another; standing still, what is there at the end or at that step.
  private func appearing(_ content: String, from step: Int, until end: Int?, still: Int?) -> String {
    if let still {
      return step <= still && end.map({ still < $0 }) ?? true ? content + "\n" : ""
    }
    let appearance =
      step > 0 ? "<g class=\"f\" style=\"animation-name:f\(step)\">\(content)</g>\n" : content + "\n"
    guard let end else { return appearance }
    // What is replaced later on is hidden where nothing moves.
    return
      "<g class=\"gone\" style=\"animation:u\(end) \(number(duration))s step-end infinite\">\(appearance)</g>"
  }

  private func number(_ text: String?, _ center: Point, _ style: String) -> String {
    guard let text, !text.isEmpty else { return "" }
    return
      "<text class=\"\(style)\" x=\"\(number(center.x))\" y=\"\(number(center.y))\" dy=\".35em\">\(text)</text>"
  }

  private func number(_ value: Double) -> String { VoluteInsight.number(value) }

  private func label(_ text: String, x: Double, y: Double) -> String {
    "<text class=\"small\" x=\"\(number(x))\" y=\"\(number(y))\">\(text)</text>\n"
  }

  // MARK: - Words

  private var ringLabel: String {
    layer.isTransposed ? "input inside, output outside" : "input outside, output inside"
  }

  private var title: String {
    "\(layer.name): \(sizes(layer.inputSize)) → \(sizes(layer.outputSize))"
  }

  private var caption: String {
    let axes = layer.axes
    var parts = ["kernel \(sizes(axes.map(\.kernel)))"]
    func add(_ name: String, _ values: [String], unless plain: String) {
      if values.contains(where: { $0 != plain }) {
        parts.append("\(name) \(Set(values).count == 1 ? values[0] : values.joined(separator: ", "))")
      }
    }
    add("stride", axes.map { "\($0.stride)" }, unless: "1")
    add("dilation", axes.map { "\($0.dilation)" }, unless: "1")
    add(
      "padding",
      axes.map {
        $0.paddingBefore == $0.paddingAfter ? "\($0.paddingBefore)" : "\($0.paddingBefore):\($0.paddingAfter)"
      }, unless: "0")
    add("output padding", axes.map { "\($0.outputPadding)" }, unless: "0")
    let modes = axes.map { $0.paddingBefore + $0.paddingAfter == 0 ? PaddingMode.zeros : $0.mode }
    if modes.contains(where: { $0 != .zeros }) {
      parts.append((Set(modes).count == 1 ? [modes[0]] : modes).map(\.rawValue).joined(separator: ", "))
    }
    return parts.joined(separator: ", ")
  }

  private func sizes(_ values: [Int]) -> String { values.map(String.init).joined(separator: " × ") }

  private static let styles = """
    svg{color:#1f2a37;font:15px system-ui,sans-serif}text{fill:currentColor;text-anchor:middle}
    .page{fill:#fff}.title{font-weight:600;font-size:16px}.small{font-size:12.5px;opacity:.8}
    .in,.out,.empty,.zero,.copy,.over{stroke:#7b8794;stroke-width:1}
    .in{fill:#cfe2f6}.out{fill:#bce5cf}.empty{fill:#f4f6f8}.zero{fill:#fff;stroke-dasharray:3 3}
    .copy{fill:#e8eff8;stroke-dasharray:3 3}.over{fill:none;stroke-dasharray:1 4}
    .tap{fill:#f59e0b;fill-opacity:.3;stroke:#b45309;stroke-width:2}.here{fill:none;stroke:#b45309;stroke-width:3}
    .faint{opacity:.6}.weight{font-size:10px;font-weight:600}.gone{opacity:0}
    @media(prefers-color-scheme:dark){svg{color:#e7ecf2}.page{fill:#14181d}.in,.out,.empty,.zero,.copy,.over{stroke:#66717e}
    .in{fill:#1e3a5c}.out{fill:#1d4d36}.empty{fill:#1b2026}.zero{fill:#14181d}.copy{fill:#1a2a3f}
    .tap,.here{stroke:#fbbf24}}
    """
}
