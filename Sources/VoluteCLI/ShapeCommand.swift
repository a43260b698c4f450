import ArgumentParser
import Volute

struct ShapeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shape",
    abstract: "The output size, the formula with its numbers, and the cost.",
    discussion: """
      Nothing is computed but integers, so sizes beyond memory are welcome.

        volute shape conv3d --input-size 100 --in-channels 7 --kernel-size 13 \\
          --stride 3
        volute shape conv2d --input-size 224,320 --in-channels 64 \\
          --out-channels 64 --groups 64 --kernel-size 3 --padding same
        volute shape conv-transpose1d --input-size 5 --kernel-size 4 --stride 2
        volute shape max-pool2d --input-size 6 --kernel-size 3 --ceil-mode
        volute shape pad --input-size 8,8 --pad 1,1,0,2

      Letters in the formulas: n input size, k kernel size, s stride, d dilation, p padding on both sides (before and \
      after where these differ). One number stands for all axes; several, such as 2,1,1, for one each.

      Operations:
      \(Family.help)
      """)

  @Argument(
    help: "An operation, such as conv2d.", completion: .list(Operation.all.map(\.name)),
    transform: Operation.named)
  var operation: Operation

  @Option(
    name: .long, parsing: .unconditional, help: "Elements along the spatial axes: 256 or 8,256,256.",
    transform: OptionParsing.integers)
  var inputSize: PerAxis<Int>?

  @Option(name: .long, parsing: .unconditional, help: "Channels of the input; 1 when left out.")
  var inChannels: Int?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Channels of the output; 1 when left out. (conv, conv-transpose, fold)")
  var outChannels: Int?

  @Option(name: .long, parsing: .unconditional, help: "Samples in the batch.")
  var batch = 1

  @Option(help: "Type of the elements.", transform: OptionParsing.dtype)
  var dtype = DType.float32

  @Flag(name: .long, help: "Count no bias among the parameters. (conv, conv-transpose)")
  var noBias = false

  @OptionGroup(title: "Options of the operation")
  var options: OperationOptions

  func run() throws {
    var given = options.given
    if inputSize != nil { given.insert(.inputSize) }
    if inChannels != nil { given.insert(.inChannels) }
    if outChannels != nil { given.insert(.outChannels) }
    if noBias { given.insert(.noBias) }
    try operation.check(given)
    let sizes = Sizes(
      batch: batch, inChannels: inChannels ?? 1, outChannels: outChannels ?? 1, size: inputSize,
      hasBias: !noBias)
    let call = try Call(
      operation, options, inputShape: inputSize.map { [batch, sizes.inChannels] + $0.values })
    let shapes = try operation.family.shapes(call, sizes)
    let plan = try operation.family.plan(call, shapes)
    print(
      Report(title: operation.name, shapes: shapes, plan: plan, dtype: dtype).text, terminator: "")
  }
}
