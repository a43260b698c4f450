import Volute
import VoluteArithmetic

/// A convolution of characters: a weight repeats a character and a sum joins them, so that each output spells out
/// what it was made of. "abcd" convolved with 1, 2 is abb, bcc, cdd.
public struct SymbolicRun: Hashable, Sendable {
  /// The convolution that is spelt out.
  public let geometry: ConvolutionGeometry
  /// One character an input, in row-major order.
  public let input: [Character]
  /// One word an output, in row-major order.
  public let output: [String]

  /// Letters, then digits and Greek, then whatever comes.
  private static let alphabet: [Character] =
    Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789αβγδεζηθικλμνξοπρστυφχψω")

  /// - Parameters:
  ///   - geometry: the convolution.
  ///   - weights: how often each tap repeats its character; `nil` counts 1 each.
  ///   - input: the characters; `nil` takes the alphabet.
  /// - Throws: `ShapeError` for counts that do not fit the shapes, negative weights, or words beyond all measure.
  public init(
    _ geometry: ConvolutionGeometry, weights: [Int]? = nil, input: [Character]? = nil
  ) throws(ShapeError) {
    let name = geometry.operation
    let inputCount = try elementCount(geometry.inputShape, operation: name)
    let weightCount = try elementCount(geometry.weightShape, operation: name)
    let outputCount = try elementCount(geometry.outputShape, operation: name)
    let weights = weights ?? Array(repeating: 1, count: min(weightCount, Self.largest))
    let terms = Double(weightCount) * Double(outputCount)
    guard max(inputCount, outputCount) <= Self.largest, terms <= 1_000_000,
      weights.allSatisfy({ (0...100).contains($0) })
    else {
      throw ShapeError(
        name, parameter: "input", "a run on characters is for small cases, with weights from 0 to 100",
        mend: "at most \(Self.largest) inputs and outputs")
    }
    let letters = input ?? (0..<inputCount).map { Self.letter($0) }
    guard weights.count == weightCount, letters.count == inputCount else {
      throw ShapeError(
        name, parameter: "input",
        "expected \(inputCount) characters and \(weightCount) weights, but got \(letters.count) and "
          + "\(weights.count)", shapes: [geometry.inputShape, geometry.weightShape])
    }
    var words = Array(repeating: "", count: outputCount)
    geometry.forEachTerm { input, weight, output in
      words[output] += String(repeating: letters[input], count: weights[weight])
    }
    self.geometry = geometry
    self.input = letters
    output = words
  }

  private static let largest = 4096

  private static func letter(_ index: Int) -> Character {
    if index < alphabet.count { return alphabet[index] }
    // Beyond the alphabet, the syllables of Hangul, of which there are more than are allowed here.
    return Unicode.Scalar(UInt32(0xAC00 + index - alphabet.count)).map(Character.init) ?? "?"
  }
}
