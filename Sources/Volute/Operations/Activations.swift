import VoluteEngine

extension Tensor {
  /// `max(x, 0)`; NaN stays.
  public func relu() -> Tensor {
    let result = detached().clamped(0)
    return result.recorded(self, ReluBackward(output: result))
  }

  /// `x` where it is positive and `slope * x` elsewhere.
  public func leakyRelu(slope: Double = 0.01) -> Tensor {
    piecewise { x in x * slope }
  }

  /// `x` where it is positive and `alpha * (exp(x) - 1)` elsewhere.
  public func elu(alpha: Double = 1) -> Tensor {
    // The exponential sees no large number, whose slope would be infinity times zero.
    piecewise { x in x.clamped(nil, 0).expm1() * alpha }
  }

  /// `x` where it is positive and `slope * x` elsewhere, with one slope in all or one a channel (axis 1).
  public func prelu(_ slope: Tensor) -> Tensor {
    precondition(
      slope.count == 1 || (rank > 1 && slope.count == shape[1]),
      "prelu: mismatch of parameter numbers and input channel size: \(slope.count) and \(rank > 1 ? shape[1] : 1)"
    )
    let channels =
      slope.count == 1
      ? slope.reshaped([]) : slope.reshaped([-1] + Array(repeating: 1, count: rank - 2))
    return piecewise { x in x * channels }
  }

  private func piecewise(_ negative: (Tensor) -> Tensor) -> Tensor {
    trapping { () throws(ShapeError) in
      try `where`(detached() .> 0, self, negative(self))
    }
  }

  /// `x / (1 + exp(-x))`, also called swish.
  public func silu() -> Tensor { mappedAsReal(.silu) }

  /// `x Φ(x)`, with the error function or with PyTorch's approximation by the hyperbolic tangent.
  public func gelu(approximatesByTanh: Bool = false) -> Tensor {
    mappedAsReal(approximatesByTanh ? .geluByTanh : .gelu)
  }

  /// `log(1 + exp(beta x)) / beta`; `x` itself where `beta x` is above `threshold`.
  public func softplus(beta: Double = 1, threshold: Double = 20) -> Tensor {
    let scaled = self * beta
    let smooth = scaled.logOnePlusExp() * (1 / beta)
    return trapping { () throws(ShapeError) in
      try `where`(scaled.detached() .> threshold, self, smooth)
    }
  }

  /// `log(1 + exp(x))` without overflow: `max(x, 0) + log(1 + exp(-|x|))`.
  func logOnePlusExp() -> Tensor {
    let x = detached()
    return (x.relu() + (-x.abs()).exp().log1p()).recorded(self, SoftplusBackward(input: self))
  }

  /// `x tanh(log(1 + exp(x)))`.
  public func mish() -> Tensor { self * softplus().tanh() }

  /// `log(sigmoid(x))`, without underflow.
  public func logSigmoid() -> Tensor { -((-self).softplus(threshold: .infinity)) }
}

/// The gradient of `log(1 + exp(x))`: that of its two terms would miss the half at zero, where each has a corner.
private struct SoftplusBackward: Backward {
  let input: Tensor

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient * input.sigmoid()] }
}
