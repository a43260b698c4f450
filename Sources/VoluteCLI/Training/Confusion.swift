/// How often each class was taken for each.
struct Confusion {
  /// By what was shown, then by what was said.
  private(set) var counts: [[Int]]

  init(classes: Int) { counts = Array(repeating: Array(repeating: 0, count: classes), count: classes) }

  mutating func add(shown: [Int], said: [Int]) {
    for (shown, said) in zip(shown, said) { counts[shown][said] += 1 }
  }

  var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }
  var right: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  /// The share that was right.
  var accuracy: Double { total == 0 ? 0 : Double(right) / Double(total) }

  /// Rows of what was shown, columns of what was said.
  var text: String {
    let width = max(4, "\(counts.joined().max() ?? 0)".count + 1)
    func cell(_ text: String) -> String { String(repeating: " ", count: width - text.count) + text }
    let head =
      "        said" + "\n" + "  shown" + counts.indices.map { cell("\($0)") }.joined() + "   right\n"
    let rows = counts.enumerated().map { shown, row in
      let all = row.reduce(0, +)
      let cells = row.enumerated().map { said, count in
        let text = cell(count == 0 ? "·" : "\(count)")
        return said == shown ? Terminal.output.styled(text, .bold) : text
      }
      let share = all == 0 ? "" : "   " + percent(Double(row[shown]) / Double(all))
      return "      \(shown)" + cells.joined() + share + "\n"
    }
    return Terminal.output.styled(head, .dim) + rows.joined()
  }
}

/// A share in percent with one decimal: `98.7 %`.
func percent(_ share: Double) -> String { decimals(share * 100, 1) + " %" }

/// `value` with so many decimals, zeros among them.
func decimals(_ value: Double, _ count: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<count { scale *= 10 }
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let digits = String(Int(scaled))
  let all = String(repeating: "0", count: max(count + 1 - digits.count, 0)) + digits
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return count == 0 ? sign + all : sign + all.dropLast(count) + "." + all.suffix(count)
}
