import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

struct DecodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Make of a code what it stands for.",
    subcommands: [DecodeVideoCommand.self])
}

struct DecodeVideoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Make the clip of a code with a causal autoencoder.",
    discussion: """
      Without --input the built-in clip is encoded first. A result whose name ends in .npy is an array, any other name \
      is a folder of PNG images.

        volute decode video --weights run.safetensors --input code.npy -o frames
        volute decode video --weights run.safetensors --input code.npy --tile 256 --chunk 16 -o clip.npy
      """)

  @OptionGroup var options: VideoOptions

  @Option(help: "The code: .npy or .safetensors.", completion: .file())
  var input: String?

  @Option(help: "The clip that was encoded, to compare with.", completion: .file())
  var reference: String?

  @Flag(help: "Write floating-point [channels, frames, height, width] instead of bytes.")
  var float = false

  @Option(
    name: .shortAndLong, help: "Where to write the clip: a folder, or an .npy file.", completion: .file())
  var output: String?

  func run() async throws {
    if let output { try ClipFile.checkOutput(output, isFloat: float) }
    let model = try options.model()
    let network = model.network
    let tiling = options.tiling(network)
    var original = try reference.map(ClipFile.read)
    let code: Tensor
    if let input {
      code = try CodeFile.read(input).unsqueezed(0)
    } else {
      let clip = original ?? SampleClip.bytes
      original = clip
      code = try options.watched("encoding") { try network.encode(clip, in: tiling, progress: $0) }.0
    }
    let (decoded, time) = try options.watched("decoding") {
      try network.decode(code, in: tiling, progress: $0)
    }
    let clip = decoded.squeezed(0)
    let size = clip.shape
    if let original, Array(original.shape.dropFirst()) != size {
      throw FormatError(
        reference ?? "reference", "is of \(Array(original.shape.dropFirst())), but the code gives \(size)")
    }
    if let output { try ClipFile.write(clip, to: output, isFloat: float) }
    var rows = [
      model.row,
      (
        "code",
        "\(input ?? (reference ?? "the built-in clip") + ", encoded"), \(Array(code.shape.dropFirst()))"
      ),
      ("clip", "\(size[1]) frames of \(size[2]) by \(size[3]), \(size[0]) channels"),
    ]
    if let row = options.row(network) { rows.append(row) }
    rows.append(
      ("time", "\(timeText(time)), \(decimals(Double(size[1]) / (time / .seconds(1)), 1)) frames/s"))
    if let original { rows.append(("reconstruction", reconstructionText(clip, of: original))) }
    if let output { rows.append(("written", output)) }
    print(Report.text(rows), terminator: "")
  }
}
