import VoluteEngine

/// Sets of elements that share a mean and a variance: those of some channels of each sample, or of each channel in the
/// whole batch.
///
/// An array of `[batch, channels, size...]` is seen as `batch * channels` planes; a set is made of whole planes.
struct NormalizationLayout: Sendable {
  let shape: [Int]
  /// Sets a sample; `nil` for one a channel over the whole batch.
  let groups: Int?

  var batch: Int { shape[0] }
  var channels: Int { shape[1] }
  var planes: Int { batch * channels }
  var size: Int { shape.dropFirst(2).reduce(1, *) }
  var sets: Int { groups.map { batch * $0 } ?? channels }
  /// Elements of a set.
  var count: Int { planes == 0 ? 0 : planes / sets * size }

  func set(ofPlane plane: Int) -> Int {
    guard let groups else { return plane % channels }
    return plane / channels * groups + plane % channels / (channels / groups)
  }

  /// The shape in which a set is everything along some axes, and those axes.
  var grouped: (shape: [Int], axes: [Int]) {
    guard let groups else { return ([batch, channels, size], [0, 2]) }
    return ([batch, groups, channels / groups * size], [2])
  }

  /// `[channels]` as it broadcasts over the array.
  func overChannels(_ x: Tensor) -> Tensor {
    x.reshaped([-1] + Array(repeating: 1, count: max(shape.count - 2, 0)))
  }
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, with mean and variance of each set of the layout, or given
/// ones for each channel.
///
/// - Returns: the result, and the mean and the mean squared distance of each set, in 64 bits.
func normalized(
  _ x: Tensor, _ layout: NormalizationLayout, weight: Tensor?, bias: Tensor?, epsilon: Double,
  given: (mean: Tensor, variance: Tensor)? = nil, name: String
) -> (result: Tensor, means: [Double], variances: [Double]) {
  let wide: DType = x.dtype == .float64 ? .float64 : .float32
  let input = x.detached().to(wide).contiguous()
  let statistics =
    given.map { ($0.mean.elements(as: Double.self), $0.variance.elements(as: Double.self)) }
    ?? input.statistics(of: layout)
  let backward = NormalizationBackward(
    name: name, layout: layout, x: x, weight: weight, hasBias: bias != nil, epsilon: epsilon,
    means: statistics.0,
    inverses: statistics.1.map { 1 / ($0 + epsilon).squareRoot() }, isGiven: given != nil)
  let factors = weight?.elements(as: Double.self)
  let offsets = bias?.elements(as: Double.self)
  var scales: [Double] = []
  var shifts: [Double] = []
  for plane in 0..<layout.planes {
    let (set, channel) = (layout.set(ofPlane: plane), plane % layout.channels)
    let scale = backward.inverses[set] * (factors?[channel] ?? 1)
    scales.append(scale)
    shifts.append((offsets?[channel] ?? 0) - statistics.0[set] * scale)
  }
  let result = Tensor(filling: x.shape, wide) { output in
    input.withStrided { Engine.scalePlanes($0, scales: scales, shifts: shifts, to: output) }
  }
  return (result.to(x.dtype).recorded([x, weight, bias], backward), statistics.0, statistics.1)
}

extension Tensor {
  /// The mean and the mean squared distance from it of each set, from those of its planes.
  fileprivate func statistics(of layout: NormalizationLayout) -> ([Double], [Double]) {
    let moments = withStrided { Engine.planeMoments($0, planes: layout.planes) }
    let (size, count) = (Double(layout.size), Double(layout.count))
    var means = [Double](repeating: 0, count: layout.sets)
    for plane in 0..<layout.planes {
      means[layout.set(ofPlane: plane)] += moments.means[plane] * size / count
    }
    var variances = [Double](repeating: 0, count: layout.sets)
    for plane in 0..<layout.planes {
      let set = layout.set(ofPlane: plane)
      let distance = moments.means[plane] - means[set]
      variances[set] += (moments.squares[plane] + size * distance * distance) / count
    }
    return (means, variances)
  }
}

/// The gradient of normalising: in two passes over the arrays, or in differentiable operations where it is to be
/// differentiated again.
private struct NormalizationBackward: Backward {
  let name: String
  let layout: NormalizationLayout
  let x: Tensor
  let weight: Tensor?
  let hasBias: Bool
  let epsilon: Double
  let means: [Double]
  /// `1 / sqrt(variance + epsilon)` of each set.
  let inverses: [Double]
  /// Whether mean and variance were constants.
  let isGiven: Bool

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    if gradient.isRecording || x.isRecording || (weight?.isRecording ?? false) {
      return composed(gradient, context)
    }
    let wide: DType = x.dtype == .float64 ? .float64 : .float32
    let g = gradient.to(wide).contiguous()
    let input = x.to(wide).contiguous()
    let centers = (0..<layout.planes).map { means[layout.set(ofPlane: $0)] }
    let dots = g.withStrided { g in input.withStrided { Engine.planeDots(g, $0, centers: centers) } }
    let factors = weight?.elements(as: Double.self)
    var byWeight = [Double](repeating: 0, count: layout.channels)
    var byBias = byWeight
    // Of each set: the sums of the gradient by the normalised element, and of that times the element.
    var sums = [Double](repeating: 0, count: layout.sets)
    var products = sums
    for plane in 0..<layout.planes {
      let (set, channel) = (layout.set(ofPlane: plane), plane % layout.channels)
      let product = dots.products[plane] * inverses[set]
      byWeight[channel] += product
      byBias[channel] += dots.sums[plane]
      sums[set] += dots.sums[plane] * (factors?[channel] ?? 1)
      products[set] += product * (factors?[channel] ?? 1)
    }
    var byInput: Tensor?
    if context.needs(0) {
      var (scales, slopes, shifts) = ([Double](), [Double](), [Double]())
      let count = Double(layout.count)
      for plane in 0..<layout.planes {
        let (set, channel) = (layout.set(ofPlane: plane), plane % layout.channels)
        let inverse = inverses[set]
        scales.append(inverse * (factors?[channel] ?? 1))
        slopes.append(isGiven ? 0 : -inverse * inverse * products[set] / count)
        shifts.append(isGiven ? 0 : -inverse * sums[set] / count - slopes[plane] * means[set])
      }
      byInput = Tensor(filling: x.shape, wide) { output in
        g.withStrided { g in
          input.withStrided {
            Engine.combinePlanes(g, scales: scales, $0, scales: slopes, shifts: shifts, to: output)
          }
        }
      }.to(x.dtype)
    }
    return [
      byInput, context.needs(1) ? Tensor(byWeight).to(weight?.dtype ?? x.dtype) : nil,
      context.needs(2) ? Tensor(byBias).to(x.dtype) : nil,
    ]
  }

  private func composed(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let (shape, axes) = layout.grouped
    let channelAxes = layout.shape.indices.filter { $0 != 1 }
    let centered: Tensor
    let inverse: Tensor
    let input = x.reshaped(shape)
    if isGiven {
      let statistics = Tensor([means, inverses]).to(x.dtype)
      centered = input - statistics[0].reshaped(1, -1, 1)
      inverse = statistics[1].reshaped(1, -1, 1)
    } else {
      centered = input - input.mean(axes, keepsAxes: true)
      inverse = (centered.square().mean(axes, keepsAxes: true) + epsilon).rsqrt()
    }
    let unit = centered * inverse
    let slope = (weight.map { gradient * layout.overChannels($0) } ?? gradient).reshaped(shape)
    var byInput = slope
    if !isGiven {
      byInput = slope - slope.mean(axes, keepsAxes: true) - unit * (slope * unit).mean(axes, keepsAxes: true)
    }
    return [
      (byInput * inverse).reshaped(x.shape),
      context.needs(1) ? (gradient * unit.reshaped(x.shape)).sum(channelAxes) : nil,
      context.needs(2) ? gradient.sum(channelAxes) : nil,
    ]
  }
}

private func requireFloatingPoint(_ x: Tensor, _ operation: String) throws(ShapeError) {
  if x.dtype.isFloatingPoint { return }
  throw ShapeError(
    operation, parameter: "input", "\(operation) is not implemented for \(x.dtype.rawValue)",
    mend: "convert to a floating-point type")
}

private func checkAffine(
  _ operation: String, _ parameters: [(name: String, tensor: Tensor?)], shape: [Int], for x: Tensor
) throws(ShapeError) {
  for (name, tensor) in parameters {
    guard let tensor else { continue }
    if tensor.shape != shape {
      throw ShapeError(
        operation, parameter: name,
        "expected \(name) of shape \(shape) for an input of size \(x.shape), but got \(tensor.shape)",
        shapes: [tensor.shape, x.shape])
    }
    if !tensor.dtype.isFloatingPoint {
      throw ShapeError(
        operation, parameter: name, "expected a floating-point \(name), but got \(tensor.dtype.rawValue)")
    }
  }
}

/// Normalises `groups` sets of neighbouring channels of each sample.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`; the groups divide the channels.
/// - `weight`, `bias`: `[channels]`.
///
/// - Throws: ``ShapeError`` naming the parameter and the numbers.
public func groupNorm(
  _ x: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) throws(ShapeError) -> Tensor {
  try requireFloatingPoint(x, "group_norm")
  guard x.rank >= 2 else {
    throw ShapeError(
      "group_norm", parameter: "input",
      "expected at least 2 dimensions for input tensor but received \(x.rank)",
      shapes: [x.shape])
  }
  guard groups > 0, x.shape[1] % groups == 0 else {
    throw ShapeError(
      "group_norm", parameter: "groups",
      "expected number of channels in input to be divisible by num_groups, but got input of shape \(x.shape) and "
        + "num_groups=\(groups)", shapes: [x.shape])
  }
  try checkAffine(
    "group_norm", [("weight", weight), ("bias", bias)], shape: [x.shape[1]], for: x)
  return normalized(
    x, NormalizationLayout(shape: x.shape, groups: groups), weight: weight, bias: bias, epsilon: epsilon,
    name: "NativeGroupNormBackward"
  ).result
}

/// Normalises each channel of each sample, or, where running statistics are given and not `usesInputStatistics`, each
/// channel by those.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`.
/// - `weight`, `bias`, running statistics: `[channels]`.
///
/// - Throws: ``ShapeError`` naming the parameter and the numbers.
public func instanceNorm(
  _ x: Tensor, running: RunningStatistics? = nil, weight: Tensor? = nil, bias: Tensor? = nil,
  usesInputStatistics: Bool = true, momentum: Double = 0.1, epsilon: Double = 1e-5
) throws(ShapeError) -> Tensor {
  try requireFloatingPoint(x, "instance_norm")
  guard x.rank >= 3 else {
    throw ShapeError(
      "instance_norm", parameter: "input",
      "expected at least 3 dimensions (batch, channels, size), got \(x.rank)",
      shapes: [x.shape])
  }
  let layout = NormalizationLayout(shape: x.shape, groups: x.shape[1])
  if usesInputStatistics && layout.size == 1 {
    throw ShapeError(
      "instance_norm", parameter: "input",
      "expected more than 1 spatial element when training, got input size \(x.shape)", shapes: [x.shape])
  }
  try checkAffine(
    "instance_norm", [("weight", weight), ("bias", bias)], shape: [x.shape[1]], for: x)
  if !usesInputStatistics, let running {
    return try batchNorm(
      x, running: running, weight: weight, bias: bias, isTraining: false, momentum: momentum, epsilon: epsilon
    )
  }
  let normal = normalized(
    x, layout, weight: weight, bias: bias, epsilon: epsilon, name: "NativeBatchNormBackward")
  if let running {
    // The mean over the samples of what each has.
    let channels = layout.channels
    func average(_ values: [Double]) -> [Double] {
      (0..<channels).map { channel in
        stride(from: channel, to: values.count, by: channels).reduce(0) { $0 + values[$1] }
          / Double(layout.batch)
      }
    }
    running.update(
      means: average(normal.means), variances: average(normal.variances), count: layout.size,
      momentum: momentum, countsBatch: false)
  }
  return normal.result
}

/// Normalises each channel over the whole batch, or by running statistics.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`, also without a size.
/// - `weight`, `bias`, running statistics: `[channels]`.
///
/// - Parameters:
///   - x: the input.
///   - running: updated in training, used otherwise; without them the batch's own are always used.
///   - weight: scales, `[channels]`.
///   - bias: shifts, `[channels]`.
///   - isTraining: use the statistics of the batch, and take them into `running`.
///   - momentum: the share of the batch in the new running statistics; `nil` averages all batches.
///   - epsilon: added to the variance before its root is taken.
/// - Throws: ``ShapeError`` naming the parameter and the numbers.
public func batchNorm(
  _ x: Tensor, running: RunningStatistics? = nil, weight: Tensor? = nil, bias: Tensor? = nil,
  isTraining: Bool = false, momentum: Double? = 0.1, epsilon: Double = 1e-5
) throws(ShapeError) -> Tensor {
  try requireFloatingPoint(x, "batch_norm")
  guard x.rank >= 2 else {
    throw ShapeError(
      "batch_norm", parameter: "input", "expected at least 2D input (got \(x.rank)D input)", shapes: [x.shape]
    )
  }
  let layout = NormalizationLayout(shape: x.shape, groups: nil)
  let channels = [layout.channels]
  try checkAffine(
    "batch_norm",
    [
      ("running_mean", running?.mean), ("running_var", running?.variance), ("weight", weight), ("bias", bias),
    ], shape: channels, for: x)
  if !isTraining, let running {
    return normalized(
      x, layout, weight: weight, bias: bias, epsilon: epsilon, given: (running.mean, running.variance),
      name: "NativeBatchNormBackward"
    ).result
  }
  if layout.count <= 1 && isTraining {
    throw ShapeError(
      "batch_norm", parameter: "input",
      "expected more than 1 value per channel when training, got input size \(x.shape)", shapes: [x.shape])
  }
  let normal = normalized(
    x, layout, weight: weight, bias: bias, epsilon: epsilon, name: "NativeBatchNormBackward")
  running?.update(
    means: normal.means, variances: normal.variances, count: layout.count, momentum: momentum)
  return normal.result
}

/// Normalises over the last axes.
///
/// # Shapes
/// - `x`: ends in `shape`.
/// - `weight`, `bias`: `shape`.
///
/// - Throws: ``ShapeError`` naming the parameter and the numbers.
public func layerNorm(
  _ x: Tensor, shape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) throws(ShapeError) -> Tensor {
  try requireFloatingPoint(x, "layer_norm")
  try checkNormalizedShape(x, shape, "layer_norm")
  try checkAffine("layer_norm", [("weight", weight), ("bias", bias)], shape: shape, for: x)
  let size = shape.reduce(1, *)
  let rows = x.reshaped([size == 0 ? 0 : x.count / size, 1, size])
  var result = normalized(
    rows, NormalizationLayout(shape: rows.shape, groups: 1), weight: nil, bias: nil, epsilon: epsilon,
    name: "NativeLayerNormBackward"
  ).result.reshaped(x.shape)
  if let weight { result = result * weight }
  if let bias { result = result + bias }
  return result
}

/// Divides by the root of the mean square over the last axes.
///
/// # Shapes
/// - `x`: ends in `shape`.
/// - `weight`: `shape`.
///
/// - Parameters:
///   - x: the input.
///   - shape: the sizes of the last axes, over which it normalises.
///   - weight: scales of `shape`.
///   - epsilon: `nil` takes the type's distance from 1 to the next number.
/// - Throws: ``ShapeError`` naming the parameter and the numbers.
public func rmsNorm(
  _ x: Tensor, shape: [Int], weight: Tensor? = nil, epsilon: Double? = nil
) throws(ShapeError) -> Tensor {
  try requireFloatingPoint(x, "rms_norm")
  try checkNormalizedShape(x, shape, "rms_norm")
  try checkAffine("rms_norm", [("weight", weight)], shape: shape, for: x)
  let axes = Array((x.rank - shape.count)..<x.rank)
  // In 32 bits at least, rounded once.
  let wide = x.to(x.dtype == .float64 ? .float64 : .float32)
  let smallest = x.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
  let scale = (wide.square().mean(axes, keepsAxes: true) + (epsilon ?? smallest)).rsqrt()
  let result = (wide * scale).to(x.dtype)
  return weight.map { result * $0 } ?? result
}

private func checkNormalizedShape(
  _ x: Tensor, _ shape: [Int], _ operation: String
) throws(ShapeError) {
  guard !shape.isEmpty, x.rank >= shape.count, Array(x.shape.suffix(shape.count)) == shape else {
    throw ShapeError(
      operation, parameter: "shape",
      "given normalized_shape=\(shape), expected input with shape [*, "
        + shape.map(String.init).joined(separator: ", ") + "], but got input of size\(x.shape)",
      shapes: [shape, x.shape])
  }
}
