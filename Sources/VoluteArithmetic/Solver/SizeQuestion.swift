/// Which size, kernel, stride, dilation or padding makes the sizes along one axis of a convolution, or of a
/// transposed one, come out: all of them but one are given.
///
/// ```swift
/// var question = SizeQuestion(axis: Axis(stride: 16), input: 500, output: 16, unknown: .kernel)
/// try question.answer().solutions[0].axis.kernel  // 260
/// ```
public struct SizeQuestion: Hashable, Sendable {
  /// What is asked for.
  public enum Unknown: String, Hashable, Sendable, CaseIterable {
    /// A size, the window's length, its step, or the distance of its taps.
    case output, input, kernel, stride, dilation
    /// The same amount before and after.
    case padding
    /// Any two amounts.
    case sides
    /// Padding in front only, which makes an axis of time causal.
    case causal
    /// Elements added to the end of a transposed convolution's output.
    case outputPadding = "output-padding"

    /// The unknown as it is called in a sentence.
    public var name: String {
      switch self {
      case .output: "output size"
      case .input: "input size"
      case .kernel: "kernel"
      case .stride: "stride"
      case .dilation: "dilation"
      case .padding: "padding on both sides"
      case .sides: "padding in all"
      case .causal: "padding in front"
      case .outputPadding: "output padding"
      }
    }

    /// The least value that a layer takes.
    var least: Int {
      switch self {
      case .padding, .sides, .causal, .outputPadding: 0
      default: 1
      }
    }
  }

  /// Whether the layer is a transposed convolution.
  public var isTransposed: Bool
  /// What is known of the axis; the unknown's own field is not looked at.
  public var axis: Axis
  /// Elements that go in.
  public var input: Int
  /// Elements that are to come out.
  public var output: Int
  /// What is asked for.
  public var unknown: Unknown
  /// The largest value (of a kernel, a stride, an amount of padding on one side) that is looked at; of the sizes that
  /// answer, this many are listed.
  public var bound: Int

  /// A question whose known numbers are given; those of the unknown are not looked at.
  public init(
    isTransposed: Bool = false, axis: Axis = Axis(), input: Int = 0, output: Int = 0, unknown: Unknown,
    bound: Int = 512
  ) {
    self.isTransposed = isTransposed
    self.axis = axis
    self.input = input
    self.output = output
    self.unknown = unknown
    self.bound = bound
  }
}

/// A layer's axis with the sizes on its two sides.
public struct SizeSolution: Hashable, Sendable, Comparable {
  /// The layer's axis.
  public var axis: Axis
  /// Elements that go in.
  public var input: Int
  /// Elements that come out.
  public var output: Int
  /// Padded elements at the end that no window reaches; 0 for a transposed convolution.
  public var remainder: Int

  private var totalPadding: Int { axis.paddingBefore + axis.paddingAfter }

  /// The order of answers: nothing left over, symmetric padding, least padding, smallest kernel; then the smallest
  /// dilation, stride, output padding and input, and of uneven padding the evener, the odd element at the end.
  public static func < (a: Self, b: Self) -> Bool { a.rank.lexicographicallyPrecedes(b.rank) }

  private var rank: [Int] {
    let skew = axis.paddingBefore - axis.paddingAfter
    return [
      remainder == 0 ? 0 : 1, skew == 0 ? 0 : 1, totalPadding, axis.kernel, axis.dilation, axis.stride,
      axis.outputPadding, input, abs(skew), skew, remainder,
    ]
  }

  /// The value of what was asked for.
  public func value(of unknown: SizeQuestion.Unknown) -> Int {
    switch unknown {
    case .output: output
    case .input: input
    case .kernel: axis.kernel
    case .stride: axis.stride
    case .dilation: axis.dilation
    case .padding, .causal: axis.paddingBefore
    case .sides: totalPadding
    case .outputPadding: axis.outputPadding
    }
  }
}

/// What a ``SizeQuestion`` has for answers.
public struct SizeAnswer: Hashable, Sendable {
  /// Every whole-number answer within the bound, best first.
  public var solutions: [SizeSolution]
  /// The answer of the formula without its floor, which need not be whole or allowed; `nil` where the sizes do
  /// not depend on the unknown.
  public var exact: Fraction?
  /// Why there is no solution.
  public var reason: String?
  /// Where there is no solution: those allowed on either side of it, the nearest output first.
  public var nearest: [SizeSolution]
}
