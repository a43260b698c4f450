import Foundation
import Volute
import VoluteInsight

/// A layer as the page sends it: every parameter for each axis. `Explorer/API.md` is the schema.
struct LayerRequest: Codable, Sendable {
  var operation: String
  /// Sizes that go in, one an axis; absent within a stack.
  var size: [Int]?
  var kernel: [Int]
  var stride: [Int]
  var dilation: [Int]?
  /// Before and after, for each axis.
  var padding: [[Int]]?
  var mode: [String]?
  var outputPadding: [Int]?
  var ceil: Bool?
  /// Channels, for counts of parameters and work; the numbers on the page are of one channel.
  var inputChannels: Int?
  var outputChannels: Int?
  var groups: Int?
  /// Numbers in row-major order; absent ones are made up.
  var input: [Double]?
  var weight: [Double]?
  /// Which output or input is asked about.
  var output: [Int]?
  var reached: [Int]?

  static let largestRank = 3
  /// The largest value of any parameter of a layer.
  static let largestParameter = 512

  /// - Parameter size: the sizes that go in.
  func specification(size: [Int]) throws(RequestError) -> LayerSpecification {
    guard let kind = LayerSpecification.Kind(rawValue: operation) else {
      throw RequestError("operation: there are \(LayerSpecification.Kind.allCases.map(\.rawValue).listed)")
    }
    let rank = size.count
    guard (1...Self.largestRank).contains(rank) else {
      throw RequestError("size: one to \(Self.largestRank) axes")
    }
    let lists: [(String, [Int]?)] = [
      ("kernel", kernel), ("stride", stride), ("dilation", dilation), ("outputPadding", outputPadding),
    ]
    for case (let name, let values?) in lists {
      try Self.check(name, values, rank: rank)
    }
    try Self.check("size", size, rank: rank, most: 4096)
    let sides = padding ?? Array(repeating: [0, 0], count: rank)
    guard sides.count == rank, sides.allSatisfy({ $0.count == 2 }) else {
      throw RequestError("padding: a pair, before and after, for each of the \(rank) axes")
    }
    try Self.check("padding", sides.flatMap { $0 }, rank: 2 * rank)
    let modes = try (mode ?? Array(repeating: "zeros", count: rank)).map { name throws(RequestError) in
      guard let mode = PaddingMode(rawValue: name) else {
        throw RequestError("mode: there are \(PaddingMode.allCases.map(\.rawValue).listed)")
      }
      return mode
    }
    guard modes.count == rank else { throw RequestError("mode: one for each of the \(rank) axes") }
    for case (let name, let count?) in [
      ("inputChannels", inputChannels), ("outputChannels", outputChannels), ("groups", groups),
    ] where !(1...65_536).contains(count) {
      throw RequestError("\(name): from 1 to 65536")
    }
    return LayerSpecification(
      kind, kernelSize: PerAxis(kernel), stride: PerAxis(stride),
      padding: .amounts(PerAxis(sides.map { .sides($0[0], $0[1]) })), paddingMode: PerAxis(modes),
      dilation: PerAxis(dilation ?? Array(repeating: 1, count: rank)),
      outputPadding: PerAxis(outputPadding ?? Array(repeating: 0, count: rank)),
      outputChannels: outputChannels, groups: groups ?? 1, isCeil: ceil ?? false)
  }

  static func check(_ name: String, _ values: [Int], rank: Int, most: Int = largestParameter)
    throws(RequestError)
  {
    guard values.count == rank else {
      throw RequestError("\(name): \(rank) numbers are expected, but there are \(values.count)")
    }
    guard values.allSatisfy({ (-most...most).contains($0) }) else {
      throw RequestError("\(name): at most \(most) on this page; the command takes more")
    }
  }
}

/// Layers one after the other; `save` and `join` are items of their own.
struct StackRequest: Codable, Sendable {
  struct Item: Codable, Sendable {
    var operation: String
    var kernel: [Int]?
    var stride: [Int]?
    var dilation: [Int]?
    var padding: [[Int]]?
    var mode: [String]?
    var outputPadding: [Int]?
    var ceil: Bool?
    var outputChannels: Int?
    var groups: Int?
  }

  var size: [Int]
  var channels: Int?
  var layers: [Item]
  /// The output whose inputs are asked for.
  var output: [Int]?

  static let most = 48
  /// The largest kernel, stride and dilation.
  static let mostOfAll = 64
}

/// A question to the solver.
struct SolveRequest: Codable, Sendable {
  /// `size`, `round-trip` or `ring`.
  var question: String
  var transposed: Bool?
  var unknown: String?
  var input: Int?
  var output: Int?
  var size: [Int]?
  var kernel: [Int]?
  var stride: [Int]?
  var dilation: [Int]?
  var padding: [[Int]]?
  var mode: [String]?
  var outputPadding: [Int]?
  var levels: Int?
}

/// What is wrong with a request as such, before the library sees it.
struct RequestError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension [String] {
  /// `a, b and c`.
  var listed: String {
    guard let last, count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " and " + last
  }
}
