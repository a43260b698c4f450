extension Engine {
  /// Copies `source` into `destination` element by element, converting the type; `source` may broadcast.
  public static func copy(_ source: StridedArray, to destination: StridedArray) {
    let nest = LoopNest(shape: destination.shape, strides: [source.strides, destination.strides])
    if source.dtype == destination.dtype {
      switch source.dtype.size {
      case 1: move(source, destination, nest, UInt8.self)
      case 2: move(source, destination, nest, UInt16.self)
      case 4: move(source, destination, nest, UInt32.self)
      default: move(source, destination, nest, UInt64.self)
      }
    } else if let convert = rowConversion(from: source.dtype, to: destination.dtype),
      nest.rowStrides == [1, 1]
    {
      let (fromSize, toSize) = (source.dtype.size, destination.dtype.size)
      nest.forEachRowInParallel { offsets, count in
        convert(count, source.base + offsets[0] * fromSize, destination.base + offsets[1] * toSize)
      }
    } else {
      source.dtype.dispatch(Conversion(source: source, destination: destination, nest: nest))
    }
  }

  /// Copies the bytes of elements of one size.
  private static func move<Bits: BitwiseCopyable>(
    _ source: StridedArray, _ destination: StridedArray, _ nest: LoopNest, _ type: Bits.Type
  ) {
    let from = source.base.assumingMemoryBound(to: Bits.self)
    let to = destination.base.assumingMemoryBound(to: Bits.self)
    let steps = nest.rowStrides
    let (fromStep, toStep) = (steps[0], steps[1])
    nest.forEachRowInParallel { offsets, count in
      let input = from + offsets[0]
      let output = to + offsets[1]
      if fromStep == 1 && toStep == 1 {
        output.update(from: input, count: count)
      } else if fromStep == 0 && toStep == 1 {
        output.update(repeating: input.pointee, count: count)
      } else {
        for index in 0..<count { output[index * toStep] = input[index * fromStep] }
      }
    }
  }

  private struct Conversion: ElementVisitor {
    let source: StridedArray
    let destination: StridedArray
    let nest: LoopNest

    func visit<From: Element>(_ type: From.Type) {
      destination.dtype.dispatch(Second<From>(outer: self))
    }

    struct Second<From: Element>: ElementVisitor {
      let outer: Conversion

      func visit<To: Element>(_ type: To.Type) {
        let from = outer.source.pointer(as: From.self)
        let to = outer.destination.pointer(as: To.self)
        let steps = outer.nest.rowStrides
        let (fromStep, toStep) = (steps[0], steps[1])
        outer.nest.forEachRowInParallel { offsets, count in
          let input = from + offsets[0]
          let output = to + offsets[1]
          for index in 0..<count {
            output[index * toStep] = Engine.convert(input[index * fromStep], to: To.self)
          }
        }
      }
    }
  }

  /// One element as another type: truncated towards zero, wrapped, or tested against zero for `Bool`.
  @inline(__always)
  static func convert<From: Element, To: Element>(_ value: From, to type: To.Type) -> To {
    let math = value.math
    if To.dtype == .bool { return To(math: math.isZero ? To.Math.zero : To.Math.one) }
    if From.dtype.isFloatingPoint || To.dtype.isFloatingPoint {
      if From.dtype == .int64 { return To(math: To.Math(int64: math.asInt64)) }
      return To(math: To.Math(double: math.asDouble))
    }
    return To(math: To.Math(int64: math.asInt64))
  }
}

extension Engine {
  /// Sets every element to `scalar`, converted to the array's type.
  public static func fill(_ array: StridedArray, with scalar: Scalar) {
    array.dtype.dispatch(Fill(array: array, scalar: scalar))
  }

  /// A number as an element: whatever is not zero is true.
  @inline(__always)
  static func element<T: Element>(_ scalar: Scalar, as type: T.Type) -> T {
    if T.dtype == .bool { return T(math: scalar.isZero ? .zero : .one) }
    return T(math: scalar.math(as: T.Math.self))
  }

  private struct Fill: ElementVisitor {
    let array: StridedArray
    let scalar: Scalar

    func visit<T: Element>(_ type: T.Type) {
      let value = Engine.element(scalar, as: T.self)
      let nest = LoopNest(shape: array.shape, strides: [array.strides])
      let pointer = array.pointer(as: T.self)
      let step = nest.rowStrides[0]
      nest.forEachRowInParallel { offsets, count in
        let row = pointer + offsets[0]
        if step == 1 {
          row.update(repeating: value, count: count)
        } else {
          for index in 0..<count { row[index * step] = value }
        }
      }
    }
  }
}
