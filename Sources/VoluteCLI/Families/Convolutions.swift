import ArgumentParser
import Volute

extension Family {
  private static let common: Set<OptionName> = [
    .inputSize, .inChannels, .outChannels, .noBias, .weight, .bias, .kernelSize, .stride, .padding,
    .paddingMode, .dilation, .groups, .algorithm,
  ]

  static let convolution = Family(
    stem: "conv", abstract: "Convolution: a weighted sum of each window.",
    options: common.union([.strict]),
    sampleDefaults: kernelOfThree,
    shapes: { call, sizes in try shapes(call, sizes, isTransposed: false) },
    plan: { call, shapes in
      let options = call.options
      let geometry = try ConvolutionGeometry(
        inputShape: shapes.input, weightShape: try weightShape(call, shapes), stride: options.stride ?? 1,
        padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
        dilation: options.dilation ?? 1, groups: options.groups ?? 1, isStrict: options.strict)
      return plan(
        geometry, shapes, rule: "floor((n + before + after - d·(k - 1) - 1) / s) + 1",
        formulas: zip(geometry.axes, geometry.inputSize).map { $0.formula($1) })
    },
    run: { call, operands in
      let options = call.options
      let weight = try call.required(operands.weight, .weight)
      return Results(
        output: try Volute.convolution(
          operands.input, weight, bias: operands.bias, stride: options.stride ?? 1,
          padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
          dilation: options.dilation ?? 1, groups: options.groups ?? 1, isStrict: options.strict,
          policy: call.policy))
    })

  static let transposedConvolution = Family(
    stem: "conv-transpose", abstract: "Its adjoint: each input is spread over a window.",
    options: common.union([.outputPadding, .outputSize]),
    sampleDefaults: kernelOfThree,
    shapes: { call, sizes in try shapes(call, sizes, isTransposed: true) },
    plan: { call, shapes in
      let options = call.options
      try checkOutput(options)
      let geometry = try ConvolutionGeometry(
        transposing: shapes.input, weightShape: try weightShape(call, shapes), stride: options.stride ?? 1,
        padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
        outputPadding: options.outputPadding ?? 0, outputSize: try call.outputSize(),
        dilation: options.dilation ?? 1, groups: options.groups ?? 1)
      return plan(
        geometry, shapes, rule: "(n - 1)·s - before - after + d·(k - 1) + output padding + 1",
        formulas: zip(geometry.axes, geometry.inputSize).map { $0.transposedFormula($1) })
    },
    run: { call, operands in
      let options = call.options
      let weight = try call.required(operands.weight, .weight)
      return Results(
        output: try Volute.transposedConvolution(
          operands.input, weight, bias: operands.bias, stride: options.stride ?? 1,
          padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
          outputPadding: options.outputPadding ?? 0, outputSize: try call.outputSize(),
          dilation: options.dilation ?? 1, groups: options.groups ?? 1, policy: call.policy))
    })

  private static let kernelOfThree: @Sendable (inout OperationOptions) -> Void = {
    $0.kernelSize = $0.kernelSize ?? 3
  }

  /// The weight's shape, which must suit the number of axes in the name.
  private static func weightShape(_ call: Call, _ shapes: Shapes) throws -> [Int] {
    let shape = try call.required(shapes.weight, .weight)
    if shape.count == call.rank + 2 { return shape }
    throw ShapeError(
      call.name, parameter: "weight",
      "expected a \(call.rank + 2)-dimensional weight for \(call.name), but got \(shape.count)-dimensional size "
        + "\(shape) instead", shapes: [shape])
  }

  private static func checkOutput(_ options: OperationOptions) throws {
    if options.outputSize != nil && options.outputPadding != nil {
      throw ValidationError("--output-size decides the output padding; leave --output-padding out")
    }
  }

  /// The shapes of the layer that the sizes describe.
  private static func shapes(_ call: Call, _ sizes: Sizes, isTransposed: Bool) throws -> Shapes {
    let groups = call.options.groups ?? 1
    let kernel = try call.expanded(call.kernelSize(), .kernelSize)
    let size = try sizes.spatial(call)
    for (option, channels) in [(OptionName.inChannels, sizes.inChannels), (.outChannels, sizes.outChannels)]
    where groups > 0 && channels % groups != 0 {
      throw ValidationError(
        "--\(option.rawValue) \(channels) is not divisible by --groups \(groups); give a multiple of \(groups)"
      )
    }
    let channels =
      isTransposed
      ? [sizes.inChannels, sizes.outChannels / max(groups, 1)]
      : [sizes.outChannels, sizes.inChannels / max(groups, 1)]
    return Shapes(
      input: [sizes.batch, sizes.inChannels] + size, weight: channels + kernel, hasBias: sizes.hasBias)
  }

  private static func plan(
    _ geometry: ConvolutionGeometry, _ shapes: Shapes, rule: String, formulas: [String]
  ) -> Plan {
    let cost = geometry.cost(bias: shapes.hasBias)
    return Plan(
      output: geometry.outputShape, rule: rule, formulas: formulas, parameters: cost.parameters,
      multiplyAdds: cost.multiplyAdds)
  }
}
