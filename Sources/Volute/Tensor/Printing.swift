import VoluteEngine

/// What PyTorch's `set_printoptions` starts with.
private enum PrintOptions {
  static let precision = 4
  /// A tensor with more elements than this shows only the edges of its axes.
  static let threshold = 1000
  static let edgeItems = 3
  static let lineWidth = 80
}

extension Tensor: CustomStringConvertible {
  /// The text that PyTorch prints for the same tensor.
  ///
  /// ```swift
  /// print(Tensor([[1, 2.5], [-3, 4]] as [[Float]]))
  /// // tensor([[ 1.0000,  2.5000],
  /// //         [-3.0000,  4.0000]])
  /// ```
  public var description: String {
    var suffixes: [String] = []
    var contents = "[]"
    if count == 0 {
      if rank != 1 { suffixes.append("size=(" + shape.map(String.init).joined(separator: ", ") + ")") }
      // Without elements even the integers' type has to be said.
      if dtype != .float32 { suffixes.append("dtype=torch." + dtype.rawValue) }
    } else {
      if ![.float32, .int64, .bool].contains(dtype) { suffixes.append("dtype=torch." + dtype.rawValue) }
      contents = PrintedElements(detached()).text(indent: "tensor(".count)
    }
    if let function = gradientFunction {
      suffixes.append("grad_fn=<\(function.name)>")
    } else if requiresGrad {
      suffixes.append("requires_grad=True")
    }
    return Tensor.adding(suffixes, to: "tensor(" + contents)
  }

  /// Puts a suffix on a line of its own where it would not fit.
  private static func adding(_ suffixes: [String], to text: String) -> String {
    var result = text
    // PyTorch takes the last line for two columns longer than it is.
    var length = result.reversed().prefix { $0 != "\n" }.count + 2
    for suffix in suffixes {
      if length + suffix.count + 2 > PrintOptions.lineWidth {
        let indent = "tensor(".count
        result += ",\n" + String(repeating: " ", count: indent) + suffix
        length = indent + suffix.count
      } else {
        result += ", " + suffix
        length += suffix.count + 2
      }
    }
    return result + ")"
  }
}

/// The elements of a tensor that its text shows, written and padded to one width.
private struct PrintedElements {
  /// Sizes of the part that is shown.
  let shape: [Int]
  /// Whether each axis leaves out its middle.
  let isCut: [Bool]
  let texts: [String]
  let width: Int

  init(_ tensor: Tensor) {
    let summarizes = tensor.count > PrintOptions.threshold
    let edges = PrintOptions.edgeItems
    isCut = tensor.shape.map { summarizes && $0 > 2 * edges }
    // Both edges of an axis are one window: two steps of nearly the whole axis, each of a few elements.
    var sizes: [Int] = []
    var strides: [Int] = []
    for (axis, size) in tensor.shape.enumerated() {
      sizes += isCut[axis] ? [2, edges] : [size]
      strides += isCut[axis] ? [(size - edges) * tensor.strides[axis]] : []
      strides.append(tensor.strides[axis])
    }
    shape = zip(tensor.shape, isCut).map { $1 ? 2 * edges : $0 }
    (texts, width) = PrintedElements.write(tensor.view(shape: sizes, strides: strides))
  }

  private static func write(_ tensor: Tensor) -> (texts: [String], width: Int) {
    var texts: [String]
    var width: Int
    switch tensor.dtype.category {
    case .boolean:
      texts = tensor.elements(as: Bool.self).map { $0 ? "True" : "False" }
      width = texts.map(\.count).max() ?? 1
    case .integer:
      texts = tensor.elements(as: Int64.self).map(\.description)
      width = texts.map(\.count).max() ?? 1
    case .floating:
      let values = tensor.elements(as: Double.self)
      let format = RealFormat(values)
      texts = values.map(format.text)
      width = format.width
    }
    for index in texts.indices { texts[index] = padded(texts[index], to: width) }
    return (texts, width)
  }

  private static func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }

  /// The brackets and what is in them, to be put `indent` columns from the left.
  func text(indent: Int) -> String {
    var next = 0
    return shape.isEmpty ? texts[0] : text(axis: 0, indent: indent, next: &next)
  }

  /// The slice along `axis` that starts with element `next`, which is moved past it.
  private func text(axis: Int, indent: Int, next: inout Int) -> String {
    let isRow = axis == shape.count - 1
    var parts: [String] = []
    for index in 0..<shape[axis] {
      if isCut[axis] && index == PrintOptions.edgeItems { parts.append(isRow ? " ..." : "...") }
      if isRow {
        parts.append(texts[next])
        next += 1
      } else {
        parts.append(text(axis: axis + 1, indent: indent + 1, next: &next))
      }
    }
    let margin = String(repeating: " ", count: indent + 1)
    if !isRow {
      let breaks = String(repeating: "\n", count: shape.count - 1 - axis)
      return "[" + parts.joined(separator: "," + breaks + margin) + "]"
    }
    let perLine = max(1, (PrintOptions.lineWidth - indent) / (width + 2))
    let lines = stride(from: 0, to: parts.count, by: perLine).map {
      parts[$0..<min($0 + perLine, parts.count)].joined(separator: ", ")
    }
    return "[" + lines.joined(separator: ",\n" + margin) + "]"
  }
}

/// How the real numbers of one tensor are written: all in the same way, decided by the finite ones that are not 0.
private struct RealFormat {
  let isInteger: Bool
  let isScientific: Bool
  /// The longest text of those that decide.
  private(set) var width = 1

  init(_ values: [Double]) {
    let deciding = values.filter { $0.isFinite && $0 != 0 }
    let smallest = deciding.map(\.magnitude).min() ?? 1
    let largest = deciding.map(\.magnitude).max() ?? 1
    isInteger = deciding.allSatisfy { $0 == $0.rounded(.up) }
    isScientific = largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4
    width = deciding.map { text($0).count }.max() ?? 1
  }

  func text(_ value: Double) -> String {
    if isScientific { return numberText(value, digits: PrintOptions.precision, isScientific: true) }
    if isInteger { return numberText(value, digits: 0) + (value.isFinite ? "." : "") }
    return numberText(value, digits: PrintOptions.precision)
  }
}
