/// A number with a prefix of 1000, in three digits: `10.5 GF`.
func scaled(_ value: Double, unit: String) -> String {
  var value = value
  var prefix = ""
  for next in ["k", "M", "G", "T", "P"] where value >= 999.5 {
    value /= 1000
    prefix = next
  }
  let name = prefix + unit
  return threeDigits(value) + (name.isEmpty ? "" : " \(name)")
}

/// A duration in three digits: `0.62 s`, `84 ms`.
func timeText(_ duration: Duration) -> String {
  let seconds = duration / .seconds(1)
  return seconds < 1 ? "\(threeDigits(seconds * 1000)) ms" : "\(threeDigits(seconds)) s"
}

/// `value`, below 1000, in three digits without zeros at the end.
private func threeDigits(_ value: Double) -> String {
  let scale = value < 9.995 ? 100.0 : value < 99.95 ? 10 : 1
  return plain((value * scale).rounded() / scale)
}

/// A count: in full below ten millions, `34 596`, and in three digits from there, `1.23 G`.
func countText(_ count: Double) -> String {
  if count < 1e7 { return grouped(Int(count)) }
  return scaled(count, unit: "")
}

/// A whole number with its thousands apart: `15 379`.
func grouped(_ value: Int) -> String {
  let digits = Array(String(value.magnitude))
  let groups = stride(from: digits.count % 3 - 3, to: digits.count, by: 3).map {
    String(digits[max($0, 0)..<$0 + 3])
  }
  return (value < 0 ? "-" : "") + groups.filter { !$0.isEmpty }.joined(separator: " ")
}

/// A number as it is written by hand: `2`, `0.25`.
func plain(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
}

/// `a, b and c`.
func listed(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "" }
  return names.dropLast().joined(separator: ", ") + " and " + last
}

/// `text` with spaces up to `width`.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(width - text.count, 0))
}
