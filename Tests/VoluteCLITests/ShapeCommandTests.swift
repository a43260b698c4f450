import Testing

/// `volute shape`, compared as text.
@Suite struct ShapeCommandTests {
  @Test func convolution() throws {
    let shape = try Command("shape conv3d --input-size 100 --in-channels 7 --kernel-size 13 --stride 3")
    #expect(
      shape.output == """
        conv3d
          input          [1, 7, 100, 100, 100]  float32
          weight         [1, 7, 13, 13, 13]
          output         [1, 1, 30, 30, 30]

          output size    floor((n + before + after - d·(k - 1) - 1) / s) + 1
          each axis      floor((100 + 2·0 - 1·(13 - 1) - 1) / 3) + 1 = 30

          parameters     15 380
          multiply-adds  415 M
          bytes          28.2 MB: input 28 MB, parameters 61.5 kB, output 108 kB

        """)
    #expect(shape.error == "")
    #expect(shape.status == 0)
  }

  /// Multiply-adds of a transposed convolution count its inputs: 3·5·5 inputs of 4 channels, 6·2·2 taps each.
  @Test func transposedConvolution() throws {
    let shape = try Command(
      "shape conv-transpose2d --input-size 5 --kernel-size 2 --stride 2,3 --output-padding 1 --in-channels 4 "
        + "--out-channels 6 --batch 3 --no-bias --dtype float64")
    #expect(
      shape.output == """
        conv-transpose2d
          input          [3, 4, 5, 5]  float64
          weight         [4, 6, 2, 2]
          output         [3, 6, 11, 15]

          output size    (n - 1)·s - before - after + d·(k - 1) + output padding + 1
          axis 0         (5 - 1)·2 - 2·0 + 1·(2 - 1) + 1 + 1 = 11
          axis 1         (5 - 1)·3 - 2·0 + 1·(2 - 1) + 1 + 1 = 15

          parameters     96
          multiply-adds  7 200
          bytes          26.9 kB: input 2.4 kB, parameters 768 B, output 23.8 kB

        """)
  }

  @Test func foldedColumns() throws {
    let shape = try Command("shape fold --output-size 4,5 --kernel-size 2 --out-channels 3 --dtype uint8")
    #expect(
      shape.output == """
        fold
          input          [1, 12, 12]  uint8
          output         [1, 3, 4, 5]

          output size    as asked, from floor((n + 2·p - d·(k - 1) - 1) / s) + 1 positions
          axis 0         floor((4 + 2·0 - 1·(2 - 1) - 1) / 1) + 1 = 3
          axis 1         floor((5 + 2·0 - 1·(2 - 1) - 1) / 1) + 1 = 4
                         3·2·2 rows, 3·4 columns

          parameters     0
          multiply-adds  none; 144 additions
          bytes          204 B: input 144 B, output 60 B

        """)
  }

  /// The line of the formula, for each family; the sizes are PyTorch's.
  @Test(arguments: [
    (
      "conv1d --input-size 7 --kernel-size 3 --padding 2:0 --dilation 2",
      "floor((7 + 2 + 0 - 2·(3 - 1) - 1) / 1) + 1 = 5"
    ),
    (
      "conv1d --input-size 7 --kernel-size 4 --padding same --stride 2",
      "floor((7 + 1 + 2 - 1·(4 - 1) - 1) / 2) + 1 = 4"
    ),
    ("conv1d --input-size 7 --kernel-size 4 --padding full", "floor((7 + 2·3 - 1·(4 - 1) - 1) / 1) + 1 = 10"),
    ("conv1d --input-size 7 --kernel-size 4 --padding half", "floor((7 + 2·2 - 1·(4 - 1) - 1) / 1) + 1 = 8"),
    ("conv1d --input-size 7 --kernel-size 4 --padding valid", "floor((7 + 2·0 - 1·(4 - 1) - 1) / 1) + 1 = 4"),
    (
      "conv-transpose1d --input-size 3 --kernel-size 3 --stride 2 --output-size 8",
      "(3 - 1)·2 - 2·0 + 1·(3 - 1) + 1 + 1 = 8"
    ),
    (
      "max-pool1d --input-size 6 --kernel-size 3 --stride 2 --padding 1",
      "floor((6 + 2·1 - 1·(3 - 1) - 1) / 2) + 1 = 3"
    ),
    (
      "avg-pool1d --input-size 6 --kernel-size 3 --stride 2 --padding 1 --ceil-mode",
      "ceil((6 + 2·1 - 1·(3 - 1) - 1) / 2) + 1 = 4"
    ),
    (
      "max-pool1d --input-size 5 --kernel-size 2 --stride 4 --padding 1 --ceil-mode",
      "ceil((5 + 2·1 - 1·(2 - 1) - 1) / 4) + 1 - 1 = 2"
    ),
    ("lp-pool1d --input-size 9 --kernel-size 4", "floor((9 + 2·0 - 1·(4 - 1) - 1) / 4) + 1 = 2"),
    (
      "adaptive-avg-pool1d --input-size 10 --output-size 4",
      "floor(o·10 / 4) ..< ceil((o + 1)·10 / 4), 4 windows of 3"
    ),
    (
      "adaptive-max-pool1d --input-size 10 --output-size none",
      "floor(o·10 / 10) ..< ceil((o + 1)·10 / 10), 10 windows of 1"
    ),
    ("max-unpool1d --input-size 3 --kernel-size 2", "(3 - 1)·2 - 2·0 + 2 = 6"),
    ("max-unpool1d --input-size 3 --kernel-size 2 --output-size 5", "(3 - 1)·2 - 2·0 + 2 - 1 = 5"),
    ("pad --input-size 10 --pad 2,-1", "10 + 2 - 1 = 11"),
    ("interpolate --input-size 5 --scale-factor 2.5", "floor(5·2.5) = 12"),
    ("interpolate --input-size 5 --size 8", "5 to 8, as asked"),
  ])
  func formula(words: String, line: String) throws {
    let shape = try Command("shape \(words)")
    #expect(shape.lines.contains("  the axis       \(line)"), "\(shape.output)\(shape.error)")
  }

  /// Every option of `shape` alone; the others are options of the operations.
  @Test(arguments: ["--in-channels 4", "--out-channels 4", "--batch 2", "--dtype float16", "--no-bias"])
  func changesTheCost(option: String) throws {
    let words = "shape conv2d --input-size 8 --kernel-size 3"
    #expect(try Command("\(words) \(option)").output != Command(words).output)
  }

  /// Three sizes, three axes.
  @Test func rankOfTheInput() throws {
    #expect(try Command("shape unfold --input-size 4,5,6 --kernel-size 2").output.contains("[1, 8, 60]"))
    #expect(try Command("shape interpolate --input-size 4,5,6 --size 2").output.contains("[1, 1, 2, 2, 2]"))
    #expect(try Command("shape pad --input-size 4 --pad 1,1,1,1").output.contains("[1, 1, 6, 6]"))
  }
}
