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
    abstract: "Compare samples of showers with a reference, histogram by histogram, and by a classifier.",
    discussion: """
      Of whole showers: the energy, the voxels that are hit and what is in them. Of each layer: the energy, the centres and \
      widths in η, φ and r, and the voxels that are hit. Each pair of histograms has its separation power: 0 for equal \
      ones, 1 for those that share nothing. A small network is trained to tell samples from the reference, by these \
      numbers ("high") and by the voxels ("low"): an AUC of 0.5 is guessing. The page also has profiles and mean showers, \
      unrolled and as seen along the axis. Without --reference or --samples synthetic showers stand in: compared with each \
      other, they show what chance alone gives.

        volute evaluate calo -o report.html
        volute evaluate calo --preset dataset2 --reference geant.hdf5 --samples showers.hdf5 -o report.html
      """)

  @OptionGroup var calorimeter: CalorimeterOptions

  @Option(help: "What the samples should be like.", completion: .file(extensions: ["npz", "hdf5", "h5"]))
  var reference: String?

  @Option(help: "What is judged.", completion: .file(extensions: ["npz", "hdf5", "h5"]))
  var samples: String?

  @Option(parsing: .unconditional, help: "Synthetic showers where no file is given.")
  var count = 500

  @Option(parsing: .unconditional, help: "Bins of a histogram.")
  var bins = 30

  @Option(
    parsing: .unconditional,
    help: "Showers of either kind that the classifiers look at, at most; 0 for no classifier.")
  var classify = 2000

  @Option(parsing: .unconditional, help: "Of the classifiers.")
  var seed = 1

  @Option(name: .shortAndLong, help: "Where to write the report.", completion: .file(extensions: ["html"]))
  var output: String?

  func validate() throws {
    for (name, value) in [("count", count), ("bins", bins)] where value < 1 {
      throw ValidationError("--\(name) \(value) is none; give 1 or more")
    }
    if classify < 0 {
      throw ValidationError("--classify \(classify) is no number of showers; give 0 or more")
    }
    if let output, !OutputPath.hasEnding(output, [".html"]) {
      throw ValidationError("'\(output)' should end in .html")
    }
  }

  func run() async throws {
    if let output { try OutputPath.check(output) }
    let preset = try calorimeter.geometry().preset
    let first = try seen(reference, preset, seed: 1001)
    let second = try seen(samples, preset, seed: 2002)
    var evaluation = ShowerEvaluation(reference: first.observables, samples: second.observables, bins: bins)
    if classify > 0 {
      evaluation.classifiers = try ShowerEvaluation.classified(first, second, seed: seed)
    }
    if let output { try AtomicFile.write(ShowerPage(evaluation).html, to: output) }
    print(evaluation.text, terminator: "")
    if let output { print(Report.text([("report", output)]), terminator: "") }
  }

  /// What is to be known of the showers of a file, or of synthetic ones; a file is read part by part.
  private func seen(_ path: String?, _ preset: ShowerPreset, seed: Int) throws -> ShowersSeen {
    var result = ShowersSeen(preset, kept: classify)
    guard let path else {
      try result.add(SyntheticShowers(preset, count: count, seed: seed).all())
      return result
    }
    let file = try ShowerFile(path, of: preset)
    let progress = Progress("reading \(path)", of: file.parts.count)
    defer { progress.finish() }
    for part in file.parts {
      try result.add(file.showers(part))
      progress.advance()
    }
    return result
  }
}

/// The observables of all showers of a file, and the first of them as a network takes them.
struct ShowersSeen {
  private(set) var observables: ShowerObservables
  private let kept: Int
  private var rows: [Tensor] = []

  init(_ preset: ShowerPreset, kept: Int) {
    observables = ShowerObservables(preset)
    self.kept = kept
  }

  mutating func add(_ set: ShowerSet) throws {
    let wanted = min(max(kept - observables.count, 0), set.count)
    if wanted > 0 {
      let preset = observables.preset
      let (showers, energies) = (set.showers.sliced(0, 0..<wanted), set.energies.sliced(0, 0..<wanted))
      rows.append(
        try concatenate(
          [
            preset.normalized(showers: showers, energies: energies),
            preset.normalized(energies: energies).unsqueezed(1),
          ], axis: 1))
    }
    observables.add(set)
  }

  /// What classifiers look at: the observables, and the voxels; of the showers that are kept.
  func features() throws -> (high: Tensor, low: Tensor) {
    let low = try concatenate(rows)
    return (observables.features.sliced(0, 0..<low.shape[0]), low)
  }
}
