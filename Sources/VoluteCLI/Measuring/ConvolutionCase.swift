import ArgumentParser
import Volute
import VoluteEngine

/// A convolution as `plan` and `bench` take it: by shapes, with a direction and a choice of algorithm.
struct ConvolutionCase: ParsableArguments {
  @Argument(
    help: "conv1d, conv2d, conv3d or conv-transpose1d, 2d, 3d.",
    completion: .list(Operation.all.map(\.name).filter { $0.hasPrefix("conv") }),
    transform: Operation.named)
  var operation: Operation

  @Option(name: .long, help: "Batch, channels, sizes: 1,7,100,100,100.", transform: OptionParsing.integers)
  var inputShape: PerAxis<Int>

  @Option(
    name: .long, help: "Outputs, channels of a group, kernel: 1,7,13,13,13; transposed: inputs first.",
    transform: OptionParsing.integers)
  var weightShape: PerAxis<Int>

  @Option(name: .long, parsing: .unconditional, help: "Type of the elements.", transform: OptionParsing.dtype)
  var dtype = DType.float32

  @Option(name: .long, help: "forward, input-gradient or weight-gradient.", transform: Self.direction)
  var direction = ConvolutionDirection.forward

  @Flag(name: .long, help: "The transposed convolution, where the name does not say so.")
  var transposed = false

  @Option(
    name: .long, help: "automatic, exact, measured, or an algorithm's name: see 'volute plan'.",
    transform: OptionParsing.policy)
  var algorithm = ConvolutionPolicy.automatic

  @Option(name: .long, parsing: .unconditional, help: "Bytes that may be used beside the arrays.")
  var workspaceLimit: Int?

  @Option(name: .long, parsing: .unconditional, help: "Threads; one for each processor when left out.")
  var threads: Int?

  @OptionGroup(title: "Options of the convolution")
  var options: OperationOptions

  private static func direction(_ text: String) throws -> ConvolutionDirection {
    guard let direction = ConvolutionDirection(rawValue: text) else {
      throw ValidationError("there are \(listed(ConvolutionDirection.allCases.map(\.rawValue)))")
    }
    return direction
  }

  /// Sets what holds for the whole process, and checks the convolution.
  func geometry() throws -> ConvolutionGeometry {
    if let threads {
      guard threads > 0 else { throw ValidationError("--threads \(threads) is none; give 1 or more") }
      Engine.threadCount = threads
    }
    if let workspaceLimit {
      guard workspaceLimit >= 0 else {
        throw ValidationError("--workspace-limit \(workspaceLimit) is negative; give a number of bytes")
      }
      Engine.workspaceLimit = workspaceLimit
    }
    guard operation.family.stem.hasPrefix("conv") else {
      throw ValidationError("\(operation.name) has one way to be computed; name a convolution")
    }
    try operation.check(options.given)
    for option in options.given where option == .kernelSize {
      throw ValidationError("--\(option.rawValue) is in the weight's shape; leave it out")
    }
    if let rank = operation.rank, weightShape.values.count != rank + 2 {
      throw ShapeError(
        operation.name, parameter: "weight",
        "expected a weight of \(rank + 2) sizes for \(operation.name), but got \(weightShape.values)")
    }
    if transposed || operation.family.stem == "conv-transpose" {
      let call = try Call(operation, options, inputShape: inputShape.values)
      return try ConvolutionGeometry(
        transposing: inputShape.values, weightShape: weightShape.values, stride: options.stride ?? 1,
        padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
        outputPadding: options.outputPadding ?? 0, outputSize: try call.outputSize(),
        dilation: options.dilation ?? 1, groups: options.groups ?? 1)
    }
    return try ConvolutionGeometry(
      inputShape: inputShape.values, weightShape: weightShape.values, stride: options.stride ?? 1,
      padding: options.padding ?? 0, paddingMode: options.paddingMode ?? .zeros,
      dilation: options.dilation ?? 1, groups: options.groups ?? 1, isStrict: options.strict)
  }
}

/// A convolution or one of its gradients with arrays to run on.
struct ConvolutionRun {
  let geometry: ConvolutionGeometry
  let direction: ConvolutionDirection
  let policy: ConvolutionPolicy
  private let left: Tensor
  private var right: Tensor

  init(
    _ geometry: ConvolutionGeometry, _ direction: ConvolutionDirection, _ dtype: DType,
    policy: ConvolutionPolicy
  ) throws {
    self.geometry = geometry
    self.direction = direction
    self.policy = policy
    let shapes: ([Int], [Int]) =
      switch direction {
      case .forward: (geometry.inputShape, geometry.weightShape)
      case .inputGradient: (geometry.outputShape, geometry.weightShape)
      case .weightGradient: (geometry.inputShape, geometry.outputShape)
      }
    try Self.check(geometry, dtype)
    manualSeed(1)
    left = dtype.isFloatingPoint ? .randn(shapes.0).to(dtype) : .randint(0, 5, shapes.0).to(dtype)
    right = dtype.isFloatingPoint ? .randn(shapes.1).to(dtype) : .randint(0, 5, shapes.1).to(dtype)
  }

  /// Refuses arrays that the machine cannot hold.
  static func check(_ geometry: ConvolutionGeometry, _ dtype: DType) throws {
    for shape in [geometry.inputShape, geometry.weightShape, geometry.outputShape] {
      try Memory.check(shape, dtype, operation: geometry.operation)
    }
  }

  /// Other values of the same weight in another place, so that nothing prepared for the old ones serves.
  mutating func refresh() {
    if direction != .weightGradient { right = right + (right.dtype.isFloatingPoint ? 0.001 : 1) }
  }

  /// Runs once; the time is that of the operation alone.
  func time() throws -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    let result: Tensor =
      switch direction {
      case .forward: try convolve(geometry, left, right, nil, policy: policy)
      case .inputGradient: try convolutionInputGradient(geometry, left, right, policy: policy)
      case .weightGradient: try convolutionWeightGradient(geometry, left, right, policy: policy)
      }
    let duration = clock.now - start
    withExtendedLifetime(result) {}
    return duration
  }
}
