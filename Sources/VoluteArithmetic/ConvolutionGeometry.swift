/// The arithmetic of a convolution, or of a transposed one, of any rank: which sizes go in, which come out, and,
/// through ``maps``, which element reads which.
///
/// Shapes are batch, channels, then the spatial axes. A weight is `[outputs, inputs / groups, kernel...]`, or
/// `[inputs, outputs / groups, kernel...]` when transposed.
public struct ConvolutionGeometry: Hashable, Sendable {
  /// The operation's public name, such as `conv2d`, for messages.
  public let operation: String
  /// Whether it scatters: the adjoint of the convolution with the same axes.
  public let isTransposed: Bool
  /// `false` when the input came without a batch axis; ``batch`` is then 1.
  public let isBatched: Bool
  /// Samples in the batch.
  public let batch: Int
  /// Channels that go in, of all groups together.
  public let inputChannels: Int
  /// Channels that come out, of all groups together.
  public let outputChannels: Int
  /// Parts into which the channels are divided; outputs of a part see the inputs of that part only.
  public let groups: Int
  /// Elements of the input along each spatial axis.
  public let inputSize: [Int]
  /// Elements of the output along each spatial axis.
  public let outputSize: [Int]
  /// The axes with every rule of padding resolved to amounts.
  public let axes: [Axis]

  /// The number of spatial axes.
  public var rank: Int { axes.count }

  /// `[batch, inputChannels, inputSize...]`, without the batch if it came without.
  public var inputShape: [Int] { (isBatched ? [batch] : []) + [inputChannels] + inputSize }
  /// `[batch, outputChannels, outputSize...]`, without the batch if the input came without.
  public var outputShape: [Int] { (isBatched ? [batch] : []) + [outputChannels] + outputSize }
  /// `[outputs, inputs / groups, kernel...]`, or `[inputs, outputs / groups, kernel...]` when transposed.
  public var weightShape: [Int] {
    let channels =
      isTransposed
      ? [inputChannels, outputChannels / groups] : [outputChannels, inputChannels / groups]
    return channels + axes.map(\.kernel)
  }

  /// The map of each axis: outputs reading inputs or, when transposed, inputs being scattered to outputs, which
  /// is the same map of the convolution that this one is the adjoint of.
  public var maps: [AxisMap] {
    (0..<rank).map { axis in
      isTransposed
        ? AxisMap(axes[axis], inputSize: outputSize[axis], outputSize: inputSize[axis])
        : AxisMap(axes[axis], inputSize: inputSize[axis], outputSize: outputSize[axis])
    }
  }

  /// The geometry of a convolution.
  ///
  /// - Parameters:
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - weightShape: `[outputs, channels / groups, kernel...]`; its rank less 2 is the number of spatial
  ///     axes.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: elements added on either side of each axis.
  ///   - paddingMode: the mode of the axes whose `padding` names none.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - isStrict: refuse sizes that the stride does not divide, instead of dropping the remainder.
  ///   - name: the operation's name in messages, where it is not a convolution of this rank.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    inputShape: [Int], weightShape: [Int], stride: PerAxis<Int> = 1, padding: Padding = 0,
    paddingMode: PerAxis<PaddingMode> = .zeros, dilation: PerAxis<Int> = 1, groups: Int = 1,
    isStrict: Bool = false, operation name: String? = nil
  ) throws(ShapeError) {
    let parts = try Parts(
      name ?? "conv", appendsRank: name == nil, inputShape: inputShape, weightShape: weightShape,
      stride: stride, dilation: dilation, groups: groups)
    let operation = parts.operation
    let size = parts.size
    if inputShape[inputShape.count - parts.rank - 1] != weightShape[1] * groups {
      throw ShapeError(
        operation, parameter: "input",
        "given groups=\(groups), weight of size \(weightShape), expected input\(inputShape) to have "
          + "\(weightShape[1] * groups) channels, but got \(parts.channels) channels instead",
        shapes: [weightShape, inputShape])
    }
    if weightShape[0] % groups != 0 || weightShape[0] == 0 {
      throw ShapeError(
        operation, parameter: "groups",
        "given groups=\(groups), expected weight to be at least \(groups) at dimension 0 and divisible by "
          + "\(groups), but got weight of size \(weightShape) instead", shapes: [weightShape])
    }
    var axes = parts.axes
    let modes = try paddingMode.expanded(to: parts.rank, operation: operation, parameter: "paddingMode")
    let amounts = try parts.amounts(of: padding)
    for index in axes.indices {
      axes[index].paddingBefore = amounts[index].before
      axes[index].paddingAfter = amounts[index].after
      axes[index].mode = amounts[index].mode ?? modes[index]
    }
    try parts.check(axes, over: size)
    let padded = zip(size, axes).map { $0 + $1.paddingBefore + $1.paddingAfter }
    if let short = axes.indices.first(where: { padded[$0] < axes[$0].extent }) {
      throw ShapeError(
        operation, parameter: "kernelSize",
        "calculated padded input size per channel: \(sizeText(padded)). Kernel size: "
          + "\(sizeText(axes.map(\.extent))). Kernel size can't be greater than actual input size",
        mend: "axis \(short) needs \(axes[short].extent - padded[short]) more elements of padding",
        shapes: [inputShape, weightShape])
    }
    let output = zip(size, axes).map { $1.outputSize($0) }
    if isStrict, let axis = axes.indices.first(where: { axes[$0].remainder(size[$0]) != 0 }) {
      let left = axes[axis].remainder(size[axis])
      throw ShapeError(
        operation, parameter: "stride",
        "strict: stride \(axes[axis].stride) does not divide axis \(axis): padded input \(padded[axis]) less the "
          + "kernel's extent \(axes[axis].extent) leaves \(padded[axis] - axes[axis].extent), remainder \(left)",
        mend: "pad by \(axes[axis].stride - left) more, or crop \(left)", shapes: [inputShape, weightShape])
    }
    self.init(
      parts, axes: axes, isTransposed: false, outputChannels: weightShape[0], outputSize: output)
    _ = try elementCount(outputShape, operation: operation)
  }

  /// The geometry of a transposed convolution: the adjoint, in every padding mode, of the convolution with the
  /// same axes.
  ///
  /// - Parameters:
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - weightShape: `[channels, outputs / groups, kernel...]`.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: elements added on either side of each axis.
  ///   - paddingMode: what is read beyond the input, for the axes whose `padding` does not say.
  ///   - outputPadding: elements added to the end of the output, less than the stride.
  ///   - outputSize: asks for one of the sizes that the stride makes ambiguous; replaces `outputPadding`.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    transposing inputShape: [Int], weightShape: [Int], stride: PerAxis<Int> = 1, padding: Padding = 0,
    paddingMode: PerAxis<PaddingMode> = .zeros, outputPadding: PerAxis<Int> = 0,
    outputSize requested: [Int]? = nil, dilation: PerAxis<Int> = 1, groups: Int = 1
  ) throws(ShapeError) {
    let parts = try Parts(
      "conv_transpose", inputShape: inputShape, weightShape: weightShape, stride: stride, dilation: dilation,
      groups: groups)
    let operation = parts.operation
    if parts.channels != weightShape[0] {
      throw ShapeError(
        operation, parameter: "input",
        "given transposed=1, weight of size \(weightShape), expected input\(inputShape) to have "
          + "\(weightShape[0]) channels, but got \(parts.channels) channels instead",
        shapes: [weightShape, inputShape])
    }
    if weightShape[0] % groups != 0 || weightShape[0] == 0 {
      throw ShapeError(
        operation, parameter: "groups",
        "given transposed=1 and groups=\(groups), expected the weight's dimension 0 to be divisible by "
          + "\(groups), but got weight of size \(weightShape)", shapes: [weightShape])
    }
    if padding == .same {
      throw ShapeError(
        operation, parameter: "padding", "padding 'same' has no meaning for a transposed convolution",
        mend: "ask for an output size instead")
    }
    var axes = parts.axes
    let modes = try paddingMode.expanded(to: parts.rank, operation: operation, parameter: "paddingMode")
    let amounts = try parts.amounts(of: padding)
    let extra = try outputPadding.expanded(
      to: parts.rank, operation: operation, parameter: "outputPadding")
    for index in axes.indices {
      axes[index].paddingBefore = amounts[index].before
      axes[index].paddingAfter = amounts[index].after
      axes[index].mode = amounts[index].mode ?? modes[index]
      axes[index].outputPadding = extra[index]
    }
    if let empty = parts.size.firstIndex(of: 0) {
      throw ShapeError(
        operation, parameter: "input",
        "expected an input with no spatial axis of size 0, but got \(inputShape): axis \(empty) is empty",
        shapes: [inputShape])
    }
    if let requested {
      try Self.fit(&axes, to: requested, parts: parts)
    }
    for (index, axis) in axes.enumerated() {
      if axis.outputPadding < 0 {
        throw ShapeError(
          operation, parameter: "outputPadding",
          "negative output padding is not supported, but got \(axis.outputPadding) for axis \(index)")
      }
      if axis.outputPadding >= max(axis.stride, axis.dilation) {
        throw ShapeError(
          operation, parameter: "outputPadding",
          "output padding must be smaller than either stride or dilation, but got output padding "
            + "\(axis.outputPadding), stride \(axis.stride), dilation \(axis.dilation) for axis \(index)",
          mend: "at most \(max(axis.stride, axis.dilation) - 1)")
      }
    }
    let output = zip(parts.size, axes).map { $1.transposedOutputSize($0) }
    if let axis = output.firstIndex(where: { $0 < 1 }) {
      throw ShapeError(
        operation, parameter: "padding",
        "given input size per channel: \(sizeText(parts.size)). Calculated output size per channel: "
          + "\(sizeText(output)). Output size is too small",
        mend: "axis \(axis) needs \(1 - output[axis]) less padding", shapes: [inputShape])
    }
    try parts.check(axes, over: output)
    self.init(
      parts, axes: axes, isTransposed: true, outputChannels: weightShape[1] * groups, outputSize: output)
    _ = try elementCount(outputShape, operation: operation)
  }

  private init(
    _ parts: Parts, axes: [Axis], isTransposed: Bool, outputChannels: Int, outputSize: [Int]
  ) {
    operation = parts.operation
    self.isTransposed = isTransposed
    isBatched = parts.isBatched
    batch = parts.batch
    inputChannels = parts.channels
    self.outputChannels = outputChannels
    groups = parts.groups
    inputSize = parts.size
    self.outputSize = outputSize
    self.axes = axes
  }

  /// Sets the output padding of each axis so that the requested size comes out.
  private static func fit(
    _ axes: inout [Axis], to requested: [Int], parts: Parts
  ) throws(ShapeError) {
    guard requested.count == axes.count else {
      throw ShapeError(
        parts.operation, parameter: "outputSize",
        "output size must have \(axes.count) elements, one for each spatial axis, but got \(requested.count)")
    }
    for index in axes.indices { axes[index].outputPadding = 0 }
    let least = zip(parts.size, axes).map { $1.transposedOutputSize($0) }
    let most = zip(least, axes).map { $0 + max($1.stride, $1.dilation) - 1 }
    for (index, size) in requested.enumerated() where size < least[index] || size > most[index] {
      throw ShapeError(
        parts.operation, parameter: "outputSize",
        "requested an output size of \(requested), but valid sizes range from \(least) to \(most) "
          + "(for an input of \(parts.size))")
    }
    for index in axes.indices { axes[index].outputPadding = requested[index] - least[index] }
  }
}

/// What the two constructors share: names, ranks, and the checks that do not depend on the direction.
private struct Parts {
  let operation: String
  let rank: Int
  let isBatched: Bool
  let batch: Int
  let channels: Int
  let size: [Int]
  let groups: Int
  /// Kernel, stride and dilation; padding is not decided yet.
  let axes: [Axis]

  init(
    _ stem: String, appendsRank: Bool = true, inputShape: [Int], weightShape: [Int], stride: PerAxis<Int>,
    dilation: PerAxis<Int>,
    groups: Int
  ) throws(ShapeError) {
    let rank = weightShape.count - 2
    let operation = stem + (appendsRank && rank >= 1 ? "\(rank)d" : "")
    guard rank >= 1 else {
      throw ShapeError(
        operation, parameter: "weight",
        "expected a weight of at least 3 dimensions (outputs, inputs, kernel), but got \(weightShape)",
        shapes: [weightShape])
    }
    guard inputShape.count == rank + 1 || inputShape.count == rank + 2 else {
      throw ShapeError(
        operation, parameter: "input",
        "expected \(rank + 1)D (unbatched) or \(rank + 2)D (batched) input to \(operation), but got input of "
          + "size: \(inputShape)", shapes: [inputShape])
    }
    guard groups > 0 else {
      throw ShapeError(operation, parameter: "groups", "groups must be positive, but got \(groups)")
    }
    _ = try elementCount(inputShape, operation: operation)
    _ = try elementCount(weightShape, operation: operation)
    let strides = try stride.expanded(to: rank, operation: operation, parameter: "stride")
    let dilations = try dilation.expanded(to: rank, operation: operation, parameter: "dilation")
    if let bad = strides.first(where: { $0 <= 0 || $0 > Limits.parameter }) {
      throw ShapeError(
        operation, parameter: "stride",
        bad <= 0
          ? "non-positive stride is not supported, but got stride \(bad)" : "stride \(bad) is too large",
        mend: "at least 1, at most \(Limits.parameter)")
    }
    if let bad = dilations.first(where: { $0 <= 0 || $0 > Limits.parameter }) {
      throw ShapeError(
        operation, parameter: "dilation",
        bad <= 0
          ? "dilation should be greater than zero, but got \(bad)" : "dilation \(bad) is too large",
        mend: "at least 1, at most \(Limits.parameter)")
    }
    let kernel = Array(weightShape[2...])
    if let bad = kernel.first(where: { $0 <= 0 || $0 > Limits.parameter }) {
      throw ShapeError(
        operation, parameter: "kernelSize",
        "kernel size should be greater than zero, but got \(bad) in weight of size \(weightShape)",
        shapes: [weightShape])
    }
    if let bad = zip(kernel, dilations).first(where: { $1 > Limits.size / $0 }) {
      throw ShapeError(
        operation, parameter: "dilation",
        "a kernel of \(bad.0) taps with dilation \(bad.1) spans more than \(Limits.size) elements")
    }
    let size = Array(inputShape.suffix(rank))
    if let bad = size.first(where: { $0 > Limits.size }) {
      throw ShapeError(
        operation, parameter: "input", "an axis of \(bad) elements is longer than \(Limits.size)")
    }
    self.operation = operation
    self.rank = rank
    isBatched = inputShape.count == rank + 2
    batch = isBatched ? inputShape[0] : 1
    channels = inputShape[inputShape.count - rank - 1]
    self.size = size
    self.groups = groups
    axes = (0..<rank).map { Axis(kernel: kernel[$0], stride: strides[$0], dilation: dilations[$0]) }
  }

  /// The amounts of padding that a rule stands for.
  func amounts(of padding: Padding) throws(ShapeError) -> [AxisPadding] {
    switch padding {
    case .amounts(let amounts):
      return try amounts.expanded(to: rank, operation: operation, parameter: "padding")
    case .valid:
      return axes.map { _ in 0 }
    case .half:
      return axes.map { AxisPadding.sides($0.kernel / 2, $0.kernel / 2) }
    case .full:
      return axes.map { AxisPadding.sides($0.extent - 1, $0.extent - 1) }
    case .same:
      return zip(axes, size).map { axis, size in
        let outputs = ceilDivide(size, axis.stride)
        let total = max(0, (outputs - 1) * axis.stride + axis.extent - size)
        return AxisPadding.sides(total / 2, total - total / 2)
      }
    }
  }

  /// Checks the amounts of padding against the size that they extend.
  func check(_ axes: [Axis], over size: [Int]) throws(ShapeError) {
    for (index, axis) in axes.enumerated() {
      let amounts = [axis.paddingBefore, axis.paddingAfter]
      if amounts.contains(where: { $0 < 0 || $0 > Limits.parameter }) {
        throw ShapeError(
          operation, parameter: "padding",
          amounts.contains { $0 < 0 }
            ? "negative padding is not supported, but got \(amounts) for axis \(index)"
            : "padding \(amounts) for axis \(index) is too large",
          mend: amounts.contains { $0 < 0 } ? "crop with pad first" : "at most \(Limits.parameter)")
      }
      let largest = max(axis.paddingBefore, axis.paddingAfter)
      if axis.mode == .reflect && largest >= size[index] {
        throw ShapeError(
          operation, parameter: "padding",
          "padding size should be less than the corresponding input dimension in mode reflect, but got padding "
            + "\(largest) at axis \(index) of size \(sizeText(size))",
          mend: size[index] > 1 ? "at most \(size[index] - 1)" : nil)
      }
      if axis.mode != .zeros && largest > 0 && size[index] == 0 {
        throw ShapeError(
          operation, parameter: "padding",
          "mode \(axis.mode.rawValue) has nothing to read on axis \(index), which is empty")
      }
    }
  }
}
