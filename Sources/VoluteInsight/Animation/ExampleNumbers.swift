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
    let x = Self.repeated(Self.inputs, layer.inputSize)
    let w = Self.repeated(Self.weights, kernel)
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

  /// The numbers of the figure with numbers in Dumoulin and Visin, "A guide to convolution arithmetic" (2016): 5 by 5
  /// inputs and 3 by 3 weights.
  private static let inputs: [Int64] = [
    3, 3, 2, 1, 0, 0, 0, 1, 3, 1, 3, 1, 2, 2, 3, 2, 0, 0, 2, 2, 2, 0, 0, 0, 1,
  ]
  private static let weights: [Int64] = [0, 1, 2, 2, 2, 0, 0, 1, 2]

  /// The numbers over and over, as a tensor of one sample and one channel.
  private static func repeated(_ numbers: [Int64], _ size: [Int]) -> Tensor {
    Tensor((0..<size.reduce(1, *)).map { numbers[$0 % numbers.count] }, shape: [1, 1] + size)
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
