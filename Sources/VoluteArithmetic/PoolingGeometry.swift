/// The arithmetic of a pooling window of any rank.
///
/// Shapes are batch, channels, then the spatial axes; input without a batch is accepted.
public struct PoolingGeometry: Hashable, Sendable {
  /// The operation's public name, such as `max_pool2d`, for messages.
  public let operation: String
  /// `[batch, channels, size...]`, or without the batch.
  public let inputShape: [Int]
  /// `[batch, channels, size...]` after pooling, or without the batch.
  public let outputShape: [Int]
  /// The window along each axis.
  public let axes: [Axis]

  /// The number of spatial axes.
  public var rank: Int { axes.count }
  /// Elements of the input along each spatial axis.
  public var inputSize: [Int] { Array(inputShape.suffix(rank)) }
  /// Elements of the output along each spatial axis.
  public var outputSize: [Int] { Array(outputShape.suffix(rank)) }
  /// How many planes are pooled: batch times channels.
  public var planes: Int { inputShape.dropLast(rank).reduce(1, *) }

  /// - Parameters:
  ///   - stem: the stem of the name, such as `max_pool`; the rank is appended.
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - rank: the number of spatial axes.
  ///   - kernelSize: taps along each axis.
  ///   - stride: `nil` moves by the kernel.
  ///   - padding: elements added on either side of each axis.
  ///   - dilation: elements from one tap to the next, along each axis.
  ///   - isCeil: keep a last window that overhangs the padded input, unless it starts in the padding.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    _ stem: String, inputShape: [Int], rank: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
    padding: PerAxis<Int> = 0, dilation: PerAxis<Int> = 1, isCeil: Bool = false
  ) throws(ShapeError) {
    let operation = "\(stem)\(rank)d"
    try checkPlanes(inputShape, rank: rank, operation: operation)
    let kernels = try kernelSize.expanded(to: rank, operation: operation, parameter: "kernelSize")
    let strides = try (stride ?? kernelSize).expanded(to: rank, operation: operation, parameter: "stride")
    let paddings = try padding.expanded(to: rank, operation: operation, parameter: "padding")
    let dilations = try dilation.expanded(to: rank, operation: operation, parameter: "dilation")
    for index in 0..<rank {
      let checks = [
        ("kernelSize", "kernel size", kernels[index]), ("stride", "stride", strides[index]),
        ("dilation", "dilation", dilations[index]),
      ]
      for (parameter, name, value) in checks where value <= 0 || value > Limits.parameter {
        throw ShapeError(
          operation, parameter: parameter, "\(name) should be greater than zero, but got \(value)",
          mend: "at least 1, at most \(Limits.parameter)")
      }
      if dilations[index] > Limits.size / kernels[index] {
        throw ShapeError(
          operation, parameter: "dilation",
          "a kernel of \(kernels[index]) taps with dilation \(dilations[index]) spans more than \(Limits.size) "
            + "elements")
      }
      let extent = (kernels[index] - 1) * dilations[index] + 1
      if paddings[index] < 0 {
        throw ShapeError(
          operation, parameter: "padding", "pad must be non-negative, but got pad: \(paddings[index])")
      }
      if paddings[index] > extent / 2 {
        throw ShapeError(
          operation, parameter: "padding",
          "pad should be at most half of effective kernel size, but got pad=\(paddings[index]), "
            + "kernel_size=\(kernels[index]) and dilation=\(dilations[index])",
          mend: "at most \(extent / 2)")
      }
    }
    axes = (0..<rank).map {
      Axis(
        kernel: kernels[$0], stride: strides[$0], dilation: dilations[$0], paddingBefore: paddings[$0],
        paddingAfter: paddings[$0])
    }
    let size = inputShape.suffix(rank)
    let output = zip(size, axes).map { Self.outputSize($0, $1, isCeil: isCeil) }
    let planes = Array(inputShape.dropLast(rank))
    if output.contains(where: { $0 < 1 }) {
      throw ShapeError(
        operation, parameter: "kernelSize",
        "given input size: \(sizeText(Array(inputShape.suffix(rank + 1)))). Calculated output size: "
          + "\(sizeText(Array(planes.suffix(1)) + output.map { max($0, 0) })). Output size is too small",
        mend: "kernel extents are \(sizeText(axes.map(\.extent)))", shapes: [inputShape])
    }
    self.operation = operation
    self.inputShape = inputShape
    outputShape = planes + output
  }

  private static func outputSize(_ size: Int, _ axis: Axis, isCeil: Bool) -> Int {
    let span = size + axis.paddingBefore + axis.paddingAfter - axis.extent
    guard isCeil else { return floorDivide(span, axis.stride) + 1 }
    let count = ceilDivide(span, axis.stride) + 1
    // The last window must start inside the input or the padding before it.
    return (count - 1) * axis.stride >= size + axis.paddingBefore ? count - 1 : count
  }
}

/// Checks that `shape` is `[channels, size...]` or `[batch, channels, size...]` with nothing empty but the batch.
func checkPlanes(_ shape: [Int], rank: Int, operation: String) throws(ShapeError) {
  guard shape.count == rank + 1 || shape.count == rank + 2 else {
    throw ShapeError(
      operation, parameter: "input",
      "expected \(rank + 1)D or \(rank + 2)D input (batch axis optional), but got input of size: \(shape)",
      shapes: [shape])
  }
  _ = try elementCount(shape, operation: operation)
  if let empty = shape.indices.suffix(rank + 1).first(where: { shape[$0] == 0 }) {
    throw ShapeError(
      operation, parameter: "input",
      "expected input to have non-zero size for non-batch dimensions, but input has sizes \(shape) with dimension "
        + "\(empty) being empty", shapes: [shape])
  }
  if let bad = shape.first(where: { $0 > Limits.size }) {
    throw ShapeError(
      operation, parameter: "input", "an axis of \(bad) elements is longer than \(Limits.size)")
  }
}

/// The windows of adaptive pooling: output `o` of `n -> m` covers `floor(o n / m) ..< ceil((o + 1) n / m)`.
public struct AdaptivePoolingGeometry: Hashable, Sendable {
  /// The operation's public name, such as `adaptive_avg_pool2d`, for messages.
  public let operation: String
  /// `[batch, channels, size...]`, or without the batch.
  public let inputShape: [Int]
  /// `[batch, channels, size...]` after pooling, or without the batch.
  public let outputShape: [Int]
  /// The number of spatial axes.
  public let rank: Int

  /// Elements of the input along each spatial axis.
  public var inputSize: [Int] { Array(inputShape.suffix(rank)) }
  /// Elements of the output along each spatial axis.
  public var outputSize: [Int] { Array(outputShape.suffix(rank)) }
  /// How many planes are pooled: batch times channels.
  public var planes: Int { inputShape.dropLast(rank).reduce(1, *) }

  /// - Parameters:
  ///   - stem: the stem of the name, such as `max_pool`; the rank is appended.
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - rank: the number of spatial axes.
  ///   - outputSize: one size an axis (or one for all); `nil` entries keep the input's size.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    _ stem: String, inputShape: [Int], rank: Int, outputSize: PerAxis<Int?>
  ) throws(ShapeError) {
    let operation = "\(stem)\(rank)d"
    try checkPlanes(inputShape, rank: rank, operation: operation)
    let requested = try outputSize.expanded(to: rank, operation: operation, parameter: "outputSize")
    let output = zip(inputShape.suffix(rank), requested).map { $1 ?? $0 }
    if output.contains(where: { $0 < 0 || $0 > Limits.parameter }) {
      throw ShapeError(
        operation, parameter: "outputSize",
        "elements of output size must be greater than or equal to 0, but got \(output)")
    }
    self.operation = operation
    self.inputShape = inputShape
    self.rank = rank
    outputShape = inputShape.dropLast(rank) + output
    _ = try elementCount(outputShape, operation: operation)
  }

  /// The inputs of each output along `axis`.
  public func windows(axis: Int) -> [Range<Int>] {
    let size = inputSize[axis]
    let count = outputSize[axis]
    return (0..<count).map { $0 * size / count..<(($0 + 1) * size + count - 1) / count }
  }
}

/// The arithmetic of max unpooling: the output that a pooling window would have made the input of.
public struct UnpoolingGeometry: Hashable, Sendable {
  /// The operation's public name, such as `max_unpool2d`, for messages.
  public let operation: String
  /// `[batch, channels, size...]`, or without the batch.
  public let inputShape: [Int]
  /// `[batch, channels, size...]` after unpooling, or without the batch.
  public let outputShape: [Int]
  /// The number of spatial axes.
  public let rank: Int

  /// Elements of the output along each spatial axis.
  public var outputSize: [Int] { Array(outputShape.suffix(rank)) }
  /// How many planes are unpooled: batch times channels.
  public var planes: Int { inputShape.dropLast(rank).reduce(1, *) }

  /// - Parameters:
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - rank: the number of spatial axes.
  ///   - kernelSize: taps along each axis.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: elements added on either side of each axis.
  ///   - outputSize: one size an axis, less than a stride away from `(n - 1) s - 2 p + k`; a whole shape is
  ///     taken too, of which the last axes count.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(
    inputShape: [Int], rank: Int, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil,
    padding: PerAxis<Int> = 0, outputSize requested: [Int]? = nil
  ) throws(ShapeError) {
    let operation = "max_unpool\(rank)d"
    try checkPlanes(inputShape, rank: rank, operation: operation)
    let kernels = try kernelSize.expanded(to: rank, operation: operation, parameter: "kernelSize")
    let strides = try (stride ?? kernelSize).expanded(to: rank, operation: operation, parameter: "stride")
    let paddings = try padding.expanded(to: rank, operation: operation, parameter: "padding")
    let numbers = [("kernelSize", kernels), ("stride", strides)]
    for (parameter, values) in numbers {
      if let bad = values.first(where: { $0 <= 0 || $0 > Limits.parameter }) {
        throw ShapeError(
          operation, parameter: parameter, "\(parameter) should be greater than zero, but got \(bad)",
          mend: "at least 1, at most \(Limits.parameter)")
      }
    }
    if let bad = paddings.first(where: { $0 < 0 || $0 > Limits.parameter }) {
      throw ShapeError(
        operation, parameter: "padding", "pad must be non-negative, but got pad: \(bad)")
    }
    let natural = inputShape.suffix(rank).enumerated().map { axis, size in
      (size - 1) * strides[axis] - 2 * paddings[axis] + kernels[axis]
    }
    var output = natural
    if let requested {
      guard requested.count == rank || requested.count == inputShape.count else {
        throw ShapeError(
          operation, parameter: "outputSize",
          "output_size should be a sequence containing \(rank) or \(inputShape.count) elements, but it has a "
            + "length of '\(requested.count)'")
      }
      output = Array(requested.suffix(rank))
      for axis in output.indices {
        let (least, most) = (natural[axis] - strides[axis], natural[axis] + strides[axis])
        if output[axis] <= least || output[axis] >= most {
          throw ShapeError(
            operation, parameter: "outputSize",
            "invalid output_size \(output) (dim \(axis) must be between \(least) and \(most))")
        }
      }
    }
    if output.contains(where: { $0 < 1 }) {
      throw ShapeError(
        operation, parameter: "outputSize", "calculated output size \(sizeText(output)) is too small",
        shapes: [inputShape])
    }
    self.operation = operation
    self.inputShape = inputShape
    self.rank = rank
    outputShape = inputShape.dropLast(rank) + output
    _ = try elementCount(outputShape, operation: operation)
  }
}
