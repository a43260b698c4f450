import Testing
import Volute

/// Convolutions of random geometries, in every mode and transposed, against finite changes.
@Suite struct ConvolutionGradientTests {
  struct Draw: Sendable, CustomTestStringConvertible {
    let rank: Int
    let isTransposed: Bool
    var testDescription: String { (isTransposed ? "transposed, rank " : "rank ") + "\(rank)" }
  }

  static let draws = (1...3).flatMap { rank in [false, true].map { Draw(rank: rank, isTransposed: $0) } }

  @Test(arguments: draws) func gradientsAreThoseOfFiniteChanges(_ draw: Draw) throws {
    var cases = Cases(seed: UInt64(draw.rank * 2 + (draw.isTransposed ? 1 : 0)))
    var count = 0
    while count < 12 {
      guard let geometry = cases.geometry(rank: draw.rank, isTransposed: draw.isTransposed),
        geometry.inputShape.reduce(1, *) <= 400, geometry.weightShape.reduce(1, *) <= 300,
        geometry.outputShape.reduce(1, *) <= 4000
      else { continue }
      count += 1
      let inputs = [
        cases.tensor(geometry.inputShape).requiringGrad(), cases.tensor(geometry.weightShape).requiringGrad(),
        cases.tensor([geometry.outputChannels]).requiringGrad(),
      ]
      try gradcheck(inputs) { [try convolve(geometry, $0[0], $0[1], $0[2])] }
      if inputs[0].count <= 60, inputs[1].count <= 60 {
        try gradgradcheck(inputs) { [try convolve(geometry, $0[0], $0[1], $0[2])] }
      }
    }
  }

  @Test func unbatchedInputAndMissingBiasAreTaken() throws {
    var cases = Cases(seed: 9)
    let x = cases.tensor([2, 5, 4]).requiringGrad()
    let weight = cases.tensor([3, 2, 2, 3]).requiringGrad()
    let check = { (inputs: [Tensor]) throws in
      [try convolution(inputs[0], inputs[1], padding: [.circular(1), .sides(2, 0, mode: .reflect)])]
    }
    try gradcheck([x, weight], check)
    try gradgradcheck([x, weight], check)
  }

  @Test func onlyTheWeightIsDifferentiated() throws {
    var cases = Cases(seed: 10)
    let x = cases.tensor([1, 2, 5])
    let weight = cases.tensor([3, 2, 2]).requiringGrad()
    let y = try conv1d(x, weight)
    #expect("\(y.gradientFunction?.name ?? "none")" == "ConvolutionBackward")
    y.sum().backward()
    #expect(weight.grad?.shape == [3, 2, 2])
    #expect(x.grad == nil)
  }
}
