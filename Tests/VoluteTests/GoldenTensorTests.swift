import Testing
import Volute
import VoluteEngine

/// The operations on tensors of any shape against PyTorch, case by case.
@Suite struct GoldenTensorTests {
  @Test func operations() throws {
    for golden in try GoldenCase.read("tensor") {
      try golden.check(golden.result)
    }
  }

  @Test func promotion() throws {
    let operations: [String: BinaryOperation] = [
      "add": .add, "sub": .subtract, "mul": .multiply, "div": .divide, "floor_divide": .floorDivide,
      "remainder": .remainder, "pow": .power, "maximum": .maximum,
    ]
    let comparisons: [String: Comparison] = ["lt": .less, "eq": .equal]
    for golden in try GoldenCase.read("promotion") {
      let a = try #require(DType(rawValue: golden.line["a"] as? String ?? ""))
      let left = Operand.tensor(Tensor.ones([2], dtype: a))
      let right: Operand
      if let name = golden.line["b"] as? String {
        right = .tensor(Tensor.ones([2], dtype: try #require(DType(rawValue: name))))
      } else if let name = golden.line["zero_dim"] as? String {
        right = .tensor(Tensor.ones([], dtype: try #require(DType(rawValue: name))))
      } else {
        let scalars: [String: Scalar] = ["int": .integer(1), "float": .real(1), "bool": .boolean(true)]
        right = .scalar(try #require(scalars[golden.line["scalar"] as? String ?? ""]))
      }
      for (key, expected) in golden.line {
        guard let expected = expected as? String else { continue }
        var actual: String?
        if let operation = operations[key] {
          actual = (try? binary(operation, left, right))?.dtype.rawValue ?? "error"
        } else if let comparison = comparisons[key] {
          actual = try compare(comparison, left, right).dtype.rawValue
        } else if !["op", "a", "b", "zero_dim", "scalar"].contains(key) {
          Issue.record("promotion: no such operation here: \(key)")
        }
        if let actual { #expect(actual == expected, "\(golden.line) \(key)") }
      }
    }
  }

  @Test func printing() throws {
    for golden in try GoldenCase.read("printing") {
      let x = try GoldenCase.tensor(try #require(golden.line["input"]))
      #expect(x.description == golden.line["text"] as? String)
    }
  }

  @Test func random() throws {
    for golden in try GoldenCase.read("random") {
      let generator = Generator(seed: try #require(golden.line["seed"] as? Int))
      for call in try #require(golden.line["calls"] as? [[String: Any]]) {
        let shape = try #require(call["shape"] as? [Int])
        let dtype = try #require(DType(rawValue: call["dtype"] as? String ?? ""))
        let arguments = GoldenCase(line: ["args": call["args"] ?? [:]])
        let expected = try #require(call["output"])
        var line: [String: Any] = ["op": "random \(call)", "outputs": [expected]]
        line["tolerance"] = call["tolerance"]
        let golden = GoldenCase(line: line)
        try golden.check {
          [try arguments.draw(call["call"] as? String ?? "", shape, dtype, generator)]
        }
      }
    }
  }
}

extension GoldenCase {
  fileprivate func draw(
    _ call: String, _ shape: [Int], _ dtype: DType, _ generator: Generator
  ) throws -> Tensor {
    switch call {
    case "rand": return Tensor.rand(shape, dtype: dtype, generator: generator)
    case "randn": return Tensor.randn(shape, dtype: dtype, generator: generator)
    case "randperm": return Tensor.randperm(shape[0], generator: generator)
    case "randint":
      return Tensor.randint(
        try #require(int("low")), try #require(int("high")), shape, dtype: dtype, generator: generator)
    case "uniform_":
      return Tensor.uniform(
        shape, low: try double("from") ?? 0, high: try double("to") ?? 1, dtype: dtype, generator: generator)
    case "normal_":
      return Tensor.normal(
        shape, mean: try double("mean") ?? 0, deviation: try double("std") ?? 1, dtype: dtype,
        generator: generator)
    case "bernoulli":
      return Tensor.bernoulli(shape, probability: try double("p") ?? 0.5, generator: generator).to(dtype)
    default:
      Issue.record("random: no such call here: \(call)")
      return Tensor(0)
    }
  }
}
