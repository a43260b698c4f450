import ArgumentParser
import Volute
import VoluteFormats
import VoluteModels

/// A kind of showers by its name.
struct NamedPreset: ExpressibleByArgument {
  let preset: ShowerPreset

  init(_ preset: ShowerPreset) { self.preset = preset }

  init?(argument: String) {
    guard let preset = ShowerPreset.all.first(where: { $0.name == argument }) else { return nil }
    self.preset = preset
  }

  var defaultValueDescription: String { preset.name }

  static var allValueStrings: [String] { ShowerPreset.all.map(\.name) }
}

/// Which calorimeter showers are of, as options say it.
struct CalorimeterOptions: ParsableArguments {
  @Option(help: "Of showers: \(listed(NamedPreset.allValueStrings)). (default: small)")
  var preset: NamedPreset?

  @Option(
    help: "The cells of another calorimeter, as CaloChallenge's XML; the rest is as in --preset.",
    completion: .file(extensions: ["xml"]))
  var binning: String?

  /// What the options say, and the rest of what there was.
  func geometry(_ geometry: CaloGeometry = CaloGeometry()) throws -> CaloGeometry {
    var cells = preset == nil ? geometry.binning : nil
    if let path = binning {
      let file = try FileBytes(path: path)
      let text = withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
      cells = try CalorimeterBinning(xml: text, name: path)
    }
    var result = CaloGeometry(
      preset?.preset ?? geometry.base, binning: cells, widths: preset == nil ? geometry.widths : nil)
    if result.binning == geometry.binning { result.standard = geometry.standard }
    return result
  }
}

/// A calorimeter and the network for it, as options say it.
struct CaloOptions: ParsableArguments {
  @OptionGroup var calorimeter: CalorimeterOptions

  @Option(help: "Channels of the network's levels, such as 16,16,16,32; by default the preset's.")
  var widths: String?

  func validate() throws { _ = try listedWidths() }

  /// Whether they say which showers it is about.
  var areGiven: Bool { calorimeter.preset != nil || calorimeter.binning != nil }

  /// What the options say, and the rest of what there was.
  func geometry(_ geometry: CaloGeometry = CaloGeometry()) throws -> CaloGeometry {
    var result = try calorimeter.geometry(geometry)
    if let widths = try listedWidths() { result.widths = widths }
    return result
  }

  private func listedWidths() throws -> [Int]? {
    guard let widths else { return nil }
    let values = try OptionParsing.integers(widths).values
    if CaloGeometry.allows(widths: values) { return values }
    throw ValidationError(
      "--widths \(widths) cannot be; give two or more multiples of 8 up to 1024, of which the first two are equal"
    )
  }
}

/// A calorimeter, and the network for it.
struct CaloGeometry {
  /// What is not said otherwise is as in this.
  let base: ShowerPreset
  let binning: CalorimeterBinning?
  var widths: [Int]?
  /// Of the logits of voxels, once they were measured.
  var standard: (mean: Double, deviation: Double)?

  init(_ base: ShowerPreset = .small, binning: CalorimeterBinning? = nil, widths: [Int]? = nil) {
    self.base = base
    self.binning = binning
    self.widths = widths
  }

  /// Whether a network can have these widths.
  static func allows(widths: [Int]) -> Bool {
    widths.count >= 2 && widths[0] == widths[1]
      && widths.allSatisfy { (8...1024).contains($0) && $0 % 8 == 0 }
  }

  /// Whether the logits' mean and deviation are still to be measured, since nobody published them.
  var wantsStandard: Bool { binning != nil && standard == nil }

  var preset: ShowerPreset {
    var result = base
    if let binning { result = result.with(binning, named: "\(base.name) in another binning") }
    if let widths { result = result.with(widths: widths) }
    if let standard { result = result.with(mean: standard.mean, deviation: standard.deviation) }
    return result
  }

  /// Takes the mean and the deviation of the logits from showers.
  mutating func measure(_ set: ShowerSet) throws(ShapeError) {
    let found = try preset.standardized(by: set.showers, energies: set.energies)
    standard = (found.mean, found.deviation)
  }

  /// The option by which another one differs, with this one's value; `nil` if they are the same.
  func difference(_ other: CaloGeometry) -> String? {
    if base.name != other.base.name { return "--preset \(base.name)" }
    if binning != other.binning { return binning == nil ? "the preset's own binning" : "another --binning" }
    let (ours, theirs) = (preset.widths, other.preset.widths)
    return ours == theirs ? nil : "--widths \(ours.map(String.init).joined(separator: ","))"
  }

  /// By the options' names; what is as in the preset is empty.
  var values: [String: String] {
    [
      "preset": base.name, "binning": binning?.xml ?? "",
      "widths": widths.map { $0.map(String.init).joined(separator: ",") } ?? "",
      "standard": standard.map { "\($0.mean),\($0.deviation)" } ?? "",
    ]
  }

  /// Those of a checkpoint; `nil` if they are not all there.
  init?(values: [String: String]) {
    guard let base = values["preset"].flatMap({ NamedPreset(argument: $0)?.preset }) else { return nil }
    func numbers<Number: LosslessStringConvertible>(_ name: String, _ type: Number.Type) -> [Number]? {
      let text = values[name] ?? ""
      let found = text.split(separator: ",").compactMap { Number(String($0)) }
      return text.isEmpty ? nil : found
    }
    var binning: CalorimeterBinning?
    if let xml = values["binning"], !xml.isEmpty {
      guard let read = try? CalorimeterBinning(xml: xml) else { return nil }
      binning = read
    }
    let widths = numbers("widths", Int.self)
    if let widths, !Self.allows(widths: widths) { return nil }
    self.init(base, binning: binning, widths: widths)
    if let standard = numbers("standard", Double.self) {
      guard standard.count == 2, standard.allSatisfy(\.isFinite), standard[1] > 0 else { return nil }
      self.standard = (standard[0], standard[1])
    }
  }
}
