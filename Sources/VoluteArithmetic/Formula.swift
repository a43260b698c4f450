// The formulas of the output sizes, with their numbers filled in.

extension Axis {
  /// The output size of a convolution or pooling, such as `floor((100 + 2·1 - 1·(3 - 1) - 1) / 2) + 1 = 50`.
  public func formula(_ size: Int) -> String {
    "floor((\(span(size))) / \(stride)) + 1 = \(outputSize(size))"
  }

  /// The output size of a transposed convolution, such as `(5 - 1)·2 - 2·1 + 1·(4 - 1) + 0 + 1 = 10`.
  public func transposedFormula(_ size: Int) -> String {
    "(\(size) - 1)·\(stride)\(paddingText("-")) + \(dilation)·(\(kernel) - 1)\(signed(outputPadding)) + 1 = "
      + "\(transposedOutputSize(size))"
  }

  /// How far the window can move, plus what `stride` is divided into: `n + 2·p - d·(k - 1) - 1`.
  fileprivate func span(_ size: Int) -> String {
    "\(size)\(paddingText("+")) - \(dilation)·(\(kernel) - 1) - 1"
  }

  private func paddingText(_ sign: String) -> String {
    paddingBefore == paddingAfter
      ? " \(sign) 2·\(paddingBefore)" : " \(sign) \(paddingBefore) \(sign) \(paddingAfter)"
  }
}

extension PoolingGeometry {
  /// The output size along each axis, such as `ceil((6 + 2·1 - 1·(3 - 1) - 1) / 2) + 1 = 4`.
  ///
  /// In ceil mode a last window that would start beyond the input and the padding before it is dropped, which the
  /// formula shows as `- 1`.
  public func formulas(isCeil: Bool) -> [String] {
    (0..<rank).map { index in
      let (axis, size, output) = (axes[index], inputSize[index], outputSize[index])
      guard isCeil else { return axis.formula(size) }
      let span = size + axis.paddingBefore + axis.paddingAfter - axis.extent
      let isDropped = ceilDivide(span, axis.stride) + 1 > output
      return "ceil((\(axis.span(size))) / \(axis.stride)) + 1\(isDropped ? " - 1" : "") = \(output)"
    }
  }
}

extension AdaptivePoolingGeometry {
  /// The windows along each axis, such as `floor(o·10 / 4) ..< ceil((o + 1)·10 / 4), 4 windows of 3 to 4`.
  public var formulas: [String] {
    (0..<rank).map { axis in
      let (size, count) = (inputSize[axis], outputSize[axis])
      if count == 0 { return "no windows" }
      let lengths = windows(axis: axis).map(\.count)
      let (least, most) = (lengths.min() ?? 0, lengths.max() ?? 0)
      return "floor(o·\(size) / \(count)) ..< ceil((o + 1)·\(size) / \(count)), \(count) "
        + "\(count == 1 ? "window" : "windows") of \(least == most ? "\(least)" : "\(least) to \(most)")"
    }
  }
}

extension UnpoolingGeometry {
  /// The output size along each axis, such as `(3 - 1)·2 - 2·0 + 2 = 6`; what an asked-for size differs by is added.
  ///
  /// - Parameter axes: kernel, stride and padding of the pooling that is undone.
  public func formulas(_ axes: [Axis]) -> [String] {
    zip(axes, zip(inputShape.suffix(rank), outputSize)).map { axis, sizes in
      let (size, output) = sizes
      let natural = (size - 1) * axis.stride - 2 * axis.paddingBefore + axis.kernel
      return "(\(size) - 1)·\(axis.stride) - 2·\(axis.paddingBefore) + \(axis.kernel)"
        + "\(output == natural ? "" : signed(output - natural)) = \(output)"
    }
  }
}

extension PaddingGeometry {
  /// The output size along the last `rank` axes, such as `10 + 2 - 1 = 11`.
  ///
  /// - Parameters:
  ///   - rank: the number of spatial axes.
  ///   - amounts: the pairs that the geometry was made with, last axis first.
  public func formulas(rank: Int, amounts: [Int]) -> [String] {
    (inputShape.count - rank..<inputShape.count).map { axis in
      let pair = 2 * (inputShape.count - 1 - axis)
      let sides = pair < amounts.count ? signed(amounts[pair]) + signed(amounts[pair + 1]) : " + 0 + 0"
      return "\(inputShape[axis])\(sides) = \(outputShape[axis])"
    }
  }
}

/// ` + 2` or ` - 2`.
private func signed(_ value: Int) -> String { value < 0 ? " - \(-value)" : " + \(value)" }
