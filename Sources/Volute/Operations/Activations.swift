extension Tensor {
  /// `max(x, 0)`; NaN stays.
  public func relu() -> Tensor { clamped(0) }

  /// `x / (1 + exp(-x))`.
  public func silu() -> Tensor { widened { $0 * $0.sigmoid() } }

  /// `x Φ(x)`, with the error function or with PyTorch's approximation by the hyperbolic tangent.
  public func gelu(approximatesByTanh: Bool = false) -> Tensor {
    widened { x in
      if approximatesByTanh {
        let inner = (x + x * x * x * 0.044715) * 0.797_884_560_802_865_4
        return x * 0.5 * (inner.tanh() + 1)
      }
      return x * 0.5 * ((x * 0.707_106_781_186_547_6).erf() + 1)
    }
  }

  /// The function in 32 bits at least, rounded once.
  private func widened(_ function: (Tensor) -> Tensor) -> Tensor {
    let wide: DType = dtype == .float64 ? .float64 : .float32
    return function(to(wide)).to(dtype.isFloatingPoint ? dtype : .float32)
  }
}
