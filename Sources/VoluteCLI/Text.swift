/// A number with a prefix of 1000, in three digits: `10.5 GF`.
func scaled(_ value: Double, unit: String) -> String {
  var value = value
  var prefix = ""
  for next in ["k", "M", "G", "T", "P"] where value >= 999.5 {
    value /= 1000
    prefix = next
  }
  return "\(threeDigits(value)) \(prefix)\(unit)"
}

/// A duration in three digits: `0.62 s`, `84 ms`.
func timeText(_ duration: Duration) -> String {
  let seconds = duration / .seconds(1)
  return seconds < 1 ? "\(threeDigits(seconds * 1000)) ms" : "\(threeDigits(seconds)) s"
}

/// `value` with at most one decimal, and none from 20 on.
private func threeDigits(_ value: Double) -> String {
  let tenths = (value * 10).rounded()
  if tenths >= 200 || tenths.truncatingRemainder(dividingBy: 10) == 0 { return "\(Int(value.rounded()))" }
  return "\(Int(tenths) / 10).\(Int(tenths) % 10)"
}
