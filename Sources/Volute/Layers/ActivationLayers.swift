/// Activations as layers; see the methods of ``Tensor`` of the same names.
public final class ReLU: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.relu() }
}

/// `x` where it is positive, `slope · x` elsewhere. Any shape.
public final class LeakyReLU: Layer {
  /// The factor of negative elements.
  public let slope: Double
  /// A layer without parameters; PyTorch's `negative_slope` is `slope`.
  public init(slope: Double = 0.01) { self.slope = slope }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.leakyRelu(slope: slope) }
}

/// `x Φ(x)`, `Φ` the distribution of the normal law. Any shape.
///
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
public final class GELU: Layer {
  /// Whether `Φ` is approximated by a hyperbolic tangent, PyTorch's `approximate='tanh'`.
  public let approximatesByTanh: Bool
  /// A layer without parameters.
  public init(approximatesByTanh: Bool = false) { self.approximatesByTanh = approximatesByTanh }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    x.gelu(approximatesByTanh: approximatesByTanh)
  }
}

/// `x · sigmoid(x)`. Any shape.
///
/// Source: Elfwing and others, "Sigmoid-Weighted Linear Units" (2017).
public final class SiLU: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
}

/// `x · tanh(softplus(x))`. Any shape.
///
/// Source: Misra, "Mish" (2019).
public final class Mish: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.mish() }
}

/// `1 / (1 + exp(-x))`. Any shape.
public final class Sigmoid: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.sigmoid() }
}

/// The hyperbolic tangent. Any shape.
public final class Tanh: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.tanh() }
}

/// `log(1 + exp(beta x)) / beta`. Any shape.
public final class Softplus: Layer {
  /// How sharp the bend at 0 is.
  public let beta: Double
  /// Where `beta x` is greater the result is `x`.
  public let threshold: Double
  /// A layer without parameters.
  public init(beta: Double = 1, threshold: Double = 20) {
    self.beta = beta
    self.threshold = threshold
  }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    x.softplus(beta: beta, threshold: threshold)
  }
}

/// Exponentials that are positive and sum to 1 along an axis. The shape stays.
public final class Softmax: Layer {
  /// The axis along which elements sum to 1; negative counts from the end.
  public let axis: Int
  /// A layer without parameters; PyTorch's `dim` is `axis`.
  public init(axis: Int) { self.axis = axis }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try softmax(x, axis: axis) }
}

/// `x` where it is positive, `alpha (exp(x) - 1)` elsewhere. Any shape.
///
/// Source: Clevert and others, "Fast and Accurate Deep Network Learning by Exponential Linear Units" (2015).
public final class ELU: Layer {
  /// The negative of the limit to the left.
  public let alpha: Double
  /// A layer without parameters.
  public init(alpha: Double = 1) { self.alpha = alpha }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.elu(alpha: alpha) }
}

/// `x` where it is positive and a learned slope times `x` elsewhere. State: `weight` `[1]` or `[channels]`.
///
/// Source: He and others, "Delving Deep into Rectifiers" (2015).
public final class PReLU: Layer {
  /// The learned slopes, `[count]`: one for all channels, or one a channel.
  public let weight: Parameter
  /// `count` slopes, 1 or the number of channels, that begin at `start`.
  public init(count: Int = 1, start: Double = 0.25) { weight = Parameter(Tensor(full: [count], start)) }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let channels = x.rank > 1 ? x.shape[1] : 1
    guard weight.count == 1 || weight.count == channels else {
      throw ShapeError(
        "prelu", parameter: "input",
        "mismatch of parameter numbers and input channel size: \(weight.count) and \(channels)",
        shapes: [x.shape])
    }
    return x.prelu(weight.value)
  }
}
