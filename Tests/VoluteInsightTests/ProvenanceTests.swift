import Testing
import Volute
import VoluteArithmetic
import VoluteInsight

/// What is said about where numbers come from, against changes of the inputs of the real operations.
@Suite struct ProvenanceTests {
  /// A layer of each kind, every rank, stride, dilation, padding and mode that comes up.
  private static func specification(_ random: inout Generator, rank: Int) -> LayerSpecification {
    let kind = LayerSpecification.Kind.allCases[random.below(4)]
    func each(_ count: Int, from least: Int = 1) -> PerAxis<Int> {
      PerAxis((0..<rank).map { _ in least + random.below(count) })
    }
    let kernel = each(3)
    if kind.isPooling {
      return LayerSpecification(
        kind, kernelSize: kernel, stride: each(3),
        padding: Padding(kernel.values.map { random.below($0 / 2 + 1) }),
        dilation: kind == .maxPool ? each(2) : 1, isCeil: random.below(2) == 1)
    }
    let modes = PerAxis((0..<rank).map { _ in PaddingMode.allCases[random.below(4)] })
    let padding = Padding.amounts(
      PerAxis((0..<rank).map { _ in .sides(random.below(3), random.below(3)) }))
    let stride = each(3)
    return LayerSpecification(
      kind, kernelSize: kernel, stride: stride, padding: padding, paddingMode: modes, dilation: each(2),
      outputPadding: kind == .convolution ? 0 : PerAxis(stride.values.map { random.below($0) }))
  }

  private static func run(_ layer: ResolvedLayer, _ x: Tensor, _ weight: Tensor) throws -> Tensor {
    let specification = layer.specification
    switch layer.kind {
    case .convolution:
      return try convolution(
        x, weight, stride: specification.stride ?? 1, padding: specification.padding,
        paddingMode: specification.paddingMode, dilation: specification.dilation)
    case .transposedConvolution:
      return try transposedConvolution(
        x, weight, stride: specification.stride ?? 1, padding: specification.padding,
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
        padding: PerAxis(layer.axes.map(\.paddingBefore)), isCeil: specification.isCeil, divisor: 1)
    }
  }

  private static func places(_ size: [Int]) -> [[Int]] {
    size.reduce([[]]) { all, count in all.flatMap { start in (0..<count).map { start + [$0] } } }
  }

  private static func flat(_ place: [Int], _ size: [Int]) -> Int {
    zip(place, size).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// One input is changed; the outputs that move, and by how much, are those that it is said to reach, through those
  /// taps.
  @Test(arguments: [1, 2, 3])
  func finiteChanges(rank: Int) throws {
    var random = Generator(seed: UInt64(rank))
    var seen: [LayerSpecification.Kind: Int] = [:]
    for _ in 0..<(rank == 3 ? 60 : 250) {
      let specification = Self.specification(&random, rank: rank)
      let size = (0..<rank).map { _ in 1 + random.below(rank == 3 ? 4 : 7) }
      guard let layer = try? ResolvedLayer(specification, inputSize: size) else { continue }
      seen[layer.kind, default: 0] += 1
      let explanation = try Explanation(try Stack([.layer(specification)], inputSize: size))
      let kernel = layer.axes.map(\.kernel)
      let weights = (0..<kernel.reduce(1, *)).map { 1 + Double($0 * $0 % 7) }
      let weight = Tensor(weights, shape: [1, 1] + kernel)
      let values = (0..<size.reduce(1, *)).map { Double($0 * 13 % 11) }
      let before = try Self.run(layer, Tensor(values, shape: [1, 1] + size), weight).elements(as: Double.self)
      var reads = Array(repeating: 0.0, count: values.count)
      for (index, place) in Self.places(size).enumerated() {
        var changed = values
        // Enough to be the largest anywhere.
        changed[index] += 1000
        let after = try Self.run(layer, Tensor(changed, shape: [1, 1] + size), weight).elements(
          as: Double.self)
        let moved = zip(after, before).map { ($0 - $1) / 1000 }
        let reached = try explanation.reaches(place)
        var expected = Array(repeating: 0.0, count: moved.count)
        for element in reached {
          let output = Self.flat(element.place, layer.outputSize)
          #expect(element.ways == Double(element.taps.count))
          reads[index] += element.ways
          expected[output] = element.taps.reduce(0) { $0 + weights[Self.flat($1, kernel)] }
          if layer.kind == .averagePool { expected[output] = element.ways }
          if layer.kind == .maxPool { expected[output] = 1 }
        }
        if layer.kind == .maxPool {
          #expect(moved.map { $0 > 0.5 } == expected.map { $0 > 0.5 }, "\(specification) \(size)")
        } else {
          #expect(
            zip(moved, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(specification) \(size) \(place)")
        }
      }
      #expect(try explanation.reads() == reads)
      // The other way round: what an output sees is what reaches it.
      let overlap = try explanation.overlap()
      for place in Self.places(layer.outputSize) {
        let sees = try explanation.sees(place)
        #expect(sees.reduce(0) { $0 + $1.ways } == overlap[Self.flat(place, layer.outputSize)])
        for element in sees.prefix(3) {
          #expect(
            try explanation.reaches(element.place).contains { $0.place == place && $0.taps == element.taps })
        }
      }
    }
    for kind in LayerSpecification.Kind.allCases { #expect(seen[kind, default: 0] > 3) }
  }

  /// Several layers of ones, a U-Net's join among them: an input moves an output by as many as there are ways.
  @Test func ways() throws {
    let down = LayerSpecification(.convolution, kernelSize: 3, stride: 2, padding: 1, paddingMode: .circular)
    let up = LayerSpecification(
      .transposedConvolution, kernelSize: 4, stride: 2, padding: 1, paddingMode: .circular)
    let last = LayerSpecification(.convolution, kernelSize: 3, padding: 1)
    let stack = try Stack(
      [.save, .layer(down), .layer(up), .join, .layer(last)], inputSize: [8])
    #expect(stack.meets)
    let explanation = try Explanation(stack)
    func run(_ x: Tensor) throws -> [Double] {
      let small = try conv1d(x, .ones([1, 1, 3], dtype: .float64), stride: 2, padding: [.circular(1)])
      let large = try convTranspose1d(
        small, .ones([1, 1, 4], dtype: .float64), stride: 2, padding: [.circular(1)])
      return try conv1d(large + x, .ones([1, 1, 3], dtype: .float64), padding: 1).elements(as: Double.self)
    }
    let zero = try run(.zeros([1, 1, 8], dtype: .float64))
    for place in 0..<8 {
      var values = Array(repeating: 0.0, count: 8)
      values[place] = 1
      let moved = zip(try run(Tensor(values, shape: [1, 1, 8])), zero).map { $0 - $1 }
      var ways = Array(repeating: 0.0, count: 8)
      for element in try explanation.reaches([place]) { ways[element.place[0]] = element.ways }
      #expect(moved == ways)
    }
  }

  /// Size, stride and offset of well-known stacks, and the same from what outputs really see.
  @Test func receptiveFields() throws {
    // The first layers of a VGG: 3, 5, 6, 10, 14, 16.
    let conv = LayerSpecification(.convolution, kernelSize: 3, padding: 1)
    let pool = LayerSpecification(.maxPool, kernelSize: 2)
    let stack = try Stack([conv, conv, pool, conv, conv, pool].map { .layer($0) }, inputSize: [64])
    #expect(stack.steps.map { $0.field[0].size } == [3, 5, 6, 10, 14, 16])
    #expect(stack.steps.map { $0.field[0].stride.description } == ["1", "1", "2", "2", "2", "4"])
    let paths = try stack.paths()[0]
    for output in 5..<10 {
      let seen = paths.rows[output].keys
      let (first, last) = (try #require(seen.min()), try #require(seen.max()))
      #expect(last - first + 1 == 16)
      #expect(
        Fraction(first + last, 2) == (stack.steps[5].field[0].offset ?? Fraction(0)) + Fraction(4 * output))
    }
    // A causal layer sees nothing of what is to come.
    let causal = LayerSpecification(
      .convolution, kernelSize: 3, padding: [.sides(4, 0)], dilation: 2)
    #expect(try Stack([.layer(causal)], inputSize: [9]).steps[0].field[0].first == -4...0)
    // Random transposed layers: the widest that any output in the middle sees.
    for kernel in 1...6 {
      for stride in 1...4 {
        for dilation in 1...3 {
          let up = LayerSpecification(
            .transposedConvolution, kernelSize: PerAxis(kernel), stride: PerAxis(stride),
            dilation: PerAxis(dilation))
          let stack = try Stack([.layer(up)], inputSize: [40])
          let middle = try stack.paths()[0].rows.dropFirst(18 * stride).prefix(3 * stride)
          let widest = middle.compactMap { row in row.keys.max().map { $0 - (row.keys.min() ?? 0) + 1 } }
            .max()
          #expect(stack.steps[0].field[0].size == widest)
          #expect(stack.steps[0].field[0].stride == Fraction(1, stride))
        }
      }
    }
  }

  /// Even exactly where outputs in the middle really overlap evenly; the kernel that is offered does.
  @Test func checkerboards() throws {
    for kernel in 1...8 {
      for stride in 1...5 {
        for dilation in 1...3 {
          let axis = Axis(kernel: kernel, stride: stride, dilation: dilation)
          let board = Checkerboard(axis)
          func counts(_ kernel: Int) throws -> Set<Double> {
            let up = LayerSpecification(
              .transposedConvolution, kernelSize: PerAxis(kernel), stride: PerAxis(stride),
              dilation: PerAxis(dilation))
            let overlap = try Stack([.layer(up)], inputSize: [60]).paths()[0].overlap
            return Set(overlap.dropFirst(27 * stride).prefix(stride * 4))
          }
          #expect(board.isEven == (try counts(kernel).count == 1))
          #expect((board.remedy(axis) == nil) == board.isEven)
          if let better = board.kernel { #expect(try counts(better).count == 1) }
        }
      }
    }
  }

  /// "abcd" convolved with 1, 2, and the transposed run of the same.
  @Test func symbols() throws {
    let geometry = try ConvolutionGeometry(inputShape: [1, 1, 4], weightShape: [1, 1, 2])
    #expect(try SymbolicRun(geometry, weights: [1, 2]).output == ["abb", "bcc", "cdd"])
    let ring = try ConvolutionGeometry(
      transposing: [1, 1, 3], weightShape: [1, 1, 4], stride: 2, padding: [.circular(1)])
    #expect(try SymbolicRun(ring).output == ["ac", "ab", "ab", "bc", "bc", "ac"])
    #expect(throws: ShapeError.self) { try SymbolicRun(geometry, weights: [1]) }
    #expect(throws: ShapeError.self) { try SymbolicRun(geometry, weights: [-1, 2]) }
    #expect(throws: ShapeError.self) { try SymbolicRun(geometry, input: ["a"]) }
  }

  /// Words are as long as the same sums over ones, and the letters are the inputs that are seen.
  @Test func wordsAreSums() throws {
    var random = Generator(seed: 9)
    for _ in 0..<100 {
      let specification = Self.specification(&random, rank: 2)
      guard let layer = try? ResolvedLayer(specification, inputSize: [4, 5]), let geometry = layer.convolution
      else { continue }
      let run = try SymbolicRun(geometry)
      let ones = Tensor.ones([1, 1] + layer.axes.map(\.kernel), dtype: .float64)
      let sums = try Self.run(layer, .ones([1, 1, 4, 5], dtype: .float64), ones).elements(as: Double.self)
      #expect(run.output.map { Double($0.count) } == sums)
      let explanation = try Explanation(try Stack([.layer(specification)], inputSize: [4, 5]))
      for (index, place) in Self.places(layer.outputSize).enumerated() {
        let letters = try explanation.sees(place).map { run.input[Self.flat($0.place, [4, 5])] }
        #expect(Set(run.output[index]) == Set(letters))
      }
    }
  }

  @Test func mendsOfJoins() throws {
    let down = LayerSpecification(.convolution, kernelSize: 4, stride: 2, padding: 1)
    let up = LayerSpecification(.transposedConvolution, kernelSize: 4, stride: 2, padding: 1)
    let stack = try Stack([.save, .layer(down), .layer(up), .join], inputSize: [15, 16])
    #expect(!stack.meets)
    #expect(stack.steps[3].mends[0].first == .outputPadding(1))
    #expect(stack.steps[3].mends[1].isEmpty)
    #expect(throws: ShapeError.self) { try stack.paths() }
    let error = #expect(throws: ShapeError.self) { try Stack([.layer(down), .join], inputSize: [15, 16]) }
    #expect(error?.message == "layer 2: item 2 joins what was never kept")
  }

  @Test func refusals() throws {
    let conv = LayerSpecification(.convolution, kernelSize: 3)
    let explanation = try Explanation(try Stack([.layer(conv)], inputSize: [5, 5]))
    #expect(throws: ShapeError.self) { try explanation.sees([0]) }
    #expect(throws: ShapeError.self) { try explanation.sees([0, 3]) }
    #expect(throws: ShapeError.self) { try explanation.reaches([-1, 0]) }
    #expect(throws: ShapeError.self) { try ResolvedLayer(conv, inputSize: []) }
    #expect(throws: ShapeError.self) { try Stack([], inputSize: [-1]) }
    #expect(throws: ShapeError.self) { try Stack([], inputSize: []) }
    #expect(throws: ShapeError.self) { try Stack([], inputSize: [4], channels: 0) }
    #expect(throws: ShapeError.self) { try ResolvedLayer(conv, inputSize: [1 << 30]) }
    #expect(throws: ShapeError.self) { try ResolvedLayer(conv, inputSize: [8], channels: 0) }
    var pool = LayerSpecification(.averagePool, kernelSize: 2)
    pool.padding = .same
    #expect(throws: ShapeError.self) { try ResolvedLayer(pool, inputSize: [8]) }
    pool.padding = [.sides(1, 0)]
    #expect(throws: ShapeError.self) { try ResolvedLayer(pool, inputSize: [8]) }
    #expect(throws: ShapeError.self) {
      try Stack(Array(repeating: .layer(conv), count: 300), inputSize: [999])
    }
  }

  @Test func json() {
    let value: JSON = ["a": [1, 2.asJSON, nil, true], "b\n\"\\": "\u{1}é"]
    #expect(value.description == #"{"a":[1,0.5,null,true],"b\n\"\\":"\u0001é"}"#)
    #expect(JSON.number(.infinity).description == "null")
  }
}

extension Int {
  /// A half, as a number of JSON.
  fileprivate var asJSON: JSON { .number(0.5) }
}

/// Numbers that repeat.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
