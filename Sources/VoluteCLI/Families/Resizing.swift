import ArgumentParser
import Volute

extension Family {
  static let pad = Family(
    stem: "pad", isRanked: false, abstract: "Elements added or cropped at the ends.",
    options: [.inputSize, .inChannels, .pad, .mode, .value],
    sampleDefaults: { $0.pad = $0.pad ?? [8, 8, 8, 8] },
    rank: { options, inputShape in
      let pairs = (options.pad?.values.count ?? 4) / 2
      guard let axes = inputShape?.count else { return min(max(pairs, 1), 3) }
      return min(max(axes - 2, pairs, 1), axes)
    },
    plan: { call, shapes in
      let amounts = try call.required(call.options.pad, .pad).values
      let fill = try fill(call)
      let geometry = try PaddingGeometry(inputShape: shapes.input, amounts: amounts, fill: fill)
      return Plan(
        output: geometry.outputShape, rule: "n + before + after",
        formulas: geometry.formulas(rank: min(call.rank, shapes.input.count), amounts: amounts),
        otherWork: (volume(geometry.outputShape), "copies"))
    },
    run: { call, operands in
      let amounts = try call.required(call.options.pad, .pad).values
      let value = call.options.value ?? 0
      let dtype = operands.input.dtype
      if !dtype.isFloatingPoint {
        let kept = Tensor(value).to(dtype).to(.float64).item(as: Double.self)
        guard kept == value else {
          throw ShapeError(
            "pad", parameter: "value", "the value \(plain(value)) is none of \(dtype.rawValue)",
            mend: "give one, or convert the input")
        }
      }
      return Results(output: try Volute.pad(operands.input, amounts, mode: try fill(call), value: value))
    })

  /// What `--mode` of `pad` stands for.
  private static func fill(_ call: Call) throws -> PaddingGeometry.Fill {
    let name = call.options.mode ?? "constant"
    if name != "constant" && call.options.value != nil {
      throw ValidationError("--value is for --mode constant; mode \(name) takes its values from the input")
    }
    if name == "constant" { return .constant }
    guard let mode = PaddingMode(rawValue: name), mode != .zeros else {
      throw ValidationError("pad has no mode '\(name)'; there are constant, reflect, replicate and circular")
    }
    return .mode(mode)
  }

  static let interpolate = Family(
    stem: "interpolate", isRanked: false, abstract: "The axes resized.",
    options: [
      .inputSize, .inChannels, .size, .scaleFactor, .mode, .alignCorners, .recomputeScaleFactor, .antialias,
    ],
    sampleDefaults: { options in
      if options.size == nil { options.scaleFactor = options.scaleFactor ?? 2.0 }
    },
    rank: { options, inputShape in
      if let inputShape, inputShape.count != 3 { return inputShape.count - 2 }
      let listed = options.size?.values.count ?? options.scaleFactor?.values.count ?? 1
      if listed > 1 { return listed }
      let ranks = ["linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3]
      return options.mode.flatMap { ranks[$0] } ?? (inputShape == nil ? 2 : 1)
    },
    plan: { call, shapes in
      let options = call.options
      let mode = try mode(call, shapes.input)
      let geometry = try InterpolationGeometry(
        inputShape: shapes.input, size: options.size?.values, scaleFactor: options.scaleFactor, mode: mode,
        alignsCorners: options.alignCorners ? true : nil, recomputesScale: options.recomputeScaleFactor,
        isAntialiased: options.antialias)
      let scales = options.scaleFactor.map { $0.values }
      let formulas = geometry.maps.enumerated().map { axis, map in
        guard let scales else { return "\(map.inputSize) to \(map.outputSize), as asked" }
        return "floor(\(map.inputSize)·\(plain(scales[scales.count == 1 ? 0 : axis]))) = \(map.outputSize)"
      }
      let work = readings(geometry)
      let isCopying = mode == .nearest || mode == .nearestExact
      return Plan(
        output: geometry.outputShape, rule: scales == nil ? "the size asked for" : "floor(n·scale)",
        formulas: formulas, multiplyAdds: isCopying ? 0 : work,
        otherWork: isCopying ? (work, "copies") : nil)
    },
    run: { call, operands in
      let options = call.options
      return Results(
        output: try Volute.interpolate(
          operands.input, size: options.size?.values, scaleFactor: options.scaleFactor,
          mode: try mode(call, operands.input.shape), alignsCorners: options.alignCorners ? true : nil,
          recomputesScaleFactor: options.recomputeScaleFactor, isAntialiased: options.antialias))
    })

  /// What `--mode` of `interpolate` stands for; PyTorch's names insist on their number of axes.
  private static func mode(_ call: Call, _ inputShape: [Int]) throws -> InterpolationMode {
    let name = call.options.mode ?? "nearest"
    if let axes = ["bilinear": 2, "trilinear": 3][name] {
      guard inputShape.count == axes + 2 else {
        throw ShapeError(
          "interpolate", parameter: "mode",
          "mode \(name) resizes \(axes) axes after batch and channels, but the input is \(inputShape)",
          mend: "linear takes any number of axes", shapes: [inputShape])
      }
      return .linear
    }
    guard let mode = InterpolationMode(rawValue: name) else {
      throw ValidationError(
        "interpolate has no mode '\(name)'; there are nearest, nearest-exact, linear, bilinear, trilinear, "
          + "bicubic and area")
    }
    return mode
  }

  /// How many elements are read when one axis is resized after the other, the last first.
  private static func readings(_ geometry: InterpolationGeometry) -> Double {
    var shape = geometry.inputShape
    var total = 0.0
    for (axis, map) in geometry.maps.enumerated().reversed() {
      shape[axis + 2] = 1
      total += volume(shape) * Double(map.sources.count)
      shape[axis + 2] = map.outputSize
    }
    return total
  }
}
