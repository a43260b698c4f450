import Testing
import VoluteArithmetic

/// The definition of convolution run on symbols: a weight repeats a letter, and sums spell out what they are made of.
@Suite struct ConvolutionTermsTests {
  private func spelled(_ geometry: ConvolutionGeometry, _ letters: String, _ weights: [Int]) -> [String] {
    let input = Array(letters)
    var output = Array(repeating: "", count: geometry.outputShape.reduce(1, *))
    geometry.forEachTerm { from, weight, to in
      output[to] += String(repeating: input[from], count: weights[weight])
    }
    return output
  }

  @Test func lettersSpellTheWindows() throws {
    let plain = try ConvolutionGeometry(inputShape: [1, 4], weightShape: [1, 1, 2])
    #expect(spelled(plain, "abcd", [1, 2]) == ["abb", "bcc", "cdd"])
    let ring = try ConvolutionGeometry(
      inputShape: [1, 4], weightShape: [1, 1, 3], padding: [.circular(1)])
    #expect(spelled(ring, "abcd", [1, 1, 1]) == ["dab", "abc", "bcd", "cda"])
    let mirrored = try ConvolutionGeometry(
      inputShape: [1, 4], weightShape: [1, 1, 3], stride: 2, padding: [.reflect(2)])
    #expect(spelled(mirrored, "abcd", [1, 1, 1]) == ["cba", "abc", "cdc"])
    let padded = try ConvolutionGeometry(
      inputShape: [1, 3], weightShape: [1, 1, 2], padding: 2, dilation: 2)
    #expect(spelled(padded, "abc", [1, 1]) == ["a", "b", "ac", "b", "c"])
  }

  @Test func channelsComeInOrder() throws {
    let geometry = try ConvolutionGeometry(inputShape: [2, 3], weightShape: [2, 2, 2])
    #expect(
      spelled(geometry, "abcxyz", [1, 1, 1, 1, 0, 1, 2, 0]) == ["abxy", "bcyz", "bxx", "cyy"])
    let grouped = try ConvolutionGeometry(inputShape: [2, 3], weightShape: [2, 1, 2], groups: 2)
    #expect(spelled(grouped, "abcxyz", [1, 1, 1, 1]) == ["ab", "bc", "xy", "yz"])
  }

  @Test func transposedSpreadsEachInput() throws {
    let geometry = try ConvolutionGeometry(transposing: [1, 2], weightShape: [1, 1, 3], stride: 2)
    #expect(spelled(geometry, "ab", [1, 1, 1]) == ["a", "a", "ab", "b", "b"])
    let ring = try ConvolutionGeometry(
      transposing: [1, 2], weightShape: [1, 1, 4], stride: 2, padding: [.circular(1)])
    // Tap t of input i lands on (2 i + t - 1) mod 4.
    #expect(spelled(ring, "ab", [1, 2, 3, 4]) == ["aabbbb", "aaab", "aaaabb", "abbb"])
  }
}
