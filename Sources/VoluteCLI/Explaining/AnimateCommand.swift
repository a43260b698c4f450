import ArgumentParser
import Volute
import VoluteFormats
import VoluteInsight

struct AnimateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "animate",
    abstract: "A layer at work, as an SVG that moves.",
    discussion: """
      The drawing is one file without scripts; it follows a light or dark theme, stands still where reduced motion is \
      asked for, and pauses under the pointer. A circular axis on its own is drawn as a ring, three axes in perspective.

        volute animate conv2d --input-size 5 --kernel-size 3 --padding 1 --stride 2 -o conv.svg
        volute animate conv-transpose2d --input-size 3 --kernel-size 3 --stride 2 -o up.svg
        volute animate conv1d --input-size 12 --kernel-size 4 --stride 2 --padding 1 \\
          --padding-mode circular -o ring.svg
      """)

  @OptionGroup var layer: LayerOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Elements that go in: 5 or 5,7.",
    transform: OptionParsing.integers)
  var inputSize: PerAxis<Int>

  @Option(name: [.customShort("o"), .long], help: "Where the SVG goes.")
  var output: String

  func run() throws {
    try OutputPath.checkNames(tensors: [], picture: output)
    let sizes = try inputSize.expanded(
      to: layer.operation.rank, operation: layer.operation.text, parameter: "input-size")
    let svg = try Animation(try ResolvedLayer(try layer.specification(), inputSize: sizes)).svg
    try OutputPath.check(output)
    try AtomicFile.write(svg, to: output)
  }
}
