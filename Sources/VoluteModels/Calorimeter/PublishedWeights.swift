import Volute
import VoluteFormats

/// Weights of a shower network from files that others made.
extension ShowerNetwork {
  /// By whose place in a file the network's keys are found.
  private static let landmarks: [(key: String, part: String)] = [
    ("init_conv.conv.weight", "model."), ("encs.0.weight", "NN_embed."),
  ]

  /// Takes weights under the published keys from a file of any kind that `WeightFile` reads: bare, within a dictionary
  /// such as `state_dict`, or behind prefixes such as `module.` and `model.`; of several networks in a file the averaged one,
  /// or else the first.
  ///
  /// Nothing is changed if anything is wrong.
  /// - Throws: `FormatError` when the file cannot be read, or its weights are of another network: with the first key that
  ///   does not fit and both shapes.
  public func load(weightsFrom path: String) throws(FormatError) {
    let tensors = try WeightFile(path).tensors()
    var weights: [String: Tensor] = [:]
    for (landmark, part) in Self.landmarks {
      let found = tensors.filter { $0.name == landmark || $0.name.hasSuffix(".\(landmark)") }
        .map { String($0.name.dropLast(landmark.count)) }
      let averaged = found.first { prefix in
        ["ema", "average"].contains { prefix.lowercased().contains($0) }
      }
      guard let prefix = averaged ?? found.first else { continue }
      for (name, tensor) in tensors where name.hasPrefix(prefix) {
        let key = String(name.dropFirst(prefix.count))
        // The maps may lie beside a network that has no prefix of its own.
        if Self.landmarks.contains(where: { key.hasPrefix($0.part) }) { continue }
        weights[part + key] = tensor
      }
    }
    if weights.isEmpty {
      let names = tensors.prefix(3).map { "'\($0.name.shown)'" }
      throw FormatError(
        path,
        "has no '\(Self.landmarks[0].key)', so its weights are of another network than \(preset.name)'s",
        mend: names.isEmpty ? "it has no tensors" : "it begins with \(names.joined(separator: ", "))")
    }
    do {
      try load(weights)
    } catch {
      throw FormatError(path, "is of another network than \(preset.name)'s: \(error.summary)")
    }
  }
}

extension StateError {
  /// The first thing that was wrong, and how many others there are.
  var summary: String {
    let texts =
      mismatched.map { "'\($0.key.shown)' has shape \($0.found), but the network's is \($0.expected)" }
      + missing.map { "'\($0.shown)' is missing" } + unexpected.map { "'\($0.shown)' is not one of its keys" }
    let others = texts.count - 1
    return (texts.first ?? "nothing") + (others > 0 ? ", and \(others) more keys do not fit" : "")
  }
}
