/// Activations as layers; see the methods of ``Tensor`` of the same names.
public final class ReLU: Layer {
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.relu() }
}

public final class LeakyReLU: Layer {
  public let slope: Double
  public init(slope: Double = 0.01) { self.slope = slope }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.leakyRelu(slope: slope) }
}

public final class GELU: Layer {
  public let approximatesByTanh: Bool
  public init(approximatesByTanh: Bool = false) { self.approximatesByTanh = approximatesByTanh }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    x.gelu(approximatesByTanh: approximatesByTanh)
  }
}

public final class SiLU: Layer {
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.silu() }
}

public final class Mish: Layer {
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.mish() }
}

public final class Sigmoid: Layer {
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.sigmoid() }
}

public final class Tanh: Layer {
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.tanh() }
}

public final class Softplus: Layer {
  public let beta: Double
  public let threshold: Double
  public init(beta: Double = 1, threshold: Double = 20) {
    self.beta = beta
    self.threshold = threshold
  }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    x.softplus(beta: beta, threshold: threshold)
  }
}

public final class Softmax: Layer {
  public let axis: Int
  public init(axis: Int) { self.axis = axis }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try softmax(x, axis: axis) }
}

public final class ELU: Layer {
  public let alpha: Double
  public init(alpha: Double = 1) { self.alpha = alpha }
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.elu(alpha: alpha) }
}

/// `x` where it is positive and a learned slope times `x` elsewhere. State: `weight` `[1]` or `[channels]`.
public final class PReLU: Layer {
  public let weight: Parameter
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
