import VoluteEngine

extension Tensor {
  /// One operation on every element, in the tensor's type.
  func mapped(_ operation: UnaryOperation) -> Tensor {
    let result = Tensor(filling: shape, dtype) { output in
      withStrided { Engine.unary(operation, $0, to: output) }
    }
    return result.recorded(self, UnaryBackward(operation, self, result))
  }

  /// One operation on every element; integers are converted to float32 first.
  func mappedAsReal(_ operation: UnaryOperation) -> Tensor {
    (dtype.isFloatingPoint ? self : to(.float32)).mapped(operation)
  }

  /// One operation that leaves integers as they are.
  private func rounded(_ operation: UnaryOperation) -> Tensor {
    dtype.isFloatingPoint ? mapped(operation) : self
  }

  /// The absolute value of each element.
  public func abs() -> Tensor { mapped(.absolute) }
  /// -1, 0 or 1 by the sign of each element.
  public func sign() -> Tensor { mapped(.sign) }
  /// The square of each element.
  public func square() -> Tensor { mapped(.square) }
  /// The largest whole number not greater than each element.
  public func floor() -> Tensor { rounded(.floor) }
  /// The smallest whole number not less than each element.
  public func ceil() -> Tensor { rounded(.ceil) }
  /// Halves go to the even neighbour.
  public func round() -> Tensor { rounded(.round) }
  /// Each element without its fraction.
  public func truncated() -> Tensor { rounded(.truncate) }

  /// One over each element.
  public func reciprocal() -> Tensor { mappedAsReal(.reciprocal) }
  /// The square root of each element; NaN of negative ones.
  public func sqrt() -> Tensor { mappedAsReal(.squareRoot) }
  /// One over the square root of each element.
  public func rsqrt() -> Tensor { mappedAsReal(.reciprocalSquareRoot) }
  /// e to the power of each element.
  public func exp() -> Tensor { mappedAsReal(.exponential) }
  /// `exp(x) - 1`, exact near 0.
  public func expm1() -> Tensor { mappedAsReal(.exponentialMinusOne) }
  /// The natural logarithm of each element; NaN of negative ones.
  public func log() -> Tensor { mappedAsReal(.logarithm) }
  /// `log(1 + x)`, exact near 0.
  public func log1p() -> Tensor { mappedAsReal(.logarithmOnePlus) }
  /// The logarithm to base 2 of each element.
  public func log2() -> Tensor { mappedAsReal(.logarithm2) }
  /// The logarithm to base 10 of each element.
  public func log10() -> Tensor { mappedAsReal(.logarithm10) }
  /// The sine of each element, in radians.
  public func sin() -> Tensor { mappedAsReal(.sine) }
  /// The cosine of each element, in radians.
  public func cos() -> Tensor { mappedAsReal(.cosine) }
  /// The tangent of each element, in radians.
  public func tan() -> Tensor { mappedAsReal(.tangent) }
  /// The inverse tangent of each element, in radians.
  public func atan() -> Tensor { mappedAsReal(.arcTangent) }
  /// The hyperbolic tangent of each element.
  public func tanh() -> Tensor { mappedAsReal(.hyperbolicTangent) }
  /// `1 / (1 + exp(-x))` of each element.
  public func sigmoid() -> Tensor { mappedAsReal(.sigmoid) }
  /// The error function.
  public func erf() -> Tensor { mappedAsReal(.errorFunction) }

  /// See ``Volute/clamp(_:_:_:)``; traps where that throws.
  public func clamped(
    _ lower: (any ScalarValue)? = nil, _ upper: (any ScalarValue)? = nil
  ) -> Tensor {
    trapping { () throws(ShapeError) in try clamp(self, lower, upper) }
  }
}

/// Values below `lower` raised to it, values above `upper` lowered to it; NaN stays.
///
/// - Throws: ``ShapeError`` when neither bound is given.
public func clamp(
  _ x: Tensor, _ lower: (any ScalarValue)?, _ upper: (any ScalarValue)? = nil
) throws(ShapeError) -> Tensor {
  let bounds = [lower, upper].compactMap { $0?.scalar }
  guard !bounds.isEmpty else {
    throw ShapeError(
      "clamp", parameter: "lower", "at least one of the lower and upper bounds must be given")
  }
  let dtype = bounds.reduce(x.dtype) { dtype, bound in
    bound.dtype.category > dtype.category ? dtype.promoted(with: bound.dtype) : dtype
  }
  let input = x.to(dtype)
  let result = Tensor(filling: x.shape, dtype) { output in
    input.withStrided { array in
      Engine.clamp(array, lower: lower?.scalar, upper: upper?.scalar, to: output)
    }
  }
  return result.recorded(input, ClampBackward(input: input, lower: lower?.scalar, upper: upper?.scalar))
}
