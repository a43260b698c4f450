import Volute
import VoluteArithmetic

/// What the outputs of a stack are made of, and where its inputs go.
public struct Explanation: Hashable, Sendable {
  /// What is explained.
  public let stack: Stack
  /// The ways along each axis; those of an element are their product.
  public let paths: [AxisPaths]

  /// - Throws: `ShapeError` where a join does not meet, or where there is too much to hold.
  public init(_ stack: Stack) throws(ShapeError) {
    self.stack = stack
    paths = try stack.paths()
  }

  /// An element and in how many ways it is met.
  public struct Met: Hashable, Sendable {
    /// The position of the element, spatial axes only.
    public var place: [Int]
    /// How many products join it to the one that was asked for.
    public var ways: Double
    /// Of a single layer, the taps in which it is met, as indices into the kernel; else empty.
    public var taps: [[Int]]
  }

  /// The inputs that the output at `place` sees, in row-major order.
  ///
  /// - Throws: `ShapeError` for a place that is not in the output, or more inputs than can be listed.
  public func sees(_ place: [Int]) throws(ShapeError) -> [Met] {
    try check(place, stack.outputSize, "output")
    let sets = zip(paths, place).map { path, at in
      path.rows[at].sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    let links = single?.links
    return try products(sets, "output") { input in
      guard let links else { return [] }
      return product(
        input.indices.map { axis in
          links[axis].links[place[axis]].filter { $0.input == input[axis] }.map(\.tap)
        })
    }
  }

  /// The outputs that the input at `place` reaches, in row-major order.
  ///
  /// - Throws: `ShapeError` for a place that is not in the input, or more outputs than can be listed.
  public func reaches(_ place: [Int]) throws(ShapeError) -> [Met] {
    try check(place, stack.inputSize, "input")
    let sets = zip(paths, place).map { path, at in
      path.reached(from: at).map { ($0, path.rows[$0][at] ?? 0) }
    }
    let links = single?.links
    return try products(sets, "input") { output in
      guard let links else { return [] }
      return product(
        output.indices.map { axis in
          links[axis].links[output[axis]].filter { $0.input == place[axis] }.map(\.tap)
        })
    }
  }

  /// The layer, where there is one only.
  private var single: ResolvedLayer? { stack.steps.count == 1 ? stack.layers.first : nil }

  /// How often each input is read, row-major: less at the borders.
  ///
  /// - Throws: `ShapeError` when there are more inputs than can be listed.
  public func reads() throws(ShapeError) -> [Double] {
    try multiplied(paths.map(\.reads))
  }

  /// In how many ways each output is reached, row-major: uneven after most transposed convolutions.
  ///
  /// - Throws: `ShapeError` when there are more outputs than can be listed.
  public func overlap() throws(ShapeError) -> [Double] {
    try multiplied(paths.map(\.overlap))
  }

  /// The most elements that are listed one by one.
  public static let longestList = 1 << 16

  private func multiplied(_ factors: [[Double]]) throws(ShapeError) -> [Double] {
    guard factors.reduce(1.0, { $0 * Double($1.count) }) <= Double(Self.longestList) else {
      throw tooMany("input")
    }
    return factors.reduce([1]) { all, axis in all.flatMap { value in axis.map { value * $0 } } }
  }

  private func products(
    _ sets: [[(Int, Double)]], _ parameter: String, taps: ([Int]) -> [[Int]]
  ) throws(ShapeError) -> [Met] {
    guard sets.reduce(1.0, { $0 * Double($1.count) }) <= Double(Self.longestList) else {
      throw tooMany(parameter)
    }
    var met = [Met(place: [], ways: 1, taps: [])]
    for set in sets {
      met = met.flatMap { element in
        set.map { Met(place: element.place + [$0.0], ways: element.ways * $0.1, taps: []) }
      }
    }
    return met.map { Met(place: $0.place, ways: $0.ways, taps: taps($0.place)) }
  }

  private func tooMany(_ parameter: String) -> ShapeError {
    ShapeError(
      "explain", parameter: parameter, "more than \(Self.longestList) elements to list",
      mend: "take a smaller case")
  }

  private func check(_ place: [Int], _ size: [Int], _ side: String) throws(ShapeError) {
    guard place.count == size.count else {
      throw ShapeError(
        "explain", parameter: side,
        "expected \(size.count) numbers for a place in the \(side), but got \(place)")
    }
    for (at, size) in zip(place, size) where !(0..<size).contains(at) {
      throw ShapeError(
        "explain", parameter: side,
        "the place \(place) is not in the \(side), which is \(sizeText(self.size(side)))",
        mend: "from 0")
    }
  }

  private func size(_ side: String) -> [Int] { side == "input" ? stack.inputSize : stack.outputSize }
}

/// Every choice of one element from each list, the first varying slowest.
func product(_ lists: [[Int]]) -> [[Int]] {
  lists.reduce([[]]) { all, list in all.flatMap { start in list.map { start + [$0] } } }
}

// MARK: - JSON

extension Explanation.Met {
  /// The place, the ways and the taps as an object.
  public var json: JSON {
    var pairs: [(String, JSON)] = [("place", .integers(place)), ("ways", .number(ways))]
    if !taps.isEmpty { pairs.append(("taps", .array(taps.map { .integers($0) }))) }
    return .object(pairs)
  }
}

extension ReceptiveField {
  /// The size, stride, offset and first place as an object.
  public var json: JSON {
    [
      "size": .integer(size), "stride": .string(stride.description),
      "offset": offset.map { .string($0.description) } ?? nil,
      "first": first.map { .integers([$0.lowerBound, $0.upperBound]) } ?? nil,
    ]
  }
}

extension Stack.Step {
  /// The item with its sizes, field, formulas and mends as an object.
  public var json: JSON {
    let name =
      switch item {
      case .layer: layer?.name ?? ""
      case .save: "save"
      case .join: "join"
      }
    var pairs: [(String, JSON)] = [
      ("item", .string(name)), ("channels", .integer(channels)), ("size", .integers(size)),
      ("field", .array(field.map(\.json))),
    ]
    if let layer {
      pairs.append(("formulas", .strings(layer.formulas)))
      pairs.append(("extent", .integers(layer.axes.map(\.extent))))
      if let cost = layer.cost {
        pairs.append(("parameters", .integer(cost.parameters)))
        pairs.append(("multiplyAdds", .number(cost.multiplyAdds)))
      }
    }
    if let kept {
      pairs.append(("kept", .integers(kept)))
      pairs.append(("meets", .bool(meets)))
      pairs.append(("mends", .array(mends.map { .array($0.map(\.json)) })))
    }
    return .object(pairs)
  }
}

extension Mend {
  public var json: JSON {
    var pairs: [(String, JSON)] = [("text", .string(description))]
    switch self {
    case .outputPadding(let amount): pairs.append(("outputPadding", .integer(amount)))
    case .padding(let before, let after): pairs.append(("padding", .integers([before, after])))
    case .crop(let amount): pairs.append(("crop", .integer(amount)))
    case .adjoint(let axis):
      pairs.append(("padding", .integers([axis.paddingBefore, axis.paddingAfter])))
      pairs.append(("outputPadding", .integer(axis.outputPadding)))
    }
    return .object(pairs)
  }
}
