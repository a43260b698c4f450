import Volute
import VoluteInsight

/// A layer with numbers in it, worked out.
struct LayerAnswers {
  let request: LayerRequest
  let layer: ResolvedLayer
  let input: [Double]
  let weight: [Double]

  /// The most elements of a side of a layer that is drawn.
  static let mostElements = 4096
  static let mostTaps = 1024

  init(_ request: LayerRequest) throws {
    let size = request.size ?? []
    var specification = try request.specification(size: size)
    // Numbers are of one channel; the counts of channels enter the cost alone.
    specification.outputChannels = nil
    specification.groups = 1
    layer = try ResolvedLayer(specification, inputSize: size)
    self.request = request
    let padded = zip(size, layer.axes).reduce(1.0) {
      $0 * Double($1.0 + $1.1.paddingBefore + $1.1.paddingAfter)
    }
    let inputs = size.reduce(1.0) { $0 * Double($1) }
    let outputs = layer.outputSize.reduce(1.0) { $0 * Double($1) }
    let taps = layer.axes.reduce(1.0) { $0 * Double($1.kernel) }
    guard max(inputs, outputs, padded / 4) <= Double(Self.mostElements), taps <= Double(Self.mostTaps) else {
      throw RequestError(
        "size: at most \(Self.mostElements) elements a side and \(Self.mostTaps) taps are drawn; the stack takes more"
      )
    }
    input = try Self.numbers(
      request.input, count: Int(inputs), name: "input"
    ) { Double(($0 * $0 * 7 + $0 * 13 + 5) % 101 % 10) }
    weight = try Self.numbers(
      request.weight, count: Int(taps), name: "weight"
    ) { Double(($0 * $0 * 7 + $0 * 17 + 5) % 101 % 5 - 2) }
  }

  private static func numbers(
    _ given: [Double]?, count: Int, name: String, else made: (Int) -> Double
  ) throws -> [Double] {
    guard let given else { return (0..<count).map(made) }
    guard given.count == count else {
      throw RequestError("\(name): \(count) numbers are expected, but there are \(given.count)")
    }
    guard given.allSatisfy({ $0.isFinite && abs($0) <= 1e9 }) else {
      throw RequestError("\(name): numbers are at most 1e9")
    }
    return given
  }

  private var kernel: [Int] { layer.axes.map(\.kernel) }

  /// The result of the real operation.
  private func output() throws -> Tensor {
    let x = Tensor(input, shape: [1, 1] + layer.inputSize)
    let w = Tensor(weight, shape: [1, 1] + kernel)
    let specification = layer.specification
    switch layer.kind {
    case .convolution:
      return try convolution(
        x, w, stride: specification.stride ?? 1, padding: specification.padding,
        paddingMode: specification.paddingMode, dilation: specification.dilation)
    case .transposedConvolution:
      return try transposedConvolution(
        x, w, stride: specification.stride ?? 1, padding: specification.padding,
        paddingMode: specification.paddingMode, outputPadding: specification.outputPadding,
        dilation: specification.dilation)
    case .maxPool:
      return try maxPool(
        x, rank: layer.rank, kernelSize: specification.kernelSize, stride: specification.stride,
        padding: PerAxis(layer.axes.map(\.paddingBefore)), dilation: specification.dilation,
        isCeil: specification.isCeil
      ).values
    case .averagePool:
      return try averagePool(
        x, rank: layer.rank, kernelSize: specification.kernelSize, stride: specification.stride,
        padding: PerAxis(layer.axes.map(\.paddingBefore)), isCeil: specification.isCeil)
    }
  }

  private func explanation() throws -> Explanation {
    try Explanation(try Stack([.layer(layer.specification)], inputSize: layer.inputSize))
  }

  // MARK: - Everything about the layer

  func json() throws -> JSON {
    let explanation = try explanation()
    let values = try output().elements(as: Double.self)
    var pairs: [(String, JSON)] = [
      ("operation", .string(layer.name)),
      ("input", ["size": .integers(layer.inputSize), "values": .numbers(input)]),
      (
        "weight",
        layer.kind.isPooling
          ? nil : ["size": .integers(kernel), "values": .numbers(weight)]
      ),
      ("output", ["size": .integers(layer.outputSize), "values": .numbers(values)]),
      ("window", .string(layer.isTransposed ? "output" : "input")),
      ("axes", .array(layer.axes.indices.map(axis))),
      ("reads", .numbers(try explanation.reads())),
      ("overlap", .numbers(try explanation.overlap())),
      ("rule", .string(Self.rule(layer.kind))),
      ("formulas", .strings(layer.formulas)),
      ("field", .array(explanation.stack.steps[0].field.map(\.json))),
      ("code", ["swift": .string(Code(self).swift), "pytorch": .string(Code(self).pytorch)]),
    ]
    if layer.isTransposed {
      let remedies = layer.axes.map { axis -> JSON in
        Checkerboard(axis).remedy(axis).map(JSON.string) ?? nil
      }
      pairs.append(("checkerboard", .array(remedies)))
    }
    pairs += try work()
    return .object(pairs)
  }

  /// One axis: its parameters, and the line that the window moves along, with what each position of it reads.
  private func axis(_ index: Int) -> JSON {
    let axis = layer.axes[index]
    let (size, places) =
      layer.isTransposed
      ? (layer.outputSize[index], layer.inputSize[index]) : (layer.inputSize[index], layer.outputSize[index])
    let end = max(size + axis.paddingAfter, (places - 1) * axis.stride - axis.paddingBefore + axis.extent)
    let line = (-axis.paddingBefore..<end).map { position in
      position < size + axis.paddingAfter ? axis.mode.source(of: position, size: size) : -2
    }
    return [
      "kernel": .integer(axis.kernel), "stride": .integer(axis.stride), "dilation": .integer(axis.dilation),
      "padding": .integers([axis.paddingBefore, axis.paddingAfter]), "mode": .string(axis.mode.rawValue),
      "outputPadding": .integer(axis.outputPadding), "extent": .integer(axis.extent),
      "remainder": .integer(layer.isTransposed ? 0 : axis.remainder(size)), "line": .integers(line),
    ]
  }

  private static func rule(_ kind: LayerSpecification.Kind) -> String {
    switch kind {
    case .convolution: "floor((n + before + after - d·(k - 1) - 1) / s) + 1"
    case .transposedConvolution: "(n - 1)·s - before - after + d·(k - 1) + output padding + 1"
    case .maxPool, .averagePool: "floor((n + 2·p - d·(k - 1) - 1) / s) + 1"
    }
  }

  /// Parameters, multiply-adds and the algorithm, with the channels that were asked for.
  private func work() throws -> [(String, JSON)] {
    guard !layer.kind.isPooling else { return [("parameters", 0), ("multiplyAdds", 0), ("algorithm", nil)] }
    let channels = request.inputChannels ?? 1
    var specification = try request.specification(size: layer.inputSize)
    specification.outputChannels = request.outputChannels ?? specification.outputChannels ?? 1
    let full = try ResolvedLayer(specification, inputSize: layer.inputSize, channels: channels)
    guard let geometry = full.convolution, let cost = full.cost else { return [] }
    let plan = try Engine.plan(geometry, .forward, .float32, policy: .automatic)
    return [
      ("parameters", .integer(cost.parameters)), ("multiplyAdds", .number(cost.multiplyAdds)),
      ("algorithm", .string(plan.algorithm.rawValue)),
    ]
  }

  // MARK: - One element

  /// What an output is made of, with its sum written out; or which outputs an input reaches.
  func element() throws -> JSON {
    let explanation = try explanation()
    let values = try output().elements(as: Double.self)
    if let place = request.output {
      let seen = try explanation.sees(place)
      let result = values[Self.flat(place, layer.outputSize)]
      return [
        "inputs": .array(seen.map(\.json)), "value": .number(result),
        "sum": .string(sum(seen, result)), "window": layer.isTransposed ? nil : window(at: place),
      ]
    }
    guard let place = request.reached else { throw RequestError("output or reached: one is needed") }
    let reached = try explanation.reaches(place)
    return [
      "outputs": .array(reached.map(\.json)), "value": .number(input[Self.flat(place, layer.inputSize)]),
      "sum": .string("read \(reached.reduce(0) { $0 + $1.taps.count }) times"),
      "window": layer.isTransposed ? window(at: place) : nil,
    ]
  }

  /// The positions along each axis's line that the window covers at one of its places.
  private func window(at place: [Int]) -> JSON {
    .array(
      zip(place, layer.axes).map { at, axis in
        .integers((0..<axis.kernel).map { at * axis.stride + $0 * axis.dilation })
      })
  }

  private func sum(_ seen: [Explanation.Met], _ result: Double) -> String {
    let numbers = seen.map { input[Self.flat($0.place, layer.inputSize)] }
    func listed(_ terms: [String], _ sign: String) -> String {
      terms.count <= 40
        ? terms.joined(separator: sign)
        : terms.prefix(40).joined(separator: sign) + "\(sign)… (\(terms.count) in all)"
    }
    switch layer.kind {
    case .maxPool: return "max(\(listed(numbers.map(text), ", "))) = \(text(result))"
    case .averagePool: return "mean of \(listed(numbers.map(text), ", ")) = \(text(result))"
    case .convolution, .transposedConvolution:
      if seen.isEmpty { return "nothing falls here: \(text(result))" }
      var terms: [String] = []
      for (element, number) in zip(seen, numbers) {
        for tap in element.taps {
          let factor = weight[Self.flat(tap, kernel)]
          terms.append("\(signed(number))·\(signed(factor))")
        }
      }
      return "\(listed(terms, " + ")) = \(text(result))"
    }
  }

  private func text(_ value: Double) -> String {
    let rounded = (value * 10_000).rounded() / 10_000
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }

  private func signed(_ value: Double) -> String { value < 0 ? "(\(text(value)))" : text(value) }

  static func flat(_ place: [Int], _ size: [Int]) -> Int { zip(place, size).reduce(0) { $0 * $1.1 + $1.0 } }
}
