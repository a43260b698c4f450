import Foundation
import Testing
import Volute

/// What the command refuses: one sentence on standard error, 64 for wrong usage, 65 for wrong data, no file.
@Suite struct RefusalTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write("x.npy", numbers([1, 2, 8, 8]))
    try folder.write("w.npy", numbers([4, 3, 3, 3]))
    try folder.write("ints.npy", numbers([1, 2, 8, 8], dtype: .uint8))
    try folder.write("places.npy", Tensor(full: [1, 2, 8, 8], 99_999, dtype: .int64))
    try folder.write("broken.npy", text: "not an array")
  }

  private func expectRefusal(_ words: String, _ status: Int32, _ sentence: String) throws {
    let before = try folder.names
    let refused = try Command(words, in: folder)
    #expect(refused.status == status, "\(refused.error)")
    let first = refused.error.replacingOccurrences(of: folder.path + "/", with: "").split(separator: "\n")
      .first
    #expect(first.map(String.init) == "volute: \(sentence)")
    #expect(try folder.names == before)
  }

  @Test(arguments: [
    (
      "conv2d --input-size 5 --kernel-size 3 --ceil-mode",
      "--ceil-mode means nothing to conv2d; it is for max-pool, avg-pool and lp-pool"
    ),
    (
      "max-pool2d --input-size 5 --kernel-size 3 --groups 2",
      "--groups means nothing to max-pool2d; it is for conv and conv-transpose"
    ),
    (
      "max-pool2d --input-size 5 --kernel-size 3 --out-channels 2",
      "--out-channels means nothing to max-pool2d; it is for conv, conv-transpose and fold"
    ),
    (
      "lp-pool1d --input-size 5 --kernel-size 3 --padding 1",
      "--padding means nothing to lp-pool1d; it is for conv, conv-transpose, max-pool, avg-pool, max-unpool, unfold and fold"
    ),
    ("pad --input-size 5 --pad 1,1 --antialias", "--antialias means nothing to pad; it is for interpolate"),
    ("conv2d --kernel-size 3", "conv2d needs --input-size"),
    ("max-pool2d --input-size 5", "max-pool2d needs --kernel-size"),
    ("adaptive-avg-pool2d --input-size 5", "adaptive-avg-pool2d needs --output-size"),
    ("fold --kernel-size 2", "fold needs --output-size"),
    ("pad --input-size 5", "pad needs --pad"),
    (
      "conv2d --input-size 5 --kernel-size 3 --stride 1,x",
      "The value '1,x' is invalid for '--stride <stride>': 'x' is not a whole number"
    ),
    (
      "conv2d --input-size 5 --kernel-size 3 --padding 1:2:3",
      "The value '1:2:3' is invalid for '--padding <padding>': '1:2:3' has more than two sides; write before:after, such as 2:0"
    ),
    (
      "conv2d --input-size 5 --kernel-size 3 --padding-mode wrap",
      "The value 'wrap' is invalid for '--padding-mode <padding-mode>': 'wrap' is no mode; there are zeros, reflect, replicate and circular"
    ),
    (
      "conv2d --input-size 5 --kernel-size 3 --groups 2 --in-channels 3",
      "--in-channels 3 is not divisible by --groups 2; give a multiple of 2"
    ),
    (
      "max-pool2d --input-size 6 --kernel-size 3 --padding same",
      "--padding of max-pool2d is a number an axis, such as 1 or 1,0,1; rules and before:after are for conv and conv-transpose"
    ),
    (
      "conv-transpose2d --input-size 3 --kernel-size 3 --stride 2 --output-size 8 --output-padding 1",
      "--output-size decides the output padding; leave --output-padding out"
    ),
    (
      "conv-transpose2d --input-size 3 --kernel-size 3 --output-size none",
      "--output-size none is for the adaptive pools; give a number an axis"
    ),
    (
      "avg-pool2d --input-size 4 --kernel-size 2 --divisor 3 --exclude-padding",
      "--divisor replaces what --exclude-padding decides; leave one of them out"
    ),
    (
      "pad --input-size 3 --pad 1,1 --mode mirror",
      "pad has no mode 'mirror'; there are constant, reflect, replicate and circular"
    ),
    (
      "pad --input-size 3 --pad 1,1 --mode circular --value 2",
      "--value is for --mode constant; mode circular takes its values from the input"
    ),
    (
      "interpolate --input-size 3 --size 4 --mode cubic",
      "interpolate has no mode 'cubic'; there are nearest, nearest-exact, linear, bilinear, trilinear, bicubic and area"
    ),
  ])
  func wrongUsageOfShape(words: String, sentence: String) throws {
    try expectRefusal("shape \(words)", 64, sentence)
  }

  @Test(arguments: [
    (
      "conv2d --weight {}/w.npy --kernel-size 3",
      "--kernel-size is for the built-in kernel; w.npy has a size of its own"
    ),
    (
      "conv2d --indices-output {}/i.npy",
      "--indices-output means nothing to conv2d; it is for max-pool and adaptive-max-pool"
    ),
    (
      "max-unpool2d --input {}/x.npy --kernel-size 2",
      "max-unpool2d takes --input and --indices together; --indices is missing"
    ),
    (
      "max-unpool2d --indices {}/places.npy",
      "max-unpool2d takes --input and --indices together; --input is missing"
    ),
    ("max-pool2d --input {}/x.npy", "max-pool2d needs --kernel-size"),
    ("conv2d --output {}/y.txt", "'y.txt' should end in .npy or .npz"),
    ("conv2d --output {}/y.npy --picture {}/y.png", "'y.png' should end in .svg; pictures are SVG"),
    (
      "max-pool2d --output {}/y.npz:a --indices-output {}/y.npz:b",
      "two results cannot go to one file; give each a name of its own"
    ),
    (
      "conv2d --input {}/ints.npy",
      "the built-in kernel holds fractions, but the input is of uint8; give --weight"
    ),
    ("conv2d --input {}/x.npy --groups 3", "--groups 3 does not divide the 2 channels of the input"),
    ("unfold --kernel-size 2,2,2,2", "the built-in sample has at most 3 axes, not 4; give --input"),
  ])
  func wrongUsageOfApply(words: String, sentence: String) throws {
    try expectRefusal("apply \(words)", 64, sentence)
  }

  @Test(arguments: [
    (
      "apply conv2d --input {}/x.npy --weight {}/w.npy",
      "conv2d: given groups=1, weight of size [4, 3, 3, 3], expected input[1, 2, 8, 8] to have 3 channels, but got 2 channels instead"
    ),
    (
      "apply conv3d --input {}/x.npy --weight {}/w.npy",
      "conv3d: expected a 5-dimensional weight for conv3d, but got 4-dimensional size [4, 3, 3, 3] instead"
    ),
    (
      "apply max-unpool2d --input {}/x.npy --indices {}/places.npy --kernel-size 2",
      "max_unpool2d: found an invalid max index: 99999 (output volumes are of size 16x16)"
    ),
    (
      "apply pad --input {}/ints.npy --pad 1,1 --value 300",
      "pad: the value 300 is none of uint8 (give one, or convert the input)"
    ),
    (
      "apply pad --input {}/ints.npy --pad 1,1 --value nan",
      "pad: the value nan is none of uint8 (give one, or convert the input)"
    ),
    ("apply conv2d --input {}/none.npy", "none.npy: cannot be opened: No such file or directory"),
    (
      "apply conv2d --input {}/broken.npy",
      "broken.npy: is not an .npy file: it does not start with \\x93NUMPY"
    ),
    (
      "apply conv2d --input {}/x.txt",
      "x.txt: has no ending that says what it holds (known are .npy, .npz and archive.npz:name)"
    ),
    (
      "apply interpolate --input {}/x.npy --size 4 --mode trilinear",
      "interpolate: mode trilinear resizes 3 axes after batch and channels, but the input is [1, 2, 8, 8] (linear takes any number of axes)"
    ),
    (
      "shape conv2d --input-size 5 --kernel-size 7",
      "conv2d: calculated padded input size per channel: (5 x 5). Kernel size: (7 x 7). Kernel size can't be greater than actual input size (axis 0 needs 2 more elements of padding)"
    ),
    (
      "shape conv2d --input-size 6 --kernel-size 3 --stride 2 --strict",
      "conv2d: strict: stride 2 does not divide axis 0: padded input 6 less the kernel's extent 3 leaves 3, remainder 1 (pad by 1 more, or crop 1)"
    ),
    (
      "shape conv1d --input-size 5 --kernel-size 3 --padding -1",
      "conv1d: negative padding is not supported, but got [-1, -1] for axis 0 (crop with pad first)"
    ),
    (
      "shape pad --input-size 3 --pad 1,1,1",
      "pad: padding length must be divisible by 2, but got 3 (a pair for each axis, last axis first)"
    ),
    (
      "shape conv1d --input-size 1099511627776 --batch 99999999999 --kernel-size 2",
      "conv1d: a tensor of shape [99999999999, 1, 1099511627776] has more elements than memory can hold"
    ),
  ])
  func wrongData(words: String, sentence: String) throws {
    try expectRefusal(
      words + (words.hasPrefix("apply") ? " --output {}/y.npy --picture {}/y.svg" : ""), 65, sentence)
  }

  /// A result that cannot be written is refused before the work, and what was there stays.
  /// A result larger than memory is refused in words before anything is computed.
  @Test func resultsFitIntoMemory() throws {
    let result = try Command("apply adaptive-avg-pool2d --output-size 30000000,30000000")
    #expect(result.status == 65)
    #expect(result.error.contains("an output of shape [1, 1, 30000000, 30000000] takes 3.6 PB"))
    #expect(result.output == "")
  }

  @Test func targetsAreCheckedFirst() throws {
    let refused = try Command("apply conv2d --output {}/missing/y.npy", in: folder)
    #expect(refused.status == 65)
    #expect(refused.output == "")
    try folder.write("old.npy", text: "old")
    let failed = try Command("apply conv2d --kernel-size 99 --output {}/old.npy", in: folder)
    #expect(failed.status == 65)
    #expect(try folder.text("old.npy") == "old")
  }

  @Test func unknownOperationsAreAnsweredWithTheKnown() throws {
    let refused = try Command("apply conv4d")
    #expect(refused.status == 64)
    #expect(
      refused.error.hasPrefix("volute: The value 'conv4d' is invalid for '<operation>': there are conv1d, "))
    #expect(try Command("shape conv_transpose2d --input-size 3 --kernel-size 2").status == 0)
  }

  @Test func helpTeaches() throws {
    for command in ["apply", "shape"] {
      let help = try Command("\(command) --help")
      #expect(help.status == 0)
      #expect(help.output.contains("volute \(command) conv3d "))
      #expect(help.output.contains("  max-unpool1d 2d 3d          Maxima put back to where they stood."))
      #expect(help.lines.allSatisfy { $0.count <= 80 })
    }
  }
}
