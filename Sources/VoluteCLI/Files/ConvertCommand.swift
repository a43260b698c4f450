import ArgumentParser
import Volute
import VoluteFormats

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write the tensors of a file as safetensors or .npz.",
    discussion: """
      What can be read is a file of safetensors, a checkpoint of PyTorch (.pt, .pth, of any age), .npz or .npy. The \
      tensors of nested dictionaries get dotted names; --under takes one of the dictionaries alone.

        volute convert weights.pth weights.safetensors
        volute convert run.pt weights.safetensors --under state_dict
        volute convert weights.safetensors weights.npz
      """)

  @Argument(
    help: "The file to read.", completion: .file(extensions: ["safetensors", "pt", "pth", "npz", "npy"]))
  var source: String

  @Argument(
    help: "The file to write: .safetensors or .npz.", completion: .file(extensions: ["safetensors", "npz"]))
  var destination: String

  @Option(help: "Take only the names that start with this and a dot, and drop it from them.")
  var under: String?

  func run() throws {
    let isArchive = OutputPath.hasEnding(destination, [".npz"])
    guard isArchive || OutputPath.hasEnding(destination, [".safetensors"]) else {
      throw ValidationError("'\(destination)' should end in .safetensors or .npz")
    }
    try OutputPath.check(destination)
    let file = try WeightFile(source)
    let tensors = try file.tensors(under: under)
    guard !tensors.isEmpty else { throw FormatError(source, "holds no tensors") }
    if isArchive {
      try NPZ.write(tensors, to: destination)
    } else {
      // Names are unique in every format that is read.
      let named = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
      try Safetensors.write(named, to: destination, metadata: metadata(of: file))
    }
    let bytes = tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.size }
    var rows = [
      ("read", "\(source), \(file.format.rawValue)"),
      ("tensors", "\(grouped(tensors.count)), \(scaled(Double(bytes), unit: "B"))"),
      ("wrote", destination),
    ]
    if let left = try left(in: file, wroteMetadata: !isArchive) { rows.append(("left behind", left)) }
    if let part = commonPart(of: tensors.map(\.name)) {
      rows.append(("note", "every name starts with \(part.shown).; --under \(part.shown) drops that"))
    }
    print(Report.text(rows), terminator: "")
  }

  /// What the writer of a safetensors file said stays; of a checkpoint it is said that PyTorch wrote it, which loaders
  /// of such files ask for.
  private func metadata(of file: WeightFile) throws(FormatError) -> [String: String] {
    switch file.format {
    case .checkpoint: return ["format": "pt"]
    case .npz, .npy: return [:]
    case .safetensors:
      var result: [String: String] = [:]
      for (name, value) in try file.otherValues() { result[name] = value.string }
      return result
    }
  }

  /// The values that are no tensors, by name.
  private func left(in file: WeightFile, wroteMetadata: Bool) throws(FormatError) -> String? {
    if file.format == .safetensors && wroteMetadata { return nil }
    let names = try file.otherValues().map(\.name.shown)
    guard !names.isEmpty else { return nil }
    if names.count > 5 { return "\(grouped(names.count)) values that are no tensors; inspect shows them" }
    return listed(names)
  }

  /// The first part of every name, where there is more than one name and all agree.
  private func commonPart(of names: [String]) -> String? {
    guard names.count > 1, under == nil, let end = names[0].firstIndex(of: ".") else { return nil }
    let part = names[0][..<end]
    return names.allSatisfy { $0.hasPrefix("\(part).") } ? String(part) : nil
  }
}
