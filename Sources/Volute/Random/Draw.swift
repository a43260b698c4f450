import VoluteEngine

extension Tensor {
  /// Uniform real numbers from [0, 1).
  public static func rand(
    _ shape: [Int], dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    uniform(shape, low: 0, high: 1, dtype: dtype, generator: generator)
  }

  /// Normally distributed real numbers of mean 0 and deviation 1.
  public static func randn(
    _ shape: [Int], dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    normal(shape, mean: 0, deviation: 1, dtype: dtype, generator: generator)
  }

  /// Uniform real numbers from [`low`, `high`).
  public static func uniform(
    _ shape: [Int], low: Double, high: Double, dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    requireFloatingPoint(dtype, "uniform")
    precondition(low <= high, "uniform: expects to be given low <= high, but got \(low) > \(high)")
    return Tensor(filling: shape, dtype) { array in
      generator.withState { Engine.fillUniform(array, low: low, high: high, &$0) }
    }
  }

  /// Normally distributed real numbers.
  public static func normal(
    _ shape: [Int], mean: Double, deviation: Double, dtype: DType = .float32, generator: Generator = .default
  ) -> Tensor {
    requireFloatingPoint(dtype, "normal")
    precondition(deviation >= 0, "normal: expects deviation >= 0, but got \(deviation)")
    return Tensor(filling: shape, dtype) { array in
      generator.withState { Engine.fillNormal(array, mean: mean, deviation: deviation, &$0) }
    }
  }

  /// Integers from [`low`, `high`).
  public static func randint(
    _ low: Int = 0, _ high: Int, _ shape: [Int], dtype: DType = .int64, generator: Generator = .default
  ) -> Tensor {
    precondition(low < high, "randint: expects 'low' to be less than 'high', but got \(low) >= \(high)")
    return Tensor(filling: shape, .int64) { array in
      generator.withState { Engine.fillIntegers(array, low: low, high: high, &$0) }
    }.to(dtype)
  }

  /// 0, 1, 2, ... below `count` in random order.
  public static func randperm(
    _ count: Int, dtype: DType = .int64, generator: Generator = .default
  ) -> Tensor {
    Tensor(filling: [count], .int64) { array in
      generator.withState { Engine.fillPermutation(array, &$0) }
    }.to(dtype)
  }

  /// Truth values, each true with `probability`.
  public static func bernoulli(
    _ shape: [Int], probability: Double, generator: Generator = .default
  ) -> Tensor {
    precondition(
      probability >= 0 && probability <= 1,
      "bernoulli: expects a probability between 0 and 1, but got \(probability)")
    return Tensor(filling: shape, .bool) { array in
      generator.withState { Engine.fillBernoulli(array, probability: probability, &$0) }
    }
  }

  private static func requireFloatingPoint(_ dtype: DType, _ operation: String) {
    precondition(dtype.isFloatingPoint, "\(operation): not implemented for \(dtype.rawValue)")
  }
}
