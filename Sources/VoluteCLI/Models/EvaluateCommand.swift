import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Judge what a network has made.",
    subcommands: [EvaluateCaloCommand.self])
}

struct EvaluateCaloCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calo",
    abstract: "Compare samples of showers with a reference, histogram by histogram.",
    discussion: """
      The report has the energies, centres and widths of all layers, the share of voxels that are hit, the mean \
      profile in depth, and the separation power of each pair of histograms: 0 for equal ones, 1 for those that share \
      nothing. Without --reference or --samples synthetic showers are compared: with each other, what chance alone gives.

        volute evaluate calo -o report.html
        volute evaluate calo --preset dataset2 --reference geant.npz --samples showers.npz -o report.html
      """)

  @Option(help: "Of showers: \(listed(NamedPreset.allValueStrings)).")
  var preset = NamedPreset(.small)

  @Option(help: "What the samples should be like.", completion: .file(extensions: ["npz"]))
  var reference: String?

  @Option(help: "What is judged.", completion: .file(extensions: ["npz"]))
  var samples: String?

  @Option(parsing: .unconditional, help: "Synthetic showers where no file is given.")
  var count = 500

  @Option(parsing: .unconditional, help: "Bins of a histogram.")
  var bins = 30

  @Option(name: .shortAndLong, help: "Where to write the report.", completion: .file(extensions: ["html"]))
  var output: String?

  func validate() throws {
    for (name, value) in [("count", count), ("bins", bins)] where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
    if let output, !OutputPath.hasEnding(output, [".html"]) {
      throw ValidationError("'\(output)' should end in .html")
    }
  }

  func run() async throws {
    if let output { try OutputPath.check(output) }
    let evaluation = ShowerEvaluation(
      preset: preset.preset, reference: try showers(reference, seed: 1001),
      samples: try showers(samples, seed: 2002), bins: bins)
    if let output { try AtomicFile.write(evaluation.html, to: output) }
    print(evaluation.text, terminator: "")
    if let output { print(Report.text([("report", output)]), terminator: "") }
  }

  private func showers(_ path: String?, seed: Int) throws -> ShowerSet {
    if let path { return try ShowerSet(path, of: preset.preset) }
    return try SyntheticShowers(preset.preset, count: count, seed: seed).all()
  }
}
