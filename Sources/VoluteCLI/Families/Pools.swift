import ArgumentParser
import Volute

extension Family {
  private static let windows: Set<OptionName> = [.inputSize, .inChannels, .kernelSize, .stride, .ceilMode]
  private static let adaptive: Set<OptionName> = [.inputSize, .inChannels, .outputSize]

  private static let kernelOfTwo: @Sendable (inout OperationOptions) -> Void = {
    $0.kernelSize = $0.kernelSize ?? 2
  }
  private static let sixteen: @Sendable (inout OperationOptions) -> Void = {
    $0.outputSize = $0.outputSize ?? PerAxis(repeating: 16)
  }

  static let maxPool = Family(
    stem: "max-pool", abstract: "The largest element of each window.",
    options: windows.union([.padding, .dilation, .indicesOutput]), sampleDefaults: kernelOfTwo,
    plan: { call, shapes in
      let geometry = try geometry("max_pool", call, shapes)
      return plan(geometry, call, unit: "comparisons", hasIndices: true)
    },
    run: { call, operands in
      let options = call.options
      let result = try Volute.maxPool(
        operands.input, rank: call.rank, kernelSize: try call.kernelSize(), stride: options.stride,
        padding: try call.symmetricPadding(), dilation: options.dilation ?? 1, isCeil: options.ceilMode)
      return Results(output: result.values, indices: result.indices)
    })

  static let averagePool = Family(
    stem: "avg-pool", abstract: "The mean of each window.",
    options: windows.union([.padding, .excludePadding, .divisor]), sampleDefaults: kernelOfTwo,
    plan: { call, shapes in
      if call.options.excludePadding && call.options.divisor != nil {
        throw ValidationError("--divisor replaces what --exclude-padding decides; leave one of them out")
      }
      return plan(try geometry("avg_pool", call, shapes), call, unit: "additions")
    },
    run: { call, operands in
      let options = call.options
      return Results(
        output: try Volute.averagePool(
          operands.input, rank: call.rank, kernelSize: try call.kernelSize(), stride: options.stride,
          padding: try call.symmetricPadding(), isCeil: options.ceilMode,
          countsPadding: !options.excludePadding, divisor: options.divisor))
    })

  static let lpPool = Family(
    stem: "lp-pool", abstract: "The root of the sum of powers of each window.",
    options: windows.union([.norm]), sampleDefaults: kernelOfTwo,
    plan: { call, shapes in
      plan(try geometry("lp_pool", call, shapes), call, unit: "powers and additions")
    },
    run: { call, operands in
      let options = call.options
      return Results(
        output: try Volute.lpPool(
          operands.input, rank: call.rank, norm: options.norm ?? 2, kernelSize: try call.kernelSize(),
          stride: options.stride, isCeil: options.ceilMode))
    })

  static let adaptiveAveragePool = Family(
    stem: "adaptive-avg-pool", abstract: "The mean of windows that give the size asked for.",
    options: adaptive, sampleDefaults: sixteen,
    plan: { call, shapes in try adaptivePlan("adaptive_avg_pool", call, shapes, unit: "additions") },
    run: { call, operands in
      Results(
        output: try Volute.adaptiveAveragePool(
          operands.input, rank: call.rank, outputSize: try call.required(call.options.outputSize, .outputSize)
        ))
    })

  static let adaptiveMaxPool = Family(
    stem: "adaptive-max-pool", abstract: "The largest element of such windows.",
    options: adaptive.union([.indicesOutput]), sampleDefaults: sixteen,
    plan: { call, shapes in
      try adaptivePlan("adaptive_max_pool", call, shapes, unit: "comparisons", hasIndices: true)
    },
    run: { call, operands in
      let result = try Volute.adaptiveMaxPool(
        operands.input, rank: call.rank, outputSize: try call.required(call.options.outputSize, .outputSize))
      return Results(output: result.values, indices: result.indices)
    })

  static let maxUnpool = Family(
    stem: "max-unpool", abstract: "Maxima put back to where they stood.",
    options: [.inputSize, .inChannels, .indices, .kernelSize, .stride, .padding, .outputSize],
    sampleDefaults: { options in
      kernelOfTwo(&options)
      options.outputSize = options.outputSize ?? PerAxis(repeating: Sample.size)
    },
    plan: { call, shapes in
      let options = call.options
      let kernel = try call.kernelSize()
      let padding = try call.symmetricPadding()
      let geometry = try UnpoolingGeometry(
        inputShape: shapes.input, rank: call.rank, kernelSize: kernel, stride: options.stride,
        padding: padding, outputSize: try call.outputSize())
      let kernels = try call.expanded(kernel, .kernelSize)
      let strides = try call.expanded(options.stride ?? kernel, .stride)
      let paddings = try call.expanded(padding, .padding)
      let axes = (0..<call.rank).map {
        Axis(
          kernel: kernels[$0], stride: strides[$0], paddingBefore: paddings[$0], paddingAfter: paddings[$0])
      }
      return Plan(
        output: geometry.outputShape, rule: "(n - 1)·s - 2·p + k", formulas: geometry.formulas(axes),
        otherWork: (volume(shapes.input), "copies"))
    },
    run: { call, operands in
      Results(
        output: try Volute.maxUnpool(
          operands.input, indices: try call.required(operands.indices, .indices), rank: call.rank,
          kernelSize: try call.kernelSize(), stride: call.options.stride,
          padding: try call.symmetricPadding(), outputSize: try call.outputSize()))
    })

  private static func geometry(_ stem: String, _ call: Call, _ shapes: Shapes) throws -> PoolingGeometry {
    try PoolingGeometry(
      stem, inputShape: shapes.input, rank: call.rank, kernelSize: try call.kernelSize(),
      stride: call.options.stride, padding: try call.symmetricPadding(),
      dilation: call.options.dilation ?? 1, isCeil: call.options.ceilMode)
  }

  private static func plan(
    _ geometry: PoolingGeometry, _ call: Call, unit: String, hasIndices: Bool = false
  ) -> Plan {
    let isCeil = call.options.ceilMode
    let formulas = geometry.formulas(isCeil: isCeil)
    let isCut = formulas.contains { $0.contains(" + 1 - 1") }
    return Plan(
      output: geometry.outputShape,
      rule: "\(isCeil ? "ceil" : "floor")((n + 2·p - d·(k - 1) - 1) / s) + 1",
      formulas: formulas,
      note: isCut ? "- 1: the last window would start beyond the input" : nil,
      otherWork: (volume(geometry.outputShape) * volume(geometry.axes.map(\.kernel)), unit),
      hasIndices: hasIndices)
  }

  private static func adaptivePlan(
    _ stem: String, _ call: Call, _ shapes: Shapes, unit: String, hasIndices: Bool = false
  ) throws -> Plan {
    let geometry = try AdaptivePoolingGeometry(
      stem, inputShape: shapes.input, rank: call.rank,
      outputSize: try call.required(call.options.outputSize, .outputSize))
    let elements = (0..<call.rank).reduce(Double(geometry.planes)) { product, axis in
      product * geometry.windows(axis: axis).reduce(0.0) { $0 + Double($1.count) }
    }
    return Plan(
      output: geometry.outputShape, rule: "as asked; window o is floor(o·n / m) ..< ceil((o + 1)·n / m)",
      formulas: geometry.formulas, otherWork: (elements, unit), hasIndices: hasIndices)
  }
}
