import Volute
import VoluteArithmetic

extension Explanation {
  /// The most elements of a drawing.
  private static let largestDrawing = 4096

  /// Sizes and receptive field after each item.
  public var summary: String {
    var text = ""
    for step in stack.steps {
      let name =
        switch step.item {
        case .layer: step.layer?.name ?? ""
        case .save: "save"
        case .join: "join"
        }
      text += "\(name)  \(sizes(step.layer?.inputSize ?? step.size)) → \(sizes(step.size))\n"
      if let kept = step.kept, !step.meets {
        text += "  does not meet    \(sizes(kept))\n"
        for (axis, mends) in step.mends.enumerated() {
          for mend in mends { text += "  mend of axis \(axis)   \(mend)\n" }
        }
      }
      guard let layer = step.layer else { continue }
      for (axis, formula) in layer.formulas.enumerated() where !layer.formulas[..<axis].contains(formula) {
        text += "  size             \(formula)\n"
      }
      text +=
        "  window           \(sizes(layer.axes.map(\.kernel))) taps over \(sizes(layer.axes.map(\.extent)))\n"
      text += "  receptive field  \(sizes(step.field.map(\.size))), stride \(list(step.field.map(\.stride)))"
      let offsets = step.field.compactMap(\.offset)
      text += offsets.count == rank ? ", middle of the first \(list(offsets))\n" : "\n"
      if layer.isTransposed {
        for (axis, remedy) in layer.axes.map({ Checkerboard($0).remedy($0) }).enumerated() {
          if let remedy { text += "  axis \(axis)           \(remedy)\n" }
        }
      }
    }
    return text
  }

  /// The inputs that an output sees, drawn: taps of a single layer, ways through several.
  ///
  /// - Throws: `ShapeError` when there is no such output, or more than can be drawn.
  public func drawingOfInputs(seenFrom place: [Int]) throws(ShapeError) -> String {
    let seen = try sees(place)
    return "output \(list(place)) sees \(count(seen.count, "input"))\(legend)\n"
      + (try grid(stack.inputSize, seen))
  }

  /// The outputs that an input reaches, drawn alike.
  ///
  /// - Throws: `ShapeError` when there is no such input, or more than can be drawn.
  public func drawingOfOutputs(reachedFrom place: [Int]) throws(ShapeError) -> String {
    let reached = try reaches(place)
    return "input \(list(place)) reaches \(count(reached.count, "output"))\(legend)\n"
      + (try grid(stack.outputSize, reached))
  }

  /// How often each input is read.
  ///
  /// - Throws: `ShapeError` when there is more than can be drawn.
  public func drawingOfReads() throws(ShapeError) -> String {
    try checkDrawing(stack.inputSize)
    return "how often each input is read\n"
      + TextGrid(size: stack.inputSize, cells: try reads().map(decimal)).text
  }

  /// In how many ways each output is made.
  ///
  /// - Throws: `ShapeError` when there is more than can be drawn.
  public func drawingOfOverlap() throws(ShapeError) -> String {
    try checkDrawing(stack.outputSize)
    return "how many products each output adds up\n"
      + TextGrid(size: stack.outputSize, cells: try overlap().map(decimal)).text
  }

  /// Each output in turn, with the sum that makes it: inputs 0, 1, 2, ... and weights 1, 2, 3, ...
  ///
  /// - Throws: `ShapeError` for anything but a single layer of a size that can be read.
  public func steps() throws(ShapeError) -> String {
    guard stack.steps.count == 1, let layer = stack.layers.first else {
      throw ShapeError("explain", parameter: "steps", "step by step is for one layer")
    }
    let outputs = layer.outputSize.reduce(1.0) { $0 * Double($1) }
    guard outputs <= 256 else {
      throw ShapeError(
        layer.name, parameter: "steps", "\(decimal(outputs)) outputs are too many to go through",
        mend: "at most 256")
    }
    var text = ""
    let places = product(layer.outputSize.map { Array(0..<$0) })
    for (step, place) in places.enumerated() {
      let seen = try sees(place)
      text += (step == 0 ? "" : "\n") + "step \(step + 1): output \(list(place)) = \(sum(seen, layer))\n"
      text += try grid(stack.inputSize, seen)
    }
    return text
  }

  private var rank: Int { stack.rank }

  private var legend: String {
    stack.steps.count == 1 ? "; numbers are taps, counted from 0 in rows" : "; numbers are ways"
  }

  /// The numbers of a sum, with its result.
  private func sum(_ seen: [Met], _ layer: ResolvedLayer) -> String {
    if seen.isEmpty { return "0, of nothing" }
    let inputs = seen.map { flat($0.place, stack.inputSize) }
    if layer.kind == .maxPool {
      return "max(\(list(inputs))) = \(inputs.max() ?? 0)"
    }
    if layer.kind == .averagePool { return "mean of \(list(inputs))" }
    var (terms, total) = ([String](), 0)
    for (element, input) in zip(seen, inputs) {
      for tap in element.taps {
        let weight = flat(tap, layer.axes.map(\.kernel)) + 1
        terms.append("\(input)·\(weight)")
        total += input * weight
      }
    }
    return terms.joined(separator: " + ") + " = \(total)"
  }

  private func grid(_ size: [Int], _ met: [Met]) throws(ShapeError) -> String {
    try checkDrawing(size)
    let kernel = stack.layers.first?.axes.map(\.kernel) ?? []
    let marks = met.map { element -> (place: [Int], text: String) in
      let taps = element.taps.map { "\(flat($0, kernel))" }.joined(separator: "+")
      return (element.place, element.taps.isEmpty ? decimal(element.ways) : taps)
    }
    return TextGrid(size: size, marks: marks).text
  }

  private func checkDrawing(_ size: [Int]) throws(ShapeError) {
    guard size.reduce(1.0, { $0 * Double($1) }) <= Double(Self.largestDrawing) else {
      throw ShapeError(
        "explain", parameter: "input", "a drawing of \(sizeText(size)) elements is too large to read",
        mend: "at most \(Self.largestDrawing); --json takes more")
    }
  }
}

func flat(_ place: [Int], _ size: [Int]) -> Int { zip(place, size).reduce(0) { $0 * $1.1 + $1.0 } }

private func sizes(_ values: [Int]) -> String { values.map(String.init).joined(separator: " x ") }

private func list(_ values: [some CustomStringConvertible]) -> String {
  values.map(\.description).joined(separator: ", ")
}

private func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
