import ArgumentParser
import Volute

extension Family {
  private static let windowed: Set<OptionName> = [.kernelSize, .stride, .padding, .dilation]

  private static let kernelOfThree: @Sendable (inout OperationOptions) -> Void = {
    $0.kernelSize = $0.kernelSize ?? 3
  }

  static let unfold = Family(
    stem: "unfold", isRanked: false, abstract: "The windows of a convolution as columns.",
    options: windowed.union([.inputSize, .inChannels]), sampleDefaults: kernelOfThree,
    rank: { options, inputShape in
      let listed = options.kernelSize?.values.count ?? 1
      return listed > 1 ? listed : max((inputShape?.count ?? 4) - 2, 2)
    },
    columns: .output,
    plan: { call, shapes in
      let image = shapes.input
      let geometry = try geometry(call, image)
      return Plan(
        output: try columns(geometry), rule: "floor((n + 2·p - d·(k - 1) - 1) / s) + 1 positions",
        formulas: zip(geometry.axes, geometry.inputSize).map { $0.formula($1) }, note: note(geometry),
        otherWork: (volume(try columns(geometry)), "copies"))
    },
    run: { call, operands in
      let options = call.options
      return Results(
        output: try Volute.unfold(
          operands.input, kernelSize: try call.kernelSize(), dilation: options.dilation ?? 1,
          padding: try call.symmetricPadding(), stride: options.stride ?? 1, rank: call.rank))
    })

  static let fold = Family(
    stem: "fold", isRanked: false, abstract: "Such columns added back to where they were read.",
    options: windowed.union([.outputSize, .outChannels]),
    sampleDefaults: { options in
      kernelOfThree(&options)
      options.outputSize = options.outputSize ?? PerAxis(repeating: Sample.size)
    },
    rank: { options, _ in
      let listed = max(options.outputSize?.values.count ?? 1, options.kernelSize?.values.count ?? 1)
      return listed > 1 ? listed : 2
    },
    shapes: { call, sizes in
      let size = try call.required(try call.outputSize(), .outputSize)
      return Shapes(input: try columns(try geometry(call, [sizes.batch, sizes.outChannels] + size)))
    },
    columns: .input,
    plan: { call, shapes in
      let size = try call.required(try call.outputSize(), .outputSize)
      let kernel = try call.expanded(call.kernelSize(), .kernelSize)
      let rows = shapes.input.dropLast().last ?? 0
      let taps = kernel.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      guard shapes.input.count == 2 || shapes.input.count == 3, taps > 0, rows > 0, rows % taps == 0 else {
        throw ShapeError(
          "fold", parameter: "input",
          "expected columns of shape [batch, channels·\(taps), positions] for a kernel of \(kernel), but got "
            + "\(shapes.input)", shapes: [shapes.input])
      }
      let image = Array(shapes.input.dropLast(2)) + [rows / taps] + size
      let geometry = try geometry(call, image)
      let expected = try columns(geometry)
      guard shapes.input == expected else {
        throw ShapeError(
          "fold", parameter: "input",
          "an output of \(size) has \(expected[expected.count - 1]) positions, but the input \(shapes.input) has "
            + "\(shapes.input[shapes.input.count - 1])", mend: "expected an input of \(expected)",
          shapes: [shapes.input, expected])
      }
      return Plan(
        output: image, rule: "as asked, from floor((n + 2·p - d·(k - 1) - 1) / s) + 1 positions",
        formulas: zip(geometry.axes, geometry.inputSize).map { $0.formula($1) }, note: note(geometry),
        otherWork: (volume(shapes.input), "additions"))
    },
    run: { call, operands in
      let options = call.options
      return Results(
        output: try Volute.fold(
          operands.input, outputSize: try call.required(try call.outputSize(), .outputSize),
          kernelSize: try call.kernelSize(), dilation: options.dilation ?? 1,
          padding: try call.symmetricPadding(), stride: options.stride ?? 1))
    })

  /// The windows over an image of that shape, as those of a convolution.
  private static func geometry(_ call: Call, _ image: [Int]) throws -> ConvolutionGeometry {
    let rank = call.rank
    guard image.count == rank + 1 || image.count == rank + 2, !image.suffix(rank + 1).contains(0) else {
      throw ShapeError(
        call.name, parameter: "input",
        "expected \(rank + 1)D (unbatched) or \(rank + 2)D (batched) input with nothing empty but the batch, but "
          + "got \(image)", shapes: [image])
    }
    return try ConvolutionGeometry(
      inputShape: image,
      weightShape: [1, image[image.count - rank - 1]] + call.expanded(call.kernelSize(), .kernelSize),
      stride: call.options.stride ?? 1, padding: Padding(try call.symmetricPadding().values),
      dilation: call.options.dilation ?? 1, operation: call.name)
  }

  private static func columns(_ geometry: ConvolutionGeometry) throws -> [Int] {
    let sizes = geometry.axes.map(\.kernel) + [geometry.inputChannels] + geometry.outputSize
    _ = try elementCount(sizes, operation: geometry.operation)
    return (geometry.isBatched ? [geometry.batch] : [])
      + [geometry.inputChannels * geometry.axes.reduce(1) { $0 * $1.kernel }]
      + [geometry.outputSize.reduce(1, *)]
  }

  /// How rows and columns are joined from channels, taps and positions.
  private static func note(_ geometry: ConvolutionGeometry) -> String {
    let taps = ([geometry.inputChannels] + geometry.axes.map(\.kernel)).map(String.init)
    let positions = geometry.outputSize.map(String.init)
    return "\(taps.joined(separator: "·")) rows, \(positions.joined(separator: "·")) columns"
  }
}
