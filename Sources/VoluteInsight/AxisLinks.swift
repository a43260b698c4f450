import Volute
import VoluteArithmetic

/// Along one axis: which inputs each output is made of, and through which taps.
///
/// All operations with a window have this form, whichever way it moves, so everything that is explained or drawn
/// starts here. Of several axes the links are the product.
public struct AxisLinks: Hashable, Sendable {
  /// One input that an output reads, and through which tap.
  public struct Link: Hashable, Sendable {
    /// The position of the input.
    public var input: Int
    /// The index of the tap.
    public var tap: Int
  }

  /// Elements of the input, along the axis or along each.
  public let inputSize: Int
  /// Elements of the output, along the axis or along each.
  public let outputSize: Int
  /// The links of each output, in the order of its taps.
  public let links: [[Link]]

  /// - Parameters:
  ///   - inputSize: elements of the input.
  ///   - links: the links of each output.
  public init(inputSize: Int, links: [[Link]]) {
    self.inputSize = inputSize
    outputSize = links.count
    self.links = links
  }

  /// The links of one axis of a convolution or of a transposed one.
  public init(_ map: AxisMap, isTransposed: Bool) {
    if isTransposed {
      var links = Array(repeating: [Link](), count: map.inputSize)
      for position in 0..<map.outputSize {
        for tap in 0..<map.kernel {
          let reached = map.source(output: position, tap: tap)
          if reached != AxisMap.padding { links[reached].append(Link(input: position, tap: tap)) }
        }
      }
      self.init(inputSize: map.outputSize, links: links)
    } else {
      self.init(
        inputSize: map.inputSize,
        links: (0..<map.outputSize).map { output in
          (0..<map.kernel).compactMap { tap in
            let source = map.source(output: output, tap: tap)
            return source == AxisMap.padding ? nil : Link(input: source, tap: tap)
          }
        })
    }
  }

  /// The links of one axis of a pooling.
  public init(_ window: WindowAxis, _ axis: Axis) {
    self.init(
      inputSize: window.inputSize,
      links: (0..<window.outputSize).map { output in
        (0..<window.counts[output]).map { index in
          let input = window.starts[output] + index * window.step
          return Link(input: input, tap: (input + axis.paddingBefore - output * axis.stride) / axis.dilation)
        }
      })
  }

  /// The outputs that each input reaches, and through which taps; `input` of a link is then an output.
  public var reversed: AxisLinks {
    var links = Array(repeating: [Link](), count: inputSize)
    for (output, sources) in self.links.enumerated() {
      for link in sources { links[link.input].append(Link(input: output, tap: link.tap)) }
    }
    return AxisLinks(inputSize: outputSize, links: links)
  }

  /// How many links each output has: the overlap of a transposed convolution.
  public var overlap: [Int] { links.map(\.count) }

  /// How many links each input has: how often it is read.
  public var reads: [Int] { reversed.overlap }
}

/// The number of ways from each input to each output along one axis of several layers, as sparse rows.
public struct AxisPaths: Hashable, Sendable {
  /// Elements of the input, along the axis or along each.
  public let inputSize: Int
  /// For each output: the inputs that it sees, and in how many ways.
  public let rows: [[Int: Double]]

  /// Every element sees itself.
  public init(identity size: Int) {
    inputSize = size
    rows = (0..<size).map { [$0: 1] }
  }

  private init(inputSize: Int, rows: [[Int: Double]]) {
    self.inputSize = inputSize
    self.rows = rows
  }

  /// The ways through one more layer.
  public func followed(by layer: AxisLinks) -> AxisPaths {
    AxisPaths(
      inputSize: inputSize,
      rows: layer.links.map { links in
        var row: [Int: Double] = [:]
        for link in links { row.merge(rows[link.input], uniquingKeysWith: +) }
        return row
      })
  }

  /// The ways of two branches over the same input that are joined.
  public func joined(with other: AxisPaths) -> AxisPaths {
    AxisPaths(
      inputSize: inputSize, rows: zip(rows, other.rows).map { $0.merging($1, uniquingKeysWith: +) })
  }

  /// How many ways lead from each input to any output.
  public var reads: [Double] {
    var reads = Array(repeating: 0.0, count: inputSize)
    for row in rows {
      for (input, ways) in row { reads[input] += ways }
    }
    return reads
  }

  /// How many ways lead to each output.
  public var overlap: [Double] { rows.map { $0.values.reduce(0, +) } }

  /// The outputs that `input` reaches.
  public func reached(from input: Int) -> [Int] { rows.indices.filter { rows[$0][input] != nil } }
}
