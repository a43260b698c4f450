import Volute

/// The shapes that flow through a network, call by call.
public struct Trace: Sendable, CustomStringConvertible {
  /// The calls, in order.
  public let calls: [CallRecord]

  /// The shapes of `calls`, from ``recordCalls(of:_:)``.
  public init(_ calls: [CallRecord]) { self.calls = calls }

  /// A line for each call, and under a convolution that wraps what it sees once its ring is closed.
  public var description: String {
    var lines: [String] = []
    for call in calls {
      let indent = String(repeating: "  ", count: call.depth)
      let name = call.name.isEmpty ? "" : call.name + " "
      let inputs = call.inputs.map { "\($0)" }.joined(separator: ", ")
      lines.append("\(indent)\(name)\(call.module.typeName): \(inputs) → \(call.output)")
      if let padded = padded(call) { lines.append("\(indent)  padded: \(padded)") }
    }
    return lines.joined(separator: "\n")
  }

  /// The input of a convolution with its padding, where it has any.
  private func padded(_ call: CallRecord) -> [Int]? {
    guard let layer = call.module as? any WindowedLayer, let input = call.inputs.first,
      let sides = layer.paddingSides(input: input)
    else { return nil }
    let lead = input.count - sides.count
    let shape = Array(input.prefix(lead)) + zip(input.suffix(sides.count), sides).map { $0 + $1.0 + $1.1 }
    return shape == input ? nil : shape
  }
}

/// The shapes that flow through `model`, from one call with zeros.
///
/// - Parameters:
///   - model: the network.
///   - inputSize: with the batch.
/// - Throws: `ShapeError` when the input does not fit; it names the layer.
public func trace(_ model: any Layer, inputSize: [Int]) throws(ShapeError) -> Trace {
  Trace(try recordCalls(of: model) { () throws(ShapeError) in try model(Tensor.zeros(inputSize)) })
}

/// A layer that pads what it is given.
protocol WindowedLayer: Module {
  /// Elements before and after, for each spatial axis.
  func paddingSides(input: [Int]) -> [(Int, Int)]?
}

extension Convolution: WindowedLayer {
  func paddingSides(input: [Int]) -> [(Int, Int)]? {
    let geometry = try? ConvolutionGeometry(
      inputShape: input, weightShape: weight.shape, stride: stride, padding: padding,
      paddingMode: paddingMode,
      dilation: dilation, groups: groups)
    return geometry?.axes.map { ($0.paddingBefore, $0.paddingAfter) }
  }
}
