/// An operation on two elements that gives one of the same type.
public enum BinaryOperation: String, Sendable {
  case add, subtract, multiply, divide, floorDivide, remainder, truncatingRemainder, power, minimum, maximum
  case bitwiseAnd = "bitwise_and"
  case bitwiseOr = "bitwise_or"
  case bitwiseXor = "bitwise_xor"
}

/// A test of two elements.
public enum Comparison: String, Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
}

extension Engine {
  /// `output = left op right`; all three have one type and shape, inputs may broadcast through strides of 0.
  public static func binary(
    _ operation: BinaryOperation, _ left: StridedArray, _ right: StridedArray, to output: StridedArray
  ) {
    if binaryByRows(operation, left, right, to: output) { return }
    output.dtype.dispatch(
      Binary(operation: operation, walk: PairWalk(left: left, right: right, output: output)))
  }

  /// `output = left op right` as `Bool`; the inputs have one type.
  public static func compare(
    _ comparison: Comparison, _ left: StridedArray, _ right: StridedArray, to output: StridedArray
  ) {
    left.dtype.dispatch(
      Compare(comparison: comparison, walk: PairWalk(left: left, right: right, output: output)))
  }

  /// The four operations on rows that lie together or repeat one element; `false` where it is something else.
  private static func binaryByRows(
    _ operation: BinaryOperation, _ left: StridedArray, _ right: StridedArray, to output: StridedArray
  ) -> Bool {
    guard let rows = rowKernels(output.dtype) else { return false }
    let kernel =
      switch operation {
      case .add: rows.binary.0
      case .subtract: rows.binary.1
      case .multiply: rows.binary.2
      case .divide: rows.binary.3
      default:
        nil
          as (
            @convention(c) (Int, UnsafeRawPointer?, Int32, UnsafeRawPointer?, Int32, UnsafeMutableRawPointer?)
              -> Void
          )?
      }
    let nest = LoopNest(shape: output.shape, strides: [left.strides, right.strides, output.strides])
    let steps = nest.rowStrides
    guard let kernel, steps[2] == 1, 0...1 ~= steps[0], 0...1 ~= steps[1] else { return false }
    let size = output.dtype.size
    nest.forEachRowInParallel { offsets, count in
      kernel(
        count, left.base + offsets[0] * size, Int32(steps[0]), right.base + offsets[1] * size,
        Int32(steps[1]),
        output.base + offsets[2] * size)
    }
    return true
  }

  private struct Binary: ElementVisitor {
    let operation: BinaryOperation
    let walk: PairWalk

    func visit<T: Element>(_ type: T.Type) {
      typealias M = T.Math
      switch operation {
      case .add: walk.math(T.self) { M.add($0, $1) }
      case .subtract: walk.math(T.self) { M.subtract($0, $1) }
      case .multiply: walk.math(T.self) { M.multiply($0, $1) }
      case .divide: walk.math(T.self) { M.divide($0, $1) }
      case .floorDivide: walk.math(T.self) { M.floorDivide($0, $1) }
      case .remainder: walk.math(T.self) { M.remainder($0, $1) }
      case .truncatingRemainder: walk.math(T.self) { M.truncatingRemainder($0, $1) }
      case .power: walk.math(T.self) { M.power($0, $1) }
      case .minimum: walk.math(T.self) { M.minimum($0, $1) }
      case .maximum: walk.math(T.self) { M.maximum($0, $1) }
      case .bitwiseAnd: walk.math(T.self) { M(int64: $0.asInt64 & $1.asInt64) }
      case .bitwiseOr: walk.math(T.self) { M(int64: $0.asInt64 | $1.asInt64) }
      case .bitwiseXor: walk.math(T.self) { M(int64: $0.asInt64 ^ $1.asInt64) }
      }
    }
  }

  private struct Compare: ElementVisitor {
    let comparison: Comparison
    let walk: PairWalk

    func visit<T: Element>(_ type: T.Type) {
      switch comparison {
      case .equal: walk.each(T.self, Bool.self) { $0.math == $1.math }
      case .notEqual: walk.each(T.self, Bool.self) { $0.math != $1.math }
      case .less: walk.each(T.self, Bool.self) { $0.math < $1.math }
      case .lessOrEqual: walk.each(T.self, Bool.self) { $0.math <= $1.math }
      case .greater: walk.each(T.self, Bool.self) { $0.math > $1.math }
      case .greaterOrEqual: walk.each(T.self, Bool.self) { $0.math >= $1.math }
      }
    }
  }

  /// The rows of two inputs and an output.
  private struct PairWalk {
    let left: StridedArray
    let right: StridedArray
    let output: StridedArray

    @inline(__always)
    func math<T: Element>(_ type: T.Type, _ body: (T.Math, T.Math) -> T.Math) {
      each(T.self, T.self) { T(math: body($0.math, $1.math)) }
    }

    @inline(__always)
    func each<T: Element, R: Element>(_ type: T.Type, _ result: R.Type, _ body: (T, T) -> R) {
      let nest = LoopNest(
        shape: output.shape, strides: [left.strides, right.strides, output.strides])
      let steps = nest.rowStrides
      let (leftStep, rightStep, outputStep) = (steps[0], steps[1], steps[2])
      let leftBase = left.pointer(as: T.self)
      let rightBase = right.pointer(as: T.self)
      let outputBase = output.pointer(as: R.self)
      nest.forEachRowInParallel { offsets, count in
        let a = leftBase + offsets[0]
        let b = rightBase + offsets[1]
        let out = outputBase + offsets[2]
        if leftStep == 1 && rightStep == 1 && outputStep == 1 {
          for index in 0..<count { out[index] = body(a[index], b[index]) }
        } else if leftStep == 1 && rightStep == 0 && outputStep == 1 {
          let constant = b.pointee
          for index in 0..<count { out[index] = body(a[index], constant) }
        } else if leftStep == 0 && rightStep == 1 && outputStep == 1 {
          let constant = a.pointee
          for index in 0..<count { out[index] = body(constant, b[index]) }
        } else {
          for index in 0..<count {
            out[index * outputStep] = body(a[index * leftStep], b[index * rightStep])
          }
        }
      }
    }
  }
}
