import Foundation
import Testing
import Volute
import VoluteFormats
import VoluteModels

@Suite struct ShowerTests {
  static let presets = ShowerPreset.all

  @Test(arguments: zip(ShowerPreset.all.dropFirst(), [368, 533, 6480, 40500]))
  func voxelsAreAsPublished(_ preset: ShowerPreset, _ count: Int) {
    #expect(preset.binning.voxels == count)
    #expect(preset.binning.ranges.last?.upperBound == count)
  }

  @Test func gridsAreAsPublished() {
    #expect(CalorimeterBinning.photons.gridSize == [5, 10, 30])
    #expect(CalorimeterBinning.pions.gridSize == [7, 10, 23])
    #expect(CalorimeterBinning.dataset3.gridSize == [45, 50, 18])
  }

  @Test func parametersWithTheMapsAreAsPublished() {
    #expect(ShowerNetwork(.photons).parameterCount == 521_581)
    #expect(ShowerNetwork(.pions).parameterCount == 525_901)
    #expect(ShowerNetwork(.dataset2).parameterCount == 517_969)
  }

  @Test(arguments: presets) func preprocessingComesBack(_ preset: ShowerPreset) throws {
    let count = 3
    let voxels = preset.binning.voxels
    let energies = Tensor([1500, 40_000, 900_000] as [Float])
    // Shares over many orders of magnitude, none of them more than a voxel ever holds, and empty voxels.
    let exponents = Tensor.uniform(
      [count, voxels], low: -8, high: -0.6, dtype: .float64, generator: Generator(seed: 1))
    let empty = Tensor.bernoulli([count, voxels], probability: 0.2, generator: Generator(seed: 2)).to(
      .float64)
    let scale = (energies.to(.float64) * preset.largestShare).unsqueezed(1)
    let ten: Double = Foundation.log(10)
    let showers = ((exponents * ten).exp() * (1 - empty) * scale).to(.float32)
    let normalized = try preset.normalized(showers: showers, energies: energies)
    let back = try preset.showers(normalized: normalized, energies: energies, cuts: false)
    let (v, w) = ((showers.to(.float64) / scale), (back.to(.float64) / scale))
    let inner = v * (1 - 2e-6) + 1e-6
    let logits = (inner / (1 - inner)).log().abs()
    let bound = maximum(v, 1e-6) * (logits + 1) * (4 / 16_777_216.0)
    let excess = ((w - v).abs() / bound).max().item(as: Double.self)
    #expect(excess <= 1, "\(preset.name): \(excess) of the bound")
    let cut = try preset.showers(normalized: normalized, energies: energies)
    #expect(!((cut .> 0) .& (cut .< preset.cut * 1000 * 0.999)).any())
  }

  private func maximum(_ x: Tensor, _ low: Double) -> Tensor { x.clamped(low, nil) }

  @Test func energiesAreLogarithms() throws {
    let found = try ShowerPreset.dataset2.normalized(energies: Tensor([1000, 31622.7766, 1e6] as [Float]))
    #expect(found.isClose(to: Tensor([0, 0.5, 1] as [Float]), relative: 0, absolute: 1e-6))
    #expect { try ShowerPreset.dataset2.normalized(energies: Tensor([500, 2000] as [Float])) } throws: {
      "\($0)".contains("shower 0 is 0.5 GeV")
    }
  }

  @Test func voxelsThatCannotBeAreRefused() throws {
    let preset = ShowerPreset.small
    for (value, text) in [(Float.nan, "nan"), (-1, "-0.001"), (3000, "3.0")] as [(Float, String)] {
      var values = [Float](repeating: 0, count: 2 * preset.binning.voxels)
      values[preset.binning.voxels + 7] = value
      let showers = Tensor(values, shape: [2, preset.binning.voxels])
      #expect {
        try preset.normalized(showers: showers, energies: Tensor([1000, 1000] as [Float]))
      } throws: {
        "\($0)".contains("voxel 7 of shower 1") && "\($0)".contains(text)
      }
    }
  }

  @Test(arguments: [CalorimeterBinning.photons, .pions]) func mapsComeBack(_ binning: CalorimeterBinning)
    throws
  {
    let maps = LayerMaps(binning)
    let x = Tensor.rand([3, binning.voxels], generator: Generator(seed: 1))
    try noGrad {
      let grid = try maps.encode(x)
      #expect(grid.shape == [3, 1] + binning.gridSize)
      // Spreading over areas keeps each layer's energy.
      for (layer, range) in binning.ranges.enumerated() {
        let (there, here) = (grid.selected(2, layer).sum([1, 2, 3]), x.sliced(1, range).sum([1]))
        #expect(((there - here).abs() / here).max().item(as: Double.self) < 1e-5)
      }
      #expect((try maps.decode(grid) - x).abs().max().item(as: Double.self) < 1e-5)
    }
  }

  @Test func binningsAreReadFromXML() throws {
    let xml = """
      <?xml version="1.0" encoding="UTF-8" ?>
      <!-- <Layer id="9" r_edges="0,1" n_bin_alpha="1"/> -->
      <Bins>
        <Bin pid="22" etaMin="20" etaMax="25" name="photon">
          <Layer id="0" r_edges="0,5,10" n_bin_alpha="1" />
          <Layer id='1' r_edges='0, 2, 5.5' n_bin_alpha='10'></Layer>
          <Layer id="4" r_edges="0" n_bin_alpha="1"/>
        </Bin>
      </Bins>
      """
    let binning = try CalorimeterBinning(xml: xml)
    #expect(
      binning.layers == [
        .init(id: 0, radialEdges: [0, 5, 10], angularBins: 1),
        .init(id: 1, radialEdges: [0, 2, 5.5], angularBins: 10),
      ])
    for (text, word) in [
      ("<Layer id=\"0\" r_edges=\"0,5\"/>", "n_bin_alpha"),
      ("<Layer id=\"0\" r_edges=\"5,0\" n_bin_alpha=\"1\"/>", "r_edges"),
      ("<Layer id=\"0", "does not end"), ("", "no layer"), ("<Layer id=0/>", "quotes"), ("<!-- ", "comment"),
      ("<Layer id=\"0\" r_edges=\"0,1\" n_bin_alpha=\"0\"/>", "from 1 to"), ("<", "no name"),
    ] {
      #expect { try CalorimeterBinning(xml: text) } throws: { "\($0)".contains(word) }
    }
  }

  @Test(arguments: presets) func syntheticShowersAreShowers(_ preset: ShowerPreset) throws {
    let count = preset.binning.voxels > 10_000 ? 8 : 60
    func profile(_ energy: Double) throws -> (share: Double, depth: Double) {
      let set = try SyntheticShowers(preset, count: count, seed: 1, energy: energy).all()
      #expect((set.showers .>= 0).all())
      // They can be learned from as they are.
      _ = try preset.normalized(showers: set.showers, energies: set.energies)
      let layers = preset.binning.ranges.map { set.showers.sliced(1, $0).sum().item(as: Double.self) }
      let total = layers.reduce(0, +)
      let depth = layers.enumerated().reduce(0) { $0 + Double($1.0) * $1.1 } / total
      return (total / set.energies.sum().item(as: Double.self), depth)
    }
    let (low, high) = (try profile(2), try profile(500))
    #expect(high.share > 0.4 && high.share < 1.1, "\(preset.name): \(high.share) of the energy is seen")
    // Showers of more energy go deeper.
    #expect(high.depth > low.depth, "\(preset.name)")
  }

  @Test func syntheticShowersHaveTheirOwnStreams() {
    let (few, many) = (
      SyntheticShowers(.small, count: 2, seed: 4), SyntheticShowers(.small, count: 9, seed: 4)
    )
    #expect(few.element(at: 1)[0].isEqual(to: many.element(at: 1)[0]))
    #expect(!few.element(at: 1)[0].isEqual(to: few.element(at: 0)[0]))
  }

  @Test func filesComeBackAndWrongOnesAreRefused() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "showers.npz").path
    let parts = try SyntheticShowers(.small, count: 4, seed: 1).all()
    try parts.write(to: path)
    let back = try ShowerSet(path, of: .small)
    #expect(back.showers.isEqual(to: parts.showers) && back.energies.isEqual(to: parts.energies))
    #expect { try ShowerSet(path, of: .dataset2) } throws: {
      "\($0)".contains("6480") && "\($0)".contains("576")
    }
    try NPZ.write([("showers", parts.showers)], to: path)
    #expect { try ShowerSet(path, of: .small) } throws: { "\($0)".contains("incident_energies") }
    try NPZ.write([("showers", parts.showers * Float.nan), ("incident_energies", parts.energies)], to: path)
    #expect { try ShowerSet(path, of: .small) } throws: { "\($0)".contains("voxel 0 of shower 0") }
  }

  @Test func separationPowers() throws {
    let values = (0..<100).map(Double.init)
    #expect(HistogramPair(reference: values, samples: values).separationPower == 0)
    let apart = HistogramPair(reference: [0, 0, 10], samples: [10, 10, 10], bins: 2)
    #expect(apart.reference == [2.0 / 3, 1.0 / 3] && apart.samples == [0, 1])
    #expect(abs(apart.separationPower - 0.5 * (2.0 / 3 + (4.0 / 9) / (4.0 / 3))) < 1e-12)
    // Nothing, or less, is in the first bin of a logarithmic one, and NaN in none.
    let logs = HistogramPair(
      reference: [1, 100, 0, .nan], samples: [.nan, 10], bins: 2, isLogarithmic: true)
    #expect(logs.edges == [0, 1, 2] && logs.reference == [2.0 / 3, 1.0 / 3] && logs.samples == [0, 1])
  }

  @Test func observablesAreOfEveryLayer() throws {
    let set = try SyntheticShowers(.small, count: 5, seed: 1).all()
    var found = ShowerObservables(ShowerPreset.small)
    for part in [0..<2, 2..<5] {
      found.add(try ShowerSet(showers: set.showers.sliced(0, part), energies: set.energies.sliced(0, part)))
    }
    // Three of the whole, and of each layer its energy, the voxels that are hit, three centres and widths.
    #expect(found.keys.count == 3 + 12 * 8 && found.count == 5)
    let total = found[.init(.ratio)].reduce(0, +) / 5
    #expect(abs(total - found.depthProfile.reduce(0, +)) < 1e-9)
    #expect(abs(found.radialProfile.reduce(0, +) - 1) < 1e-12)
    #expect(abs(found.meanShower.reduce(0, +) - set.showers.sum().item(as: Double.self) / 5) < 0.1)
    // In parts or at once.
    let whole = ShowerObservables(set, of: .small)
    for key in found.keys {
      #expect(zip(found[key], whole[key]).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }, "\(key)")
    }
    #expect(found.features.shape == [5, 1 + 2 + 12 * 8] && found.features.isFinite().all())
  }

  @Test func centresAndWidthsAreThoseOfTheCells() throws {
    // All in layer 2, angle 1 of 8, rings 0 and 2 of 7 mm: a quarter and three quarters.
    let preset = ShowerPreset.small
    var showers = Tensor.zeros([1, preset.binning.voxels])
    let start = preset.binning.ranges[2].lowerBound + 6
    showers.fill(100, at: 0, start)
    showers.fill(300, at: 0, start + 2)
    let found = try ShowerObservables(
      ShowerSet(showers: showers, energies: Tensor([1000] as [Float])), of: preset)
    func one(_ quantity: ShowerObservables.Quantity, _ layer: Int? = 2) -> Double {
      found[.init(quantity, layer: layer)][0]
    }
    let (mean, spread) = (0.25 * 3.5 + 0.75 * 17.5, 14 * (0.25 * 0.75).squareRoot())
    let turn = 1.5 * Double.pi / 4
    #expect(abs(one(.centreRadius) - mean) < 1e-9 && abs(one(.widthRadius) - spread) < 1e-6)
    #expect(abs(one(.centreEta) - mean * cos(turn)) < 1e-9 && abs(one(.widthEta) - spread * cos(turn)) < 1e-6)
    #expect(abs(one(.centrePhi) - mean * sin(turn)) < 1e-9 && abs(one(.widthPhi) - spread * sin(turn)) < 1e-6)
    #expect(one(.layerEnergy) == 400 && one(.ratio, nil) == 0.4 && one(.layerHits) == 2.0 / 48)
    #expect(one(.centreEta, 3).isNaN && one(.layerEnergy, 3) == 0)
    #expect(found[.init(.voxels)] == [100, 300] && found.depthProfile[2] == 0.4)
    #expect(found.radialProfile == [0.25, 0, 0.75, 0, 0, 0])
  }

  @Test func classifiersTellWhatDiffers() throws {
    #expect(ShowerClassifier.areaUnderCurve([1, 2, 3, 4], [false, false, true, true]) == 1)
    #expect(ShowerClassifier.areaUnderCurve([1, 2, 3, 4], [true, false, true, false]) == 0.25)
    #expect(ShowerClassifier.areaUnderCurve([1, 1, 1], [true, false, true]) == 0.5)
    func rows(_ seed: Int, _ scale: Double) -> Tensor {
      let x = Tensor.randn([300, 6], generator: Generator(seed: seed))
      // The last two are bound to each other.
      return try! concatenate([x, x.sliced(1, 0..<1) * scale], axis: 1)
    }
    let same = try ShowerClassifier(reference: rows(1, 1), samples: rows(2, 1), seed: 3)
    #expect(abs(same.auc - 0.5) < 4 * same.uncertainty && same.uncertainty < 0.06)
    let other = try ShowerClassifier(reference: rows(1, 1), samples: rows(2, -1), seed: 3)
    #expect(other.auc > 0.9)
    let again = try ShowerClassifier(reference: rows(1, 1), samples: rows(2, -1), seed: 3)
    #expect(again.auc == other.auc && again.epochs == other.epochs)
    #expect(throws: ShapeError.self) {
      try ShowerClassifier(reference: rows(1, 1), samples: rows(2, 1).sliced(1, 0..<3))
    }
  }

  @Test func anotherBinningIsAsDeep() throws {
    let binning = CalorimeterBinning.regular(layers: 3, angularBins: 8, radialBins: 6, width: 7)
    #expect(try CalorimeterBinning(xml: binning.xml) == binning)
    #expect(try CalorimeterBinning(xml: CalorimeterBinning.pions.xml) == .pions)
    let preset = ShowerPreset.small.with(binning, named: "three")
    let set = try SyntheticShowers(preset, count: 40, seed: 1, energy: 100).all()
    let whole = try SyntheticShowers(.small, count: 40, seed: 1, energy: 100).all()
    let ratio = set.showers.sum().item(as: Double.self) / whole.showers.sum().item(as: Double.self)
    #expect(abs(ratio - 1) < 0.05)
    let measured = try preset.standardized(by: set.showers, energies: set.energies)
    let x = try measured.normalized(showers: set.showers, energies: set.energies).to(.float64)
    #expect(abs(x.mean().item(as: Double.self)) < 1e-6)
    #expect(abs(x.square().mean().item(as: Double.self) - 1) < 1e-5)
  }
}
