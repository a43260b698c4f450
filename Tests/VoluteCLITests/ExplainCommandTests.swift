import Testing

/// `volute explain` and `volute animate`, compared as text.
@Suite struct ExplainCommandTests {
  @Test func sees() throws {
    let explain = try Command("explain conv2d --input-size 4,5 --kernel-size 3,2 --padding 1,0 --output 0,1")
    #expect(
      explain.output == """
        conv2d  4 x 5 → 4 x 4
          size             floor((4 + 2·1 - 1·(3 - 1) - 1) / 1) + 1 = 4
          size             floor((5 + 2·0 - 1·(2 - 1) - 1) / 1) + 1 = 4
          window           3 x 2 taps over 3 x 2
          receptive field  3 x 2, stride 1, 1, middle of the first 0, 1/2

        output 0, 1 sees 4 inputs; numbers are taps, counted from 0 in rows
           0  1  2  3  4
        0  ·  2  3  ·  ·
        1  ·  4  5  ·  ·
        2  ·  ·  ·  ·  ·
        3  ·  ·  ·  ·  ·

        """)
  }

  /// A ring that is wrapped more than once meets an input through several taps.
  @Test func reaches() throws {
    let explain = try Command(
      "explain conv1d --input-size 3 --kernel-size 5 --padding 2 --padding-mode circular --input 0 --reads --overlap"
    )
    #expect(
      explain.lines.suffix(9) == [
        "input 0 reaches 3 outputs; numbers are taps, counted from 0 in rows", "    0    1    2",
        "    2  1+4  0+3",
        "how often each input is read", "  0  1  2", "  5  5  5", "how many products each output adds up",
        "  0  1  2",
        "  5  5  5",
      ])
  }

  @Test func severalLayers() throws {
    let explain = try Command(
      words: [
        "explain", "conv1d", "--input-size", "12", "--kernel-size", "3", "--then",
        "max-pool1d --kernel-size 2", "--then",
        "conv-transpose1d --kernel-size 3 --stride 2", "--output", "3",
      ])
    #expect(explain.lines.contains("  receptive field  6, stride 1, middle of the first 1/2"))
    #expect(
      explain.lines.contains(
        "  axis 0           outputs are made of 1 to 2 taps; a kernel of 4 with padding 1 overlaps evenly, or resize "
          + "first and convolve with stride 1"))
    #expect(explain.lines.last == "   ·   ·   1   2   2   1   ·   ·   ·   ·   ·   ·")
  }

  @Test func stepsAndSymbols() throws {
    let explain = try Command("explain conv1d --input-size 4 --kernel-size 2 --steps --symbols 1,2")
    #expect(explain.lines.contains("step 2: output 1 = 1·1 + 2·2 = 5"))
    #expect(
      explain.lines.suffix(6) == [
        "characters in", "  0  1  2  3", "  a  b  c  d", "words out", "    0    1    2", "  abb  bcc  cdd",
      ])
  }

  @Test func planesOfAVolume() throws {
    let explain = try Command("explain avg-pool3d --input-size 2,4,4 --kernel-size 2 --output 0,1,1")
    #expect(
      explain.lines.suffix(12) == [
        "at 0", "   0  1  2  3", "0  ·  ·  ·  ·", "1  ·  ·  ·  ·", "2  ·  ·  0  1", "3  ·  ·  2  3",
        "at 1", "   0  1  2  3", "0  ·  ·  ·  ·", "1  ·  ·  ·  ·", "2  ·  ·  4  5", "3  ·  ·  6  7",
      ])
  }

  @Test func json() throws {
    let explain = try Command(
      "explain conv1d --input-size 4 --kernel-size 2 --output 1 --input 0 --reads --overlap --json")
    #expect(
      explain.output == #"""
        {"input":[4],"layers":[{"item":"conv1d","channels":1,"size":[3],"field":[{"size":2,"stride":"1","offset":"1/2","first":[0,1]}],"formulas":["floor((4 + 2·0 - 1·(2 - 1) - 1) / 1) + 1 = 3"],"extent":[2],"parameters":3,"multiplyAdds":6}],"sees":[{"place":[1],"ways":1,"taps":[[0]]},{"place":[2],"ways":1,"taps":[[1]]}],"reaches":[{"place":[0],"ways":1,"taps":[[0]]}],"reads":[1,2,2,1],"overlap":[2,2,2]}

        """#)
  }

  @Test func pictures() throws {
    let folder = try Folder()
    let words = "conv2d --input-size 5 --kernel-size 3 --stride 2 --padding 1"
    let animate = try Command("animate \(words) -o {}/a.svg", in: folder)
    #expect(animate.status == 0 && animate.output == "" && animate.error == "")
    #expect(try folder.text("a.svg").contains("@keyframes w"))
    _ = try Command("explain \(words) --output 1,1 -o {}/b.svg", in: folder)
    #expect(try folder.text("b.svg").contains("translate(68px,68px)"))
    #expect(try folder.names == ["a.svg", "b.svg"])
  }

  @Test(arguments: [
    ("explain conv2d --input-size 5", 64, "conv2d needs --kernel-size"),
    ("explain conv4d --input-size 5 --kernel-size 2", 64, "there are conv1d"),
    (
      "explain max-pool2d --input-size 5 --kernel-size 2 --dilation 2 --padding-mode zeros", 64,
      "means nothing to max-pool2d"
    ),
    ("explain conv2d --input-size 5 --kernel-size 9", 65, "can't be greater than actual input size"),
    ("explain conv2d --input-size 5 --kernel-size 3 --output 3,0", 65, "is not in the output"),
    ("explain conv2d --input-size 5 --kernel-size 3 --input 1", 65, "expected 2 numbers"),
    ("explain conv2d --input-size 500 --kernel-size 3 --reads", 65, "too large to read"),
    ("explain conv1d --input-size 5 --kernel-size 3 --symbols -1", 65, "weights from 0 to 100"),
    ("explain max-pool1d --input-size 5 --kernel-size 3 --symbols 1", 64, "for one convolution"),
    ("explain conv1d --input-size 5 --kernel-size 3 --then max-pool2d", 64, "the axes differ"),
    ("explain conv1d --input-size 5 --kernel-size 3 --then max-pool1d", 64, "needs --kernel-size"),
    ("animate conv2d --input-size 500 --kernel-size 3 -o a.svg", 65, "cannot be read"),
    ("animate conv2d --input-size 5 --kernel-size 3 -o a.png", 64, "should end in .svg"),
    ("animate conv2d --input-size 5 --kernel-size 3 -o /nowhere/a.svg", 65, "cannot be created"),
  ])
  func refusals(words: String, status: Int32, sentence: String) throws {
    let command = try Command(words)
    #expect(command.status == status, "\(command.error)")
    #expect(command.error.contains(sentence), "\(command.error)")
    #expect(command.output == "")
  }
}
