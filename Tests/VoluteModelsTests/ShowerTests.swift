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
    let set = try SyntheticShowers(.small, count: 5, seed: 1).all()
    let found = ShowerObservables(set, of: .small)
    // Two of the whole, and of each layer its energy and three centres and widths.
    #expect(found.observables.count == 2 + 12 * 7)
    let total = found.observables[0].values.reduce(0, +) / 5
    #expect(abs(total - found.profile.reduce(0, +)) < 1e-9)
  }
}
