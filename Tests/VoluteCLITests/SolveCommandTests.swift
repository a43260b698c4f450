import Testing

/// `volute solve`, compared as text.
@Suite struct SolveCommandTests {
  @Test func everyKernel() throws {
    let solve = try Command("solve conv3d --input-size 500 --stride 16 --output-size 16")
    #expect(
      solve.lines.prefix(4) == [
        "conv3d: kernel", "each axis",
        "  260            floor((500 + 2·0 - 1·(260 - 1) - 1) / 16) + 1 = 16",
        "  245            floor((500 + 2·0 - 1·(245 - 1) - 1) / 16) + 1 = 16   15 left over",
      ])
    #expect(solve.lines.last == "                 and 8 more; --all lists them")
    let all = try Command("solve conv3d --input-size 500 --stride 16 --output-size 16 --all")
    #expect(all.lines.count == 18)
  }

  @Test func noWholeNumber() throws {
    let solve = try Command(
      "solve conv1d --find padding --kernel-size 4 --input-size 10 --output-size same")
    #expect(
      solve.output == """
        conv1d: padding on both sides
          exactly        3/2
          none           the padding on both sides would be 3/2, which is not a whole number
                         the nearest:
          1              floor((10 + 2·1 - 1·(4 - 1) - 1) / 1) + 1 = 9
          2              floor((10 + 2·2 - 1·(4 - 1) - 1) / 1) + 1 = 11

        """)
  }

  /// What is found, in the first line of the answers of each unknown.
  @Test(arguments: [
    ("conv1d --find output --input-size 9 --kernel-size 4 --stride 2 --padding 1:2", "  5 "),
    ("conv1d --find input --output-size 4 --kernel-size 3 --stride 3", "  12 "),
    ("conv1d --find kernel --input-size 9 --output-size 5 --padding same", "  5 "),
    ("conv1d --find stride --input-size 9 --kernel-size 3 --output-size 4", "  2 "),
    ("conv1d --find dilation --input-size 9 --kernel-size 3 --output-size 5", "  2 "),
    ("conv1d --find padding --input-size 9 --kernel-size 3 --output-size same", "  1 "),
    ("conv1d --find sides --input-size 9 --kernel-size 4 --output-size same --stride 2", "  1, 2 "),
    ("conv1d --find causal --input-size 9 --kernel-size 3 --output-size same --dilation 2", "  4, 0 "),
    (
      "conv-transpose1d --find output-padding --input-size 5 --output-size 10 --kernel-size 3 --stride 2 "
        + "--padding 1", "  1 "
    ),
    (
      "conv-transpose1d --find input --output-size 10 --kernel-size 4 --stride 2 --padding 1 "
        + "--padding-mode circular", "  5 "
    ),
  ])
  func unknowns(words: String, start: String) throws {
    let solve = try Command("solve \(words)")
    #expect(solve.lines.dropFirst().first?.hasPrefix(start) == true, "\(solve.output)\(solve.error)")
  }

  /// The published network over 45 x 50 x 18.
  @Test func roundTrip() throws {
    let solve = try Command(
      "solve round-trip --input-size 45,50,18 --kernel-size 3,4,4 --stride 2 --padding 1 "
        + "--padding-mode zeros,circular,zeros --levels 2 --wrapped")
    #expect(
      solve.output == """
        down and up, 2 levels

        axis 0, zeros
          level 1        45 → 23 → 45
          level 2        23 → 12 → 23

        axis 1, circular
          level 1        50 → 25 → 50
          level 2        25 → 12 → 24    1 too few
            mend         output padding 1
            mend         padding 2 before and 3 after
            mend         the adjoint layer: circular padding 1, output padding 1

        axis 2, zeros
          level 1        18 → 9 → 18
          level 2        9 → 4 → 8       1 too few
            mend         output padding 1
            mend         padding 0 before and 1 after
            mend         the adjoint layer: zeros padding 1, output padding 1

        """)
  }

  @Test(arguments: [
    (
      "--stride 3 --input-size 12 --wrapped --padding 1 --padding-mode circular", "12 → 4 → 13     1 too many"
    ),
    (
      "--stride 5 --input-size 15 --wrapped --padding 1 --padding-mode circular", "15 → 3 → 18     3 too many"
    ),
    ("--stride 3 --input-size 12 --padding-mode circular", "12 → 4 → 12"),
    ("--stride 2 --input-size 9 --padding 1 --output-padding 1", "9 → 4 → 9"),
    ("--stride 2 --input-size 9 --padding 1 --up-kernel-size 5", "9 → 4 → 9"),
    ("--stride 2 --input-size 9 --padding 1 --up-padding 0", "9 → 4 → 10      1 too many"),
  ])
  func roundTrips(words: String, way: String) throws {
    let solve = try Command("solve round-trip --kernel-size 4 \(words)")
    #expect(solve.lines.contains("  level 1        \(way)"), "\(solve.output)\(solve.error)")
  }

  @Test func ring() throws {
    let solve = try Command("solve ring --input-size 50 --stride 2,2")
    #expect(
      solve.lines.prefix(6) == [
        "a ring of 50, strides 2, 2", "  level 1        50 → 25 → 50, turning by 2 turns by 1",
        "  level 2        25 → 12: 2 does not divide 25, so no layer turns with the ring",
        "strides 2, 1: 50 → 25 → 25", "  level 1        circular padding 1:1, down and up",
        "  level 2        circular padding 1:2, down and up",
      ])
    let exact = try Command("solve ring --input-size 16 --stride 2,2")
    #expect(exact.lines.contains("strides 2, 2: 16 → 8 → 4"))
    #expect(exact.lines.filter { $0.hasPrefix("strides") }.count == 1)
  }

  @Test(arguments: [
    ("conv2d --find kernel --input-size 5", 64, "finding the kernel needs --output-size"),
    ("conv2d --input-size 5", 64, "say what to --find"),
    ("conv2d --find width --input-size 5", 64, "there are output, input, kernel"),
    ("max-pool2d --find kernel --input-size 5 --output-size 2", 64, "solve is for conv1d"),
    ("conv2d --find kernel --input-size 5 --output-size 2 --stride 0", 65, "the stride is 0"),
    ("conv2d --find kernel --input-size 5 --output-size 2 --bound 0", 65, "the bound is 0"),
    ("conv1d --find output-padding --input-size 5 --output-size 2 --kernel-size 1", 65, "no output padding"),
    ("conv1d --input-size 5,6 --output-size 2", 65, "input-size"),
    ("round-trip --input-size 5 --kernel-size 9 --padding 0", 65, "can't be greater"),
    ("round-trip --input-size 9 --kernel-size 4 --padding 1 --levels 99", 64, "from 1 to 16"),
    ("round-trip --input-size 9 --kernel-size 0", 65, "greater than zero"),
    ("round-trip --input-size 9 --kernel-size 3 --up-padding -1", 64, "at least"),
    ("ring --input-size 0 --stride 2", 65, "a ring of 0"),
    ("ring --input-size 8 --stride 0", 65, "strides [0]"),
    ("ring --input-size 8 --stride 2 --kernel-size 0", 64, "--kernel-size is from 1"),
  ])
  func refusals(words: String, status: Int32, sentence: String) throws {
    let solve = try Command("solve \(words)")
    #expect(solve.status == status)
    #expect(solve.error.contains(sentence), "\(solve.error)")
    #expect(solve.output == "")
  }
}
