/// How a resized axis is sampled.
public enum InterpolationMode: String, Hashable, Sendable, CaseIterable {
  /// The input at `floor(o · scale)`: PyTorch's `nearest`.
  case nearest
  /// The input whose centre is nearest to the output's: PyTorch's `nearest-exact`.
  case nearestExact = "nearest-exact"
  /// Linear along every axis: PyTorch's `linear`, `bilinear` and `trilinear`.
  case linear
  /// Cubic convolution with A = -0.75 along every axis (-0.5 with antialias, as PIL has it).
  case cubic = "bicubic"
  /// The mean of the inputs that an output covers: adaptive average pooling.
  case area

  /// Whether `alignCorners` means anything.
  public var interpolates: Bool { self == .linear || self == .cubic }
}

/// The inputs that each output of one axis is a weighted sum of.
public struct SamplingMap: Hashable, Sendable {
  /// Elements of the input.
  public let inputSize: Int
  /// Elements of the output.
  public let outputSize: Int
  /// Entries of output `o` are `offsets[o]..<offsets[o + 1]`.
  public let offsets: [Int]
  /// The input position of each entry.
  public let sources: [Int]
  /// The weight of each entry.
  public let weights: [Double]

  init(inputSize: Int, outputSize: Int, entries: (Int) -> [(source: Int, weight: Double)]) {
    var offsets = [0]
    var sources: [Int] = []
    var weights: [Double] = []
    for output in 0..<outputSize {
      for entry in entries(output) {
        sources.append(entry.source)
        weights.append(entry.weight)
      }
      offsets.append(sources.count)
    }
    self.inputSize = inputSize
    self.outputSize = outputSize
    self.offsets = offsets
    self.sources = sources
    self.weights = weights
  }

  /// The adjoint: what each input gives to the outputs, as a map from outputs to inputs.
  public var transposed: SamplingMap {
    var entries: [[(source: Int, weight: Double)]] = Array(repeating: [], count: inputSize)
    for output in 0..<outputSize {
      for entry in offsets[output]..<offsets[output + 1] {
        entries[sources[entry]].append((output, weights[entry]))
      }
    }
    return SamplingMap(inputSize: outputSize, outputSize: inputSize) { entries[$0] }
  }

  /// What a map of one tap copies; padding gives zeros.
  public init(copying map: AxisMap) {
    self.init(inputSize: map.inputSize, outputSize: map.outputSize) { output in
      let source = map.source(output: output, tap: 0)
      return source == AxisMap.padding ? [] : [(source, 1)]
    }
  }

  /// The mean of the inputs under each output of a window, as far as one axis decides it.
  ///
  /// - Parameters:
  ///   - window: the inputs under each output.
  ///   - divisors: one an output.
  public init(averaging window: WindowAxis, divisors: [Int]) {
    self.init(inputSize: window.inputSize, outputSize: window.outputSize) { output in
      (0..<window.counts[output]).map {
        (window.starts[output] + $0 * window.step, 1 / Double(divisors[output]))
      }
    }
  }

  /// Whether every output is the input at its own place.
  public var isIdentity: Bool {
    inputSize == outputSize && sources == Array(0..<inputSize) && offsets == Array(0...inputSize)
      && weights.allSatisfy { $0 == 1 }
  }
}

/// The arithmetic of resizing the spatial axes of a tensor.
public struct InterpolationGeometry: Hashable, Sendable {
  /// `[batch, channels, size...]`.
  public let inputShape: [Int]
  /// `[batch, channels, size...]` after resizing.
  public let outputShape: [Int]
  /// How the axes are sampled.
  public var mode: InterpolationMode { sampling.mode }
  private let sampling: Sampling
  /// For each axis the scale that positions are computed from, or `nil` for the ratio of the sizes.
  private let scales: [Double?]

  /// The number of spatial axes.
  public var rank: Int { scales.count }
  /// How many planes are resized: batch times channels.
  public var planes: Int { inputShape[0] * inputShape[1] }

  /// - Parameters:
  ///   - inputShape: `[batch, channels, size...]`.
  ///   - size: the spatial size that comes out; either this or `scaleFactor`.
  ///   - scaleFactor: output `floor(n * scale)`.
  ///   - mode: how the axes are sampled.
  ///   - alignsCorners: whether the first and last elements stay where they are; linear and cubic only.
  ///   - recomputesScale: sample by the ratio of the rounded sizes instead of by the given scale.
  ///   - isAntialiased: widen the window when the output is smaller; linear and cubic only.
  ///   - isSinglePrecision: compute positions in 32 bits, as is done for every element type but Float64.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    inputShape: [Int], size: [Int]? = nil, scaleFactor: PerAxis<Double>? = nil, mode: InterpolationMode,
    alignsCorners: Bool? = nil, recomputesScale: Bool = false, isAntialiased: Bool = false,
    isSinglePrecision: Bool = true
  ) throws(ShapeError) {
    let operation = "interpolate"
    let rank = inputShape.count - 2
    guard rank >= 1 else {
      throw ShapeError(
        operation, parameter: "input",
        "expected an input of batch, channels and at least one spatial axis, but got \(inputShape)",
        shapes: [inputShape])
    }
    _ = try elementCount(inputShape, operation: operation)
    if alignsCorners != nil && !mode.interpolates {
      throw ShapeError(
        operation, parameter: "alignCorners",
        "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
          + "trilinear, but the mode is \(mode.rawValue)", mend: "leave it out")
    }
    if isAntialiased && !mode.interpolates {
      throw ShapeError(
        operation, parameter: "antialias",
        "anti-alias option is restricted to linear and cubic modes, but the mode is \(mode.rawValue)")
    }
    let input = Array(inputShape[2...])
    let (output, scales) = try Self.resolve(
      input: input, size: size, scaleFactor: scaleFactor, recomputesScale: recomputesScale)
    if input.contains(where: { $0 < 1 }) || output.contains(where: { $0 < 1 }) {
      throw ShapeError(
        operation, parameter: size == nil ? "scaleFactor" : "size",
        "input and output sizes should be greater than 0, but got input \(sizeText(input)) output "
          + "\(sizeText(output))", shapes: [inputShape])
    }
    if let bad = (input + output).first(where: { $0 > Limits.size }) {
      throw ShapeError(
        operation, parameter: "size", "an axis of \(bad) elements is longer than \(Limits.size)")
    }
    outputShape = inputShape[..<2] + output
    _ = try elementCount(outputShape, operation: operation)
    self.inputShape = inputShape
    self.scales = scales
    sampling = Sampling(
      mode: mode, alignsCorners: alignsCorners ?? false, isAntialiased: isAntialiased,
      isSinglePrecision: isSinglePrecision)
  }

  /// One map a spatial axis.
  public var maps: [SamplingMap] {
    scales.enumerated().map { axis, scale in
      sampling.map(inputSize: inputShape[axis + 2], outputSize: outputShape[axis + 2], scale: scale)
    }
  }

  private static func resolve(
    input: [Int], size: [Int]?, scaleFactor: PerAxis<Double>?, recomputesScale: Bool
  ) throws(ShapeError) -> ([Int], [Double?]) {
    let operation = "interpolate"
    switch (size, scaleFactor) {
    case (nil, nil):
      throw ShapeError(
        operation, parameter: "size", "either size or scale_factor should be defined")
    case (.some, .some):
      throw ShapeError(
        operation, parameter: "size", "only one of size or scale_factor should be defined",
        mend: "leave one out")
    case (let size?, nil):
      guard size.count == 1 || size.count == input.count else {
        throw ShapeError(
          operation, parameter: "size",
          "input and output must have the same number of spatial dimensions, but got input with spatial "
            + "dimensions of \(input) and output size of \(size)", shapes: [input, size])
      }
      let sizes = try PerAxis<Int>(size).expanded(
        to: input.count, operation: operation, parameter: "size")
      if recomputesScale {
        throw ShapeError(
          operation, parameter: "recomputeScaleFactor",
          "recompute_scale_factor is not meaningful with an explicit size", mend: "give a scale factor")
      }
      return (sizes, Array(repeating: nil, count: sizes.count))
    case (nil, let scaleFactor?):
      let scales = try scaleFactor.expanded(
        to: input.count, operation: operation, parameter: "scaleFactor")
      for scale in scales where !(scale > 0 && scale.isFinite && scale < Double(Limits.parameter)) {
        throw ShapeError(
          operation, parameter: "scaleFactor",
          "scale_factor should be positive and less than \(Limits.parameter), but got \(scale)")
      }
      let sizes = zip(input, scales).map { size, scale in
        Int(min(Double(size) * scale, Double(Limits.size) * 2))
      }
      return (sizes, scales.map { recomputesScale ? nil : $0 })
    }
  }
}

/// The rule that turns an output position into weighted inputs.
private struct Sampling: Hashable, Sendable {
  let mode: InterpolationMode
  let alignsCorners: Bool
  let isAntialiased: Bool
  let isSinglePrecision: Bool

  func map(inputSize: Int, outputSize: Int, scale: Double?) -> SamplingMap {
    if mode == .area {
      return SamplingMap(inputSize: inputSize, outputSize: outputSize) { output in
        let first = output * inputSize / outputSize
        let last = ((output + 1) * inputSize + outputSize - 1) / outputSize
        return (first..<last).map { ($0, 1 / Double(last - first)) }
      }
    }
    var step: Double
    if alignsCorners && mode.interpolates {
      step = outputSize > 1 ? Double(inputSize - 1) / Double(outputSize - 1) : 0
    } else if let scale {
      step = 1 / scale
    } else {
      step = Double(inputSize) / Double(outputSize)
    }
    if isSinglePrecision { step = Double(Float(step)) }
    return SamplingMap(inputSize: inputSize, outputSize: outputSize) { output in
      if isAntialiased {
        return antialiased(output, step: step, size: inputSize)
      }
      switch mode {
      case .nearest:
        return [(min(floored(rounded(Double(output) * step)), inputSize - 1), 1)]
      case .nearestExact:
        return [(min(floored(rounded((Double(output) + 0.5) * step)), inputSize - 1), 1)]
      case .linear:
        let position = max(self.position(output, step: step), 0)
        let first = min(floored(position), inputSize - 1)
        let fraction = min(max(position - Double(first), 0), 1)
        return [(first, 1 - fraction), (min(first + 1, inputSize - 1), fraction)]
      case .cubic:
        let position = position(output, step: step)
        let first = floored(position)
        return (-1...2).map { tap in
          (
            min(max(first + tap, 0), inputSize - 1),
            cubicKernel(position - Double(first + tap), a: -0.75)
          )
        }
      case .area:
        return []
      }
    }
  }

  private func position(_ output: Int, step: Double) -> Double {
    rounded(alignsCorners ? Double(output) * step : (Double(output) + 0.5) * step - 0.5)
  }

  private func rounded(_ value: Double) -> Double { isSinglePrecision ? Double(Float(value)) : value }

  private func floored(_ value: Double) -> Int { Int(value.rounded(.down)) }

  /// The filter widened by the step where the axis shrinks, so that every input counts.
  private func antialiased(_ output: Int, step: Double, size: Int) -> [(source: Int, weight: Double)] {
    let halfWidth = mode == .cubic ? 2.0 : 1.0
    let widening = max(step, 1)
    let support = halfWidth * widening
    let center = step * (Double(output) + 0.5)
    let first = max(Int(center - support + 0.5), 0)
    let last = min(Int(center + support + 0.5), size)
    let weights = (first..<max(first, last)).map { source -> Double in
      let distance = (Double(source) - center + 0.5) / widening
      return mode == .cubic ? cubicKernel(distance, a: -0.5) : max(1 - abs(distance), 0)
    }
    let total = weights.reduce(0, +)
    return weights.enumerated().map { (first + $0, total == 0 ? $1 : $1 / total) }
  }

  private func cubicKernel(_ distance: Double, a: Double) -> Double {
    let x = abs(distance)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return 0
  }
}
