import VoluteEngine

/// The windows of a convolution as columns.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`, or without the batch; `rank` spatial axes.
/// - result: `[batch, channels * taps, positions]`: row `c * taps + t` holds tap `t` of channel `c`.
///
/// - Parameters:
///   - x: the input.
///   - kernelSize: taps along each axis.
///   - dilation: elements from one tap to the next, along each axis.
///   - padding: elements added on either side of each axis.
///   - stride: elements from one window to the next, along each axis.
///   - rank: the number of spatial axes; `nil` takes it from the kernel if that lists its axes, and 2
///     otherwise, as in PyTorch.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func unfold(
  _ x: Tensor, kernelSize: PerAxis<Int>, dilation: PerAxis<Int> = 1, padding: PerAxis<Int> = 0,
  stride: PerAxis<Int> = 1, rank: Int? = nil
) throws(ShapeError) -> Tensor {
  let geometry = try WindowGeometry(
    "unfold", shape: x.shape, rank: rank ?? kernelRank(kernelSize), kernelSize: kernelSize,
    dilation: dilation, padding: padding, stride: stride)
  let padded = try pad(x.detached(), geometry.amounts)
  let columns = padded.view(
    shape: geometry.lead + geometry.kernel + geometry.positions,
    strides: Array(padded.strides.dropLast(geometry.rank)) + geometry.windowStrides(padded.strides))
  return columns.reshaped(geometry.columnShape).recorded(
    x,
    Im2ColBackward(
      size: geometry.size, kernelSize: PerAxis(geometry.kernel), dilation: dilation, padding: padding,
      stride: stride))
}

/// The gradient of unfolding: folded.
private struct Im2ColBackward: Backward {
  let size: [Int]
  let kernelSize: PerAxis<Int>
  let dilation: PerAxis<Int>
  let padding: PerAxis<Int>
  let stride: PerAxis<Int>

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [
      trapping { () throws(ShapeError) in
        try fold(
          gradient, outputSize: size, kernelSize: kernelSize, dilation: dilation, padding: padding,
          stride: stride)
      }
    ]
  }
}

/// The gradient of folding: unfolded.
private struct Col2ImBackward: Backward {
  let kernelSize: PerAxis<Int>
  let dilation: PerAxis<Int>
  let padding: PerAxis<Int>
  let stride: PerAxis<Int>
  let rank: Int

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    [
      trapping { () throws(ShapeError) in
        try unfold(
          gradient, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride, rank: rank)
      }
    ]
  }
}

/// Columns added back to where ``unfold(_:kernelSize:dilation:padding:stride:rank:)`` read them: its adjoint.
///
/// # Shapes
/// - `x`: `[batch, channels * taps, positions]`, or without the batch.
/// - result: `[batch, channels] + outputSize`.
///
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func fold(
  _ x: Tensor, outputSize: [Int], kernelSize: PerAxis<Int>, dilation: PerAxis<Int> = 1,
  padding: PerAxis<Int> = 0, stride: PerAxis<Int> = 1
) throws(ShapeError) -> Tensor {
  guard x.rank == 2 || x.rank == 3 else {
    throw ShapeError(
      "fold", parameter: "input",
      "expected 2D or 3D (batch mode) tensor for input, but got input of size: \(x.shape)",
      shapes: [x.shape])
  }
  let kernel = try kernelSize.expanded(to: outputSize.count, operation: "fold", parameter: "kernelSize")
  let taps = kernel.reduce(1) { $0.multipliedReportingOverflow(by: max($1, 1)).partialValue }
  let rows = x.shape[x.rank - 2]
  guard taps > 0, rows % taps == 0, rows > 0 else {
    throw ShapeError(
      "fold", parameter: "input",
      "expected size of input's dimension \(x.rank - 2) to be divisible by the product of kernel_size, but got "
        + "input.size(\(x.rank - 2))=\(rows) and kernel_size=\(kernel)", shapes: [x.shape])
  }
  let geometry = try WindowGeometry(
    "fold", shape: Array(x.shape.dropLast(2)) + [rows / taps] + outputSize, rank: outputSize.count,
    kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride)
  let blocks = geometry.positions.reduce(1, *)
  guard x.shape[x.rank - 1] == blocks else {
    throw ShapeError(
      "fold", parameter: "input",
      "given output_size=\(outputSize), kernel_size=\(kernel), dilation=\(geometry.axes.map(\.dilation)), "
        + "padding=\(geometry.axes.map(\.paddingBefore)), stride=\(geometry.axes.map(\.stride)), expected size of "
        + "input's dimension \(x.rank - 1) to match the calculated number of sliding blocks "
        + geometry.positions.map(String.init).joined(separator: " * ")
        + " = \(blocks), but got input.size(\(x.rank - 1))=\(x.shape[x.rank - 1])", shapes: [x.shape])
  }
  // The 16-bit types are summed in 32 bits and rounded once.
  let dtype: DType = x.dtype.isFloatingPoint && x.dtype.size == 2 ? .float32 : x.dtype
  let columns = x.detached().to(dtype).reshaped(geometry.lead + [taps] + geometry.positions)
  var padded = Tensor.zeros(geometry.paddedShape, dtype: dtype)
  let axis = geometry.lead.count
  padded.withMutableStrided { array in
    let steps = geometry.windowStrides(array.strides)
    for tap in 0..<taps {
      var target = array
      target.shape = geometry.lead + geometry.positions
      target.strides = Array(array.strides.dropLast(geometry.rank)) + steps.suffix(geometry.rank)
      var rest = tap
      for place in (0..<geometry.rank).reversed() {
        target.base += rest % kernel[place] * steps[place] * dtype.size
        rest /= kernel[place]
      }
      columns.selected(axis, tap).withStrided { Engine.binary(.add, target, $0, to: target) }
    }
  }
  return try pad(padded, geometry.amounts.map { -$0 }).to(x.dtype).recorded(
    x,
    Col2ImBackward(
      kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride, rank: outputSize.count))
}

private func kernelRank(_ kernelSize: PerAxis<Int>) -> Int {
  kernelSize.values.count == 1 ? 2 : kernelSize.values.count
}

/// What unfolding and folding share: a window over the padded array as strides.
private struct WindowGeometry {
  /// Batch, if there is one, and channels.
  let lead: [Int]
  let axes: [Axis]
  let positions: [Int]
  let size: [Int]

  var rank: Int { axes.count }
  var kernel: [Int] { axes.map(\.kernel) }
  var paddedShape: [Int] { lead + zip(size, axes).map { $0 + 2 * $1.paddingBefore } }
  var columnShape: [Int] {
    Array(lead.dropLast()) + [lead[lead.count - 1] * kernel.reduce(1, *), positions.reduce(1, *)]
  }
  /// The padding as `pad` takes it.
  var amounts: [Int] { axes.reversed().flatMap { [$0.paddingBefore, $0.paddingAfter] } }

  init(
    _ operation: String, shape: [Int], rank: Int, kernelSize: PerAxis<Int>, dilation: PerAxis<Int>,
    padding: PerAxis<Int>, stride: PerAxis<Int>
  ) throws(ShapeError) {
    guard shape.count == rank + 1 || shape.count == rank + 2, !shape.suffix(rank + 1).contains(0) else {
      throw ShapeError(
        operation, parameter: "input",
        "expected \(rank + 1)D or \(rank + 2)D (batch mode) tensor with possibly 0 batch size and other non-zero "
          + "dimensions for input, but got: \(shape)", shapes: [shape])
    }
    let kernel = try kernelSize.expanded(to: rank, operation: operation, parameter: "kernelSize")
    let amounts = try padding.expanded(to: rank, operation: operation, parameter: "padding")
    let geometry = try ConvolutionGeometry(
      inputShape: shape, weightShape: [1, shape[shape.count - rank - 1]] + kernel, stride: stride,
      padding: Padding(amounts), dilation: dilation, operation: operation)
    lead = Array(shape.dropLast(rank))
    axes = geometry.axes
    positions = geometry.outputSize
    size = geometry.inputSize
    _ = try elementCount(columnShape, operation: operation)
  }

  /// Strides of (tap..., position...) over an array with the strides of the padded one.
  func windowStrides(_ strides: [Int]) -> [Int] {
    let spatial = strides.suffix(rank)
    return zip(spatial, axes).map { $0 * $1.dilation } + zip(spatial, axes).map { $0 * $1.stride }
  }
}
