import ArgumentParser
import Volute

/// The forms that numbers take on the command line: one for all axes, or one an axis, separated by commas.
enum OptionParsing {
  /// `3` or `3,4,4`.
  static func integers(_ text: String) throws -> PerAxis<Int> {
    PerAxis(try parts(text) { try integer($0) })
  }

  /// `2` or `2,1.5`.
  static func numbers(_ text: String) throws -> PerAxis<Double> {
    PerAxis(try parts(text) { try number($0) })
  }

  /// `7` or `7,none`; `none` keeps the input's size.
  static func sizes(_ text: String) throws -> PerAxis<Int?> {
    PerAxis(try parts(text) { $0 == "none" ? nil : try integer($0, else: " or none") })
  }

  /// `1`, `1,0,1`, with `2:0` for two elements before and none after; or a rule.
  static func padding(_ text: String) throws -> Padding {
    switch text {
    case "same": return .same
    case "valid": return .valid
    case "half": return .half
    case "full": return .full
    default: break
    }
    let amounts = try parts(text) { part in
      let sides = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard sides.count <= 2 else {
        throw ValidationError("'\(part)' has more than two sides; write before:after, such as 2:0")
      }
      let amounts = try sides.map { try integer($0, else: ", before:after, same, valid, half or full") }
      return AxisPadding(before: amounts[0], after: amounts[amounts.count - 1])
    }
    return .amounts(PerAxis(amounts))
  }

  /// `circular` or `zeros,circular,zeros`.
  static func paddingModes(_ text: String) throws -> PerAxis<PaddingMode> {
    let modes = try parts(text) { part in
      guard let mode = PaddingMode(rawValue: part) else {
        throw ValidationError("'\(part)' is no mode; there are zeros, reflect, replicate and circular")
      }
      return mode
    }
    return PerAxis(modes)
  }

  static func dtype(_ text: String) throws -> DType {
    guard let dtype = DType(rawValue: text) else {
      throw ValidationError("there are \(listed(DType.allCases.map(\.rawValue)))")
    }
    return dtype
  }

  /// `automatic`, `exact`, `measured` or an algorithm's name.
  static func policy(_ text: String) throws -> ConvolutionPolicy {
    guard let policy = ConvolutionPolicy(name: text) else {
      throw ValidationError(
        "there are automatic, exact, measured, \(listed(ConvolutionAlgorithm.allCases.map(\.rawValue)))")
    }
    return policy
  }

  static func number(_ text: String) throws -> Double {
    guard let value = Double(text) else { throw ValidationError("'\(text)' is not a number") }
    return value
  }

  private static func parts<Value>(_ text: String, _ value: (String) throws -> Value) throws -> [Value] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { try value(String($0)) }
  }

  private static func integer(_ text: String, else others: String = "") throws -> Int {
    guard let value = Int(text) else { throw ValidationError("'\(text)' is not a whole number\(others)") }
    return value
  }
}
