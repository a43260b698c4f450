import Testing
import Volute

extension GoldenCase {
  /// The result of an operation on spatial axes; `nil` for an operation that is none of them.
  func windowOperation() throws -> [Tensor]? {
    switch op {
    case "conv", "conv_transpose": return [try convolved()]
    case "max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool", "max_unpool":
      return try pooled()
    case "pad":
      let mode = PaddingMode(rawValue: text("mode") ?? "").map { PaddingGeometry.Fill.mode($0) }
      return [try pad(input(), ints("pad") ?? [], mode: mode ?? .constant, value: double("value") ?? 0)]
    case "interpolate": return [try interpolated()]
    case "fold":
      return [
        try fold(
          input(), outputSize: ints("output_size") ?? [], kernelSize: perAxis("kernel_size") ?? 1,
          dilation: perAxis("dilation") ?? 1, padding: perAxis("padding") ?? 0, stride: perAxis("stride") ?? 1
        )
      ]
    case "unfold":
      return [
        try unfold(
          input(), kernelSize: perAxis("kernel_size") ?? 1, dilation: perAxis("dilation") ?? 1,
          padding: perAxis("padding") ?? 0, stride: perAxis("stride") ?? 1, rank: rank)
      ]
    default: return nil
    }
  }

  private func convolved() throws -> Tensor {
    let (weight, bias) = (try input("weight"), try optionalInput("bias"))
    let (stride, dilation) = (perAxis("stride") ?? 1, perAxis("dilation") ?? 1)
    if op == "conv" {
      return try Volute.convolution(
        input(), weight, bias: bias, stride: stride, padding: padding(), paddingMode: modes(),
        dilation: dilation,
        groups: int("groups") ?? 1, isStrict: bool("strict") ?? false)
    }
    return try Volute.transposedConvolution(
      input(), weight, bias: bias, stride: stride, padding: padding(), paddingMode: modes(),
      outputPadding: perAxis("output_padding") ?? 0, outputSize: ints("output_size"), dilation: dilation,
      groups: int("groups") ?? 1)
  }

  private func pooled() throws -> [Tensor] {
    let x = try input()
    let (kernel, stride) = (perAxis("kernel_size") ?? 1, perAxis("stride"))
    let (padding, isCeil) = (perAxis("padding") ?? 0, bool("ceil_mode") ?? false)
    switch op {
    case "max_pool":
      let result = try maxPool(
        x, rank: rank, kernelSize: kernel, stride: stride, padding: padding,
        dilation: perAxis("dilation") ?? 1,
        isCeil: isCeil)
      return [result.values, result.indices]
    case "avg_pool":
      return [
        try averagePool(
          x, rank: rank, kernelSize: kernel, stride: stride, padding: padding, isCeil: isCeil,
          countsPadding: bool("count_include_pad") ?? true, divisor: int("divisor_override"))
      ]
    case "lp_pool":
      return [
        try lpPool(
          x, rank: rank, norm: double("norm_type") ?? 2, kernelSize: kernel, stride: stride, isCeil: isCeil)
      ]
    case "max_unpool":
      return [
        try maxUnpool(
          x, indices: input("indices"), rank: rank, kernelSize: kernel, stride: stride, padding: padding,
          outputSize: ints("output_size"))
      ]
    default:
      let sizes = try #require(arguments["output_size"] as? [Any])
      let outputSize = PerAxis<Int?>(sizes.map { $0 as? Int })
      if op == "adaptive_avg_pool" { return [try adaptiveAveragePool(x, rank: rank, outputSize: outputSize)] }
      let result = try adaptiveMaxPool(x, rank: rank, outputSize: outputSize)
      return [result.values, result.indices]
    }
  }

  static let interpolationModes: [String: InterpolationMode] = [
    "nearest": .nearest, "nearest-exact": .nearestExact, "linear": .linear, "bilinear": .linear,
    "trilinear": .linear, "bicubic": .cubic, "area": .area,
  ]

  /// `scale_factor`: one number, or one an axis.
  func scales() throws -> PerAxis<Double>? {
    let list = try (arguments["scale_factor"] as? [Any])?.map(GoldenCase.number)
    return try (list ?? double("scale_factor").map { [$0] }).map { PerAxis($0) }
  }

  private func interpolated() throws -> Tensor {
    try interpolate(
      input(), size: ints("size"), scaleFactor: scales(),
      mode: try #require(Self.interpolationModes[text("mode") ?? "nearest"]),
      alignsCorners: bool("align_corners"),
      recomputesScaleFactor: bool("recompute_scale_factor") ?? false,
      isAntialiased: bool("antialias") ?? false)
  }
}
