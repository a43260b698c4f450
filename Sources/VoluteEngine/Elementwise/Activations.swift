import CVolute

/// The activations that are more than one elementary function, and their slopes.
enum Activation {
  static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x * 0.5.squareRoot())) }

  static func geluByTanh(_ x: Double) -> Double {
    0.5 * x * (1 + tanh(scale * (x + cubic * x * x * x)))
  }

  static func siluSlope(_ x: Double) -> Double {
    let s = 1 / (1 + exp(-x))
    return s * (1 + x * (1 - s))
  }

  static func geluSlope(_ x: Double) -> Double {
    0.5 * (1 + erf(x * 0.5.squareRoot())) + x * exp(-0.5 * x * x) * density
  }

  static func geluByTanhSlope(_ x: Double) -> Double {
    let t = tanh(scale * (x + cubic * x * x * x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * scale * (1 + 3 * cubic * x * x)
  }

  /// `sqrt(2 / π)` and `1 / sqrt(2 π)`.
  private static let scale = 0.797_884_560_802_865_4
  private static let density = 0.398_942_280_401_432_7
  private static let cubic = 0.044715
}

extension Engine {
  /// `output = gradient * slope(input)` for the slope of an activation; all three have one type and shape.
  ///
  /// - Precondition: `operation` is `silu`, `gelu` or `geluByTanh`.
  public static func activationGradient(
    _ operation: UnaryOperation, _ input: StridedArray, gradient: StridedArray, to output: StridedArray
  ) {
    if operation == .silu, let rows = rowKernels(output.dtype), output.isContiguous, input.isContiguous,
      gradient.isContiguous
    {
      let size = output.dtype.size
      return parallel(output.count, grain: 32_768) { range in
        let start = range.lowerBound * size
        rows.silu_gradient(range.count, input.base + start, gradient.base + start, output.base + start)
      }
    }
    output.dtype.dispatch(
      ActivationGradient(operation: operation, input: input, gradient: gradient, output: output))
  }

  /// `output = input / (1 + exp(-input))` by vectors; `false` where types or strides do not allow it.
  static func siluByRows(_ input: StridedArray, to output: StridedArray) -> Bool {
    guard let rows = rowKernels(output.dtype), output.isContiguous, input.isContiguous else { return false }
    let size = output.dtype.size
    parallel(output.count, grain: 32_768) { range in
      rows.silu(range.count, input.base + range.lowerBound * size, output.base + range.lowerBound * size)
    }
    return true
  }

  /// The kernels of a type that has any.
  static func rowKernels(_ dtype: DType) -> volute_scalar_row_kernels? {
    switch dtype {
    case .float32: Float.rows
    case .float64: Double.rows
    default: nil
    }
  }

  private struct ActivationGradient: ElementVisitor {
    let operation: UnaryOperation
    let input: StridedArray
    let gradient: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      switch operation {
      case .silu: each(T.self, Activation.siluSlope)
      case .gelu: each(T.self, Activation.geluSlope)
      case .geluByTanh: each(T.self, Activation.geluByTanhSlope)
      default: preconditionFailure("activation_gradient: \(operation) is not an activation")
      }
    }

    @inline(__always)
    private func each<T: Element>(_ type: T.Type, _ slope: (Double) -> Double) {
      let nest = LoopNest(
        shape: output.shape, strides: [input.strides, gradient.strides, output.strides])
      let steps = nest.rowStrides
      let x = input.pointer(as: T.self)
      let g = gradient.pointer(as: T.self)
      let to = output.pointer(as: T.self)
      nest.forEachRowInParallel { offsets, count in
        for index in 0..<count {
          let value = slope(x[offsets[0] + index * steps[0]].math.asDouble)
          let factor = g[offsets[1] + index * steps[1]].math.asDouble
          to[offsets[2] + index * steps[2]] = T(math: T.Math(double: factor * value))
        }
      }
    }
  }
}
