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

  public func abs() -> Tensor { mapped(.absolute) }
  public func sign() -> Tensor { mapped(.sign) }
  public func square() -> Tensor { mapped(.square) }
  public func floor() -> Tensor { rounded(.floor) }
  public func ceil() -> Tensor { rounded(.ceil) }
  /// Halves go to the even neighbour.
  public func round() -> Tensor { rounded(.round) }
  public func truncated() -> Tensor { rounded(.truncate) }

  public func reciprocal() -> Tensor { mappedAsReal(.reciprocal) }
  public func sqrt() -> Tensor { mappedAsReal(.squareRoot) }
  public func rsqrt() -> Tensor { mappedAsReal(.reciprocalSquareRoot) }
  public func exp() -> Tensor { mappedAsReal(.exponential) }
  public func expm1() -> Tensor { mappedAsReal(.exponentialMinusOne) }
  public func log() -> Tensor { mappedAsReal(.logarithm) }
  public func log1p() -> Tensor { mappedAsReal(.logarithmOnePlus) }
  public func log2() -> Tensor { mappedAsReal(.logarithm2) }
  public func log10() -> Tensor { mappedAsReal(.logarithm10) }
  public func sin() -> Tensor { mappedAsReal(.sine) }
  public func cos() -> Tensor { mappedAsReal(.cosine) }
  public func tan() -> Tensor { mappedAsReal(.tangent) }
  public func atan() -> Tensor { mappedAsReal(.arcTangent) }
  public func tanh() -> Tensor { mappedAsReal(.hyperbolicTangent) }
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
