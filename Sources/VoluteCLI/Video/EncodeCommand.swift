import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

struct EncodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Make a short code of something.",
    subcommands: [EncodeVideoCommand.self])
}

struct EncodeVideoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Make the code of a clip with a causal autoencoder.",
    discussion: """
      A clip is a folder of PNG, PPM or PGM images, or an .npy array: uint8 [frames, height, width, channels], or \
      floating-point [channels, frames, height, width] of 0 to 1. Without --input a built-in clip is taken. Pieces of \
      time change nothing but rounding; tiles change nothing either where they share enough.

        volute encode video --weights run.safetensors --input frames/ -o code.npy
        volute encode video --input clip.npy --tile 256 --overlap 64 --chunk 16 -o code.safetensors
      """)

  @OptionGroup var options: VideoOptions

  @Option(help: "The clip: a folder of images, or an .npy file.", completion: .file())
  var input: String?

  @Flag(help: "Leave out last frames, rows and columns that do not fit.")
  var crop = false

  @Flag(help: "Decode the code again, and say how near that comes; so it is done with the built-in clip.")
  var check = false

  @Option(
    name: .shortAndLong, help: "Where to write the code: .npy or .safetensors.", completion: .file())
  var output: String?

  func validate() throws {
    if let output, !OutputPath.hasEnding(output, [".npy", ".safetensors"]) {
      throw ValidationError("'\(output)' should end in .npy or .safetensors")
    }
  }

  func run() async throws {
    if let output { try OutputPath.check(output) }
    let model = try options.model()
    let network = model.network
    var clip = try input.map(ClipFile.read) ?? SampleClip.bytes
    if crop { clip = cropped(clip, network) }
    let tiling = options.tiling(network)
    let (code, time) = try options.watched("encoding") { try network.encode(clip, in: tiling, progress: $0) }
    if let output { try CodeFile.write(code.squeezed(0), to: output) }
    let frames = clip.shape[2]
    var rows = [
      model.row,
      ("clip", "\(input ?? "built in"), \(frames) frames of \(clip.shape[3]) by \(clip.shape[4])"),
      ("code", "\(Array(code.shape.dropFirst())), one number for \(plain(ratio(clip, code))) of the clip"),
    ]
    if let row = options.row(network) { rows.append(row) }
    rows.append(("time", "\(timeText(time)), \(decimals(Double(frames) / (time / .seconds(1)), 1)) frames/s"))
    if check || input == nil {
      let (again, _) = try options.watched("decoding") { try network.decode(code, in: tiling, progress: $0) }
      rows.append(("reconstruction", reconstructionText(again.squeezed(0), of: clip)))
    }
    if let output { rows.append(("written", output)) }
    print(Report.text(rows), terminator: "")
  }

  private func ratio(_ clip: Tensor, _ code: Tensor) -> Double {
    (Double(clip.count) / Double(code.count) * 10).rounded() / 10
  }

  private func cropped(_ clip: Tensor, _ network: CausalVideoAutoencoder) -> Tensor {
    func fit(_ size: Int, _ factor: Int) -> Int { Swift.max(size / factor, 1) * factor }
    let frames = (clip.shape[2] - 1) / network.timeFactor * network.timeFactor + 1
    let sizes = clip.shape.suffix(2).map { Swift.min(fit($0, network.sizeFactor), $0) }
    return clip[.all, .all, 0..<frames, 0..<sizes[0], 0..<sizes[1]]
  }
}

/// Codes in files: `[channels, time, height, width]`.
enum CodeFile {
  private static let key = "code"

  static func write(_ code: Tensor, to path: String) throws(FormatError) {
    if OutputPath.hasEnding(path, [".npy"]) { return try NPY.write(code, to: path) }
    try Safetensors.write([key: code], to: path)
  }

  static func read(_ path: String) throws(FormatError) -> Tensor {
    let tensors = try WeightFile(path).tensors()
    guard
      let code = tensors.count == 1 ? tensors[0].tensor : tensors.first(where: { $0.name == key })?.tensor,
      code.rank == 4, code.dtype.isFloatingPoint
    else {
      throw FormatError(
        path, "holds no code, which is [channels, time, height, width] of floating-point numbers")
    }
    return code.to(.float32)
  }
}
