import Volute

/// What `apply` and `shape` say about an operation.
struct Report {
  private static let labelWidth = 15

  let title: String
  let shapes: Shapes
  let plan: Plan
  let dtype: DType

  /// Shapes, the formula with its numbers, and the cost.
  var text: String {
    var rows = [("input", "\(shapes.input)  \(dtype.rawValue)")]
    if let weight = shapes.weight { rows.append(("weight", "\(weight)")) }
    rows.append(("output", "\(plan.output)" + (plan.hasIndices ? "  and indices, int64" : "")))
    rows += [("", ""), ("output size", plan.rule)]
    rows += formulas
    if let note = plan.note { rows.append(("", note)) }
    rows += [("", "")] + cost
    return Terminal.output.styled(title, .bold) + "\n" + Self.text(rows)
  }

  /// Rows of a label and what it stands before.
  static func text(_ rows: [(String, String)]) -> String {
    rows.map { label, value in
      if label.isEmpty && value.isEmpty { return "\n" }
      return "  " + Terminal.output.styled(padded(label, labelWidth), .dim) + value + "\n"
    }.joined()
  }

  private var formulas: [(String, String)] {
    let lines = plan.formulas
    if lines.count > 1 && Set(lines).count == 1 { return [("each axis", lines[0])] }
    return lines.enumerated().map { (lines.count == 1 ? "the axis" : "axis \($0)", $1) }
  }

  private var cost: [(String, String)] {
    var rows = [("parameters", grouped(plan.parameters))]
    if let (count, unit) = plan.otherWork {
      rows.append(("multiply-adds", "none; \(countText(count)) \(unit)"))
    } else {
      rows.append(("multiply-adds", countText(plan.multiplyAdds)))
    }
    let size = Double(dtype.size)
    let parts = [
      ("input", volume(shapes.input) * size), ("parameters", Double(plan.parameters) * size),
      ("output", volume(plan.output) * size), ("indices", plan.hasIndices ? volume(plan.output) * 8 : 0),
    ]
    let listing = parts.filter { $0.1 > 0 }.map { "\($0.0) \(scaled($0.1, unit: "B"))" }
    let total = parts.reduce(0) { $0 + $1.1 }
    rows.append(("bytes", "\(scaled(total, unit: "B")): \(listing.joined(separator: ", "))"))
    return rows
  }
}
