import Volute
import VoluteInsight

extension SolveRequest {
  func answer() throws -> JSON {
    switch question {
    case "size": return try sizeAnswer()
    case "round-trip": return try roundTrip()
    case "ring": return try ring()
    default: throw RequestError("question: there are size, round-trip and ring")
    }
  }

  /// One axis from lists of which the first element counts.
  private func axis(_ index: Int = 0, rank: Int = 1) throws -> Axis {
    func value(_ list: [Int]?, _ name: String, else fallback: Int) throws -> Int {
      guard let list, !list.isEmpty else { return fallback }
      try LayerRequest.check(name, list, rank: rank, most: 1 << 20)
      return list[index]
    }
    let pairs = padding ?? Array(repeating: [0, 0], count: rank)
    guard pairs.count == rank, pairs.allSatisfy({ $0.count == 2 }) else {
      throw RequestError("padding: a pair, before and after, for each axis")
    }
    try LayerRequest.check("padding", pairs.flatMap { $0 }, rank: 2 * rank, most: 1 << 20)
    let names = mode ?? Array(repeating: "zeros", count: rank)
    guard names.count == rank, let mode = PaddingMode(rawValue: names[index]) else {
      throw RequestError("mode: there are \(PaddingMode.allCases.map(\.rawValue).listed), one for each axis")
    }
    return Axis(
      kernel: try value(kernel, "kernel", else: 1), stride: try value(stride, "stride", else: 1),
      dilation: try value(dilation, "dilation", else: 1), paddingBefore: pairs[index][0],
      paddingAfter: pairs[index][1], mode: mode,
      outputPadding: try value(outputPadding, "outputPadding", else: 0))
  }

  private func sizeAnswer() throws -> JSON {
    guard let unknown = unknown.flatMap(SizeQuestion.Unknown.init) else {
      throw RequestError("unknown: there are \(SizeQuestion.Unknown.allCases.map(\.rawValue).listed)")
    }
    let isTransposed = transposed ?? false
    let question = SizeQuestion(
      isTransposed: isTransposed, axis: try axis(), input: input ?? 0, output: output ?? 0, unknown: unknown)
    let answer = try question.answer()
    func described(_ solution: SizeSolution) -> JSON {
      let axis = solution.axis
      return [
        "value": .integer(solution.value(of: unknown)), "input": .integer(solution.input),
        "output": .integer(solution.output), "kernel": .integer(axis.kernel), "stride": .integer(axis.stride),
        "dilation": .integer(axis.dilation), "padding": .integers([axis.paddingBefore, axis.paddingAfter]),
        "outputPadding": .integer(axis.outputPadding), "remainder": .integer(solution.remainder),
        "formula": .string(
          isTransposed ? axis.transposedFormula(solution.input) : axis.formula(solution.input)),
      ]
    }
    return [
      "name": .string(unknown.name), "exact": answer.exact.map { .string($0.description) } ?? nil,
      "reason": answer.reason.map(JSON.string) ?? nil, "count": .integer(answer.solutions.count),
      "solutions": .array(answer.solutions.prefix(64).map(described)),
      "nearest": .array(answer.nearest.map(described)),
    ]
  }

  private func roundTrip() throws -> JSON {
    let size = size ?? []
    guard (1...LayerRequest.largestRank).contains(size.count), (1...16).contains(levels ?? 1) else {
      throw RequestError("size: one to \(LayerRequest.largestRank) axes; levels: 1 to 16")
    }
    try LayerRequest.check("size", size, rank: size.count, most: 1 << 20)
    let trips = try size.indices.map { index -> JSON in
      let down = try axis(index, rank: size.count)
      // Refuses what no layer takes.
      _ = try ConvolutionGeometry(
        inputShape: [1, 1, size[index]], weightShape: [1, 1, down.kernel], stride: PerAxis(down.stride),
        padding: [.sides(down.paddingBefore, down.paddingAfter, mode: down.mode)],
        dilation: PerAxis(down.dilation), operation: "round trip")
      guard (0...1 << 20).contains(down.outputPadding) else {
        throw RequestError("outputPadding: at least 0")
      }
      let trip = try RoundTrip(
        size: size[index],
        pairs: Array(repeating: ResamplingPair(down: down, up: down), count: levels ?? 1))
      return .array(
        trip.levels.map { level in
          [
            "size": .integer(level.size), "smaller": .integer(level.smaller),
            "returned": .integer(level.returned), "meets": .bool(level.meets),
            "mends": .array(level.mends.map(\.json)),
          ]
        })
    }
    return ["axes": .array(trips)]
  }

  private func ring() throws -> JSON {
    let wished = stride ?? []
    let kernel = kernel?.first ?? 4
    guard (1...1 << 20).contains(kernel) else { throw RequestError("kernel: from 1 to \(1 << 20)") }
    let plans = try RingPlan.plans(ring: input ?? 0, strides: wished)
    return [
      "possible": .bool(plans.first?.strides == wished),
      "plans": .array(
        plans.map { plan in
          [
            "strides": .integers(plan.strides), "sizes": .integers(plan.sizes),
            "layers": .array(
              plan.pairs(kernel: kernel).map { pair in
                [
                  "padding": .integers([pair.down.paddingBefore, pair.down.paddingAfter]),
                  "outputPadding": .integer(pair.up.outputPadding),
                ]
              }),
          ]
        }),
    ]
  }
}
