/// One spatial axis of a convolution or pooling: a window of `kernel` taps, `dilation` apart, moved by `stride`
/// over an input that is extended by `paddingBefore` and `paddingAfter` elements.
public struct Axis: Hashable, Sendable {
  /// Taps of the window.
  public var kernel: Int
  /// Elements by which the window moves from one output to the next.
  public var stride: Int
  /// Elements from one tap to the next; 1 is dense.
  public var dilation: Int
  /// Elements added in front of the input; negative crops.
  public var paddingBefore: Int
  /// Elements added behind the input; negative crops.
  public var paddingAfter: Int
  /// What stands in the padding.
  public var mode: PaddingMode
  /// Elements added to the end of a transposed convolution's output; otherwise 0.
  public var outputPadding: Int

  /// An axis of the given numbers, which nothing checks yet: the geometries do.
  public init(
    kernel: Int = 1, stride: Int = 1, dilation: Int = 1, paddingBefore: Int = 0, paddingAfter: Int = 0,
    mode: PaddingMode = .zeros, outputPadding: Int = 0
  ) {
    self.kernel = kernel
    self.stride = stride
    self.dilation = dilation
    self.paddingBefore = paddingBefore
    self.paddingAfter = paddingAfter
    self.mode = mode
    self.outputPadding = outputPadding
  }

  /// The span of the window: `d (k - 1) + 1`.
  public var extent: Int { dilation * (kernel - 1) + 1 }

  /// `floor((n + before + after - d (k - 1) - 1) / s) + 1`, not positive when the window does not fit.
  public func outputSize(_ size: Int) -> Int {
    floorDivide(size + paddingBefore + paddingAfter - extent, stride) + 1
  }

  /// `(n - 1) s - before - after + d (k - 1) + outputPadding + 1`.
  public func transposedOutputSize(_ size: Int) -> Int {
    (size - 1) * stride - paddingBefore - paddingAfter + extent + outputPadding
  }

  /// The padded elements at the end that no window of a convolution over `size` elements reaches.
  public func remainder(_ size: Int) -> Int {
    let span = size + paddingBefore + paddingAfter - extent
    return span - floorDivide(span, stride) * stride
  }
}

/// Division that rounds towards minus infinity; `divisor` is positive.
package func floorDivide(_ value: Int, _ divisor: Int) -> Int {
  let quotient = value / divisor
  return value % divisor < 0 ? quotient - 1 : quotient
}

/// Division that rounds towards plus infinity; `divisor` is positive.
package func ceilDivide(_ value: Int, _ divisor: Int) -> Int { -floorDivide(-value, divisor) }
