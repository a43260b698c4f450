// A convolution's sizes obey  (out - 1) s + r = n + P - d (k - 1) - 1  with a remainder 0 <= r < s;  a transposed
// one's obey it with input and output exchanged, and output padding for r. Every unknown follows by a division, and
// the remainder makes a range of it.

extension SizeQuestion {
  /// All whole-number answers within the bound, or why there is none and what comes nearest.
  ///
  /// - Throws: ``ShapeError`` when what is given is not allowed whatever the unknown is.
  public func answer() throws(ShapeError) -> SizeAnswer {
    try check()
    let exact = exactValue
    var solutions: [SizeSolution] = []
    if let range = solutionRange {
      for value in range.prefix(listLimit) { solutions += candidates(value).filter(isAnswer) }
    }
    solutions.sort()
    if !solutions.isEmpty {
      return SizeAnswer(solutions: solutions, exact: exact, reason: nil, nearest: [])
    }
    let nearest = nearest(to: exact)
    return SizeAnswer(
      solutions: [], exact: exact, reason: reason(exact: exact, nearest: nearest), nearest: nearest)
  }

  private func isAnswer(_ solution: SizeSolution) -> Bool { unknown == .output || solution.output == output }

  private var listLimit: Int { unknown == .sides ? 2 * bound + 1 : bound }

  /// The largest value of the unknown that is looked at.
  private var most: Int {
    switch unknown {
    case .output, .input: Limits.size
    case .sides: 2 * bound
    default: bound
    }
  }

  private var span: Int { axis.extent - 1 }
  private var padding: Int { axis.paddingBefore + axis.paddingAfter }
  /// The side that windows are counted on, and the side that they lie on.
  private var windows: Int { isTransposed ? input : output }
  private var elements: Int { isTransposed ? output - axis.outputPadding : input }
  /// `d (k - 1)` plus the remainder.
  private var holes: Int { elements + padding - 1 - (windows - 1) * axis.stride }
  /// The least padding in all.
  private var lack: Int { (windows - 1) * axis.stride + span + 1 - elements }
  /// The largest remainder: what a stride leaves over.
  private var slack: Int { isTransposed ? 0 : axis.stride - 1 }

  /// What the formula without its floor says.
  private var exactValue: Fraction? {
    switch unknown {
    case .output:
      isTransposed
        ? Fraction((input - 1) * axis.stride - padding + span + axis.outputPadding + 1)
        : Fraction(input + padding - span - 1, axis.stride) + Fraction(1)
    case .input:
      isTransposed
        ? Fraction(elements + padding - span - 1, axis.stride) + Fraction(1)
        : Fraction((output - 1) * axis.stride - padding + span + 1)
    case .kernel:
      Fraction(holes, axis.dilation) + Fraction(1)
    case .stride:
      windows == 1 ? nil : Fraction(elements + padding - span - 1, windows - 1)
    case .dilation:
      axis.kernel == 1
        ? nil : Fraction(holes, axis.kernel - 1)
    case .padding:
      Fraction(lack, 2)
    case .sides, .causal:
      Fraction(lack)
    case .outputPadding:
      Fraction(output - (input - 1) * axis.stride + padding - span - 1)
    }
  }

  /// Every value that gives the sizes asked for, allowed or not, cut at the bounds.
  private var solutionRange: ClosedRange<Int>? {
    let range: (Int, Int)
    switch unknown {
    case .output:
      guard let exact = exactValue?.floor else { return nil }
      range = (exact, exact)
    case .input:
      guard let exact = exactValue else { return nil }
      range = isTransposed ? (exact.ceiling, exact.floor) : (exact.floor, exact.floor + slack)
    case .kernel:
      range = (ceilDivide(holes - slack, axis.dilation) + 1, floorDivide(holes, axis.dilation) + 1)
    case .dilation where axis.kernel == 1:
      range = holes >= 0 && holes <= slack ? (1, most) : (1, 0)
    case .dilation:
      range = (ceilDivide(holes - slack, axis.kernel - 1), floorDivide(holes, axis.kernel - 1))
    case .stride:
      let reach = elements + padding - span - 1
      let last =
        windows == 1 ? (reach < 0 || isTransposed && reach != 0 ? 0 : most) : floorDivide(reach, windows - 1)
      let first =
        isTransposed ? (windows == 1 ? 1 : ceilDivide(reach, windows - 1)) : floorDivide(reach, windows) + 1
      range = (first, last)
    case .padding:
      range = (ceilDivide(lack, 2), floorDivide(lack + slack, 2))
    case .sides, .causal:
      range = (lack, lack + slack)
    case .outputPadding:
      guard let exact = exactValue?.floor else { return nil }
      range = (exact, exact)
    }
    let (first, last) = (max(range.0, unknown.least), min(range.1, most))
    return first <= last ? first...last : nil
  }

  /// The layers in which the unknown is `value`, where they are allowed: one, or one for each way of sharing the
  /// padding out.
  private func candidates(_ value: Int) -> [SizeSolution] {
    guard value >= unknown.least, value <= most else { return [] }
    var (axis, input) = (axis, input)
    switch unknown {
    case .output: break
    case .input: input = value
    case .kernel: axis.kernel = value
    case .stride: axis.stride = value
    case .dilation: axis.dilation = value
    case .padding: (axis.paddingBefore, axis.paddingAfter) = (value, value)
    case .causal: (axis.paddingBefore, axis.paddingAfter) = (value, 0)
    case .outputPadding: axis.outputPadding = value
    case .sides:
      return (max(0, value - bound)...min(value, bound)).compactMap { before in
        var shared = axis
        (shared.paddingBefore, shared.paddingAfter) = (before, value - before)
        return SizeSolution(shared, input: input, isTransposed: isTransposed)
      }
    }
    return SizeSolution(axis, input: input, isTransposed: isTransposed).map { [$0] } ?? []
  }

  /// The allowed values on either side of the exact one, by how far the output is from the one asked for.
  private func nearest(to exact: Fraction?) -> [SizeSolution] {
    guard unknown != .output else { return [] }
    let center = exact ?? Fraction(unknown.least)
    let below = min(center.floor, most)
    let above = max(center.ceiling, unknown.least)
    // Outputs rise or fall steadily with every unknown, so the first that is allowed on each side is the nearest.
    let reach = 2 * bound + 1
    let sides = [
      Swift.stride(from: below, through: max(unknown.least, below - reach), by: -1),
      Swift.stride(from: above, through: min(most, above + reach), by: 1),
    ]
    let found = sides.compactMap { side in
      side.lazy.compactMap { candidates($0).min() }.first
    }
    return Set(found).sorted {
      (abs($0.output - output), $0) < (abs($1.output - output), $1)
    }
  }

  // MARK: - Words

  private func reason(exact: Fraction?, nearest: [SizeSolution]) -> String {
    guard let exact else {
      let fixed = unknown == .dilation ? "a kernel of one tap has no holes" : "one window does not move"
      return "\(fixed), so the sizes do not depend on the \(unknown.name)"
    }
    if unknown == .output {
      return isTransposed
        ? "the padding takes all of it away: \(exact) elements are left"
        : "a window of \(axis.extent) does not fit into \(input + padding) elements"
    }
    if exact < Fraction(unknown.least) {
      return "the \(unknown.name) would be \(exact), and the least is \(unknown.least)"
    }
    if exact > Fraction(most) {
      return "the \(unknown.name) would be \(exact), and \(most) is the largest that is looked at"
    }
    if !exact.isInteger { return "the \(unknown.name) would be \(exact), which is not a whole number" }
    if unknown == .outputPadding {
      return "the output padding would be \(exact), and it must be less than the stride or the dilation, "
        + "\(max(axis.stride, axis.dilation))"
    }
    return "the \(unknown.name) would be \(exact), which such a layer does not take"
  }

  /// What is wrong with what is given, whatever the unknown is.
  private func check() throws(ShapeError) {
    let operation = isTransposed ? "conv_transpose" : "conv"
    let given: [(Unknown, String, Int, ClosedRange<Int>)] = [
      (.input, "input", input, 1...Limits.size), (.output, "output", output, 1...Limits.size),
      (.kernel, "kernelSize", axis.kernel, 1...Limits.parameter),
      (.stride, "stride", axis.stride, 1...Limits.parameter),
      (.dilation, "dilation", axis.dilation, 1...Limits.parameter),
    ]
    for (field, parameter, value, range) in given where field != unknown && !range.contains(value) {
      throw ShapeError(
        operation, parameter: parameter, "the \(field.name) is \(value)",
        mend: "at least \(range.lowerBound), at most \(range.upperBound)")
    }
    if ![.kernel, .dilation].contains(unknown), axis.dilation > Limits.size / axis.kernel {
      throw ShapeError(
        operation, parameter: "dilation",
        "a kernel of \(axis.kernel) taps with dilation \(axis.dilation) spans more than \(Limits.size) elements"
      )
    }
    if ![.padding, .sides, .causal].contains(unknown),
      let bad = [axis.paddingBefore, axis.paddingAfter].first(where: { !(0...Limits.parameter).contains($0) })
    {
      throw ShapeError(
        operation, parameter: "padding", "the padding is \(bad)",
        mend: "at least 0, at most \(Limits.parameter)")
    }
    if !isTransposed && (unknown == .outputPadding || axis.outputPadding != 0) {
      throw ShapeError(
        operation, parameter: "outputPadding", "a convolution has no output padding",
        mend: "ask about a transposed convolution")
    }
    if unknown != .outputPadding, !(0...Limits.parameter).contains(axis.outputPadding) {
      throw ShapeError(operation, parameter: "outputPadding", "the output padding is \(axis.outputPadding)")
    }
    guard (1...4096).contains(bound) else {
      throw ShapeError(
        operation, parameter: "bound", "the bound is \(bound)", mend: "at least 1, at most 4096")
    }
  }
}

extension SizeSolution {
  /// The sizes of an axis that a layer can have; `nil` for one that the validator of ``ConvolutionGeometry`` would
  /// refuse.
  package init?(_ axis: Axis, input: Int, isTransposed: Bool) {
    guard input >= 1, axis.dilation <= Limits.size / axis.kernel else { return nil }
    let output = isTransposed ? axis.transposedOutputSize(input) : axis.outputSize(input)
    guard output >= 1 else { return nil }
    if isTransposed && axis.outputPadding >= max(axis.stride, axis.dilation) { return nil }
    let padded = isTransposed ? output : input
    if axis.mode == .reflect && max(axis.paddingBefore, axis.paddingAfter) >= padded { return nil }
    self.init(
      axis: axis, input: input, output: output, remainder: isTransposed ? 0 : axis.remainder(input))
  }
}
