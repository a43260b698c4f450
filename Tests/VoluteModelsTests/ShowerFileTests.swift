import Foundation
import Testing
import Volute
import VoluteFormats
import VoluteModels

/// Files of showers and of weights that others made; HDF5 where the package is built with it.
@Suite struct ShowerFileTests {
  private let folder: URL
  private static let reference = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Reference")

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { folder.appending(path: name).path }

  /// 4 layers of 8 angles and 6 radii, with 8 channels everywhere.
  private static let tiny = ShowerPreset.small
    .with(.regular(layers: 4, angularBins: 8, radialBins: 6, width: 7), named: "tiny").with(widths: [8, 8, 8])

  #if HDF5
    @Test func whatOthersWroteIsRead() throws {
      let path = Self.reference.appending(path: "showers_small.hdf5").path
      let file = try ShowerFile(path, of: .small)
      #expect(file.count == 12)
      let set = try ShowerSet(path, of: .small)
      let voxels = ShowerPreset.small.binning.voxels
      let wanted = (0..<12 * voxels).map { place -> Float in
        let (shower, voxel) = (place / voxels, place % voxels)
        return voxel % 3 == 0 ? 0.5 * Float(shower + voxel % 7) : 0
      }
      #expect(set.showers.isEqual(to: Tensor(wanted, shape: [12, voxels])))
      #expect(set.energies.elements(as: Double.self) == (1...12).map { 1000 * Double($0) })
      // A part is the same part of the whole, across chunks.
      #expect(try file.showers(3..<8).showers.isEqual(to: set.showers.sliced(0, 3..<8)))
      let (showers, energies) = try file.normalized()
      let preset = ShowerPreset.small
      #expect(try showers.isEqual(to: preset.normalized(showers: set.showers, energies: set.energies)))
      #expect(try energies.isEqual(to: preset.normalized(energies: set.energies)))
      #expect(try HDF5File(path).shape(of: "showers") == [12, voxels])
      // Whole chunks of five rows, or what there is room for.
      #expect(try HDF5File(path).rowsAtOnce(of: "showers", bytes: 12 * 8 * voxels) == 10)
      #expect(try HDF5File(path).rowsAtOnce(of: "showers", bytes: 1) == 1)
    }

    @Test func writtenShowersComeBack() throws {
      let set = try SyntheticShowers(.small, count: 7, seed: 3).all()
      for name in ["a.hdf5", "b.H5"] {
        try set.write(to: path(name))
        let back = try ShowerSet(path(name), of: .small)
        #expect(back.showers.isEqual(to: set.showers) && back.energies.isEqual(to: set.energies))
      }
      // Smaller than the numbers as they are.
      let size = try Data(contentsOf: URL(filePath: path("a.hdf5"))).count
      #expect(size < 7 * 576 * 4)
      try HDF5File.write([("x", Tensor.arange(6, dtype: .float64).reshaped([3, 2]))], to: path("c.hdf5"))
      let back = try HDF5File(path("c.hdf5")).rows(of: "x", 1..<3)
      #expect(back.isEqual(to: Tensor([[2, 3], [4, 5]] as [[Double]])))
      #expect(throws: FormatError.self) { try HDF5File.write([("x", Tensor(1))], to: path("d.hdf5")) }
    }

    @Test func wrongFilesAreRefused() throws {
      let good = try Data(contentsOf: Self.reference.appending(path: "showers_small.hdf5"))
      func refusal(_ data: Data, of preset: ShowerPreset = .small) throws -> String {
        try data.write(to: URL(filePath: path("x.hdf5")))
        do {
          _ = try ShowerSet(path("x.hdf5"), of: preset)
          return "nothing"
        } catch { return error.description }
      }
      #expect(try refusal(good) == "nothing")
      #expect(try refusal(Data("not this".utf8)).contains("is no HDF5 file"))
      #expect(try refusal(Data()).contains("is no HDF5 file"))
      let cut = try refusal(good.prefix(good.count / 2))
      #expect(cut.contains("truncated") && cut.contains("\(good.count)"), "\(cut)")
      let other = try refusal(good, of: .dataset2)
      #expect(other.contains("'showers'") && other.contains("576") && other.contains("6480"), "\(other)")

      func refusal(_ arrays: [(name: String, tensor: Tensor)]) throws -> String {
        try HDF5File.write(arrays, to: path("y.hdf5"))
        return try refusal(Data(contentsOf: URL(filePath: path("y.hdf5"))))
      }
      let set = try SyntheticShowers(.small, count: 300, seed: 1).all()
      let energies = set.energies.unsqueezed(1)
      let lacking = try refusal([("showers", set.showers)])
      #expect(lacking.contains("'incident_energies'") && lacking.contains("it has showers"), "\(lacking)")
      let fewer = try refusal([("showers", set.showers), ("incident_energies", energies.sliced(0, 0..<9))])
      #expect(fewer.contains("[9, 1]") && fewer.contains("300 showers"), "\(fewer)")
      var odd = set.showers
      odd.fill(Float.nan, at: 271, 8)
      let none = try refusal([("showers", odd), ("incident_energies", energies)])
      #expect(none.contains("'showers', voxel 8 of shower 271 holds nan"), "\(none)")
      odd.fill(-1, at: 271, 8)
      let negative = try refusal([("showers", odd), ("incident_energies", energies)])
      #expect(negative.contains("voxel 8 of shower 271 holds -"), "\(negative)")
      var beyond = energies
      beyond.fill(5e9, at: 17, 0)
      let far = try refusal([("showers", set.showers), ("incident_energies", beyond)])
      #expect(
        far.contains("'incident_energies', the energy of shower 17 is 5000000")
          && far.contains("1.0 to 1000.0 GeV"),
        "\(far)")
    }
  #else
    @Test(arguments: ["x.hdf5", "x.h5", "X.HDF5"]) func oneSentenceSaysWhatIsMissing(_ name: String) throws {
      let set = try SyntheticShowers(.small, count: 1, seed: 1).all()
      for work in [{ _ = try ShowerSet(path(name), of: .small) }, { try set.write(to: path(name)) }] {
        #expect {
          try work()
        } throws: {
          let text = "\($0)"
          return text.contains(name) && text.contains("apt-get install libhdf5-dev")
            && text.contains("swift build --traits HDF5") && text.contains(".npz") && !text.contains("\n")
        }
      }
      #expect(!HDF5File.isAvailable && !FileManager.default.fileExists(atPath: path(name)))
    }
  #endif

  @Test func partsOfAnArchiveAreChecked() throws {
    let set = try SyntheticShowers(.small, count: 5, seed: 2).all()
    try set.write(to: path("a.npz"))
    let file = try ShowerFile(path("a.npz"), of: .small)
    #expect(file.count == 5 && file.parts == [0..<5])
    #expect(try file.showers(2..<4).showers.isEqual(to: set.showers.sliced(0, 2..<4)))
    var odd = set.showers
    odd.fill(-2, at: 3, 9)
    try NPZ.write([("showers", odd), ("incident_energies", set.energies)], to: path("b.npz"))
    // Numbered from the beginning of the file.
    #expect { try ShowerFile(path("b.npz"), of: .small).showers(2..<5) } throws: {
      "\($0)".contains("voxel 9 of shower 3")
    }
  }

  @Test func weightsOfPyTorchGiveItsResults() throws {
    let path = Self.reference.appending(path: "condunet_tiny.pth").path
    let network = ShowerNetwork(Self.tiny, generator: Generator(seed: 1))
    try network.load(weightsFrom: path)
    let golden = Dictionary(
      uniqueKeysWithValues: try WeightFile(path).tensors(under: "golden").map { ($0.name, $0.tensor) })
    let (showers, energy) = (try #require(golden["showers"]), try #require(golden["energy"]))
    let (time, output) = (try #require(golden["time"]), try #require(golden["output"]))
    let found = try noGrad { try network(showers, energy: energy, time: time) }
    #expect(found.isClose(to: output, relative: 1e-4, absolute: 1e-5))
  }

  @Test(arguments: ["", "model.", "module.model.", "state_dict.module."]) func prefixesAreStripped(
    _ prefix: String
  ) throws {
    let source = ShowerNetwork(Self.tiny, generator: Generator(seed: 2))
    let weights = source.stateDictionary.map { ("\(prefix)\($0.key.dropFirst("model.".count))", $0.value) }
    try Safetensors.write(Dictionary(uniqueKeysWithValues: weights), to: path("a.safetensors"))
    let target = ShowerNetwork(Self.tiny, generator: Generator(seed: 3))
    try target.load(weightsFrom: path("a.safetensors"))
    let (a, b) = (source.stateDictionary, target.stateDictionary)
    #expect(a.allSatisfy { $0.value.isEqual(to: b[$0.key] ?? Tensor(0)) })
  }

  @Test func mapsComeWithTheNetwork() throws {
    let binning = CalorimeterBinning([
      .init(id: 0, radialEdges: [0, 5, 10, 20, 40], angularBins: 1),
      .init(id: 1, radialEdges: [0, 10, 20, 30, 40, 50], angularBins: 8),
      .init(id: 2, radialEdges: [0, 5, 50], angularBins: 8),
    ])
    let preset = Self.tiny.with(binning, named: "uneven")
    let source = ShowerNetwork(preset, generator: Generator(seed: 2))
    #expect(source.stateKeys.contains("NN_embed.encs.0.weight"))
    try Safetensors.write(source.stateDictionary, to: path("a.safetensors"))
    let target = ShowerNetwork(preset, generator: Generator(seed: 3))
    try target.load(weightsFrom: path("a.safetensors"))
    #expect(
      target.stateDictionary.allSatisfy { $0.value.isEqual(to: source.stateDictionary[$0.key] ?? Tensor(0)) })
  }

  @Test func otherNetworksAreRefused() throws {
    let pth = Self.reference.appending(path: "condunet_tiny.pth").path
    let other = ShowerNetwork(Self.tiny.with(widths: [16, 16, 16]), generator: Generator(seed: 1))
    let before = other.stateDictionary
    #expect { try other.load(weightsFrom: pth) } throws: {
      let text = "\($0)"
      return text.contains(
        "'model.init_conv.conv.weight' has shape [8, 3, 3, 3, 3], but the network's is [16, 3, 3, 3, 3]")
        && text.contains("more keys")
    }
    #expect(before.allSatisfy { $0.value.isEqual(to: other.stateDictionary[$0.key] ?? Tensor(0)) })
    try Safetensors.write(["features.0.weight": Tensor(1)], to: path("vgg.safetensors"))
    #expect { try other.load(weightsFrom: path("vgg.safetensors")) } throws: {
      "\($0)".contains("init_conv.conv.weight") && "\($0)".contains("'features.0.weight'")
    }
  }
}
