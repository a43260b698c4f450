import Foundation
import Testing
import Volute

/// A layer of a golden case, made by PyTorch's words.
struct GoldenLayer {
  let module: any Module
  let run: ([Tensor]) throws -> Tensor

  private init(_ layer: some Layer) {
    module = layer
    run = { try layer($0[0]) }
  }

  private init(_ module: any Module, _ run: @escaping ([Tensor]) throws -> Tensor) {
    self.module = module
    self.run = run
  }

  /// - Parameter generator: draws the initial weights.
  init(_ golden: GoldenCase, _ generator: Generator) throws {
    let made =
      try Self.simple(golden) ?? Self.normalization(golden) ?? Self.learned(golden, generator)
      ?? Self.attention(golden, generator) ?? Self.spatial(golden, generator)
    self = try #require(made, "\(golden.op): no such layer here")
  }

  private static func spatial(_ golden: GoldenCase, _ generator: Generator) throws -> GoldenLayer? {
    switch golden.op.dropLast().last {
    case "1": try spatial(Rank1.self, golden, generator)
    case "2": try spatial(Rank2.self, golden, generator)
    default: try spatial(Rank3.self, golden, generator)
    }
  }

  private static func simple(_ golden: GoldenCase) throws -> GoldenLayer? {
    switch golden.op {
    case "Identity": return GoldenLayer(Identity())
    case "Flatten":
      return GoldenLayer(Flatten(first: golden.int("start_dim") ?? 1, last: golden.int("end_dim") ?? -1))
    case "ReLU": return GoldenLayer(ReLU())
    case "LeakyReLU": return GoldenLayer(LeakyReLU(slope: try golden.double("negative_slope") ?? 0.01))
    case "GELU": return GoldenLayer(GELU(approximatesByTanh: golden.text("approximate") == "tanh"))
    case "SiLU": return GoldenLayer(SiLU())
    case "Mish": return GoldenLayer(Mish())
    case "Sigmoid": return GoldenLayer(Sigmoid())
    case "Tanh": return GoldenLayer(Tanh())
    case "Softplus":
      return GoldenLayer(
        Softplus(beta: try golden.double("beta") ?? 1, threshold: try golden.double("threshold") ?? 20))
    case "ELU": return GoldenLayer(ELU(alpha: try golden.double("alpha") ?? 1))
    case "Softmax": return GoldenLayer(Softmax(axis: golden.int("dim") ?? -1))
    case "PReLU":
      return GoldenLayer(
        PReLU(count: golden.int("num_parameters") ?? 1, start: try golden.double("init") ?? 0.25))
    case "Dropout": return GoldenLayer(Dropout(probability: try golden.double("p") ?? 0.5))
    case "PixelShuffle": return GoldenLayer(PixelShuffle(golden.int("upscale_factor") ?? 1))
    case "PixelUnshuffle": return GoldenLayer(PixelUnshuffle(golden.int("downscale_factor") ?? 1))
    case "Upsample":
      return GoldenLayer(
        Upsample(
          size: golden.ints("size"), scaleFactor: try golden.scales(),
          mode: try #require(GoldenCase.interpolationModes[golden.text("mode") ?? "nearest"]),
          alignsCorners: golden.bool("align_corners")))
    default: return nil
    }
  }

  private static func normalization(_ golden: GoldenCase) throws -> GoldenLayer? {
    let epsilon = try golden.double("eps")
    let isAffine = golden.bool("elementwise_affine") ?? golden.bool("affine") ?? true
    let shape = golden.ints("normalized_shape") ?? []
    switch golden.op {
    case "GroupNorm":
      return GoldenLayer(
        GroupNorm(
          groups: golden.int("num_groups") ?? 1, channels: golden.int("num_channels") ?? 1,
          epsilon: epsilon ?? 1e-5, isAffine: isAffine))
    case "LayerNorm":
      return GoldenLayer(
        LayerNorm(shape, epsilon: epsilon ?? 1e-5, isAffine: isAffine, bias: golden.bool("bias") ?? true))
    case "RMSNorm": return GoldenLayer(RMSNorm(shape, epsilon: epsilon, isAffine: isAffine))
    default: return nil
    }
  }

  private static func learned(_ golden: GoldenCase, _ generator: Generator) throws -> GoldenLayer? {
    switch golden.op {
    case "Linear":
      return GoldenLayer(
        Linear(
          inFeatures: golden.int("in_features"), outFeatures: golden.int("out_features") ?? 1,
          bias: golden.bool("bias") ?? true, generator: generator))
    case "Embedding":
      return GoldenLayer(
        Embedding(
          count: golden.int("num_embeddings") ?? 1, dimension: golden.int("embedding_dim") ?? 1,
          paddingIndex: golden.int("padding_idx"), generator: generator))
    case "CylindricalConv":
      return GoldenLayer(
        CylindricalConv(
          inChannels: golden.int("inputs"), outChannels: golden.int("outputs") ?? 1,
          kernelSize: golden.perAxis("kernel_size") ?? 1, stride: golden.perAxis("stride") ?? 1,
          padding: try golden.padding(), bias: golden.bool("bias") ?? true, generator: generator))
    case "CylindricalConvTranspose":
      return GoldenLayer(
        CylindricalConvTranspose(
          inChannels: golden.int("inputs"), outChannels: golden.int("outputs") ?? 1,
          kernelSize: golden.perAxis("kernel_size") ?? 1, stride: golden.perAxis("stride") ?? 1,
          padding: try golden.padding(), outputPadding: golden.perAxis("output_padding") ?? 0,
          asPublished: true,
          generator: generator))
    case "CausalConv3d":
      return GoldenLayer(
        CausalConv3d(
          inChannels: golden.int("inputs") ?? 1, outChannels: golden.int("outputs") ?? 1,
          kernelSize: golden.perAxis("kernel_size") ?? 1, stride: golden.perAxis("stride") ?? 1,
          dilation: golden.perAxis("dilation") ?? 1,
          paddingMode: golden.bool("replicate") == true ? .replicate : .zeros, generator: generator))
    default: return nil
    }
  }

  private static func attention(_ golden: GoldenCase, _ generator: Generator) throws -> GoldenLayer? {
    switch golden.op {
    case "MultiheadAttention":
      let layer = MultiHeadAttention(
        dimension: golden.int("embed_dim") ?? 1, heads: golden.int("num_heads") ?? 1,
        bias: golden.bool("bias") ?? true, generator: generator)
      return GoldenLayer(layer) { try layer($0[0], $0[1], $0[2], mask: $0.count > 3 ? $0[3] : nil) }
    case "LinearAttention":
      return GoldenLayer(
        LinearAttention(
          channels: golden.int("dim") ?? 1, heads: golden.int("heads") ?? 1,
          headDimension: golden.int("dim_head") ?? 1, generator: generator))
    case "Sequential": return GoldenLayer(Sequential(try inner(golden, generator)))
    case "Residual": return GoldenLayer(Residual(try inner(golden, generator)[0]))
    case "PreNorm":
      return GoldenLayer(PreNorm(channels: golden.int("dim") ?? 1, try inner(golden, generator)[0]))
    default: return nil
    }
  }

  /// The layers inside, each written as its name and its arguments.
  private static func inner(_ golden: GoldenCase, _ generator: Generator) throws -> [any Layer] {
    try #require(golden.arguments["layers"] as? [[Any]]).map { part in
      let layer = try GoldenLayer(GoldenCase(line: ["op": part[0], "args": part[1]]), generator)
      return try #require(layer.module as? any Layer)
    }
  }

  private static func spatial<Rank: SpatialRank>(
    _: Rank.Type, _ golden: GoldenCase, _ generator: Generator
  ) throws -> GoldenLayer? {
    let kernel = golden.perAxis("kernel_size") ?? 1
    let (stride, padding) = (golden.perAxis("stride"), golden.perAxis("padding") ?? 0)
    let isCeil = golden.bool("ceil_mode") ?? false
    let (channels, affine) = (golden.int("num_features") ?? 1, golden.bool("affine"))
    let epsilon = try golden.double("eps") ?? 1e-5
    let tracks = golden.bool("track_running_stats")
    switch golden.op.dropLast(2) {
    case "Conv":
      return GoldenLayer(
        Convolution<Rank>(
          inChannels: golden.int("in_channels"), outChannels: golden.int("out_channels") ?? 1,
          kernelSize: kernel,
          stride: stride ?? 1, padding: try golden.padding(), dilation: golden.perAxis("dilation") ?? 1,
          groups: golden.int("groups") ?? 1, bias: golden.bool("bias") ?? true,
          paddingMode: try golden.modes(),
          generator: generator))
    case "ConvTranspose":
      return GoldenLayer(
        ConvolutionTranspose<Rank>(
          inChannels: golden.int("in_channels"), outChannels: golden.int("out_channels") ?? 1,
          kernelSize: kernel,
          stride: stride ?? 1, padding: try golden.padding(),
          outputPadding: golden.perAxis("output_padding") ?? 0,
          groups: golden.int("groups") ?? 1, bias: golden.bool("bias") ?? true,
          dilation: golden.perAxis("dilation") ?? 1, generator: generator))
    case "MaxPool":
      return GoldenLayer(
        MaxPool<Rank>(
          kernelSize: kernel, stride: stride, padding: padding, dilation: golden.perAxis("dilation") ?? 1,
          isCeil: isCeil))
    case "AvgPool":
      return GoldenLayer(
        AvgPool<Rank>(
          kernelSize: kernel, stride: stride, padding: padding, isCeil: isCeil,
          countsPadding: golden.bool("count_include_pad") ?? true, divisor: golden.int("divisor_override")))
    case "LPPool":
      return GoldenLayer(
        LPPool<Rank>(
          norm: try golden.double("norm_type") ?? 2, kernelSize: kernel, stride: stride, isCeil: isCeil))
    case "AdaptiveAvgPool":
      return GoldenLayer(AdaptiveAvgPool<Rank>(outputSize: PerAxis(golden.ints("output_size") ?? [])))
    case "AdaptiveMaxPool":
      return GoldenLayer(AdaptiveMaxPool<Rank>(outputSize: PerAxis(golden.ints("output_size") ?? [])))
    case "MaxUnpool":
      let (pool, layer) = (MaxPool<Rank>(kernelSize: kernel), MaxUnpool<Rank>(kernelSize: kernel))
      return GoldenLayer(layer) {
        let pooled = try pool.withIndices($0[0])
        return try layer(pooled.values, pooled.indices, outputSize: Array($0[0].shape.suffix(Rank.rank)))
      }
    case "BatchNorm":
      return GoldenLayer(
        BatchNorm<Rank>(
          channels: channels, epsilon: epsilon,
          momentum: golden.arguments["momentum"] is NSNull ? nil : try golden.double("momentum") ?? 0.1,
          isAffine: affine ?? true, tracksStatistics: tracks ?? true))
    case "InstanceNorm":
      return GoldenLayer(
        InstanceNorm<Rank>(
          channels: channels, epsilon: epsilon, isAffine: affine ?? false, tracksStatistics: tracks ?? false))
    case "Dropout": return GoldenLayer(ChannelDropout<Rank>(probability: try golden.double("p") ?? 0.5))
    default: return nil
    }
  }
}
