import Testing
import Volute

@Suite struct PatternTests {
  private func counting(_ shape: Int...) -> Tensor {
    Tensor.arange(shape.reduce(1, *)).reshaped(shape)
  }

  private func expectSame(
    _ left: Tensor, _ right: Tensor, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(left.shape == right.shape, sourceLocation: sourceLocation)
    #expect(left.dtype == right.dtype, sourceLocation: sourceLocation)
    #expect(
      left.elements(as: Double.self) == right.elements(as: Double.self), sourceLocation: sourceLocation)
  }

  @Test func axesAreReorderedSplitAndMerged() {
    let x = counting(2, 6, 4)
    expectSame(x.rearranged("a b c -> c a b"), x.permuted(2, 0, 1))
    expectSame(x.rearranged("a b c -> a (b c)"), x.reshaped(2, 24))
    expectSame(x.rearranged("a b c -> (c a) b"), x.permuted(2, 0, 1).reshaped(8, 6))
    expectSame(
      x.rearranged("a (h w) c -> a c h w", ["h": 3]), x.reshaped(2, 3, 2, 4).permuted(0, 3, 1, 2))
    expectSame(
      x.rearranged("a (h w) c -> a c w h", ["w": 3]), x.reshaped(2, 2, 3, 4).permuted(0, 3, 2, 1))
  }

  @Test func axesOfSizeOneComeAndGo() {
    let x = counting(2, 3)
    expectSame(x.rearranged("a b -> a 1 b ()"), x.reshaped(2, 1, 3, 1))
    expectSame(x.reshaped(2, 1, 3, 1).rearranged("a () b 1 -> a b"), x)
    expectSame(x.reshaped(6).rearranged("(a 1 b) -> a b", ["a": 2]), x)
    expectSame(Tensor(5).rearranged("-> 1 1"), Tensor(5).reshaped(1, 1))
  }

  @Test func anEllipsisStandsForAnyAxes() {
    for shape in [[2, 3], [4, 2, 3], [4, 5, 2, 3]] {
      let x = Tensor.arange(shape.reduce(1, *)).reshaped(shape)
      expectSame(x.rearranged("... a b -> ... b a"), x.transposed())
      expectSame(x.rearranged("a ... -> (a ...)"), x.flattened())
      expectSame(x.rearranged("a ... -> ... a"), x.permuted(Array(1..<x.rank) + [0]))
    }
  }

  /// The channels of a batch folded into depth and back: what one pattern does, its mirror undoes.
  @Test(arguments: [
    ("b (c p1 p2) t h w -> b c t (h p1) (w p2)", [2, 12, 3, 2, 5], ["p1": 2, "p2": 3, "c": 2]),
    ("(h h2) (w w2) -> (h w) h2 w2", [4, 6], ["h2": 2, "w2": 3, "h": 2, "w": 2]),
    ("a b 1 -> (b a)", [3, 4, 1], ["a": 3, "b": 4]),
    ("a ... (b c) -> c ... (a b)", [3, 2, 2, 8], ["a": 3, "b": 4, "c": 2]),
  ])
  func theMirrorImageUndoes(pattern: String, shape: [Int], sizes: [String: Int]) throws {
    let x = Tensor.arange(shape.reduce(1, *)).reshaped(shape)
    let sides = pattern.split(separator: "->")
    let there = try rearrange(x, pattern, sizes)
    #expect(there.shape != shape)
    expectSame(try rearrange(there, "\(sides[1]) -> \(sides[0])", sizes), x)
  }

  @Test func reductionsTakeTheAxesThatGo() {
    let x = Tensor.arange(48).reshaped(2, 4, 6).to(.float32)
    expectSame(x.reduced("a b c -> a", .sum), x.sum([1, 2]))
    expectSame(x.reduced("a b c -> c a", .mean), x.mean([1]).transposed())
    expectSame(x.reduced("a b c -> a 1 c", .max), x.max([1], keepsAxes: true))
    expectSame(x.reduced("a b c ->", .min), x.min())
    expectSame(x.reduced("a ... -> a", .product), x.product([1, 2]))
    expectSame(x.reduced("a b c -> b c", .any), x.any([0]))
    expectSame(x.reduced("a b c -> b c", .all), x.all([0]))
    expectSame(x.reduced("a b c -> c b a", .sum), x.permuted(2, 1, 0))
    let pooled = x.reduced("a (h 2) (w 2) -> a h w", .max)
    expectSame(pooled, x.reshaped(2, 2, 2, 3, 2).max([2, 4]))
    expectSame(x.reduced("a (h p) (w q) -> a h w", .max, ["p": 2, "q": 2]), pooled)
    #expect(Tensor.arange(6, dtype: .int8).reduced("a -> ", .sum).dtype == .int64)
  }

  @Test func repetitionSpreadsOverNewAxes() {
    let x = counting(2, 3)
    expectSame(x.repeated("h w -> h w c", ["c": 2]), x.reshaped(2, 3, 1).expanded(2, 3, 2))
    expectSame(x.repeated("h w -> (h 2) w"), x.reshaped(2, 1, 3).expanded(2, 2, 3).reshaped(4, 3))
    expectSame(x.repeated("h w -> (2 h) w"), x.reshaped(1, 2, 3).expanded(2, 2, 3).reshaped(4, 3))
    #expect(Tensor.arange(3).repeated("a -> (a 2)").integers() == [0, 0, 1, 1, 2, 2])
    #expect(Tensor.arange(3).repeated("a -> (2 a)").integers() == [0, 1, 2, 0, 1, 2])
    #expect(Tensor(7).repeated("-> 2 3").integers() == [7, 7, 7, 7, 7, 7])
    #expect(x.repeated("... -> ... n", ["n": 0]).shape == [2, 3, 0])
  }

  /// Repeating and taking the mean of the repetitions is nothing.
  @Test func reducingUndoesRepeating() {
    let x = counting(2, 3).to(.float64)
    let large = x.repeated("a b -> (p a) (b q)", ["p": 3, "q": 2])
    expectSame(large.reduced("(p a) (b q) -> a b", .mean, ["p": 3, "q": 2]), x)
  }

  @Test func rearrangingSharesBytesWhereItCan() {
    let x = counting(2, 3)
    #expect(x.rearranged("a b -> b a").strides == [1, 3])
  }

  @Test(arguments: [
    ("a b -> a", [2, 3], [:], "only on one side of expression (should be on both): {b}"),
    ("a b -> a b c", [2, 3], [:], "only on one side of expression (should be on both): {c}"),
    ("a b", [2, 3], [:], "one arrow"),
    ("a -> a -> a", [2], [:], "one arrow"),
    ("(a b) -> a b", [6], [:], "could not infer sizes for {a, b}"),
    ("(a b) -> a b", [5], ["a": 2], "can't divide axis of length 5 in chunks of 2"),
    ("(a b) -> a b", [5], ["a": 0], "can't divide axis of length 5 in chunks of 0"),
    ("a b -> b a", [2, 3], ["a": 4], "shape mismatch, 2 != 4"),
    ("a b -> b a", [2, 3], ["a": -2], "negative size -2"),
    ("a 1 -> a", [2, 3], [:], "shape mismatch, 3 != 1"),
    ("a a -> a", [2, 2], [:], "duplicate dimension \"a\""),
    ("a b -> (a b a)", [2, 2], [:], "duplicate dimension \"a\""),
    ("(a b -> a b", [6], ["a": 2], "imbalanced parentheses"),
    ("a) b -> a b", [6], [:], "brackets are not balanced"),
    ("((a b)) -> a b", [6], [:], "one-level"),
    ("a b -> b a", [2, 3], ["c": 2], "axis c is not used"),
    ("a b -> b a", [2, 3], ["_a": 2], "invalid name for an axis: _a"),
    ("a-b -> a", [2], [:], "unknown character '-'"),
    ("a b -> b a", [2], [:], "expected 2 dims, received 1-dim"),
    ("... a b -> ... b a", [2], [:], "expected >=2 dims, received 1-dim"),
    ("a -> a ...", [2], [:], "ellipsis found in right side"),
    ("(a ...) -> a ...", [2], [:], "ellipsis inside parenthesis in the left"),
    ("a .. -> a ..", [2, 3], [:], "dots only inside ellipsis"),
    ("... a ... -> a", [2, 3], [:], "only one ellipsis"),
    ("a 2 -> 2 a", [2, 2], [:], "non-unitary anonymous axes"),
    ("a 0 -> a", [2, 0], [:], "positive length, not 0"),
    ("_a -> _a", [2], [:], "underscore"),
    ("2a -> 2a", [2], [:], "invalid axis identifier: 2a"),
  ])
  func wrongRearrangementsAreRefused(
    pattern: String, shape: [Int], sizes: [String: Int], clause: String
  ) throws {
    let error = try #require(throws: ShapeError.self) {
      try rearrange(Tensor.zeros(shape), pattern, sizes)
    }
    #expect(error.operation == "rearrange")
    #expect(error.message.contains(clause), "\(error)")
    #expect(error.shapes == [shape])
  }

  @Test func wrongReductionsAreRefused() throws {
    func message(_ x: Tensor, _ pattern: String, _ reduction: PatternReduction) throws -> String {
      try #require(throws: ShapeError.self) { try reduce(x, pattern, reduction) }.message
    }
    let x = Tensor.zeros([2, 3])
    #expect(try message(x, "a b -> a c", .sum).contains("right side of reduce sum: {c}"))
    #expect(try message(x, "a b -> a 2", .sum).contains("right side of reduce sum: {2-axis}"))
    #expect(try message(x.to(.int64), "a b -> a", .mean).contains("not available for int64"))
    #expect(try message(Tensor.zeros([2, 0]), "a b -> a", .max).contains("no max of no elements"))
  }

  @Test func wrongRepetitionsAreRefused() throws {
    func message(_ shape: [Int], _ pattern: String) throws -> String {
      try #require(throws: ShapeError.self) { try repeatElements(.zeros(shape), pattern) }.message
    }
    #expect(try message([2], "a -> a b").contains("specify sizes for new axes in repeat: {b}"))
    #expect(try message([2, 3], "a b -> a").contains("left side of repeat: {b}"))
    #expect(try message([2, 3], "a 3 -> a 3").contains("left side of repeat: {3-axis}"))
  }
}
