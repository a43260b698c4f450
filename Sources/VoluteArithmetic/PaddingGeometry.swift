/// The arithmetic of padding or cropping a whole tensor.
public struct PaddingGeometry: Hashable, Sendable {
  /// What fills the new elements.
  public enum Fill: Hashable, Sendable {
    /// One value everywhere.
    case constant
    /// Elements of the input, by a padding mode.
    case mode(PaddingMode)

    /// PyTorch's name for it.
    public var name: String {
      switch self {
      case .constant, .mode(.zeros): "constant"
      case .mode(let mode): mode.rawValue
      }
    }
  }

  /// The shape that is padded.
  public let inputShape: [Int]
  /// The shape with the padding.
  public let outputShape: [Int]
  private let mode: PaddingMode
  private let sides: [AxisPadding]

  /// One map an axis of the input, batch and channels included.
  public var maps: [AxisMap] {
    zip(sides, inputShape).map { side, size in
      AxisMap(padding: side.before, side.after, mode: mode, size: size)
    }
  }

  /// - Parameters:
  ///   - inputShape: `[batch, channels, size...]`, or without the batch.
  ///   - amounts: pairs (before, after), the last axis first; a negative amount crops.
  ///   - fill: what fills the new elements.
  /// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
  public init(inputShape: [Int], amounts: [Int], fill: Fill) throws(ShapeError) {
    let operation = "pad"
    guard amounts.count % 2 == 0 else {
      throw ShapeError(
        operation, parameter: "pad", "padding length must be divisible by 2, but got \(amounts.count)",
        mend: "a pair for each axis, last axis first")
    }
    guard amounts.count / 2 <= inputShape.count else {
      throw ShapeError(
        operation, parameter: "pad",
        "padding length should be less than or equal to two times the input dimension but got padding length "
          + "\(amounts.count) and input of dimension \(inputShape.count)", shapes: [inputShape])
    }
    if let bad = amounts.first(where: { $0.magnitude > Limits.parameter }) {
      throw ShapeError(operation, parameter: "pad", "padding \(bad) exceeds \(Limits.parameter)")
    }
    _ = try elementCount(inputShape, operation: operation)
    var sides = Array(repeating: AxisPadding(before: 0, after: 0), count: inputShape.count)
    for pair in 0..<amounts.count / 2 {
      sides[inputShape.count - 1 - pair] = .sides(amounts[2 * pair], amounts[2 * pair + 1])
    }
    let mode: PaddingMode = if case .mode(let mode) = fill { mode } else { .zeros }
    var output: [Int] = []
    for (axis, size) in inputShape.enumerated() {
      let (before, after) = (sides[axis].before, sides[axis].after)
      let result = size + before + after
      if result < 0 || (result == 0 && size > 0 && mode != .zeros) {
        throw ShapeError(
          operation, parameter: "pad",
          "the input size \(size), plus negative padding \(before) and \(after), results in a size of \(result), "
            + "which is invalid (axis \(axis) of \(inputShape))", shapes: [inputShape])
      }
      if mode == .reflect && max(before, after) >= max(size, 1) {
        throw ShapeError(
          operation, parameter: "pad",
          "padding size should be less than the corresponding input dimension, but got: padding (\(before), "
            + "\(after)) at dimension \(axis) of input \(inputShape)",
          mend: size > 1 ? "at most \(size - 1) in mode reflect" : nil, shapes: [inputShape])
      }
      let core = size + min(before, 0) + min(after, 0)
      if mode != .zeros && max(before, after) > 0 && (size == 0 || (mode == .circular && core <= 0)) {
        throw ShapeError(
          operation, parameter: "pad",
          "mode \(mode.rawValue) has nothing to read on axis \(axis) of input \(inputShape)",
          shapes: [inputShape])
      }
      output.append(result)
    }
    _ = try elementCount(output, operation: operation)
    self.inputShape = inputShape
    outputShape = output
    self.mode = mode
    self.sides = sides
  }
}

extension AxisMap {
  /// The map that pads (or, by negative amounts, crops) an axis.
  ///
  /// A ring is cropped before it is wrapped; the other modes read the uncropped input.
  init(padding before: Int, _ after: Int, mode: PaddingMode, size: Int) {
    if mode == .circular {
      let first = max(-before, 0)
      let core = size - first - max(-after, 0)
      let axis = Axis(paddingBefore: max(before, 0), paddingAfter: max(after, 0), mode: mode)
      self.init(axis, inputSize: size, outputSize: size + before + after) { position in
        first + mode.source(of: position, size: core)
      }
    } else {
      let axis = Axis(paddingBefore: before, paddingAfter: after, mode: mode)
      self.init(axis, inputSize: size, outputSize: size + before + after)
    }
  }
}
