import Foundation
import Testing
import Volute
import VoluteFormats

/// `volute train digits`, on runs of a second.
@Suite struct TrainCommandTests {
  private static let tiny = "train digits --epochs 2 --images 400 --held-out 100 --batch-size 50"

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func aRunIsToldInRows() throws {
    let run = try Command(Self.tiny)
    #expect(run.status == 0 && run.error == "", "\(run.error)")
    #expect(
      run.lines.count { $0.hasPrefix("epoch ") && $0.contains("loss ") && $0.contains("held out ") } == 2)
    #expect(run.lines.contains { $0.contains("400 rendered digits, 16 steps of 50, 2 epochs") })
    #expect(run.lines.contains { $0.contains("images/s") })
    // A row for each digit, of ten held-out images.
    let rows = run.lines.suffix(10).map { $0.split(separator: " ") }
    for (digit, row) in rows.enumerated() {
      #expect(row[0] == "\(digit)" && row.count == 13)
      #expect(row[1...10].reduce(0) { $0 + (Int($1) ?? 0) } == 10)
    }
  }

  @Test func itLearns() throws {
    let run = try object(
      Command("train digits --epochs 3 --images 3000 --held-out 500 --batch-size 32 --json").output)
    let (accuracy, baseline) = (run["accuracy"] as? Double ?? 0, run["baseline"] as? Double ?? 1)
    // Ten classes, and images on which the nearest mean fails often: neither chance nor a look is enough.
    #expect(baseline > 0.2 && baseline < 0.75)
    #expect(accuracy > 0.85)
    let confusion = try #require(run["confusion"] as? [[Int]])
    #expect(confusion.map { $0.reduce(0, +) } == Array(repeating: 50, count: 10))
    #expect(Double((0..<10).reduce(0) { $0 + confusion[$1][$1] }) / 500 == accuracy)
    let losses = try #require(run["epochs"] as? [[String: Any]]).map { $0["loss"] as? Double ?? 0 }
    #expect(losses.count == 3 && losses[2] < losses[0] && run["steps"] as? Int == 282)
    #expect(run["parameters"] as? Int == 105_866)
  }

  @Test func aStoppedRunGoesOnAsIfItHadNot() throws {
    let folder = try Folder()
    let whole = try Command(
      "\(Self.tiny) --seed 4 --threads 2 --save {}/whole.safetensors --json", in: folder)
    #expect(whole.status == 0 && whole.error == "")
    // Within the first epoch, and within the second.
    let run = "--checkpoint {}/run.safetensors"
    let first = try Command("\(Self.tiny) --seed 4 --threads 1 --stop-after 5 \(run)", in: folder)
    #expect(first.status == 0 && first.error.contains("stopped at step 5 of 16; --checkpoint"))
    let second = try Command("train digits --resume --stop-after 6 \(run)", in: folder)
    #expect(second.status == 0 && second.error.contains("stopped at step 11 of 16"))
    let third = try Command(
      "train digits --resume --save {}/parts.safetensors --json \(run)", in: folder)
    #expect(third.status == 0 && third.error == "", "\(third.error)")
    #expect(
      try Data(contentsOf: URL(filePath: "\(folder.path)/whole.safetensors"))
        == Data(contentsOf: URL(filePath: "\(folder.path)/parts.safetensors")))
    #expect(
      try object(third.output)["confusion"] as? [[Int]] == object(whole.output)["confusion"] as? [[Int]])
    // What is done stays done.
    let again = try Command("train digits --resume --json \(run)", in: folder)
    #expect(try object(again.output)["accuracy"] as? Double == object(whole.output)["accuracy"] as? Double)
    #expect(try folder.names == ["parts.safetensors", "run.safetensors", "whole.safetensors"])
    // The weights are read like any others.
    let weights = try Safetensors.read("\(folder.path)/whole.safetensors")
    #expect(weights["conv1.weight"]?.shape == [16, 1, 3, 3] && weights["head.bias"]?.shape == [10])
  }

  @Test func anInterruptedRunIsSaved() throws {
    let folder = try Folder()
    let process = Process()
    process.executableURL =
      URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "volute")
    let path = "\(folder.path)/run.safetensors"
    process.arguments =
      "train digits --epochs 10000 --images 100 --held-out 10 --batch-size 10 --checkpoint \(path)"
      .split(separator: " ").map(String.init)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning && !FileManager.default.fileExists(atPath: path) { usleep(5_000) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 130)
    let step = try TrainingCheckpoint(path).step
    #expect(step >= 10 && step < 100_000)
    #expect(try folder.names == ["run.safetensors"])
  }

  @Test func progressShowsLossAndRate() throws {
    let run = try Command(
      "train digits --epochs 1 --images 8000 --held-out 10 --batch-size 10", terminal: true)
    #expect(run.output.contains("epoch 1 of 1  █") || run.output.contains("epoch 1 of 1  ░"))
    #expect(
      run.output.contains(" of 800  ") && run.output.contains("  loss ") && run.output.contains(" images/s"))
  }

  @Test func refusalsAreOneSentence() throws {
    let folder = try Folder()
    let run = "--checkpoint {}/run.safetensors"
    _ = try Command("\(Self.tiny) --stop-after 1 \(run)", in: folder)
    try Safetensors.write(["a": Tensor(1)], to: "\(folder.path)/other.safetensors")
    try folder.write("empty.safetensors", text: "")
    let before = try Data(contentsOf: URL(filePath: "\(folder.path)/run.safetensors"))
    for (words, status, text) in [
      ("--epochs 0", 64, "--epochs 0 is none; give 1 or more"),
      ("--batch-size -3", 64, "--batch-size -3 is none"),
      ("--learning-rate 0", 64, "--learning-rate 0.0 teaches nothing"),
      ("--threads 0", 64, "--threads 0 is none"),
      ("--learning-rate nan", 64, "teaches nothing"), ("--images 99999999999", 64, "is too many"),
      ("--resume", 64, "--resume needs --checkpoint"),
      ("--checkpoint {}/run.pt", 64, "should end in .safetensors"),
      ("\(run) --save {}/run.safetensors", 64, "cannot go to one file"),
      ("\(run)", 65, "holds a run at step 1 (go on with --resume, or remove the file)"),
      ("\(run) --resume --batch-size 20", 65, "holds a run of --batch-size 50, which cannot go on with 20"),
      ("--resume --checkpoint {}/none.safetensors", 65, "cannot be opened"),
      ("--resume --checkpoint {}/other.safetensors", 65, "is no checkpoint of a training run"),
      ("--resume --checkpoint {}/empty.safetensors", 65, "empty.safetensors: "),
      ("--checkpoint {}/other.safetensors", 65, "is there and holds no run"),
      ("--checkpoint {}/none/run.safetensors", 65, "cannot be created"),
    ] {
      let result = try Command("train digits \(words)", in: folder)
      #expect(result.status == status && result.output == "", "\(words): \(result.status)")
      #expect(result.error.hasPrefix("volute: ") && result.error.contains(text), "\(words): \(result.error)")
    }
    #expect(try Data(contentsOf: URL(filePath: "\(folder.path)/run.safetensors")) == before)
  }
}
