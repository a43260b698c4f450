import Foundation
import Testing
import Volute
import VoluteFormats

/// `volute encode video`, `decode video`, `train video` and `train placement`, on runs of a second.
@Suite struct VideoCommandTests {
  private static let tiny = "train video --steps 6 --batch-size 1 --seed 3"

  private func bytes(_ name: String, in folder: Folder) throws -> Data {
    try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)"))
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// Frames without a pattern, uint8 [frames, height, width, channels].
  private func clip(_ shape: [Int]) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0) }, shape: shape)
  }

  @Test func eachRunsWithNoFile() throws {
    let encoded = try Command("encode video")
    #expect(encoded.status == 0 && encoded.error == "", "\(encoded.error)")
    for text in [
      "17 frames of 48 by 64", "[8, 5, 12, 16]", "frames/s", "PSNR", "untrained weights of seed 1",
    ] {
      #expect(encoded.output.contains(text), "\(text): \(encoded.output)")
    }
    let decoded = try Command("decode video --seed 2 --tile 16 --overlap 8 --chunk 4")
    #expect(decoded.status == 0 && decoded.error == "", "\(decoded.error)")
    for text in ["PSNR", "the mean frame", "tiles of 16 pixels that share 8, 4 frames at once", "seed 2"] {
      #expect(decoded.output.contains(text), "\(text): \(decoded.output)")
    }
  }

  @Test func framesArraysAndPartsGiveOneCode() throws {
    let folder = try Folder()
    let frames = clip([12, 8, 12, 3])
    try folder.write("clip.npy", frames)
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/frames", withIntermediateDirectories: true)
    for frame in 0..<12 {
      // By number and not by letter: 2 comes before 10. One of them is a PPM.
      let path = "\(folder.path)/frames/f\(frame)"
      if frame == 4 {
        let pixels = frames[4].withUnsafeBytes { Data($0) }
        try (Data("P6 12 8 255\n".utf8) + pixels).write(to: URL(filePath: "\(path).ppm"))
      } else {
        try PNG.write(frames[frame], to: "\(path).png")
      }
    }
    try folder.write("frames/notes.txt", text: "no frame")
    try folder.write("float.npy", (frames.to(.float32) / 255).permuted(3, 0, 1, 2))
    for (input, options, output) in [
      ("clip.npy", "", "a.npy"), ("frames", "", "b.npy"), ("float.npy", "", "c.npy"),
      ("clip.npy", "--chunk 3", "d.npy"), ("frames", "--threads 1", "e.safetensors"),
    ] {
      let run = try Command("encode video --crop --input {}/\(input) \(options) -o {}/\(output)", in: folder)
      #expect(run.status == 0 && run.error == "", "\(run.error)")
      #expect(run.output.contains("9 frames of 8 by 12") && !run.output.contains("PSNR"))
    }
    let code = try folder.read("a.npy")
    #expect(code.shape == [8, 3, 2, 3] && code.dtype == .float32)
    #expect(try folder.read("b.npy").isEqual(to: code))
    #expect(try folder.read("c.npy").isClose(to: code, relative: 1e-4, absolute: 1e-5))
    #expect(try folder.read("d.npy").isClose(to: code, relative: 1e-4, absolute: 1e-5))
    #expect(try Safetensors.read("\(folder.path)/e.safetensors")["code"]?.isEqual(to: code) == true)

    // And back: to a folder, to bytes, to numbers.
    let decode = "decode video --input {}/e.safetensors"
    #expect(try Command("\(decode) -o {}/again", in: folder).status == 0)
    #expect(try Command("\(decode) -o {}/again.npy", in: folder).status == 0)
    #expect(try Command("\(decode) --float -o {}/numbers.npy", in: folder).status == 0)
    let again = try folder.read("again.npy")
    #expect(again.shape == [9, 8, 12, 3] && again.dtype == .uint8)
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/again").sorted()
    #expect(names.count == 9 && names.first == "frame-00001.png" && names.last == "frame-00009.png")
    for (frame, name) in names.enumerated() {
      #expect(try PNG.read("\(folder.path)/again/\(name)").isEqual(to: again[frame]))
    }
    let numbers = try folder.read("numbers.npy")
    #expect(numbers.shape == [3, 9, 8, 12])
    let rounded = (numbers * 255).clamped(0, 255).round().to(.uint8).permuted(1, 2, 3, 0)
    #expect((rounded.to(.float32) - again.to(.float32)).abs().max().item(as: Float.self) <= 1)
    // Frames that are there are not mixed with others.
    let refused = try Command("\(decode) -o {}/again", in: folder)
    #expect(refused.status == 65 && refused.error.contains("holds frames already"), "\(refused.error)")
  }

  @Test func grayAndTransparentClipsAreRead() throws {
    let folder = try Folder()
    for channels in [1, 4] {
      try folder.write("clip.npy", clip([5, 4, 4, channels]))
      let run = try Command("encode video --input {}/clip.npy -o {}/code\(channels).npy", in: folder)
      #expect(run.status == 0, "\(run.error)")
    }
    try folder.write("clip.npy", clip([5, 4, 4, 4])[.all, .all, .all, 0..<3])
    #expect(try Command("encode video --input {}/clip.npy -o {}/code3.npy", in: folder).status == 0)
    #expect(try folder.read("code4.npy").isEqual(to: folder.read("code3.npy")))
    #expect(try !folder.read("code1.npy").isEqual(to: folder.read("code3.npy")))
  }

  @Test func aStoppedRunGoesOnAsIfItHadNot() throws {
    let folder = try Folder()
    let whole = try Command(
      "\(Self.tiny) --checkpoint {}/whole.safetensors --save {}/w.safetensors", in: folder)
    #expect(whole.status == 0 && whole.error == "" && whole.output.contains("PSNR"), "\(whole.error)")
    let first = try Command(
      "\(Self.tiny) --threads 1 --stop-after 4 --checkpoint {}/parts.safetensors", in: folder)
    #expect(first.status == 0 && first.error.contains("stopped at step 4 of 6"), "\(first.error)")
    let rest = try Command("train video --resume --checkpoint {}/parts.safetensors", in: folder)
    #expect(rest.status == 0 && rest.error == "", "\(rest.error)")
    #expect(try bytes("whole.safetensors", in: folder) == bytes("parts.safetensors", in: folder))
    // A run and its weights are the same network.
    for name in ["whole", "w"] {
      let run = try Command("encode video --weights {}/\(name).safetensors -o {}/\(name).npy", in: folder)
      #expect(run.status == 0, "\(run.error)")
    }
    #expect(try folder.read("whole.npy").isEqual(to: folder.read("w.npy")))
    let other = try Command("train video --resume --seed 9 --checkpoint {}/parts.safetensors", in: folder)
    #expect(other.status == 65 && other.error.contains("--seed 3, which cannot go on with 9"))
    let again = try Command("\(Self.tiny) --checkpoint {}/parts.safetensors", in: folder)
    #expect(again.status == 65 && again.error.contains("holds a run at step 6"))
    let full = try Command("encode video --preset full --weights {}/w.safetensors", in: folder)
    #expect(full.status == 65 && full.error.contains("is of another network than --preset full"))
    let digits = try Command("train placement --resume --checkpoint {}/parts.safetensors", in: folder)
    #expect(digits.status == 65 && digits.error.contains("holds no run of 'volute train placement'"))
  }

  /// A moment of training brings the clip nearer than no training, and nearer than one grey would be.
  @Test func videoIsLearned() throws {
    let brief = try object(Command("train video --steps 1 --json").output)
    let run = try object(Command("train video --steps 60 --json").output)
    let (psnr, untrained) = (run["psnr"] as? Double ?? 0, brief["psnr"] as? Double ?? 99)
    #expect(psnr > untrained + 4 && psnr > 15, "\(psnr) after \(untrained)")
    let losses = try #require(run["losses"] as? [Double])
    #expect(losses.count == 60 && losses.suffix(10).max() ?? 1 < losses[0])
  }

  @Test func placementsAreLearned() throws {
    let run = try object(Command("train placement --size 4 --steps 100 --json").output)
    #expect(run["accuracy"] as? Double ?? 0 > 0.95)
    #expect(abs((run["chance"] as? Double ?? 0) - 1 / 768) < 1e-9)
    let rows = try Command("train placement --size 3 --steps 3")
    #expect(rows.status == 0 && rows.output.contains("chance is 0.309 %"), "\(rows.output)")
    for name in ["type", "orientation", "cell"] { #expect(rows.output.contains(name)) }
  }

  @Test func aPlacementRunGoesOn() throws {
    let folder = try Folder()
    let tiny = "train placement --size 2 --steps 5 --batch-size 4"
    #expect(try Command("\(tiny) --checkpoint {}/a.safetensors", in: folder).status == 0)
    #expect(try Command("\(tiny) --stop-after 2 --checkpoint {}/b.safetensors", in: folder).status == 0)
    #expect(try Command("train placement --resume --checkpoint {}/b.safetensors", in: folder).status == 0)
    #expect(try bytes("a.safetensors", in: folder) == bytes("b.safetensors", in: folder))
  }

  @Test(arguments: [
    ("encode video -o x.txt", 64, ".npy or .safetensors"), ("encode video --tile 0", 64, "--tile 0"),
    ("encode video --overlap 8", 64, "give --tile too"), ("encode video --tile 18", 65, "tiles of 18 pixels"),
    ("encode video --input {}/none.npy", 65, "none.npy"), ("encode video --input {}/none", 65, "none"),
    ("encode video --input {}", 65, "has no frames"), ("encode video --weights {}/none.pth", 65, "none.pth"),
    ("encode video --input {}/short.npy", 65, "5 or 9 frames fit"),
    ("encode video --input {}/ints.npy", 65, "which is no clip"),
    ("encode video --weights {}/short.npy", 65, "is of another network"),
    ("encode video --input {}/mixed", 65, "is of shape [4, 8, 3]"),
    ("encode video --input {}/damaged.png", 65, "is damaged"),
    ("decode video --input {}/short.npy", 65, "holds no code"),
    ("decode video --input {}/code.npy", 65, "expected a code [batch, 8, time, height, width]"),
    ("decode video --float -o {}/frames", 64, "--float is for"),
    ("decode video --input {}/sound.npy --reference {}/clip.npy", 65, "but the code gives"),
    ("train video --steps 0", 64, "--steps 0"), ("train video --resume", 64, "--resume needs --checkpoint"),
    ("train placement --size 101", 64, "--size 101"), ("train placement --save x.npy", 64, ".safetensors"),
  ]) func whatCannotBeIsRefused(_ words: String, _ status: Int32, _ text: String) throws {
    let folder = try Folder()
    if words.contains("/") {
      try folder.write("short.npy", clip([7, 4, 4, 3]))
      try folder.write("clip.npy", clip([5, 4, 8, 3]))
      try folder.write("ints.npy", Tensor.zeros([5, 4, 4, 3], dtype: .int32))
      try folder.write("code.npy", Tensor.zeros([3, 2, 2, 2]))
      try folder.write("sound.npy", Tensor.zeros([8, 2, 1, 1]))
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/mixed", withIntermediateDirectories: true)
      try PNG.write(clip([4, 4, 3]), to: "\(folder.path)/mixed/1.png")
      try PNG.write(clip([4, 8, 3]), to: "\(folder.path)/mixed/2.png")
      var bytes = try PNG.encode(clip([4, 4, 3]))
      bytes[50] ^= 1
      try Data(bytes).write(to: URL(filePath: "\(folder.path)/damaged.png"))
    }
    let result = try Command(words, in: folder)
    #expect(result.status == status && result.error.contains(text), "\(result.status): \(result.error)")
    #expect(result.error.split(separator: "\n").count <= (status == 64 ? 3 : 1) && result.output == "")
  }
}
