import CVolute

/// An operation on one element.
public enum UnaryOperation: String, Sendable {
  case negate, absolute, sign, square
  case bitwiseNot = "bitwise_not"
  // The rest are for real types only.
  case floor, ceil, round, truncate
  case reciprocal, squareRoot, reciprocalSquareRoot
  case exponential, exponentialMinusOne, logarithm, logarithmOnePlus, logarithm2, logarithm10
  case sine, cosine, tangent, arcTangent, hyperbolicTangent, sigmoid, errorFunction
  // See ``Activation``.
  case silu, gelu
  case geluByTanh = "gelu_tanh"
}

extension Engine {
  /// `output = op input`, of one type and shape.
  public static func unary(_ operation: UnaryOperation, _ input: StridedArray, to output: StridedArray) {
    if operation == .silu, siluByRows(input, to: output) { return }
    output.dtype.dispatch(Unary(operation: operation, input: input, output: output))
  }

  /// `output = input` clamped to `lower...upper`; NaN stays.
  public static func clamp(
    _ input: StridedArray, lower: Scalar?, upper: Scalar?, to output: StridedArray
  ) {
    output.dtype.dispatch(Clamp(input: input, output: output, lower: lower, upper: upper))
  }

  private struct Clamp: ElementVisitor {
    let input: StridedArray
    let output: StridedArray
    let lower: Scalar?
    let upper: Scalar?

    func visit<T: Element>(_ type: T.Type) {
      let low = lower.map { $0.math(as: T.Math.self) } ?? T.Math.lowest
      let high = upper.map { $0.math(as: T.Math.self) } ?? T.Math.highest
      eachElement(T.self, input, output) { value in
        if value.isNotANumber { return value }
        let raised = value < low ? low : value
        return raised > high ? high : raised
      }
    }
  }

  private struct Unary: ElementVisitor {
    let operation: UnaryOperation
    let input: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      typealias M = T.Math
      switch operation {
      case .negate: each(T.self) { M.subtract(.zero, $0) }
      case .absolute: each(T.self) { $0 < .zero ? M.subtract(.zero, $0) : M.add($0, .zero) }
      case .sign: each(T.self) { $0 > .zero ? .one : ($0 < .zero ? M.subtract(.zero, .one) : .zero) }
      case .square: each(T.self) { M.multiply($0, $0) }
      case .bitwiseNot:
        // The complement of a Boolean is the other one, not the bits'.
        let isBool = T.dtype == .bool
        each(T.self) { isBool ? ($0.isZero ? .one : .zero) : M(int64: ~$0.asInt64) }
      default: real(T.self)
      }
    }

    private func real<T: Element>(_ type: T.Type) {
      switch operation {
      case .floor: double(T.self) { $0.rounded(.down) }
      case .ceil: double(T.self) { $0.rounded(.up) }
      case .round: double(T.self) { $0.rounded(.toNearestOrEven) }
      case .truncate: double(T.self) { $0.rounded(.towardZero) }
      case .reciprocal: each(T.self) { T.Math.divide(.one, $0) }
      case .squareRoot: double(T.self) { $0.squareRoot() }
      case .reciprocalSquareRoot: double(T.self) { 1 / $0.squareRoot() }
      case .exponential: double(T.self) { exp($0) }
      case .exponentialMinusOne: double(T.self) { expm1($0) }
      case .logarithm: double(T.self) { log($0) }
      case .logarithmOnePlus: double(T.self) { log1p($0) }
      case .logarithm2: double(T.self) { log2($0) }
      case .logarithm10: double(T.self) { log10($0) }
      case .sine: double(T.self) { sin($0) }
      case .cosine: double(T.self) { cos($0) }
      case .tangent: double(T.self) { tan($0) }
      case .arcTangent: double(T.self) { atan($0) }
      case .hyperbolicTangent: double(T.self) { tanh($0) }
      case .sigmoid: double(T.self) { 1 / (1 + exp(-$0)) }
      case .errorFunction: double(T.self) { erf($0) }
      case .silu: double(T.self) { $0 / (1 + exp(-$0)) }
      case .gelu: double(T.self) { Activation.gelu($0) }
      case .geluByTanh: double(T.self) { Activation.geluByTanh($0) }
      case .negate, .absolute, .sign, .square, .bitwiseNot: break
      }
    }

    @inline(__always)
    private func each<T: Element>(_ type: T.Type, _ body: (T.Math) -> T.Math) {
      eachElement(T.self, input, output, body)
    }

    /// Computed in 64 bits and rounded once, so that 32-bit results are the nearest ones.
    @inline(__always)
    private func double<T: Element>(_ type: T.Type, _ body: (Double) -> Double) {
      eachElement(T.self, input, output) { T.Math(double: body($0.asDouble)) }
    }
  }

  @inline(__always)
  static func eachElement<T: Element>(
    _ type: T.Type, _ input: StridedArray, _ output: StridedArray, _ body: (T.Math) -> T.Math
  ) {
    let nest = LoopNest(shape: output.shape, strides: [input.strides, output.strides])
    let steps = nest.rowStrides
    let (inputStep, outputStep) = (steps[0], steps[1])
    let inputBase = input.pointer(as: T.self)
    let outputBase = output.pointer(as: T.self)
    nest.forEachRowInParallel { offsets, count in
      let from = inputBase + offsets[0]
      let to = outputBase + offsets[1]
      if inputStep == 1 && outputStep == 1 {
        for index in 0..<count { to[index] = T(math: body(from[index].math)) }
      } else {
        for index in 0..<count {
          to[index * outputStep] = T(math: body(from[index * inputStep].math))
        }
      }
    }
  }

  /// `output = condition ? left : right`; the condition is `Bool`, the others have one type.
  public static func select(
    _ condition: StridedArray, _ left: StridedArray, _ right: StridedArray, to output: StridedArray
  ) {
    output.dtype.dispatch(Select(condition: condition, left: left, right: right, output: output))
  }

  private struct Select: ElementVisitor {
    let condition: StridedArray
    let left: StridedArray
    let right: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      let nest = LoopNest(
        shape: output.shape,
        strides: [condition.strides, left.strides, right.strides, output.strides])
      let steps = nest.rowStrides
      let test = condition.pointer(as: Bool.self)
      let a = left.pointer(as: T.self)
      let b = right.pointer(as: T.self)
      let out = output.pointer(as: T.self)
      nest.forEachRowInParallel { offsets, count in
        for index in 0..<count {
          out[offsets[3] + index * steps[3]] =
            test[offsets[0] + index * steps[0]]
            ? a[offsets[1] + index * steps[1]] : b[offsets[2] + index * steps[2]]
        }
      }
    }
  }
}
