import Testing
import Volute

/// The operations on spatial axes against PyTorch, case by case.
@Suite struct GoldenOperationTests {
  static let files = [
    "conv", "conv_transpose", "pad", "max_pool", "avg_pool", "lp_pool", "adaptive_pool", "max_unpool",
    "interpolate",
    "unfold",
  ]

  @Test(arguments: files) func operations(_ file: String) throws {
    for golden in try GoldenCase.read(file) {
      try golden.check(golden.result)
    }
  }
}
