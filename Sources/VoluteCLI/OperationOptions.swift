import ArgumentParser
import Volute

/// The options of the operations, by their names on the command line.
enum OptionName: String, CaseIterable, Sendable {
  case weight, bias, indices, algorithm
  case indicesOutput = "indices-output"
  case inChannels = "in-channels"
  case outChannels = "out-channels"
  case noBias = "no-bias"
  case inputSize = "input-size"
  case kernelSize = "kernel-size"
  case stride, padding
  case paddingMode = "padding-mode"
  case dilation, groups, strict
  case outputPadding = "output-padding"
  case outputSize = "output-size"
  case ceilMode = "ceil-mode"
  case excludePadding = "exclude-padding"
  case divisor, norm, pad, mode, value, size
  case scaleFactor = "scale-factor"
  case alignCorners = "align-corners"
  case recomputeScaleFactor = "recompute-scale-factor"
  case antialias
}

/// What is said about an operation, whether it is run or only measured.
struct OperationOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional,
    help: "Taps an axis: 3 or 3,4,4. (conv, conv-transpose, pools but the adaptive, unfold, fold)",
    transform: OptionParsing.integers)
  var kernelSize: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional,
    help: "How far the window moves: 2 or 2,1,1. Pools move by their kernel, others by 1.",
    transform: OptionParsing.integers)
  var stride: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Elements added on both sides: 1 or 1,0,1.",
      discussion: "Convolutions also take 2:0 (before:after), same, valid, half and full."),
    transform: OptionParsing.padding)
  var padding: Padding?

  @Option(
    name: .long,
    help:
      "What padding holds: zeros, reflect, replicate or circular; one an axis, if you like. (conv, conv-transpose)",
    transform: OptionParsing.paddingModes)
  var paddingMode: PerAxis<PaddingMode>?

  @Option(
    name: .long, parsing: .unconditional,

    help: "Distance of neighbouring taps. (conv, conv-transpose, max-pool, unfold, fold)",
    transform: OptionParsing.integers)
  var dilation: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Channels are convolved in this many groups. (conv, conv-transpose)")
  var groups: Int?

  @Flag(name: .long, help: "Refuse sizes that the stride does not divide. (conv)")
  var strict = false

  @Option(
    name: .long, parsing: .unconditional, help: "Elements added at the end of the output. (conv-transpose)",
    transform: OptionParsing.integers)
  var outputPadding: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional,
    help:
      "The size that comes out. (conv-transpose, max-unpool, fold; adaptive pools, where none keeps a size)",
    transform: OptionParsing.sizes)
  var outputSize: PerAxis<Int?>?

  @Flag(name: .long, help: "Keep a last window that overhangs. (max-pool, avg-pool, lp-pool)")
  var ceilMode = false

  @Flag(name: .long, help: "Divide by the elements without the padding. (avg-pool)")
  var excludePadding = false

  @Option(name: .long, parsing: .unconditional, help: "Divide the sums by this number. (avg-pool)")
  var divisor: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "The exponent; 2 when left out. (lp-pool)",
    transform: OptionParsing.number)
  var norm: Double?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Pairs before,after, the last axis first; negative amounts crop: 1,1,0,2. (pad)",
    transform: OptionParsing.integers)
  var pad: PerAxis<Int>?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How new elements come about.",
      discussion: "pad: constant, reflect, replicate, circular. interpolate: nearest, nearest-exact, linear, "
        + "bilinear, trilinear, bicubic, area."))
  var mode: String?

  @Option(
    name: .long, parsing: .unconditional, help: "What constant padding holds. (pad)",
    transform: OptionParsing.number)
  var value: Double?

  @Option(
    name: .long, parsing: .unconditional, help: "The size that comes out: 128 or 64,128. (interpolate)",
    transform: OptionParsing.integers)
  var size: PerAxis<Int>?

  @Option(
    name: .long, parsing: .unconditional, help: "How many times larger: 2 or 2,1.5. (interpolate)",
    transform: OptionParsing.numbers)
  var scaleFactor: PerAxis<Double>?

  @Flag(name: .long, help: "Let first and last elements coincide. (interpolate)")
  var alignCorners = false

  @Flag(name: .long, help: "Sample by the ratio of the rounded sizes, not by the factor. (interpolate)")
  var recomputeScaleFactor = false

  @Flag(name: .long, help: "Count every input where an axis shrinks. (interpolate)")
  var antialias = false

  /// The options that were given.
  var given: Set<OptionName> {
    let all: [(OptionName, Bool)] = [
      (.kernelSize, kernelSize != nil), (.stride, stride != nil), (.padding, padding != nil),
      (.paddingMode, paddingMode != nil), (.dilation, dilation != nil), (.groups, groups != nil),
      (.strict, strict), (.outputPadding, outputPadding != nil), (.outputSize, outputSize != nil),
      (.ceilMode, ceilMode), (.excludePadding, excludePadding), (.divisor, divisor != nil),
      (.norm, norm != nil), (.pad, pad != nil), (.mode, mode != nil), (.value, value != nil),
      (.size, size != nil), (.scaleFactor, scaleFactor != nil), (.alignCorners, alignCorners),
      (.recomputeScaleFactor, recomputeScaleFactor), (.antialias, antialias),
    ]
    return Set(all.filter(\.1).map(\.0))
  }
}
