import Foundation
import Testing
import Volute

/// One line of a golden file; `Golden/README.md` describes the format.
struct GoldenCase {
  let line: [String: Any]
  /// Tensors in place of written inputs, such as leaves that require a gradient.
  var given: [String: Tensor] = [:]

  var name: String { line["name"] as? String ?? op }
  var op: String { line["op"] as? String ?? "" }
  var rank: Int { line["rank"] as? Int ?? 0 }
  var error: String? { line["error"] as? String }
  var arguments: [String: Any] { line["args"] as? [String: Any] ?? [:] }

  /// The cases of a file, header left out.
  static func read(_ file: String) throws -> [GoldenCase] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let url = folder.appendingPathComponent("Golden/\(file).jsonl")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst().map {
      let object = try JSONSerialization.jsonObject(with: Data($0.utf8))
      return GoldenCase(line: try #require(object as? [String: Any]))
    }
  }

  // MARK: Tensors

  func input(_ key: String = "input") throws -> Tensor {
    let tensor = try optionalInput(key)
    return try #require(tensor)
  }

  func optionalInput(_ key: String) throws -> Tensor? {
    if let tensor = given[key] { return tensor }
    let inputs = line["inputs"] as? [String: Any]
    return try inputs?[key].map(Self.tensor)
  }

  /// The inputs named `0`, `1`, ...
  func inputs() throws -> [Tensor] {
    var result: [Tensor] = []
    while let next = try optionalInput(String(result.count)) { result.append(next) }
    return result
  }

  func outputs() throws -> [Tensor] {
    let list = try #require(line["outputs"] as? [Any])
    return try list.map(Self.tensor)
  }

  static func tensor(_ json: Any) throws -> Tensor {
    let object = try #require(json as? [String: Any])
    let shape = try #require(object["shape"] as? [Int])
    let dtypeName = try #require(object["dtype"] as? String)
    let dtype = try #require(DType(rawValue: dtypeName))
    if let seed = object["seed"] as? Int { return generated(shape, dtype, seed: UInt64(seed)) }
    let data = try #require(object["data"] as? [Any])
    if dtype == .int64 {
      return Tensor(try data.map { try #require($0 as? NSNumber).int64Value }, shape: shape)
    }
    return Tensor(try data.map(number), shape: shape).to(dtype)
  }

  static func number(_ json: Any) throws -> Double {
    switch json {
    case let text as String:
      return try #require(["nan": Double.nan, "inf": .infinity, "-inf": -.infinity][text])
    default:
      return try #require(json as? NSNumber).doubleValue
    }
  }

  static func generated(_ shape: [Int], _ dtype: DType, seed: UInt64) -> Tensor {
    var state = seed
    let values = (0..<shape.reduce(1, *)).map { _ -> Double in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Int((state >> 33) % 33) - 16
      switch dtype {
      case .bool: return value > 0 ? 1 : 0
      case .uint8: return Double(value + 16)
      default: return dtype.isFloatingPoint ? Double(value) / 8 : Double(value)
      }
    }
    return Tensor(values, shape: shape).to(dtype)
  }

  // MARK: Arguments

  func int(_ key: String) -> Int? { arguments[key] as? Int }
  func bool(_ key: String) -> Bool? { arguments[key] as? Bool }
  func text(_ key: String) -> String? { arguments[key] as? String }
  func double(_ key: String) throws -> Double? { try arguments[key].map(Self.number) }

  /// A list of integers, or one integer as a list.
  func ints(_ key: String) -> [Int]? {
    arguments[key] as? [Int] ?? int(key).map { [$0] }
  }

  func perAxis(_ key: String) -> PerAxis<Int>? { ints(key).map { PerAxis($0) } }

  func modes() throws -> PerAxis<PaddingMode> {
    let names = arguments["padding_mode"] as? [String] ?? [text("padding_mode") ?? "zeros"]
    return PerAxis(try names.map { try #require(PaddingMode(rawValue: $0)) })
  }

  func padding() throws -> Padding {
    switch arguments["padding"] {
    case nil: return 0
    case let word as String:
      return try #require(
        ["same": Padding.same, "valid": .valid, "half": .half, "full": .full][word])
    case let pairs as [[Int]]:
      return .amounts(PerAxis(pairs.map { .sides($0[0], $0[1]) }))
    default: return Padding(try #require(ints("padding")))
    }
  }
}
