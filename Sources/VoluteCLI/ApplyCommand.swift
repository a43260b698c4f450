import ArgumentParser
import Volute
import VoluteFormats

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Run an operation on a file, or on a built-in sample.",
    discussion: """
      Names and options are PyTorch's. Without --input the operation runs on a Shepp–Logan phantom of 64 elements \
      an axis, with a smoothing kernel.

        volute apply conv3d --picture blurred.svg
        volute apply conv3d --input x.npy --weight w.npy --stride 2,1,1 \\
          --padding 1,0,1 --output y.npy
        volute apply conv2d --input ring.npy --weight w.npy --padding 1 \\
          --padding-mode zeros,circular
        volute apply max-pool2d --input x.npy --kernel-size 2 --output y.npy \\
          --indices-output places.npy
        volute apply max-unpool2d --input y.npy --indices places.npy \\
          --kernel-size 2 --output z.npy
        volute apply interpolate --input x.npz:image --scale-factor 2 \\
          --mode bilinear --output y.npy

      Tensors are batch, channels, then the spatial axes; the batch may be left out. One number stands for all axes; \
      several, such as 2,1,1, for one each. Files are .npy, .npz, or archive.npz:name for one array of an archive.

      Operations:
      \(Family.help)
      """)

  @Argument(
    help: "An operation, such as conv2d.", completion: .list(Operation.all.map(\.name)),
    transform: Operation.named)
  var operation: Operation

  @Option(
    help: "The input; the built-in sample when left out.", completion: .file(extensions: ["npy", "npz"]))
  var input: String?

  @Option(
    help: "Channels out, channels in / groups, kernel; transposed: channels in, out / groups, kernel.",
    completion: .file(extensions: ["npy", "npz"]))
  var weight: String?

  @Option(help: "One number a channel of the output.", completion: .file(extensions: ["npy", "npz"]))
  var bias: String?

  @Option(
    help: "What a max pool wrote with --indices-output.", completion: .file(extensions: ["npy", "npz"]))
  var indices: String?

  @Option(help: "Where the result goes.", completion: .file(extensions: ["npy", "npz"]))
  var output: String?

  @Option(help: "Where the places of the maxima go.", completion: .file(extensions: ["npy", "npz"]))
  var indicesOutput: String?

  @Option(help: "Where a picture of the middle slices goes.", completion: .file(extensions: ["svg"]))
  var picture: String?

  @Option(
    help:
      "How a convolution is computed: automatic, exact, measured, or an algorithm's name. (conv, conv-transpose)",
    transform: OptionParsing.policy)
  var algorithm: ConvolutionPolicy?

  @Option(
    name: .customLong("repeat"), parsing: .unconditional,
    help: "Run so many times more, and show the median of their times.")
  var count: Int?

  @OptionGroup(title: "Options of the operation")
  var options: OperationOptions

  func run() throws {
    try check()
    for path in [output, indicesOutput, picture].compactMap({ $0 }) { try OutputPath.check(path) }
    let (call, operands) = try prepared()
    let family = operation.family
    let plan = try family.plan(call, operands.shapes)
    try Memory.check(plan.output, operands.input.dtype, operation: call.name)
    let report = Report(title: title, shapes: operands.shapes, plan: plan, dtype: operands.input.dtype)
    print(report.text, terminator: "")
    let work = Work(call: call, plan: plan)
    let clock = ContinuousClock()
    let start = clock.now
    let results = try work.run(operands)
    let elapsed = clock.now - start
    var rows = [("values", valuesText(results.output))]
    if let count {
      let times = try (0..<count).map { _ in
        let start = clock.now
        let again = try work.run(operands)
        let elapsed = clock.now - start
        withExtendedLifetime(again) {}
        return elapsed
      }.sorted()
      rows.append(
        ("time", "\(timeText(times[count / 2])), the median of \(count) after one of \(timeText(elapsed))"))
    } else {
      rows.append(("time", timeText(elapsed)))
    }
    if let output {
      try TensorFile.write(results.output, to: output)
      rows.append(("wrote", output))
    }
    if let indicesOutput, let indices = results.indices {
      try TensorFile.write(indices, to: indicesOutput)
      rows.append(("wrote", indicesOutput))
    }
    if let picture {
      let drawing = Picture(
        title: title, input: operands.input, output: results.output, rank: call.rank,
        columns: family.columns)
      try AtomicFile.write(drawing.svg, to: picture)
      rows.append(("wrote", picture))
    }
    print(Report.text(rows), terminator: "")
  }

  /// What is worked on, in words.
  private var title: String {
    let kernel =
      weight == nil && operation.family.options.contains(.weight) ? " with a built-in smoothing kernel" : ""
    return "\(operation.name) of \(input ?? "the built-in phantom")\(kernel)"
  }

  /// Refuses options that contradict each other or mean nothing here.
  private func check() throws {
    var given = options.given
    if weight != nil { given.insert(.weight) }
    if bias != nil { given.insert(.bias) }
    if indices != nil { given.insert(.indices) }
    if indicesOutput != nil { given.insert(.indicesOutput) }
    if algorithm != nil { given.insert(.algorithm) }
    try operation.check(given)
    if let count, count < 1 {
      throw ValidationError("--repeat \(count) is none; give 1 or more, or leave it out")
    }
    if weight != nil && options.kernelSize != nil {
      throw ValidationError("--kernel-size is for the built-in kernel; \(weight ?? "") has a size of its own")
    }
    if operation.family.options.contains(.indices) && (input == nil) != (indices == nil) {
      throw ValidationError(
        "\(operation.name) takes --input and --indices together; --\(input == nil ? "input" : "indices") is missing"
      )
    }
    try OutputPath.checkNames(tensors: [output, indicesOutput], picture: picture)
  }

  /// Reads the files and fills in what the built-in sample and kernel stand for.
  private func prepared() throws -> (Call, Operands) {
    let family = operation.family
    var options = options
    var weight = try weight.map { try TensorFile.read($0) }
    let bias = try bias.map { try TensorFile.read($0) }
    var tensor = try input.map { try TensorFile.read($0) }
    var indices = try indices.map { try TensorFile.read($0) }
    let takesWeight = family.options.contains(.weight)
    if tensor == nil && !takesWeight || takesWeight && weight == nil { family.sampleDefaults(&options) }
    var call = try Call(operation, options, inputShape: tensor?.shape)
    call.policy = algorithm ?? .automatic
    if tensor == nil {
      let sample = try Sample.operands(call, weight: weight)
      tensor = sample.input
      indices = sample.indices
    }
    guard let tensor else { throw ValidationError("\(operation.name) needs --input") }
    if takesWeight && weight == nil { weight = try builtInKernel(call, tensor) }
    return (call, Operands(input: tensor, weight: weight, bias: bias, indices: indices))
  }

  private func builtInKernel(_ call: Call, _ input: Tensor) throws -> Tensor {
    guard input.dtype.isFloatingPoint else {
      throw ValidationError(
        "the built-in kernel holds fractions, but the input is of \(input.dtype.rawValue); give --weight")
    }
    let kernel = try call.expanded(call.kernelSize(), .kernelSize)
    let groups = call.options.groups ?? 1
    let channels = input.rank > call.rank ? input.shape[input.rank - call.rank - 1] : 0
    guard groups > 0, channels > 0, channels % groups == 0 else {
      throw ValidationError("--groups \(groups) does not divide the \(channels) channels of the input")
    }
    guard kernel.allSatisfy({ $0 > 0 }), volume(kernel + [channels, channels / groups]) <= Sample.largest
    else {
      throw ValidationError("the built-in kernel cannot have the size \(kernel); give --weight")
    }
    return Sample.kernel(kernel, channels: channels, groups: groups, dtype: input.dtype)
  }

  private func valuesText(_ tensor: Tensor) -> String {
    guard tensor.count > 0 else { return "none" }
    let numbers = tensor.dtype == .bool ? tensor.to(.uint8) : tensor
    let (least, most) = (numbers.min(), numbers.max())
    guard tensor.dtype.isFloatingPoint else { return "\(least.integers()[0]) to \(most.integers()[0])" }
    return "\(least.to(.float32).item(as: Float.self)) to \(most.to(.float32).item(as: Float.self))"
  }
}
