import ArgumentParser
import Volute

/// A kind of operation, of any number of spatial axes: the one row of the table that `apply` and `shape` share.
struct Family: Sendable {
  /// PyTorch's name in kebab case, without the number of axes.
  let stem: String
  /// Whether the name ends in `1d`, `2d` or `3d`.
  var isRanked = true
  /// What `--help` says about it.
  let abstract: String
  /// The options that mean something to it.
  let options: Set<OptionName>
  /// Makes a call on the built-in sample complete.
  var sampleDefaults: @Sendable (inout OperationOptions) -> Void = { _ in }
  /// The number of spatial axes where the name does not say it.
  var rank: @Sendable (OperationOptions, _ inputShape: [Int]?) throws -> Int = { _, _ in 2 }
  /// The shapes that sizes on the command line stand for.
  var shapes: @Sendable (Call, Sizes) throws -> Shapes = { call, sizes in
    Shapes(input: [sizes.batch, sizes.inChannels] + (try sizes.spatial(call)))
  }
  /// Which of input and output is a matrix of windows' columns.
  var columns = Picture.Columns.none
  /// Computes what comes out and what it costs.
  let plan: @Sendable (Call, Shapes) throws -> Plan
  /// Computes the result.
  let run: @Sendable (Call, Operands) throws -> Results

  static let all: [Family] = [
    convolution, transposedConvolution, maxPool, averagePool, lpPool, adaptiveAveragePool, adaptiveMaxPool,
    maxUnpool, pad, interpolate, unfold, fold,
  ]

  /// One line for each family.
  static var help: String {
    all.map { "  \(padded($0.stem + ($0.isRanked ? "1d 2d 3d" : ""), 28))\($0.abstract)" }
      .joined(separator: "\n")
  }
}

/// An operation as it is named on the command line, such as `conv2d`.
struct Operation: Sendable {
  let name: String
  let family: Family
  /// The number of spatial axes, where the name says it.
  let rank: Int?

  /// Every operation.
  static let all = Family.all.flatMap { family -> [Operation] in
    guard family.isRanked else { return [Operation(name: family.stem, family: family, rank: nil)] }
    return (1...3).map { (rank: Int) in
      Operation(name: "\(family.stem)\(rank)d", family: family, rank: rank)
    }
  }

  /// The operation of that name, which may be in PyTorch's own spelling with underscores.
  static func named(_ argument: String) throws -> Operation {
    let name = String(argument.map { $0 == "_" ? "-" : $0 })
    guard let operation = all.first(where: { $0.name == name }) else {
      throw ValidationError("there are \(listed(all.map(\.name)))")
    }
    return operation
  }

  /// Refuses options that the operation would ignore.
  func check(_ given: Set<OptionName>) throws {
    for option in OptionName.allCases where given.contains(option) && !family.options.contains(option) {
      let takers = Family.all.filter { $0.options.contains(option) }.map(\.stem)
      throw ValidationError("--\(option.rawValue) means nothing to \(name); it is for \(listed(takers))")
    }
  }
}

/// An operation with its options and its number of spatial axes.
struct Call: Sendable {
  let operation: Operation
  let options: OperationOptions
  let rank: Int
  /// Which algorithms a convolution may take.
  var policy = ConvolutionPolicy.automatic

  var name: String { operation.name }

  init(_ operation: Operation, _ options: OperationOptions, inputShape: [Int]?) throws {
    self.operation = operation
    self.options = options
    rank = try operation.rank ?? operation.family.rank(options, inputShape)
  }

  /// One value an axis, of an option that may give one for all.
  func expanded<Value>(_ values: PerAxis<Value>, _ option: OptionName) throws -> [Value] {
    try values.expanded(to: rank, operation: name, parameter: option.rawValue)
  }

  /// The value of an option that the operation cannot do without.
  func required<Value>(_ value: Value?, _ option: OptionName) throws -> Value {
    guard let value else { throw ValidationError("\(name) needs --\(option.rawValue)") }
    return value
  }

  func kernelSize() throws -> PerAxis<Int> { try required(options.kernelSize, .kernelSize) }

  /// Padding of an operation that knows symmetric amounts only.
  func symmetricPadding() throws -> PerAxis<Int> {
    guard let padding = options.padding else { return 0 }
    guard case .amounts(let amounts) = padding, amounts.values.allSatisfy({ $0.before == $0.after }) else {
      throw ValidationError(
        "--padding of \(name) is a number an axis, such as 1 or 1,0,1; rules and before:after are for conv and "
          + "conv-transpose")
    }
    return PerAxis(amounts.values.map(\.before))
  }

  /// `--output-size` of an operation that needs every size.
  func outputSize() throws -> [Int]? {
    guard let requested = options.outputSize else { return nil }
    return try expanded(requested, .outputSize).map { size in
      guard let size else {
        throw ValidationError("--output-size none is for the adaptive pools; give a number an axis")
      }
      return size
    }
  }
}

/// Sizes on the command line of `shape`.
struct Sizes: Sendable {
  let batch: Int
  let inChannels: Int
  let outChannels: Int
  let size: PerAxis<Int>?
  let hasBias: Bool

  func spatial(_ call: Call) throws -> [Int] {
    try call.expanded(try call.required(size, .inputSize), .inputSize)
  }
}

/// What goes into an operation.
struct Shapes: Sendable {
  var input: [Int]
  var weight: [Int]?
  var hasBias = false
}

/// What comes out of an operation, why, and what it costs.
struct Plan: Sendable {
  var output: [Int]
  /// The formula in letters.
  var rule: String
  /// The formula with its numbers, one a spatial axis.
  var formulas: [String]
  /// What is said below the formulas, such as how axes are joined.
  var note: String?
  var parameters = 0
  var multiplyAdds = 0.0
  /// What is done instead of multiply-adds, and how often.
  var otherWork: (count: Double, unit: String)?
  /// Whether the places of the maxima come out too.
  var hasIndices = false
}

/// The tensors that go in.
struct Operands: Sendable {
  var input: Tensor
  var weight: Tensor?
  var bias: Tensor?
  var indices: Tensor?

  var shapes: Shapes { Shapes(input: input.shape, weight: weight?.shape, hasBias: bias != nil) }
}

/// The tensors that come out.
struct Results: Sendable {
  var output: Tensor
  var indices: Tensor?
}

/// The number of elements of a shape, as a count of work.
func volume(_ shape: some Sequence<Int>) -> Double { shape.reduce(1.0) { $0 * Double($1) } }
