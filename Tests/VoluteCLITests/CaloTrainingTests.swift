import Foundation
import Testing
import Volute
import VoluteFormats

/// What keeps a long run of `volute train calo` from being lost, and what it may start from.
@Suite struct CaloTrainingTests {
  /// Epochs of four steps, of a network that is soon done.
  private static let tiny = "train calo --widths 8,8,8 --batch-size 4 --showers 20 --seed 3"
  private static let pth = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "VoluteModelsTests/Reference/condunet_tiny.pth").path

  /// The calorimeter of ``pth``.
  private static let xml =
    "<Bins>"
    + (0..<4).map { "<Layer id=\"\($0)\" r_edges=\"0,7,14,21,28,35,42\" n_bin_alpha=\"8\"/>" }.joined()
    + "</Bins>"

  private func bytes(_ folder: Folder, _ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)"))
  }

  @Test func thePlateauSurvivesAStop() throws {
    let folder = try Folder()
    // Far too fast, so that nothing gets better and the rate falls.
    let words =
      "\(Self.tiny) --seed 5 --held-out 0.2 --patience 1 --early-stop 9 --learning-rate 1 --steps 24"
    let whole = try Command("\(words) --out {}/whole", in: folder)
    #expect(whole.status == 0 && whole.output.contains("at best, in epoch"), "\(whole.error)")
    // In the middle of an epoch, at the end of one, and right behind it.
    #expect(try Command("\(words) --stop-after 6 --out {}/parts", in: folder).status == 0)
    for count in [2, 1, 5] {
      let part = try Command("train calo --out {}/parts --resume --stop-after \(count)", in: folder)
      #expect(part.status == 0, "\(part.error)")
    }
    let rest = try Command("train calo --out {}/parts --resume", in: folder)
    #expect(rest.status == 0, "\(rest.error)")
    for name in ["checkpoint.safetensors", "checkpoint-best.safetensors"] {
      #expect(try bytes(folder, "whole/\(name)") == bytes(folder, "parts/\(name)"), "\(name)")
    }
    let run = try TrainingCheckpoint("\(folder.path)/whole/checkpoint.safetensors")
    let rate = try #require(run.optimizer["group.0"]).elements(as: Double.self)[0]
    #expect(rate < 0.2, "the rate did not fall: \(rate)")
    let best = try TrainingCheckpoint("\(folder.path)/whole/checkpoint-best.safetensors")
    #expect(best.step < run.step && best.step % 4 == 0)
  }

  @Test func aRunThatGetsNoBetterEnds() throws {
    let folder = try Folder()
    let words = "\(Self.tiny) --held-out 0.2 --early-stop 1 --learning-rate 1 --steps 400 --out {}/run"
    let ended = try Command(words, in: folder)
    #expect(ended.status == 0 && ended.output.contains("ended, since it got no better"), "\(ended.error)")
    let step = try TrainingCheckpoint("\(folder.path)/run/checkpoint.safetensors").step
    #expect(step < 400 && step % 4 == 0)
    // It knows that it is done.
    let again = try Command("train calo --out {}/run --resume", in: folder)
    #expect(again.status == 0, "\(again.error)")
    #expect(try TrainingCheckpoint("\(folder.path)/run/checkpoint.safetensors").step == step)
  }

  @Test func whatIsNoNumberStopsTheRun() throws {
    let folder = try Folder()
    let words = "\(Self.tiny) --learning-rate 1e30 --steps 9"
    let lost = try Command("\(words) --out {}/run", in: folder)
    #expect(lost.status == 65, "\(lost.output)")
    #expect(
      lost.error.contains("the loss of step 2") && lost.error.contains("came out of the layer 'model.")
        && lost.error.contains("no checkpoint yet"), "\(lost.error)")
    let kept = try Command("\(words) --every 0.000001 --out {}/kept", in: folder)
    #expect(
      kept.status == 65 && kept.error.contains("the last good state is step 1 in")
        && kept.error.contains("kept/checkpoint.safetensors"), "\(kept.error)")
  }

  @Test func aKilledRunGoesOnAsIfItHadNotBeen() throws {
    let folder = try Folder()
    let words = "\(Self.tiny) --steps 40 --every 0.000001 --out"
    let process = Process()
    process.executableURL =
      URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "volute")
    process.arguments = words.split(separator: " ").map(String.init) + ["\(folder.path)/killed"]
    process.standardOutput = Pipe()
    process.standardError = Pipe()
    try process.run()
    let file = "\(folder.path)/killed/checkpoint.safetensors"
    while process.isRunning, !FileManager.default.fileExists(atPath: file) { usleep(1000) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    let step = try TrainingCheckpoint(file).step
    #expect((1..<40).contains(step))
    let rest = try Command("train calo --resume {}/killed", in: folder)
    #expect(rest.status == 0, "\(rest.error)")
    #expect(try Command("\(words) {}/whole", in: folder).status == 0)
    #expect(
      try bytes(folder, "whole/checkpoint.safetensors") == bytes(folder, "killed/checkpoint.safetensors"))
  }

  @Test func weightsOfPyTorchAreTaken() throws {
    let folder = try Folder()
    try folder.write("tiny.xml", text: Self.xml)
    let geometry = "--binning {}/tiny.xml --widths 8,8,8"
    let sampled = try Command(
      "sample calo --checkpoint \(Self.pth) \(geometry) --count 2 --steps 2 -o {}/a.npz", in: folder)
    #expect(sampled.status == 0, "\(sampled.error)")
    #expect(try folder.read("a.npz:showers").shape == [2, 192])
    // So slow that the weights stay what they are.
    let words = "train calo \(geometry) --batch-size 4 --showers 8 --steps 1 --learning-rate 1e-30"
    let trained = try Command("\(words) --initial-weights \(Self.pth) --out {}/run", in: folder)
    #expect(trained.status == 0, "\(trained.error)")
    let (key, run) = (
      "init_conv.conv.weight", try TrainingCheckpoint("\(folder.path)/run/checkpoint.safetensors")
    )
    let source = try WeightFile(Self.pth).tensors(under: "model_state_dict")
      .first { $0.name == "module.model.\(key)" }?.tensor
    for part in ["model", "average"] {
      // An average of equal numbers is rounded.
      let away = try #require(run.model["\(part).model.\(key)"]) - #require(source).to(.float32)
      #expect(away.abs().max().item(as: Double.self) < (part == "model" ? 1e-30 : 1e-6))
    }
    let unsaid = try Command("sample calo --checkpoint \(Self.pth)", in: folder)
    #expect(unsaid.status == 65 && unsaid.error.contains("say with --preset"), "\(unsaid.error)")
    let other = try Command("sample calo --checkpoint \(Self.pth) --preset dataset2", in: folder)
    #expect(
      other.status == 65 && other.error.contains("dataset2") && other.error.contains("[8, 3, 3, 3, 3]")
        && other.error.contains("[16, 3, 3, 3, 3]"), "\(other.error)")
  }

  @Test func anotherBinningIsKeptWithTheRun() throws {
    let folder = try Folder()
    try folder.write("tiny.xml", text: Self.xml)
    let words = "train calo --binning {}/tiny.xml --widths 8,8,8 --batch-size 4 --showers 8"
    #expect(try Command("\(words) --steps 2 --out {}/run", in: folder).status == 0)
    try FileManager.default.removeItem(atPath: "\(folder.path)/tiny.xml")
    let sampled = try Command("sample calo --checkpoint {}/run --count 2 --steps 2 -o {}/a.npz", in: folder)
    #expect(sampled.status == 0 && sampled.output.contains("another binning, 192 voxels"), "\(sampled.error)")
    #expect(try Command("train calo --out {}/run --resume --steps 3", in: folder).status == 0)
    let other = try Command("train calo --out {}/run --resume --widths 16,16,16", in: folder)
    #expect(other.status == 65 && other.error.contains("--widths 8,8,8"), "\(other.error)")
    try folder.write("other.xml", text: Self.xml.replacingOccurrences(of: ",42", with: ",43"))
    let cut = try Command("sample calo --checkpoint {}/run --binning {}/other.xml", in: folder)
    #expect(cut.status == 65 && cut.error.contains("another --binning"), "\(cut.error)")
  }

  @Test(arguments: ["photons", "pions", "dataset2", "dataset3"]) func everyPresetIsTrained(_ name: String)
    throws
  {
    let folder = try Folder()
    let words =
      "train calo --preset \(name) --widths 8,8,8,8 --batch-size 1 --showers 1 --steps 1 --out {}/run"
    let trained = try Command(words, in: folder)
    #expect(trained.status == 0 && trained.output.contains(name), "\(trained.error)")
    #expect(try Command("sample calo --checkpoint {}/run --count 1 --steps 1", in: folder).status == 0)
  }

  #if HDF5
    @Test func everyCommandKnowsHDF5() throws {
      let folder = try Folder()
      let drawn = try Command("sample calo --synthetic small --count 20 -o {}/a.hdf5", in: folder)
      #expect(drawn.status == 0, "\(drawn.error)")
      #expect(try Command("sample calo --synthetic small --count 20 -o {}/a.npz", in: folder).status == 0)
      // The same showers make the same steps, whatever file they are in.
      for ending in ["hdf5", "npz"] {
        let words = "\(Self.tiny) --steps 2 --data {}/a.\(ending) --log {}/\(ending).csv"
        #expect(try Command(words, in: folder).status == 0)
      }
      #expect(try folder.text("hdf5.csv") == folder.text("npz.csv"))
      let judged = try Command("evaluate calo --reference {}/a.npz --samples {}/a.hdf5", in: folder)
      #expect(
        judged.status == 0 && judged.output.contains("0.00000  mean profile in depth"), "\(judged.error)")
    }
  #else
    @Test(arguments: [
      "sample calo -o {}/x.hdf5", "sample calo --synthetic small -o {}/x.h5", "train calo --data {}/x.hdf5",
      "evaluate calo --samples {}/x.hdf5",
    ]) func theAbsenceOfHDF5IsExplained(_ words: String) throws {
      let result = try Command(words, in: Folder())
      #expect(
        result.status == 65 && result.error.contains("swift build --traits HDF5")
          && !result.error.contains("training"),
        "\(result.error)")
    }
  #endif
}
