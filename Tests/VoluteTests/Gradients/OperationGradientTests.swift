import Testing
import Volute

/// An operation with inputs at which it is smooth.
struct GradientCase: CustomTestStringConvertible, Sendable {
  let name: String
  let inputs: [Tensor]
  /// Whether PyTorch has a second derivative.
  var isTwiceDifferentiable = true
  let function: @Sendable ([Tensor]) throws -> [Tensor]

  var testDescription: String { name }
}

/// Every differentiable operation, at random inputs, against finite changes of them: once, and once more.
@Suite struct OperationGradientTests {
  @Test(arguments: GradientCase.all) func gradientIsThatOfFiniteChanges(_ test: GradientCase) throws {
    try gradcheck(test.inputs, test.function)
  }

  @Test(arguments: GradientCase.all.filter(\.isTwiceDifferentiable))
  func secondGradientIsThatOfFiniteChanges(_ test: GradientCase) throws {
    try gradgradcheck(test.inputs, test.function)
  }
}

extension GradientCase {
  static let all: [GradientCase] =
    arithmetic + functions + reductions + views + selections + products + windows

  /// A leaf of values between `low` and `high`, no two alike.
  static func leaf(_ shape: [Int], _ seed: Int, low: Double = -2, high: Double = 2) -> Tensor {
    Tensor.uniform(shape, low: low, high: high, dtype: .float64, generator: Generator(seed: seed))
      .requiringGrad()
  }

  private static func unary(
    _ name: String, low: Double = -2, high: Double = 2,
    _ function: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> GradientCase {
    GradientCase(name: name, inputs: [leaf([3, 4], 1, low: low, high: high)]) { [try function($0[0])] }
  }

  private static func binary(
    _ name: String, _ left: [Int] = [3, 1, 2], _ right: [Int] = [4, 2], low: Double = -2, high: Double = 2,
    _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> GradientCase {
    GradientCase(
      name: name, inputs: [leaf(left, 1, low: low, high: high), leaf(right, 2, low: low, high: high)]
    ) { [try function($0[0], $0[1])] }
  }

  private static var arithmetic: [GradientCase] {
    [
      binary("add") { $0 + $1 }, binary("subtract") { $0 - $1 }, binary("multiply") { $0 * $1 },
      binary("divide", low: 0.5) { $0 / $1 },
      binary("power", low: 0.3) { $0.power($1) },
      binary("minimum") { try minimum($0, $1) }, binary("maximum") { try maximum($0, $1) },
      binary("remainder", low: 0.6) { try remainder($0 * 3, $1) },
      binary("fmod", low: 0.6) { try truncatingRemainder($0 * 3, $1) },
      binary("where") { try `where`(Tensor([true, false]), $0, $1) },
      unary("add scalar") { 3 - $0 * 2 }, unary("divide scalar", low: 0.5) { 2 / $0 },
      unary("power of 3") { $0.power(3) }, unary("power of 0.5", low: 0.3) { $0.power(0.5) },
      unary("multiply itself") { $0 * $0 }, unary("convert") { ($0.to(.float64) * 2).to(.float64) },
      unary("negative") { -$0 }, unary("clamp") { $0.clamped(-1, 1.1) }, unary("clone") { $0.cloned() * $0 },
    ]
  }

  private static var functions: [GradientCase] {
    [
      unary("abs") { $0.abs() }, unary("square") { $0.square() },
      unary("reciprocal", low: 0.4) { $0.reciprocal() },
      unary("sqrt", low: 0.3) { $0.sqrt() }, unary("rsqrt", low: 0.3) { $0.rsqrt() },
      unary("exp") { $0.exp() },
      unary("expm1") { $0.expm1() }, unary("log", low: 0.3) { $0.log() },
      unary("log1p", low: -0.5) { $0.log1p() },
      unary("log2", low: 0.3) { $0.log2() }, unary("log10", low: 0.3) { $0.log10() },
      unary("sin") { $0.sin() },
      unary("cos") { $0.cos() }, unary("tan", low: -1, high: 1) { $0.tan() }, unary("atan") { $0.atan() },
      unary("tanh") { $0.tanh() }, unary("sigmoid") { $0.sigmoid() }, unary("erf") { $0.erf() },
      unary("relu") { $0.relu() }, unary("silu") { $0.silu() }, unary("gelu") { $0.gelu() },
      unary("gelu tanh") { $0.gelu(approximatesByTanh: true) },
      unary("leaky relu") { $0.leakyRelu(slope: 0.2) },
      unary("elu") { $0.elu(alpha: 1.3) }, unary("softplus") { $0.softplus(beta: 2) },
      unary("mish") { $0.mish() },
      unary("log sigmoid") { $0.logSigmoid() },
      GradientCase(name: "prelu", inputs: [leaf([2, 3, 4], 1), leaf([3], 2)]) { [$0[0].prelu($0[1])] },
    ]
  }

  private static var reductions: [GradientCase] {
    [
      unary("sum") { $0.sum() }, unary("sum of an axis") { $0.sum([0]) },
      unary("sum kept") { $0.sum([1], keepsAxes: true) * 2 }, unary("mean") { $0.mean([1]) * $0.mean() },
      unary("product") { $0.product([1]) }, unary("product of all") { $0.product() },
      unary("product with a zero") { ($0 * Tensor([1, 0, 1, 1] as [Double])).product([1]) },
      unary("max") { $0.max([1]) }, unary("min of all") { $0.min() }, unary("variance") { $0.variance([0]) },
      unary("variance of all, uncorrected") { $0.variance(correction: 0) },
      unary("standard deviation") { $0.standardDeviation([1], keepsAxes: true) },
      unary("softmax") { $0.softmax(1) }, unary("log softmax") { $0.logSoftmax(0) },
      unary("logsumexp") { $0.logSumExp([1]) }, unary("norm") { $0.norm([1]) },
      unary("norm of order 3") { $0.norm(order: 3) }, unary("cumulative sum") { $0.cumulativeSum(1) },
    ]
  }

  private static var views: [GradientCase] {
    [
      unary("reshape") { $0.reshaped(2, 6) * 2 },
      unary("reshape of a transpose") { $0.transposed().reshaped(2, 6) },
      unary("permute") { $0.unsqueezed(1).permuted(2, 0, 1) },
      unary("expand") { $0.unsqueezed(1).expanded(3, 2, 4) },
      unary("squeeze") { $0.unsqueezed(0).squeezed() }, unary("slice") { $0[1..<3, 0...].square() },
      unary("slice with a step") { $0[.all, .stepping(0..., by: 2)] }, unary("select") { $0[-1] },
      unary("as strided, overlapping") { $0.asStrided([3, 3], strides: [2, 1], offset: 1).square() },
      unary("flip") { $0.flipped([1]).square() }, unary("roll") { $0.rolled([1], [1]) },
      unary("contiguous") { $0.transposed().contiguous() },
      GradientCase(name: "assignment", inputs: [leaf([3, 4], 1), leaf([2], 2)]) {
        var x = $0[0] * 2
        x[1, 1..<3] = $0[1] * $0[1]
        return [x.square()]
      },
      binary("concatenate", [2, 3], [2, 2]) { try concatenate([$0, $1, $0], axis: 1) },
      binary("stack", [2, 3], [2, 3]) { try stack([$0, $1], axis: 1) },
      GradientCase(name: "split", inputs: [leaf([5, 2], 1)]) { $0[0].split(2).map { $0.square() } },
      unary("rearrange") { try rearrange($0, "(a b) c -> b (c a)", ["b": 3]) },
      unary("reduce") { try Volute.reduce($0, "a (b c) -> a b", .mean, ["c": 2]) },
      unary("repeat") { try repeatElements($0, "a b -> a (b r)", ["r": 2]) },
    ]
  }

  private static var selections: [GradientCase] {
    let indices = Tensor([[0, 2, 0], [1, 1, 2]])
    return [
      unary("gather") { try gather($0, axis: 0, indices: indices) },
      unary("index select") { try indexSelect($0, axis: 1, indices: Tensor([3, 0, 3])) },
      GradientCase(name: "scatter add", inputs: [leaf([3, 4], 1), leaf([2, 4], 2)]) {
        [try scatterAdd($0[0], axis: 0, indices: indices, $0[1]).square()]
      },
      unary("sort") { $0.sorted(1).values.square() }, unary("top k") { $0.topK(2, axis: 0).values.square() },
    ]
  }

  private static var products: [GradientCase] {
    [
      binary("matmul", [3, 4], [4, 2]) { try matmul($0, $1) },
      binary("matmul, batched", [2, 3, 4], [4, 2]) { try matmul($0, $1) },
      binary("matmul, broadcast", [2, 1, 3, 4], [3, 4, 2]) { try matmul($0, $1) },
      binary("matmul of vectors", [4], [4]) { try matmul($0, $1) },
      binary("matmul by a vector", [2, 3, 4], [4]) { try matmul($0, $1) },
      binary("tensordot", [2, 3, 4], [4, 3, 2]) { try tensordot($0, $1, axes: ([1, 2], [1, 0])) },
      binary("einsum", [2, 3, 4], [2, 4, 3]) { try einsum("bij,bjk->ki", $0, $1) },
      binary("einsum with a diagonal", [3, 3, 2], [3, 2]) { try einsum("iik,ik->i", $0, $1) },
      binary("einsum, outer", [3], [2]) { try einsum("i,j->ji", $0, $1) },
    ]
  }

  private static var windows: [GradientCase] {
    let x = leaf([2, 2, 6, 5], 3)
    func window(
      _ name: String, _ isTwiceDifferentiable: Bool = true,
      _ function: @escaping @Sendable (Tensor) throws -> Tensor
    ) -> GradientCase {
      GradientCase(name: name, inputs: [x], isTwiceDifferentiable: isTwiceDifferentiable) {
        [try function($0[0])]
      }
    }
    return [
      window("max pool") { try maxPool($0, rank: 2, kernelSize: 3, stride: 2, padding: 1).values },
      window("adaptive max pool") { try adaptiveMaxPool($0, rank: 2, outputSize: [3]).values },
      window("average pool") {
        try averagePool($0, rank: 2, kernelSize: 3, stride: 2, padding: 1, isCeil: true)
      },
      window("average pool, padding left out") {
        try averagePool($0, rank: 2, kernelSize: [3, 2], stride: 1, padding: 1, countsPadding: false)
      },
      window("average pool with a divisor") { try averagePool($0, rank: 2, kernelSize: 2, divisor: 3) },
      window("adaptive average pool") { try adaptiveAveragePool($0, rank: 2, outputSize: [4, 2]) },
      window("lp pool") { try lpPool($0.abs() + 0.5, rank: 2, norm: 3, kernelSize: 2) },
      window("max unpool") {
        let pooled = try maxPool($0, rank: 2, kernelSize: 2)
        return try maxUnpool(
          pooled.values, indices: pooled.indices, rank: 2, kernelSize: 2, outputSize: [6, 5]
        ).square()
      },
      window("pad") { try pad($0, [1, -1, 2, 0], value: 3) },
      window("pad, reflected") { try pad($0, [2, 1, 1, 3], mode: .mode(.reflect)) },
      window("pad, replicated") { try pad($0, [2, -1, 1, 3], mode: .mode(.replicate)) },
      window("pad, circular") { try pad($0, [7, 1, -1, 3], mode: .mode(.circular)) },
      window("unfold") { try unfold($0, kernelSize: [3, 2], dilation: [1, 2], padding: 1, stride: 2) },
      GradientCase(name: "fold", inputs: [leaf([2, 8, 12], 4)]) {
        [try fold($0[0], outputSize: [4, 5], kernelSize: 2)]
      },
      window("interpolate, nearest") { try interpolate($0, scaleFactor: 1.7) },
      window("interpolate, bilinear") { try interpolate($0, size: [9, 3], mode: .linear) },
      window("interpolate, aligned") {
        try interpolate($0, size: [9, 8], mode: .linear, alignsCorners: true)
      },
      window("interpolate, bicubic") { try interpolate($0, size: [9, 8], mode: .cubic) },
      window("interpolate, antialiased") {
        try interpolate($0, size: [3, 2], mode: .linear, isAntialiased: true)
      },
      window("interpolate, area") { try interpolate($0, size: [4, 3], mode: .area) },
    ]
  }
}
