import Testing
import Volute

/// What is made of exponentials by vectors, where they end.
@Suite struct ExponentialTests {
  @Test(arguments: [DType.float32, .float64], [3, 40]) func softmaxGivesNothingToMinusInfinity(
    _ dtype: DType, _ count: Int
  ) {
    var x = Tensor.zeros([2, count], dtype: dtype)
    x[.all, 1] = Tensor(-Double.infinity)
    x[1, 2] = Tensor(-2000.0)
    for y in [x.softmax(1), x.transposed().contiguous().softmax(0).transposed()] {
      #expect(y[.all, 1].elements(as: Double.self) == [0, 0])
      #expect(y[1, 2].item(as: Double.self) == 0)
      #expect(abs(y.sum([1]).elements(as: Double.self)[0] - 1) < 1e-6)
    }
  }

  @Test(arguments: [DType.float32, .float64]) func siluEndsAtZeroAndAtItself(_ dtype: DType) {
    let x = Tensor([-1000, -800, 0, 800, 1000] as [Double]).to(dtype).requiringGrad()
    let y = x.silu()
    #expect(y.detached().elements(as: Double.self) == [0, 0, 0, 800, 1000])
    y.sum().backward()
    #expect(x.grad?.elements(as: Double.self) == [0, 0, 0.5, 1, 1])
  }
}
