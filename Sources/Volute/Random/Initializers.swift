import VoluteEngine

/// What the magnitude of initial weights is measured by.
public enum FanMode: Sendable {
  /// Keeps the variance on the way forward.
  case fanIn
  /// Keeps the variance on the way back.
  case fanOut
}

/// The factor by which an activation shrinks what goes through it.
public enum Gain: Sendable {
  /// 1.
  case linear
  /// 1.
  case sigmoid
  /// 5/3.
  case tanh
  /// √2.
  case relu
  /// `√(2 / (1 + slope²))`.
  case leakyRelu(slope: Double)
  /// 3/4.
  case selu

  /// The factor that the standard deviation is multiplied by.
  public var value: Double {
    switch self {
    case .linear, .sigmoid: 1
    case .tanh: 5.0 / 3
    case .relu: 2.0.squareRoot()
    case .leakyRelu(let slope): (2 / (1 + slope * slope)).squareRoot()
    case .selu: 0.75
    }
  }
}

/// Initial weights by the names and rules of PyTorch's `torch.nn.init`, drawing the same numbers.
extension Tensor {
  /// Inputs and outputs of one element: the second and the first size, times the kernel's.
  private static func fans(_ shape: [Int], _ operation: String) -> (in: Int, out: Int) {
    precondition(
      shape.count >= 2,
      "\(operation): fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got \(shape)"
    )
    let taps = shape.dropFirst(2).reduce(1, *)
    return (shape[1] * taps, shape[0] * taps)
  }

  /// Uniform within `± gain sqrt(3 / fan)`.
  ///
  /// Source: He and others, "Delving Deep into Rectifiers" (2015).
  public static func kaimingUniform(
    _ shape: [Int], mode: FanMode = .fanIn, gain: Gain = .leakyRelu(slope: 0), dtype: DType = .float32,
    generator: Generator = .default
  ) -> Tensor {
    let fans = fans(shape, "kaiming_uniform")
    let fan = Double(mode == .fanIn ? fans.in : fans.out)
    let bound = 3.0.squareRoot() * (gain.value / fan.squareRoot())
    return uniform(shape, low: -bound, high: bound, dtype: dtype, generator: generator)
  }

  /// Normal with deviation `gain / sqrt(fan)`.
  ///
  /// Source: He and others, "Delving Deep into Rectifiers" (2015).
  public static func kaimingNormal(
    _ shape: [Int], mode: FanMode = .fanIn, gain: Gain = .leakyRelu(slope: 0), dtype: DType = .float32,
    generator: Generator = .default
  ) -> Tensor {
    let fans = fans(shape, "kaiming_normal")
    let fan = Double(mode == .fanIn ? fans.in : fans.out)
    return normal(
      shape, mean: 0, deviation: gain.value / fan.squareRoot(), dtype: dtype, generator: generator)
  }

  /// Uniform within `± gain sqrt(6 / (fanIn + fanOut))`.
  ///
  /// Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks"
  /// (2010).
  public static func xavierUniform(
    _ shape: [Int], gain: Gain = .linear, dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    let fans = fans(shape, "xavier_uniform")
    let deviation = gain.value * (2 / Double(fans.in + fans.out)).squareRoot()
    let bound = 3.0.squareRoot() * deviation
    return uniform(shape, low: -bound, high: bound, dtype: dtype, generator: generator)
  }

  /// Normal with deviation `gain sqrt(2 / (fanIn + fanOut))`.
  ///
  /// Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks"
  /// (2010).
  public static func xavierNormal(
    _ shape: [Int], gain: Gain = .linear, dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    let fans = fans(shape, "xavier_normal")
    return normal(
      shape, mean: 0, deviation: gain.value * (2 / Double(fans.in + fans.out)).squareRoot(), dtype: dtype,
      generator: generator)
  }

  /// Rows (or, of a tall matrix, columns) at right angles, of length `gain`; sizes after the first count as one.
  ///
  /// Source: Saxe and others, "Exact solutions to the nonlinear dynamics of learning" (2013).
  public static func orthogonal(
    _ shape: [Int], gain: Gain = .linear, dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    precondition(
      shape.count >= 2, "orthogonal: only tensors with 2 or more dimensions are supported, got \(shape)")
    let rows = shape[0]
    let columns = shape.dropFirst().reduce(1, *)
    let drawn = normal([rows, columns], mean: 0, deviation: 1, dtype: dtype, generator: generator)
      .to(.float64)
    var vectors = (rows < columns ? drawn : drawn.transposed()).elements(as: Double.self)
    let (count, length) = (Swift.min(rows, columns), Swift.max(rows, columns))
    // Gram and Schmidt, twice, since once leaves rounding errors of nearly parallel vectors.
    for vector in 0..<count {
      for _ in 0..<2 {
        for other in 0..<vector {
          var dot = 0.0
          for index in 0..<length {
            dot += vectors[vector * length + index] * vectors[other * length + index]
          }
          for index in 0..<length {
            vectors[vector * length + index] -= dot * vectors[other * length + index]
          }
        }
        var square = 0.0
        for index in 0..<length {
          square += vectors[vector * length + index] * vectors[vector * length + index]
        }
        for index in 0..<length { vectors[vector * length + index] /= square.squareRoot() }
      }
    }
    let matrix = Tensor(vectors, shape: [count, length])
    return ((rows < columns ? matrix : matrix.transposed()) * gain.value).to(dtype).reshaped(shape)
  }

  /// Normal numbers, of which those outside of `low...high` are drawn again.
  public static func truncatedNormal(
    _ shape: [Int], mean: Double = 0, deviation: Double = 1, low: Double = -2, high: Double = 2,
    dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    precondition(low < high, "trunc_normal: expects low < high, but got \(low) and \(high)")
    precondition(
      mean - 4 * deviation < high && mean + 4 * deviation > low,
      "trunc_normal: \(low)...\(high) lies more than four deviations of \(deviation) from the mean \(mean)")
    let count = shape.reduce(1, *)
    var values: [Double] = []
    while values.count < count {
      let drawn = normal(
        [Swift.max(count - values.count, 16)], mean: mean, deviation: deviation, dtype: .float64,
        generator: generator)
      values += drawn.elements(as: Double.self).filter { $0 >= low && $0 <= high }
    }
    return Tensor(Array(values.prefix(count)), shape: shape).to(dtype)
  }
}
