import Testing
import Volute
import VoluteEngine

extension GoldenCase {
  /// The result of an operation on tensors of any shape; `nil` for an operation that is none of them.
  func tensorOperation() throws -> [Tensor]? {
    let x = try inputs()
    return try reduction(x[0]) ?? combination(x) ?? arrangement(x) ?? function(x[0])
  }

  /// The result of whatever operation the case is of.
  func result() throws -> [Tensor] {
    let found = try windowOperation() ?? learningOperation() ?? tensorOperation()
    return try #require(found, "\(name): no such operation here")
  }

  private var keeps: Bool { bool("keepdim") ?? false }

  private func reduction(_ x: Tensor) throws -> [Tensor]? {
    let axes = ints("dim") ?? []
    let accumulated: DType = x.dtype.isFloatingPoint ? x.dtype : .int64
    func reduce(_ reduction: Reduction, _ dtype: DType) throws -> Tensor {
      try reduced(x, reduction, axes, keepsAxes: keeps, to: dtype)
    }
    switch op {
    case "sum": return [try reduce(.sum, accumulated)]
    case "prod": return [try reduce(.product, accumulated)]
    case "any": return [x.any(try resolvedAxes(axes, rank: x.rank, operation: op), keepsAxes: keeps)]
    case "all": return [x.all(try resolvedAxes(axes, rank: x.rank, operation: op), keepsAxes: keeps)]
    case "argmax": return [try reduce(.argumentOfMaximum, .int64)]
    case "argmin": return [try reduce(.argumentOfMinimum, .int64)]
    case "amax": return [try reduce(.maximum, x.dtype)]
    case "amin": return [try reduce(.minimum, x.dtype)]
    case "logsumexp": return [x.logSumExp(axes, keepsAxes: keeps)]
    case "norm": return [x.norm(axes, order: try double("p") ?? 2, keepsAxes: keeps)]
    case "max", "min":
      let values = try reduce(op == "max" ? .maximum : .minimum, x.dtype)
      if axes.isEmpty { return [values] }
      return [values, try reduce(op == "max" ? .argumentOfMaximum : .argumentOfMinimum, .int64)]
    case "mean": return [try mean(x, axes, keepsAxes: keeps, dtype: nil)]
    case "var", "std":
      let result = try variance(
        x, axes, correction: int("correction") ?? 1, keepsAxes: keeps, operation: op)
      return [(op == "var" ? result : result.sqrt()).to(x.dtype)]
    case "softmax": return [try softmax(x, axis: axes[0])]
    case "log_softmax": return [x.logSoftmax(axes[0])]
    case "cumsum": return [x.cumulativeSum(axes[0])]
    default: return nil
    }
  }

  private func combination(_ x: [Tensor]) throws -> [Tensor]? {
    let operations: [String: BinaryOperation] = [
      "add": .add, "sub": .subtract, "mul": .multiply, "floor_divide": .floorDivide,
      "remainder": .remainder, "pow": .power, "maximum": .maximum, "minimum": .minimum,
      "fmod": .truncatingRemainder,
    ]
    let comparisons: [String: Comparison] = ["eq": .equal, "lt": .less, "ge": .greaterOrEqual]
    if let operation = operations[op] { return [try binary(operation, .tensor(x[0]), .tensor(x[1]))] }
    if let comparison = comparisons[op] {
      return [try Volute.compare(comparison, .tensor(x[0]), .tensor(x[1]))]
    }
    switch op {
    case "div":
      switch text("rounding_mode") {
      case "floor": return [try floorDivide(x[0], x[1])]
      case "trunc":
        let quotient = try binary(.divide, .tensor(x[0]), .tensor(x[1])).truncated()
        return [quotient.to(x[0].resultType(with: x[1]))]
      default: return [try binary(.divide, .tensor(x[0]), .tensor(x[1]))]
      }
    case "logical_and": return [x[0].logicalAnd(x[1])]
    case "logical_or": return [x[0].logicalOr(x[1])]
    case "logical_xor": return [x[0].logicalXor(x[1])]
    case "where": return [try Volute.where(x[0], x[1], x[2])]
    case "matmul": return [try matmul(x[0], x[1])]
    case "einsum": return [try einsum(text("equation") ?? "", x)]
    case "tensordot":
      if let pairs = arguments["dims"] as? [[Int]] {
        return [try tensordot(x[0], x[1], axes: (lhs: pairs[0], rhs: pairs[1]))]
      }
      let count = int("dims") ?? 2
      return [
        try tensordot(
          x[0], x[1],
          axes: (lhs: Array(x[0].rank - count..<x[0].rank), rhs: Array(0..<count)))
      ]
    case "cat": return [try concatenate(x, axis: int("dim") ?? 0)]
    case "stack": return [try stack(x, axis: int("dim") ?? 0)]
    case "gather": return [try gather(x[0], axis: int("dim") ?? 0, indices: x[1])]
    case "scatter_add": return [try scatterAdd(x[0], axis: int("dim") ?? 0, indices: x[1], x[2])]
    case "index_select": return [try indexSelect(x[0], axis: int("dim") ?? 0, indices: x[1])]
    default: return nil
    }
  }

  private func arrangement(_ inputs: [Tensor]) throws -> [Tensor]? {
    let x = inputs[0]
    let sizes = arguments["axes"] as? [String: Int] ?? [:]
    let pattern = text("pattern") ?? ""
    let axis = int("dim") ?? 0
    switch op {
    case "rearrange": return [try rearrange(x, pattern, sizes)]
    case "repeat": return [try repeatElements(x, pattern, sizes)]
    case "reduce":
      let reduction = try #require(PatternReduction(rawValue: text("reduction") ?? ""))
      return [try reduce(x, pattern, reduction, sizes)]
    case "flip": return [try flip(x, ints("dims") ?? [])]
    case "roll": return [x.rolled(ints("shifts") ?? [], ints("dims") ?? [])]
    case "split":
      if let size = int("split_size") { return x.split(size, axis: axis) }
      return try split(x, ints("split_size") ?? [], axis: axis)
    case "chunk": return try chunk(x, int("chunks") ?? 0, axis: axis)
    case "transpose": return [x.transposed(int("dim0") ?? 0, int("dim1") ?? 1)]
    case "permute": return [try permute(x, ints("dims") ?? [])]
    case "reshape": return [try reshape(x, ints("shape") ?? [])]
    case "expand": return [try expand(x, ints("shape") ?? [])]
    case "squeeze": return [int("dim").map { x.squeezed($0) } ?? x.squeezed()]
    case "unsqueeze": return [x.unsqueezed(axis)]
    case "narrow":
      return [try narrow(x, axis: axis, start: int("start") ?? 0, length: int("length") ?? 0)]
    case "as_strided":
      return [
        try asStrided(
          x, ints("size") ?? [], strides: ints("stride") ?? [], offset: int("storage_offset"))
      ]
    case "unravel_index": return try unravelIndex(x, ints("shape") ?? [])
    case "one_hot": return [try oneHot(x, classes: int("num_classes"))]
    case "nonzero": return [x.nonzero()]
    case "sort":
      let result = x.sorted(int("dim") ?? -1, descending: bool("descending") ?? false)
      return [result.values, result.indices]
    case "topk":
      let result = try topK(
        x, int("k") ?? 0, axis: int("dim") ?? -1, largest: bool("largest") ?? true)
      return [result.values, result.indices]
    case "clamp":
      func bound(_ key: String) throws -> (any ScalarValue)? {
        if arguments[key] == nil { return nil }
        if let whole = int(key) { return whole }
        return try double(key)
      }
      return [try clamp(x, bound("min"), bound("max"))]
    case "to": return [x.to(try #require(DType(rawValue: text("dtype") ?? "")))]
    case "neg": return [try negative(x)]
    default: return nil
    }
  }

  private func function(_ x: Tensor) -> [Tensor]? {
    let functions: [String: (Tensor) -> Tensor] = [
      "abs": { $0.abs() }, "sign": { $0.sign() }, "exp": { $0.exp() }, "log": { $0.log() },
      "expm1": { $0.expm1() }, "log1p": { $0.log1p() }, "log2": { $0.log2() }, "log10": { $0.log10() },
      "rsqrt": { $0.rsqrt() }, "tan": { $0.tan() }, "atan": { $0.atan() }, "mish": { $0.mish() },
      "logsigmoid": { $0.logSigmoid() },
      "sqrt": { $0.sqrt() }, "square": { $0.square() }, "floor": { $0.floor() }, "ceil": { $0.ceil() },
      "round": { $0.round() }, "trunc": { $0.truncated() }, "tanh": { $0.tanh() },
      "sigmoid": { $0.sigmoid() }, "sin": { $0.sin() }, "cos": { $0.cos() }, "erf": { $0.erf() },
      "reciprocal": { $0.reciprocal() }, "relu": { $0.relu() }, "silu": { $0.silu() },
      "gelu": { $0.gelu(approximatesByTanh: self.text("approximate") == "tanh") },
      "isnan": { $0.isNaN() }, "isinf": { $0.isInfinite() }, "isfinite": { $0.isFinite() },
      "logical_not": { $0.logicalNot() },
    ]
    return functions[op].map { [$0(x)] }
  }
}
