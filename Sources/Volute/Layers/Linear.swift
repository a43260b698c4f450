import VoluteEngine

/// `x Wᵀ + b` along the last axis.
///
/// State: `weight` `[outFeatures, inFeatures]`, `bias` `[outFeatures]`.
public final class Linear: Layer {
  /// `[outFeatures, inFeatures]`.
  public let weight: Parameter
  /// `[outFeatures]`; `nil` without.
  public let bias: Parameter?
  private let learned: LearnedWeights

  /// - Parameters:
  ///   - inFeatures: `nil` takes them from the first input, and draws the weights then.
  ///   - outFeatures: features that come out.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  public init(
    inFeatures: Int? = nil, outFeatures: Int, bias: Bool = true, dtype: DType = .float32,
    generator: Generator = .default
  ) {
    precondition(
      (inFeatures ?? 1) > 0 && outFeatures > 0,
      "linear: features must be positive, but got \(inFeatures ?? 0) and \(outFeatures)")
    learned = LearnedWeights(
      inputs: inFeatures, outputs: outFeatures, hasBias: bias, dtype: dtype, generator: generator
    ) { [outFeatures, $0] }
    weight = learned.weight
    self.bias = learned.bias
  }

  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int {
    output.reduce(1, *) * (inputs[0].last ?? 0)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    guard let features = x.shape.last else {
      throw ShapeError("linear", parameter: "input", "a single number has no features")
    }
    if !weight.isMaterialized { learned.draw(inputs: features) }
    let product = try matmul(x, weight.value.transposed())
    return bias.map { product + $0.value } ?? product
  }
}

/// Rows of a table, looked up by index.
///
/// # Shapes
/// int64 `[...]` gives `[..., dimension]`. State: `weight` `[count, dimension]`.
public final class Embedding: Layer {
  /// The table, `[count, dimension]`.
  public let weight: Parameter
  /// The row that stays as it is: its gradient is zero.
  public let paddingIndex: Int?

  /// Rows drawn from the normal law; the row at `paddingIndex` is zero.
  public init(
    count: Int, dimension: Int, paddingIndex: Int? = nil, dtype: DType = .float32,
    generator: Generator = .default
  ) {
    var table = Tensor.randn([count, dimension], dtype: dtype, generator: generator)
    self.paddingIndex = paddingIndex.map { $0 < 0 ? $0 + count : $0 }
    if let row = self.paddingIndex {
      precondition(
        row >= 0 && row < count, "embedding: padding_idx must be within num_embeddings, but got \(row)")
      table.fill(0, at: row)
    }
    weight = Parameter(table)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    var table = weight.value
    if let paddingIndex, table.isRecording {
      let isPadding = (Tensor.arange(table.shape[0]) .== paddingIndex).unsqueezed(1)
      table = try `where`(isPadding, table.detached(), table)
    }
    return try indexSelect(table, axis: 0, indices: x.reshaped([-1]))
      .reshaped(x.shape + [weight.shape[1]])
  }
}

/// The input as it is.
public final class Identity: Layer {
  /// A layer without parameters.
  public init() {}
  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x }
}

/// One axis in place of several, by default all but the batch.
public final class Flatten: Layer {
  private let first: Int
  private let last: Int

  /// Joins the axes `first` to `last`; negative ones count from the end.
  public init(first: Int = 1, last: Int = -1) {
    self.first = first
    self.last = last
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let from = try resolvedAxis(first, rank: x.rank, operation: "flatten")
    let to = try resolvedAxis(last, rank: x.rank, operation: "flatten")
    guard from <= to else {
      throw ShapeError(
        "flatten", parameter: "axes", "the first axis \(first) comes after the last \(last)",
        shapes: [x.shape])
    }
    return x.flattened(from, to)
  }
}
