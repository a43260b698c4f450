import Testing
import Volute

/// The operations on spatial axes against PyTorch, case by case.
@Suite struct GoldenOperationTests {
  @Test func convolution() throws {
    for golden in try GoldenCase.read("conv") {
      try golden.check {
        [
          try Volute.convolution(
            golden.input(), golden.input("weight"), bias: golden.optionalInput("bias"),
            stride: golden.perAxis("stride") ?? 1, padding: golden.padding(), paddingMode: golden.modes(),
            dilation: golden.perAxis("dilation") ?? 1, groups: golden.int("groups") ?? 1,
            isStrict: golden.bool("strict") ?? false)
        ]
      }
    }
  }

  @Test func transposedConvolution() throws {
    for golden in try GoldenCase.read("conv_transpose") {
      try golden.check {
        [
          try Volute.transposedConvolution(
            golden.input(), golden.input("weight"), bias: golden.optionalInput("bias"),
            stride: golden.perAxis("stride") ?? 1, padding: golden.padding(), paddingMode: golden.modes(),
            outputPadding: golden.perAxis("output_padding") ?? 0, outputSize: golden.ints("output_size"),
            dilation: golden.perAxis("dilation") ?? 1, groups: golden.int("groups") ?? 1)
        ]
      }
    }
  }

  @Test func padding() throws {
    for golden in try GoldenCase.read("pad") {
      let mode = PaddingMode(rawValue: golden.text("mode") ?? "").map { PaddingGeometry.Fill.mode($0) }
      try golden.check {
        [
          try pad(
            golden.input(), golden.ints("pad") ?? [], mode: mode ?? .constant,
            value: golden.double("value") ?? 0)
        ]
      }
    }
  }

  @Test func maximumPooling() throws {
    for golden in try GoldenCase.read("max_pool") {
      try golden.check {
        let result = try maxPool(
          golden.input(), rank: golden.rank, kernelSize: golden.perAxis("kernel_size") ?? 1,
          stride: golden.perAxis("stride"), padding: golden.perAxis("padding") ?? 0,
          dilation: golden.perAxis("dilation") ?? 1, isCeil: golden.bool("ceil_mode") ?? false)
        return [result.values, result.indices]
      }
    }
  }

  @Test func averagePooling() throws {
    for golden in try GoldenCase.read("avg_pool") {
      try golden.check {
        [
          try averagePool(
            golden.input(), rank: golden.rank, kernelSize: golden.perAxis("kernel_size") ?? 1,
            stride: golden.perAxis("stride"), padding: golden.perAxis("padding") ?? 0,
            isCeil: golden.bool("ceil_mode") ?? false,
            countsPadding: golden.bool("count_include_pad") ?? true,
            divisor: golden.int("divisor_override"))
        ]
      }
    }
  }

  @Test func powerPooling() throws {
    for golden in try GoldenCase.read("lp_pool") {
      try golden.check {
        [
          try lpPool(
            golden.input(), rank: golden.rank, norm: golden.double("norm_type") ?? 2,
            kernelSize: golden.perAxis("kernel_size") ?? 1, stride: golden.perAxis("stride"),
            isCeil: golden.bool("ceil_mode") ?? false)
        ]
      }
    }
  }

  @Test func adaptivePooling() throws {
    for golden in try GoldenCase.read("adaptive_pool") {
      let sizes = try #require(golden.arguments["output_size"] as? [Any])
      let outputSize = PerAxis<Int?>(sizes.map { $0 as? Int })
      try golden.check {
        if golden.op == "adaptive_avg_pool" {
          return [
            try adaptiveAveragePool(golden.input(), rank: golden.rank, outputSize: outputSize)
          ]
        }
        let result = try adaptiveMaxPool(golden.input(), rank: golden.rank, outputSize: outputSize)
        return [result.values, result.indices]
      }
    }
  }

  @Test func unpooling() throws {
    for golden in try GoldenCase.read("max_unpool") {
      try golden.check {
        [
          try maxUnpool(
            golden.input(), indices: golden.input("indices"), rank: golden.rank,
            kernelSize: golden.perAxis("kernel_size") ?? 1, stride: golden.perAxis("stride"),
            padding: golden.perAxis("padding") ?? 0, outputSize: golden.ints("output_size"))
        ]
      }
    }
  }

  @Test func interpolation() throws {
    let modes: [String: InterpolationMode] = [
      "nearest": .nearest, "nearest-exact": .nearestExact, "linear": .linear, "bilinear": .linear,
      "trilinear": .linear, "bicubic": .cubic, "area": .area,
    ]
    for golden in try GoldenCase.read("interpolate") {
      let scales = try (golden.arguments["scale_factor"] as? [Any])?.map(GoldenCase.number)
      let scale = try scales ?? (golden.double("scale_factor").map { [$0] })
      try golden.check {
        [
          try interpolate(
            golden.input(), size: golden.ints("size"), scaleFactor: scale.map { PerAxis($0) },
            mode: try #require(modes[golden.text("mode") ?? "nearest"]),
            alignsCorners: golden.bool("align_corners"),
            recomputesScaleFactor: golden.bool("recompute_scale_factor") ?? false,
            isAntialiased: golden.bool("antialias") ?? false)
        ]
      }
    }
  }

  @Test func unfolding() throws {
    for golden in try GoldenCase.read("unfold") {
      let kernel = golden.perAxis("kernel_size") ?? 1
      let (dilation, padding) = (golden.perAxis("dilation") ?? 1, golden.perAxis("padding") ?? 0)
      let stride = golden.perAxis("stride") ?? 1
      try golden.check {
        if golden.op == "fold" {
          return [
            try fold(
              golden.input(), outputSize: golden.ints("output_size") ?? [], kernelSize: kernel,
              dilation: dilation, padding: padding, stride: stride)
          ]
        }
        return [
          try unfold(
            golden.input(), kernelSize: kernel, dilation: dilation, padding: padding, stride: stride,
            rank: golden.rank)
        ]
      }
    }
  }
}
