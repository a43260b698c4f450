import Volute
import VoluteArithmetic

/// Small numbers to draw: what goes in, the weights, and what the real operation makes of them.
struct ExampleNumbers: Sendable {
  let input: [String]
  /// Empty for a pooling.
  let weight: [String]
  let output: [String]
  /// Of a transposed convolution: each output's sums so far, with the input that brought them there.
  let sums: [[(input: Int, text: String)]]

  init(_ layer: ResolvedLayer) throws(ShapeError) {
    let kernel = layer.axes.map(\.kernel)
    let x = Self.digits(layer.inputSize, factor: 13, modulus: 4)
    let w = Self.digits(kernel, factor: 17, modulus: 3)
    var sums: [[(input: Int, text: String)]] = []
    let result: Tensor
    switch layer.kind {
    case .convolution, .transposedConvolution:
      let padding = Padding.amounts(
        PerAxis(layer.axes.map { .sides($0.paddingBefore, $0.paddingAfter, mode: $0.mode) }))
      let (stride, dilation) = (PerAxis(layer.axes.map(\.stride)), PerAxis(layer.axes.map(\.dilation)))
      if layer.isTransposed {
        result = try transposedConvolution(
          x, w, stride: stride, padding: padding, outputPadding: PerAxis(layer.axes.map(\.outputPadding)),
          dilation: dilation)
        sums = Self.sums(layer, x, w)
      } else {
        result = try Volute.convolution(x, w, stride: stride, padding: padding, dilation: dilation)
      }
    case .maxPool:
      result = try Volute.maxPool(
        x, rank: layer.rank, kernelSize: PerAxis(kernel), stride: PerAxis(layer.axes.map(\.stride)),
        padding: PerAxis(layer.axes.map(\.paddingBefore)), dilation: PerAxis(layer.axes.map(\.dilation)),
        isCeil: layer.specification.isCeil
      ).values
    case .averagePool:
      result = try Volute.averagePool(
        x.to(.float64), rank: layer.rank, kernelSize: PerAxis(kernel),
        stride: PerAxis(layer.axes.map(\.stride)), padding: PerAxis(layer.axes.map(\.paddingBefore)),
        isCeil: layer.specification.isCeil)
    }
    input = Self.texts(x)
    weight = layer.kind.isPooling ? [] : Self.texts(w)
    output = Self.texts(result)
    self.sums = sums
  }

  /// Digits without a pattern, as a tensor of one sample and one channel.
  private static func digits(_ size: [Int], factor: Int, modulus: Int) -> Tensor {
    let values = (0..<size.reduce(1, *)).map { Int64(($0 * $0 * 7 + $0 * factor + 5) % 101 % modulus) }
    return Tensor(values, shape: [1, 1] + size)
  }

  private static func texts(_ tensor: Tensor) -> [String] {
    tensor.to(.float64).elements(as: Double.self).map { decimal(($0 * 10).rounded() / 10) }
  }

  private static func sums(_ layer: ResolvedLayer, _ x: Tensor, _ w: Tensor) -> [[(input: Int, text: String)]]
  {
    let (inputs, weights) = (x.elements(as: Int64.self), w.elements(as: Int64.self))
    let kernel = layer.axes.map(\.kernel)
    let links = layer.links
    return product(layer.outputSize.map { Array(0..<$0) }).map { place in
      let met = zip(links, place).map { $0.links[$1] }
      var shares: [Int: Int64] = [:]
      for choice in product(met.map { Array($0.indices) }) {
        let chosen = zip(met, choice).map { $0[$1] }
        let input = flat(chosen.map(\.input), layer.inputSize)
        shares[input, default: 0] += inputs[input] * weights[flat(chosen.map(\.tap), kernel)]
      }
      var sum: Int64 = 0
      return shares.sorted { $0.key < $1.key }.map { input, share in
        sum += share
        return (input, "\(sum)")
      }
    }
  }
}
