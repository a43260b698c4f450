import VoluteEngine

/// Attention over positions, several heads at a time.
///
/// Source: Vaswani and others, "Attention Is All You Need" (2017).
///
/// # Shapes
/// `query` `[batch, length, dimension]`, `key` and `value` `[batch, source, dimension]`; the result is like the query.
/// State as PyTorch's: `in_proj_weight`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`.
public final class MultiHeadAttention: Module {
  /// Parts into which the features are divided.
  public let heads: Int
  /// Features of a position.
  public let dimension: Int
  /// The projections of query, key and value, one below the other: `[3 · dimension, dimension]`.
  public let inProjWeight: Parameter
  /// Their biases, `[3 · dimension]`; `nil` without.
  public let inProjBias: Parameter?
  /// The projection of what the heads found, `dimension` to `dimension`.
  public let outProj: Linear

  public var keys: [String: String] {
    ["inProjWeight": "in_proj_weight", "inProjBias": "in_proj_bias", "outProj": "out_proj"]
  }
  public var typeName: String { "MultiheadAttention" }

  /// Weights as PyTorch draws them: Xavier's for the projections inwards, zero biases.
  ///
  /// - Precondition: `heads` divides `dimension`.
  public init(
    dimension: Int, heads: Int, bias: Bool = true, dtype: DType = .float32, generator: Generator = .default
  ) {
    precondition(
      heads > 0 && dimension % heads == 0,
      "multihead_attention: embed_dim must be divisible by num_heads, but got \(dimension) and \(heads)")
    self.heads = heads
    self.dimension = dimension
    // PyTorch draws the output's layer first.
    outProj = Linear(
      inFeatures: dimension, outFeatures: dimension, bias: bias, dtype: dtype, generator: generator)
    inProjWeight = Parameter(.xavierUniform([3 * dimension, dimension], dtype: dtype, generator: generator))
    inProjBias = bias ? Parameter(.zeros([3 * dimension], dtype: dtype)) : nil
    outProj.bias?.value = .zeros([dimension], dtype: dtype)
  }

  /// The projections, and scores times keys and values.
  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int {
    let projections = inputs.reduce(0) { $0 + $1.reduce(1, *) } * dimension
    return projections + 2 * inputs[0].reduce(1, *) * inputs[1][1]
  }

  /// - Parameters:
  ///   - query: what is asked, `[batch, length, dimension]`.
  ///   - key: what is compared, `[batch, source, dimension]`.
  ///   - value: what is mixed, `[batch, source, dimension]`.
  ///   - mask: bool `[length, source]`, true where a position must not be seen; or numbers that are added.
  /// - Throws: ``ShapeError`` when the shapes do not fit together.
  public func callAsFunction(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil
  ) throws(ShapeError) -> Tensor {
    try called(with: [query, key, value]) { () throws(ShapeError) in
      for (name, x) in [("query", query), ("key", key), ("value", value)]
      where x.rank != 3 || x.shape[2] != dimension {
        throw ShapeError(
          "multihead_attention", parameter: name,
          "expected [batch, length, \(dimension)], but got \(x.shape)", shapes: [x.shape])
      }
      guard key.shape == value.shape else {
        throw ShapeError(
          "multihead_attention", parameter: "value",
          "key shape \(key.shape) does not match value shape \(value.shape)",
          shapes: [key.shape, value.shape])
      }
      guard key.shape[0] == query.shape[0] else {
        throw ShapeError(
          "multihead_attention", parameter: "key",
          "expected the query's batch of \(query.shape[0]), but got key shape \(key.shape)",
          shapes: [query.shape, key.shape])
      }
      let inputs = [query, key, value]
      var parts: [Tensor] = []
      for (index, x) in inputs.enumerated() {
        let rows = index * dimension..<(index + 1) * dimension
        var part = try matmul(x, inProjWeight.value.sliced(0, rows).transposed())
        if let bias = inProjBias { part = part + bias.value.sliced(0, rows) }
        parts.append(
          part.reshaped(x.shape[0], x.shape[1], heads, dimension / heads).permuted(0, 2, 1, 3))
      }
      let scale = 1 / Double(dimension / heads).squareRoot()
      var scores = try matmul(parts[0] * scale, parts[1].transposed())
      if let mask {
        let shape = try? broadcastShape([scores.shape, mask.shape], operation: "multihead_attention")
        guard shape == scores.shape else {
          throw ShapeError(
            "multihead_attention", parameter: "mask",
            "a mask of shape \(mask.shape) does not fit scores of shape \(scores.shape)",
            shapes: [mask.shape, scores.shape])
        }
        if mask.dtype == .bool {
          scores = try `where`(mask, Tensor(full: [], -Double.infinity, dtype: scores.dtype), scores)
        } else {
          scores = scores + mask
        }
      }
      let seen = try matmul(softmax(scores, axis: -1), parts[2])
      return try outProj(seen.permuted(0, 2, 1, 3).reshaped(query.shape))
    }
  }
}

/// Attention whose cost grows with the number of positions and not with its square, as the cylindrical U-Net has it.
///
/// Source: Shen and others, "Efficient Attention" (2018).
///
/// # Shapes
/// `[batch, channels, size...]` over three axes. State: `to_qkv.conv.weight`, `to_out.0.conv.weight`,
/// `to_out.0.conv.bias`, `to_out.1.weight`, `to_out.1.bias`.
public final class LinearAttention: Layer {
  /// Parts into which the features are divided.
  public let heads: Int
  /// Features of a head.
  public let headDimension: Int
  /// Queries, keys and values of each place, without a bias.
  public let toQKV: CylindricalConv
  /// Back to the channels, and a normalisation over all of them.
  public let toOut: Sequential

  public var keys: [String: String] { ["toQKV": "to_qkv", "toOut": "to_out"] }

  /// Attention over the places of an input of `channels` channels.
  public init(
    channels: Int, heads: Int = 1, headDimension: Int = 32, policy: ConvolutionPolicy = .automatic,
    generator: Generator = .default
  ) {
    self.heads = heads
    self.headDimension = headDimension
    let hidden = heads * headDimension
    toQKV = CylindricalConv(
      inChannels: channels, outChannels: 3 * hidden, kernelSize: 1, padding: 0, bias: false, policy: policy,
      generator: generator)
    toOut = Sequential(
      CylindricalConv(
        inChannels: hidden, outChannels: channels, kernelSize: 1, padding: 0, policy: policy,
        generator: generator), GroupNorm(groups: 1, channels: channels))
  }

  /// Keys times values, and that times queries.
  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int {
    2 * heads * headDimension * headDimension * inputs[0][0] * inputs[0].dropFirst(2).reduce(1, *)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    try checkRank(x, 5...5, "linear_attention")
    let positions = x.shape.dropFirst(2).reduce(1, *)
    let parts = try toQKV(x).reshaped(x.shape[0], 3, heads, headDimension, positions)
    // q over channels, k over positions.
    let q = try softmax(parts.selected(1, 0), axis: -2) * (1 / Double(headDimension).squareRoot())
    let k = try softmax(parts.selected(1, 1), axis: -1)
    let context = try matmul(k, parts.selected(1, 2).transposed())
    let seen = try matmul(context.transposed(), q)
    return try toOut(seen.reshaped([x.shape[0], heads * headDimension] + x.shape.dropFirst(2)))
  }
}
