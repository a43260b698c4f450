import Volute
import VoluteInsight

extension StackRequest {
  /// Sizes, receptive fields and joins at each layer.
  func answer() throws -> JSON {
    guard layers.count <= Self.most else { throw RequestError("layers: at most \(Self.most)") }
    guard (1...LayerRequest.largestRank).contains(size.count) else {
      throw RequestError("size: one to \(LayerRequest.largestRank) axes")
    }
    guard (1...65_536).contains(channels ?? 1) else { throw RequestError("channels: from 1 to 65536") }
    let items = try layers.enumerated().map { index, item in
      do {
        return try item.stackItem(size: size)
      } catch {
        throw RequestError("layer \(index + 1): \(error)")
      }
    }
    let stack = try Stack(items, inputSize: size, channels: channels ?? 1)
    let costs = stack.layers.compactMap(\.cost)
    var pairs: [(String, JSON)] = [
      ("size", .integers(stack.inputSize)), ("steps", .array(stack.steps.map(\.json))),
      ("meets", .bool(stack.meets)),
      ("parameters", .integer(costs.reduce(0) { $0 + $1.parameters })),
      ("multiplyAdds", .number(costs.reduce(0) { $0 + $1.multiplyAdds })),
    ]
    if let output, stack.meets {
      let paths = try stack.paths()
      guard output.count == paths.count, zip(output, paths).allSatisfy({ (0..<$1.rows.count).contains($0) })
      else {
        throw RequestError("output: a place in \(stack.outputSize)")
      }
      // Along each axis by itself; of several axes the ways are the product.
      pairs.append(
        (
          "sees",
          .array(
            zip(output, paths).map { at, path in
              .array(path.rows[at].sorted { $0.key < $1.key }.map { [.integer($0.key), .number($0.value)] })
            })
        ))
    }
    return .object(pairs)
  }
}

extension StackRequest.Item {
  func stackItem(size: [Int]) throws -> Stack.Item {
    if operation == "save" { return .save }
    if operation == "join" { return .join }
    guard let kernel else { throw RequestError("kernel: one number for each axis is needed") }
    for values in [kernel, stride ?? [], dilation ?? []]
    where values.contains(where: { $0 > StackRequest.mostOfAll }) {
      throw RequestError("kernels, strides and dilations of a stack are at most \(StackRequest.mostOfAll)")
    }
    let isPooling = operation.hasSuffix("pool")
    let request = LayerRequest(
      operation: operation, kernel: kernel, stride: stride ?? (isPooling ? kernel : kernel.map { _ in 1 }),
      dilation: dilation, padding: padding, mode: mode, outputPadding: outputPadding, ceil: ceil,
      outputChannels: outputChannels, groups: groups)
    return .layer(try request.specification(size: size))
  }
}
