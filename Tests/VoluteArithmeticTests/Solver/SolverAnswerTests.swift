import Testing
import VoluteArithmetic

/// Answers whose numbers were published or worked out by hand.
@Suite struct SolverAnswerTests {
  /// kernel = ((out - 1) s - n + 1 - 2 p) / (-d) + 1, without its floor; smaller kernels of the same output follow.
  @Test(arguments: [(30, 1, 16, 15), (64, 1, 4, 61), (4, 1, 1, 4), (500, 16, 16, 260)])
  func kernel(input: Int, stride: Int, output: Int, kernel: Int) throws {
    let answer = try SizeQuestion(
      axis: Axis(stride: stride), input: input, output: output, unknown: .kernel
    ).answer()
    #expect(answer.solutions.first?.axis.kernel == kernel)
    #expect(answer.solutions.first?.remainder == 0)
    #expect(answer.exact == Fraction(kernel))
    #expect(answer.solutions.count == stride)
    for (best, next) in zip(answer.solutions.dropFirst(), answer.solutions.dropFirst(2)) {
      #expect(best.axis.kernel < next.axis.kernel)
    }
  }

  /// k = 13, s = 3, then k = 15: 100 to 30 to 16.
  @Test func twoLayers() throws {
    let first = try SizeQuestion(axis: Axis(kernel: 13, stride: 3), input: 100, unknown: .output).answer()
    #expect(first.solutions.map(\.output) == [30])
    #expect(first.exact == Fraction(30))
    let second = try SizeQuestion(input: 30, output: 16, unknown: .kernel).answer()
    #expect(second.solutions.map(\.axis.kernel) == [15])
  }

  /// The notebook's p = (k - s) / 2 for an output of n / s, and its p = ((2 q - k) / s + 1) / 2: no whole number.
  @Test func halves() throws {
    let down = try SizeQuestion(axis: Axis(kernel: 4), input: 10, output: 10, unknown: .padding).answer()
    #expect(down.solutions.isEmpty)
    #expect(down.exact == Fraction(3, 2))
    #expect(down.reason == "the padding on both sides would be 3/2, which is not a whole number")
    #expect(down.nearest.map(\.axis.paddingBefore) == [1, 2])
    #expect(down.nearest.map(\.output) == [9, 11])
    let sides = try SizeQuestion(axis: Axis(kernel: 4), input: 10, output: 10, unknown: .sides).answer()
    #expect(sides.solutions.first.map { [$0.axis.paddingBefore, $0.axis.paddingAfter] } == [1, 2])
    #expect(sides.solutions.count == 4)
    let causal = try SizeQuestion(axis: Axis(kernel: 4), input: 10, output: 10, unknown: .causal).answer()
    #expect(causal.solutions.first.map { [$0.axis.paddingBefore, $0.axis.paddingAfter] } == [3, 0])
  }

  /// The order that is promised: nothing left over, symmetric, least padding, smallest kernel.
  @Test func order() throws {
    let inputs = try SizeQuestion(axis: Axis(kernel: 3, stride: 3), output: 4, unknown: .input).answer()
    #expect(inputs.solutions.map(\.input) == [12, 13, 14])
    #expect(inputs.solutions.map(\.remainder) == [0, 1, 2])
    let sides = try SizeQuestion(
      axis: Axis(kernel: 5, stride: 2), input: 9, output: 5, unknown: .sides
    ).answer()
    let first = sides.solutions.prefix(3).map { [$0.axis.paddingBefore, $0.axis.paddingAfter, $0.remainder] }
    #expect(first == [[2, 2, 0], [1, 3, 0], [3, 1, 0]])
    #expect(sides.solutions.last?.remainder == 1)
  }

  @Test func reasons() throws {
    let cases: [(SizeQuestion, String)] = [
      (
        SizeQuestion(axis: Axis(kernel: 5), input: 3, unknown: .output),
        "a window of 5 does not fit into 3 elements"
      ),
      (
        SizeQuestion(input: 3, output: 5, unknown: .kernel),
        "the kernel would be -1, and the least is 1"
      ),
      (
        SizeQuestion(axis: Axis(kernel: 1), input: 3, output: 5, unknown: .dilation),
        "a kernel of one tap has no holes, so the sizes do not depend on the dilation"
      ),
      (
        SizeQuestion(axis: Axis(kernel: 5), input: 3, output: 1, unknown: .stride),
        "one window does not move, so the sizes do not depend on the stride"
      ),
      (
        SizeQuestion(
          isTransposed: true, axis: Axis(kernel: 3, stride: 2), input: 3, output: 9, unknown: .outputPadding),
        "the output padding would be 2, and it must be less than the stride or the dilation, 2"
      ),
      (
        SizeQuestion(
          axis: Axis(kernel: 9, mode: .reflect), input: 3, output: 3, unknown: .padding),
        "the padding on both sides would be 4, which such a layer does not take"
      ),
      (
        SizeQuestion(input: 3, output: 1000, unknown: .padding, bound: 100),
        "the padding on both sides would be 997/2, and 100 is the largest that is looked at"
      ),
    ]
    for (question, reason) in cases {
      let answer = try question.answer()
      #expect(answer.solutions.isEmpty)
      #expect(answer.reason == reason)
    }
  }

  @Test func refusals() {
    let questions: [SizeQuestion] = [
      SizeQuestion(axis: Axis(stride: 0), input: 3, output: 3, unknown: .kernel),
      SizeQuestion(axis: Axis(kernel: -1), input: 3, output: 3, unknown: .stride),
      SizeQuestion(axis: Axis(kernel: 1 << 30, dilation: 1 << 30), input: 3, output: 3, unknown: .stride),
      SizeQuestion(axis: Axis(paddingBefore: -1), input: 3, output: 3, unknown: .kernel),
      SizeQuestion(input: 0, output: 3, unknown: .kernel),
      SizeQuestion(input: 3, output: .max, unknown: .kernel),
      SizeQuestion(input: 3, output: 3, unknown: .outputPadding),
      SizeQuestion(input: 3, output: 3, unknown: .kernel, bound: 0),
      SizeQuestion(isTransposed: true, axis: Axis(outputPadding: -1), input: 3, output: 3, unknown: .kernel),
    ]
    for question in questions {
      #expect(throws: ShapeError.self, "\(question)") { try question.answer() }
    }
  }

  /// The largest values that are allowed neither trap nor take long.
  @Test func extremes() throws {
    let large = (1 << 30, 1 << 32)
    for unknown in SizeQuestion.Unknown.allCases {
      for isTransposed in [false, true] where isTransposed || unknown != .outputPadding {
        for kernel in [1, 4] {
          let axis = Axis(
            kernel: kernel, stride: large.0, dilation: large.0, paddingBefore: large.0,
            paddingAfter: large.0)
          for sizes in [(large.1, large.1), (1, large.1), (large.1, 1)] {
            let answer = try SizeQuestion(
              isTransposed: isTransposed, axis: axis, input: sizes.0, output: sizes.1, unknown: unknown
            ).answer()
            for solution in answer.solutions where unknown != .output {
              #expect(solution.output == sizes.1)
            }
          }
        }
      }
    }
  }
}
