import Foundation
import Testing
import Volute

/// `volute apply`: what it writes and what it prints.
@Suite struct ApplyCommandTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write("x.npy", numbers([2, 2, 9, 9]))
    try folder.write("w.npy", numbers([4, 2, 3, 3]))
    try folder.write("g.npy", numbers([4, 1, 3, 3]))
    try folder.write("t.npy", numbers([2, 2, 3, 3]))
    try folder.write("b.npy", numbers([4]))
    try folder.write("columns.npy", numbers([1, 8, 9]))
  }

  @Test func sample() throws {
    let apply = try Command("apply conv2d --output {}/y.npy --picture {}/y.svg", in: folder)
    let masked = apply.output.replacingOccurrences(of: folder.path, with: "FOLDER")
      .replacing(/time           [0-9.]+ m?s/, with: "time           TIME")
      .replacing(/values         .*/, with: "values         VALUES")
    #expect(
      masked == """
        conv2d of the built-in phantom with a built-in smoothing kernel
          input          [1, 1, 64, 64]  float32
          weight         [1, 1, 3, 3]
          output         [1, 1, 62, 62]

          output size    floor((n + before + after - d·(k - 1) - 1) / s) + 1
          each axis      floor((64 + 2·0 - 1·(3 - 1) - 1) / 1) + 1 = 62

          parameters     9
          multiply-adds  34 596
          bytes          31.8 kB: input 16.4 kB, parameters 36 B, output 15.4 kB
          values         VALUES
          time           TIME
          wrote          FOLDER/y.npy
          wrote          FOLDER/y.svg

        """)
    #expect(apply.error == "")
    let y = try folder.read("y.npy")
    #expect(y.shape == [1, 1, 62, 62])
    // A window whose sum is 1 keeps the values between the phantom's, and the skull's edge is smoothed.
    #expect((0.0...0.001).contains(y.min().item(as: Float.self)))
    #expect((0.5...1.0).contains(y.max().item(as: Float.self)))
  }

  private static let operations =
    [
      "conv", "conv-transpose", "max-pool", "avg-pool", "lp-pool", "adaptive-avg-pool", "adaptive-max-pool",
      "max-unpool",
    ]
    .flatMap { stem in (1...3).map { "\(stem)\($0)d" } } + ["pad", "interpolate", "unfold", "fold"]

  @Test(arguments: operations)
  func everyOperationHasASample(operation: String) throws {
    let apply = try Command("apply \(operation) --output {}/y.npy --picture {}/y.svg", in: folder)
    #expect(apply.status == 0)
    #expect(apply.error == "")
    let y = try folder.read("y.npy")
    #expect(apply.lines.contains { $0.hasPrefix("  output         \(y.shape)") })
    #expect(y.max().item(as: Float.self) > 0)
    #expect(try XMLDocumentCheck.isWellFormed(folder.text("y.svg")))
  }

  /// What the command writes is what the library computes.
  @Test func computesWhatTheLibraryComputes() throws {
    let x = try folder.read("x.npy")
    let (w, b) = (try folder.read("w.npy"), try folder.read("b.npy"))
    #expect(
      try Command(
        "apply conv2d --input {}/x.npy --weight {}/w.npy --bias {}/b.npy --stride 2,1 --padding 1:0,2 "
          + "--padding-mode zeros,circular --output {}/y.npy", in: folder
      ).status == 0)
    let y = try conv2d(
      x, w, bias: b, stride: [2, 1], padding: [.sides(1, 0, mode: .zeros), .circular(2)])
    #expect(try folder.read("y.npy").elements(as: Float.self) == y.elements(as: Float.self))

    #expect(
      try Command(
        "apply interpolate --input {}/x.npy --scale-factor 1.5,2 --mode bicubic --align-corners --output {}/y.npz:y",
        in: folder
      ).status == 0)
    let resized = try interpolate(x, scaleFactor: [1.5, 2], mode: .cubic, alignsCorners: true)
    #expect(try folder.read("y.npz:y").elements(as: Float.self) == resized.elements(as: Float.self))
  }

  @Test func unpoolsWhatAPoolWrote() throws {
    let words = [
      "max-pool2d --input {}/x.npy --output {}/y.npy --indices-output {}/i.npy",
      "max-unpool2d --input {}/y.npy --indices {}/i.npy --output {}/z.npy",
    ]
    for operation in words {
      #expect(try Command("apply \(operation) --kernel-size 3", in: folder).status == 0)
    }
    #expect(try folder.read("i.npy").dtype == .int64)
    let (x, z) = (try folder.read("x.npy"), try folder.read("z.npy"))
    #expect(z.shape == x.shape)
    // What is left stands where it stood: 9 of the 81 elements of each plane.
    let kept = zip(x.elements(as: Float.self), z.elements(as: Float.self)).filter { $1 != 0 }
    #expect(kept.count == 4 * 9)
    #expect(kept.allSatisfy { $0 == $1 })
  }

  /// Each option, given to a call that works without it, makes another result.
  @Test(arguments: [
    ("conv2d --input {}/x.npy", "--weight {}/w.npy"), ("conv2d --input {}/x.npy", "--kernel-size 5"),
    ("conv2d --input {}/x.npy --weight {}/w.npy", "--bias {}/b.npy"),
    ("conv2d --input {}/x.npy --weight {}/w.npy", "--stride 2"),
    ("conv2d --input {}/x.npy --weight {}/w.npy", "--padding 1"),
    ("conv2d --input {}/x.npy --weight {}/w.npy", "--padding same"),
    ("conv2d --input {}/x.npy --weight {}/w.npy --padding 1", "--padding-mode circular"),
    ("conv2d --input {}/x.npy --weight {}/w.npy", "--dilation 2"), ("conv2d", "--groups 2"),
    ("conv2d --input {}/x.npy --stride 4 --kernel-size 2", "--strict"),
    ("conv-transpose2d --input {}/x.npy --weight {}/t.npy", "--stride 2"),
    ("conv-transpose2d --input {}/x.npy --weight {}/t.npy --stride 2", "--output-padding 1"),
    ("conv-transpose2d --input {}/x.npy --weight {}/t.npy --stride 2", "--output-size 20"),
    ("conv-transpose2d --input {}/x.npy --weight {}/t.npy --padding 1", "--padding-mode circular"),
    ("conv-transpose2d --input {}/x.npy --weight {}/t.npy", "--dilation 2"),
    ("max-pool2d --input {}/x.npy --kernel-size 3", "--stride 1"),
    ("max-pool2d --input {}/x.npy --kernel-size 3", "--padding 1"),
    ("max-pool2d --input {}/x.npy --kernel-size 3", "--dilation 2"),
    ("max-pool2d --input {}/x.npy --kernel-size 2", "--ceil-mode"),
    ("max-pool2d", "--kernel-size 3"),
    ("avg-pool2d --input {}/x.npy --kernel-size 3 --padding 1", "--exclude-padding"),
    ("avg-pool2d --input {}/x.npy --kernel-size 3", "--divisor 5"),
    ("avg-pool2d --input {}/x.npy --kernel-size 2", "--ceil-mode"),
    ("lp-pool2d --input {}/x.npy --kernel-size 3", "--norm 3"),
    ("lp-pool2d --input {}/x.npy --kernel-size 2", "--ceil-mode"),
    ("adaptive-avg-pool2d", "--output-size 5"), ("adaptive-max-pool2d", "--output-size 5,none"),
    ("max-unpool2d --kernel-size 3", "--output-size 65"), ("max-unpool2d", "--padding 1"),
    ("pad --input {}/x.npy --pad 1,1", "--mode reflect"), ("pad --input {}/x.npy --pad 1,1", "--value 2"),
    ("pad", "--pad -1,2"), ("interpolate", "--size 32"), ("interpolate", "--scale-factor 3"),
    ("interpolate --input {}/x.npy --scale-factor 2", "--mode bilinear"),
    ("interpolate --input {}/x.npy --scale-factor 2 --mode bilinear", "--align-corners"),
    ("interpolate --input {}/x.npy --scale-factor 2.3 --mode bilinear", "--recompute-scale-factor"),
    ("interpolate --input {}/x.npy --scale-factor 0.4 --mode bilinear", "--antialias"),
    ("unfold --input {}/x.npy --kernel-size 2", "--stride 2"),
    ("unfold --input {}/x.npy --kernel-size 2", "--padding 1"),
    ("unfold --input {}/x.npy --kernel-size 2", "--dilation 2"), ("unfold", "--kernel-size 2"),
    ("fold --input {}/columns.npy --output-size 4 --kernel-size 2", "--output-size 2,10"),
    ("fold", "--stride 2"),
    ("fold --output-size 5", "--padding 1"), ("fold", "--dilation 2"), ("fold", "--kernel-size 2"),
    ("fold", "--output-size 20"),
  ])
  func everyOptionChangesSomething(words: String, option: String) throws {
    let plain = try Command("apply \(words) --output {}/plain.npy", in: folder)
    #expect(plain.status == 0, "\(plain.error)")
    // The last of two equal options counts.
    let changed = try Command("apply \(words) \(option) --output {}/changed.npy", in: folder)
    if option == "--strict" {
      #expect(changed.status == 65)
      return
    }
    #expect(changed.status == 0, "\(changed.error)")
    let (before, after) = (try folder.read("plain.npy"), try folder.read("changed.npy"))
    #expect(before.shape != after.shape || before.elements(as: Float.self) != after.elements(as: Float.self))
  }

  @Test func groupsAndTypesOfFiles() throws {
    #expect(
      try Command("apply conv2d --input {}/x.npy --weight {}/g.npy --groups 2 --output {}/y.npy", in: folder)
        .status
        == 0)
    let y = try conv2d(try folder.read("x.npy"), try folder.read("g.npy"), groups: 2)
    #expect(try folder.read("y.npy").elements(as: Float.self) == y.elements(as: Float.self))
    // A weight alone decides the sample's channels and type.
    try folder.write("wide.npy", numbers([3, 5, 3, 3], dtype: .int64))
    let apply = try Command("apply conv2d --weight {}/wide.npy --output {}/y.npy", in: folder)
    #expect(apply.lines[1] == "  input          [1, 5, 64, 64]  int64")
    #expect(try folder.read("y.npy").dtype == .int64)
  }

  /// More than 10⁹ multiply-adds over a batch are done sample by sample, to the same result.
  @Test func longWorkIsSilentInAPipe() throws {
    try folder.write("long.npy", numbers([4, 8, 60, 60]))
    try folder.write("wide.npy", numbers([96, 8, 13, 13]))
    let apply = try Command(
      "apply conv2d --input {}/long.npy --weight {}/wide.npy --output {}/y.npy", in: folder)
    #expect(apply.lines.contains("  multiply-adds  1.2 G"))
    #expect(apply.error == "")
    let y = try conv2d(try folder.read("long.npy"), try folder.read("wide.npy"))
    let difference = (try folder.read("y.npy") - y).abs().max().item(as: Float.self)
    #expect(difference <= 1e-5 * y.max().item(as: Float.self))
  }

  @Test func colorIsForTerminals() throws {
    let words = "apply pad --picture {}/y.svg"
    let environment = ["TERM": "xterm"]
    #expect(try !Command(words, in: folder, environment: environment).output.contains("\u{1B}"))
    #expect(
      try Command(words, in: folder, environment: environment, terminal: true).output.contains("\u{1B}[1m"))
    for refused in [["TERM": "xterm", "NO_COLOR": "1"], ["TERM": "dumb"]] {
      let plain = try Command(words, in: folder, environment: refused, terminal: true).output
      #expect(plain.contains("pad of the built-in phantom"))
      #expect(!plain.contains("\u{1B}"))
    }
  }
}
