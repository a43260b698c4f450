import Foundation
import Testing
import Volute
import VoluteFormats

/// `volute inspect` and `volute convert`, on checkpoints that PyTorch wrote.
@Suite struct FileCommandTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    for name in ["run.pt", "run_legacy.pth", "types.pt", "hostile.pt", "types.safetensors"] {
      try FileManager.default.copyItem(
        at: tests.appending(path: "VoluteFormatsTests/Fixtures/\(name)"),
        to: URL(filePath: "\(folder.path)/\(name)"))
    }
  }

  @Test(arguments: ["run.pt", "run_legacy.pth"])
  func inspectListsKeysShapesTypesAndSizes(name: String) throws {
    let result = try Command("inspect {}/\(name)", in: folder)
    #expect(result.status == 0 && result.error == "")
    let lines = result.lines
    #expect(lines[0] == "\(folder.path)/\(name): PyTorch checkpoint")
    #expect(
      lines[2] == "  state_dict.0.weight               [2, 1, 2, 2]  float32         8   32 B")
    #expect(lines.contains { $0.hasPrefix("  19 tensors ") && $0.hasSuffix("51  208 B") })
    #expect(lines.contains { $0.hasPrefix("  epoch ") && $0.hasSuffix("  3") })
    #expect(lines.last == "  and 15 more; --json has them all")
  }

  @Test func inspectSpeaksJSON() throws {
    let result = try Command("inspect {}/run.pt --json", in: folder)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(object["format"] as? String == "PyTorch checkpoint")
    #expect(object["elements"] as? Int == 51 && object["bytes"] as? Int == 208)
    let tensors = try #require(object["tensors"] as? [[String: Any]])
    #expect(tensors.count == 19)
    #expect(tensors[0]["key"] as? String == "state_dict.0.weight")
    #expect(tensors[0]["shape"] as? [Int] == [2, 1, 2, 2])
    #expect(tensors[0]["dtype"] as? String == "float32" && tensors[0]["bytes"] as? Int == 32)
    let values = try #require(object["values"] as? [[String: Any]])
    func value(_ name: String) -> Any? { values.first { $0["name"] as? String == name }?["value"] }
    #expect(value("epoch") as? Int == 3 && value("note") as? String == "größe")
    #expect(value("nothing") is NSNull && value("done") as? Bool == true)
  }

  @Test func convertKeepsEveryTensor() throws {
    let source = try WeightFile("\(folder.path)/types.pt").tensors()
    for name in ["w.safetensors", "W.NPZ"] {
      let result = try Command("convert {}/types.pt {}/\(name)", in: folder)
      #expect(result.status == 0 && result.error == "", "\(result.error)")
      #expect(result.output.contains("10, 198 B"))
      let written = try WeightFile("\(folder.path)/\(name)").tensors()
      #expect(Set(written.map(\.name)) == Set(source.map(\.name)))
      for (name, tensor) in written {
        let original = try #require(source.first { $0.name == name }).tensor
        #expect(tensor.dtype == original.dtype && tensor.shape == original.shape)
        #expect(tensor.withUnsafeBytes { Array($0) } == original.withUnsafeBytes { Array($0) })
      }
    }
    #expect(try SafetensorsFile("\(folder.path)/w.safetensors").metadata == ["format": "pt"])
  }

  @Test func convertTakesAPart() throws {
    let result = try Command("convert {}/run.pt {}/w.safetensors --under state_dict", in: folder)
    #expect(result.output.contains("left behind    35 values that are no tensors"))
    let keys = try SafetensorsFile("\(folder.path)/w.safetensors").keys
    #expect(keys.first == "1.num_batches_tracked" && keys.count == 7 && keys.contains("0.weight"))
    // What was taken whole says how to do better.
    _ = try Command("convert {}/run.pt {}/all.npz --under optimizer", in: folder)
    let again = try Command("convert {}/all.npz {}/all.safetensors", in: folder)
    #expect(again.output.contains("every name starts with state.; --under state drops that"))
  }

  @Test func metadataGoFromSafetensorsToSafetensors() throws {
    try Safetensors.write(["a": Tensor(1)], to: "\(folder.path)/a.safetensors", metadata: ["author": "me"])
    let same = try Command("convert {}/a.safetensors {}/b.safetensors", in: folder)
    #expect(same.status == 0 && !same.output.contains("left behind"))
    #expect(try SafetensorsFile("\(folder.path)/b.safetensors").metadata == ["author": "me"])
    let other = try Command("convert {}/a.safetensors {}/b.npz", in: folder)
    #expect(other.output.contains("left behind    author"))
  }

  @Test func refusalsAreOneSentenceAndWriteNothing() throws {
    let before = try folder.names
    let cases: [(String, Int32, String)] = [
      ("inspect {}/none.pt", 65, "none.pt: cannot be opened: No such file or directory"),
      ("inspect {}/hostile.pt", 65, "hostile.pt:hostile/data.pkl: the pickle asks for posix.system"),
      ("convert {}/hostile.pt {}/w.safetensors", 65, "the pickle asks for posix.system"),
      ("convert {}/types.pt {}/w.pt", 64, "/w.pt' should end in .safetensors or .npz"),
      ("convert {}/types.pt {}/none/w.npz", 65, "none/w.npz: cannot be created"),
      ("convert {}/types.pt {}/w.npz --under model", 65, "types.pt: has no tensors under 'model'"),
    ]
    for (words, status, sentence) in cases {
      let result = try Command(words, in: folder)
      #expect(result.status == status && result.error.hasPrefix("volute: "))
      #expect(result.error.contains(sentence), "\(result.error)")
    }
    #expect(try folder.names == before)
    #expect(!FileManager.default.fileExists(atPath: "/tmp/volute-was-here"))
  }
}
