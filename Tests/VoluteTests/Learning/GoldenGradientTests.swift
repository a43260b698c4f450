import Testing
import Volute

/// Gradients and second gradients of every operation against PyTorch's, case by case.
@Suite struct GoldenGradientTests {
  /// The other golden files' cases in float64.
  @Test func gradients() throws {
    let cases = try GoldenCase.read("gradients")
    #expect(cases.count >= 800)
    for golden in cases { try golden.checkGradients() }
  }

  /// Activations, normalisations, losses and indexing: outputs and refusals too.
  @Test func operations() throws {
    let cases = try GoldenCase.read("operations")
    #expect(cases.count >= 200)
    for golden in cases {
      if golden.error == nil { try golden.checkGradients() } else { try golden.check(golden.result) }
    }
  }
}
