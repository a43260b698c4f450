import Volute

/// How what was computed stands to what the notebook recorded.
enum Outcome {
  case agrees
  /// The notebook is wrong there, and the computation shows it.
  case corrected
  /// Too heavy to do unasked.
  case waits
  case disagrees
  /// Nothing was compared.
  case note
}

/// One thing that a cell of the tour computed, beside what its notebook recorded.
struct Finding {
  var outcome: Outcome
  /// What to show, on one line or more.
  var text: String
  /// What it took, or would take.
  var aside: String?
  /// Work that is done only where `load` is light, or where everything was asked for.
  var work: (load: Load, run: () throws -> Finding)?

  init(_ outcome: Outcome, _ text: String) {
    self.outcome = outcome
    self.text = text
  }

  /// A check: `text` when it holds, and `failure` beside it when it does not.
  init(_ holds: Bool, _ text: String, failure: @autoclosure () -> String) {
    self.init(holds ? .agrees : .disagrees, holds ? text : "\(text): \(failure())")
  }

  /// The finding after its work, if it has any that may be done.
  func settled(isFull: Bool) throws -> Finding {
    guard let work, isFull || !work.load.isHeavy, outcome != .disagrees else { return self }
    return try work.run()
  }
}

/// What a computation takes.
struct Load {
  var flops = 0.0
  var bytes = 0.0

  static let heavyFlops = 5e9
  static let heavyBytes = 1e9

  var isHeavy: Bool { flops > Load.heavyFlops || bytes > Load.heavyBytes }

  /// What it takes and, for a heavy one, which limit that passes.
  var text: String {
    let limits =
      (flops > Load.heavyFlops ? ["5 GF"] : []) + (bytes > Load.heavyBytes ? ["1 GB"] : [])
    let amounts = (flops > 0 ? ["\(scaled(flops, unit: "F"))"] : []) + [scaled(bytes, unit: "B")]
    return amounts.joined(separator: ", ")
      + (limits.isEmpty ? "" : ": over " + limits.joined(separator: " and "))
  }
}

extension ConvolutionGeometry {
  /// Multiplications and additions of the direct sum, and the bytes of float32 tensors.
  var load: Load {
    let cost = cost(bias: true)
    return Load(flops: 2 * cost.multiplyAdds, bytes: cost.bytes(elementSize: 4))
  }
}

// MARK: - What a cell can find

/// The shape of a tensor is the recorded one.
func shape(of tensor: Tensor, is recorded: [Int], _ what: String = "") -> Finding {
  Finding(
    tensor.shape == recorded, what + tupleText(tensor.shape),
    failure: "recorded \(tupleText(recorded))")
}

/// The tensor prints as recorded, and its elements are the numbers of that text.
func printed(_ tensor: Tensor, is recorded: String) -> Finding {
  let text = "\(tensor)"
  let numbers = numbers(in: recorded)
  let elements = tensor.elements(as: Double.self)
  // Printed numbers carry four decimals.
  let areClose =
    numbers.count == elements.count && zip(numbers, elements).allSatisfy { abs($0 - $1) <= 0.5e-4 }
  if !areClose { return Finding(.disagrees, "\(text)\nrecorded:\n\(recorded)") }
  return Finding(text == recorded, text, failure: "the same numbers, but recorded as\n\(recorded)")
}

/// A value is the recorded one.
func value<T: Equatable>(_ what: String, _ computed: T, is recorded: T) -> Finding {
  Finding(computed == recorded, "\(what) \(computed)", failure: "recorded \(recorded)")
}

/// A text is the recorded one.
func text(_ computed: String, is recorded: String) -> Finding {
  Finding(computed == recorded, computed, failure: "recorded\n\(recorded)")
}

/// A statement of the notebook is true of what was computed.
func holds(_ statement: String, _ isTrue: Bool) -> Finding {
  Finding(isTrue, statement, failure: "not so")
}

/// The notebook has `wrote` where `computed` is right.
///
/// It disagrees when the notebook was right after all, or when the library computes something else than `is`.
func corrected<T: Equatable>(
  _ what: String, wrote: T, computed: T, is right: T
) -> Finding {
  guard computed == right, wrote != right else {
    return Finding(.disagrees, "\(what): wrote \(wrote), computed \(computed), expected \(right)")
  }
  return Finding(.corrected, "\(what): \(wrote) in the notebook, \(computed) is right")
}

/// A statement of the notebook, or of its code, is false; `instead` says what is true, and `isTrue` that it is.
func corrected(_ instead: String, _ isTrue: Bool) -> Finding {
  isTrue ? Finding(.corrected, instead) : Finding(.disagrees, "\(instead): not so")
}

/// The library refuses, and says why.
func refused(_ body: () throws -> Tensor) -> Finding {
  do {
    let result = try body()
    return Finding(.disagrees, "not refused: gave \(tupleText(result.shape))")
  } catch {
    return Finding(.agrees, "refused: " + wrapped("\(error)", 74).joined(separator: "\n  "))
  }
}

func note(_ text: String) -> Finding { Finding(.note, text) }

/// A convolution with weights of a layer's default size has the recorded shape.
///
/// - Parameters:
///   - kernel: one size a spatial axis.
///   - took: the time that the notebook recorded.
func convolution(
  of input: [Int], to outputs: Int, kernel: [Int], stride: PerAxis<Int> = 1, padding: Padding = 0,
  dilation: PerAxis<Int> = 1, is recorded: [Int], took: String? = nil
) throws -> Finding {
  let weightShape = [outputs, input[input.count - kernel.count - 1]] + kernel
  let geometry = try ConvolutionGeometry(
    inputShape: input, weightShape: weightShape, stride: stride, padding: padding, dilation: dilation)
  let recordedTime = took.map { "recorded \($0)" }
  var finding = Finding(
    geometry.outputShape == recorded, tupleText(geometry.outputShape),
    failure: "recorded \(tupleText(recorded))")
  finding.aside = [geometry.load.text, recordedTime].compactMap { $0 }.joined(separator: "; ")
  if finding.outcome == .agrees { finding.outcome = .waits }
  finding.work = (
    geometry.load,
    {
      let x = Tensor.rand(input)
      let (weight, bias) = layer(weightShape)
      let start = ContinuousClock.now
      let y = try Volute.convolution(
        x, weight, bias: bias, stride: stride, padding: padding, dilation: dilation)
      let time = timeText(ContinuousClock.now - start)
      var done = shape(of: y, is: recorded)
      done.aside = recordedTime.map { "\(time), \($0)" }
      return done
    }
  )
  return finding
}

/// A tensor of the recorded shape is made, if it is not too large to be made unasked.
func creation(of recorded: [Int]) -> Finding {
  let load = Load(bytes: 4 * recorded.reduce(1.0) { $0 * Double($1) })
  var finding = Finding(.waits, tupleText(recorded))
  finding.aside = load.text
  finding.work = (load, { shape(of: .rand(recorded), is: recorded) })
  return finding
}
