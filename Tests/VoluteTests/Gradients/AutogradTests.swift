import Synchronization
import Testing
import Volute

/// What the recorder does, apart from any one operation.
@Suite struct AutogradTests {
  @Test func gradientsAccumulate() {
    let x = Tensor([1, 2, 3] as [Double]).requiringGrad()
    (x * x).sum().backward()
    #expect(x.grad?.elements(as: Double.self) == [2, 4, 6])
    (x * 3).sum().backward()
    #expect(x.grad?.elements(as: Double.self) == [5, 7, 9])
    x.grad = nil
    #expect(x.grad == nil)
  }

  @Test func copiesShareTheGradient() {
    let x = Tensor([2] as [Double]).requiringGrad()
    let copy = x
    (copy * 5).sum().backward()
    #expect(x.grad?.item(as: Double.self) == 5)
  }

  @Test func nothingIsRecordedInNoGrad() {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    let y = noGrad { x * 2 }
    #expect(!y.requiresGrad && y.isLeaf)
    #expect(noGrad { enableGrad { (x * 2).requiresGrad } })
    #expect(!x.detached().requiresGrad)
  }

  @Test func aLeafChangesInPlaceWhereNothingIsRecorded() {
    var x = Tensor([1, 2] as [Double]).requiringGrad()
    (x * x).sum().backward()
    noGrad { x -= (x.grad ?? x) * 0.5 }
    #expect(x.elements(as: Double.self) == [0, 0])
    #expect(x.requiresGrad && x.isLeaf)
    noGrad { x[0] = Tensor(7.0) }
    #expect(x.requiresGrad && x.elements(as: Double.self) == [7, 0])
  }

  @Test func whatABackwardSavedStays() {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    var y = x * 1
    let z = y * y
    // The square's factor is changed after it was used.
    y[0] = Tensor(100.0)
    z.sum().backward()
    #expect(x.grad?.elements(as: Double.self) == [2, 4])
  }

  @Test func graphsPrintLikePyTorch() {
    let x = Tensor([1, 2] as [Float]).requiringGrad()
    #expect("\(x)" == "tensor([1., 2.], requires_grad=True)")
    #expect("\(x * 2)" == "tensor([2., 4.], grad_fn=<MulBackward>)")
    #expect("\(x.relu())" == "tensor([1., 2.], grad_fn=<ReluBackward>)")
    #expect("\(x.exp().sum())".hasSuffix("grad_fn=<SumBackward>)"))
  }

  @Test func aSecondPassNeedsTheGraphKept() throws {
    let x = Tensor([1.5] as [Double]).requiringGrad()
    let y = (x * x).sum()
    try backward([y], retainGraph: true)
    try backward([y])
    #expect(x.grad?.item(as: Double.self) == 6)
    #expect(throws: ShapeError.self) { try backward([y]) }
  }

  @Test func refusalsNameTheMend() throws {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    let vector = #expect(throws: ShapeError.self) { try backward([x * 2]) }
    #expect("\(try #require(vector))".contains("grad can be implicitly created only for scalar outputs"))
    let constant = #expect(throws: ShapeError.self) { try backward([Tensor(1.0)]) }
    #expect("\(try #require(constant))".contains("does not require grad"))
    let unused = #expect(throws: ShapeError.self) {
      try grad(of: [(x * 2).sum()], with: [Tensor(1.0).requiringGrad()])
    }
    #expect("\(try #require(unused))".contains("not have been used in the graph"))
    let free = #expect(throws: ShapeError.self) { try floorDivide(x, x) }
    #expect("\(try #require(free))".contains("floor_divide"))
  }

  @Test func gradientsOfInnerTensorsCanBeAskedFor() throws {
    let x = Tensor([3] as [Double]).requiringGrad()
    let y = x * x
    let z = (y * y).sum()
    let found = try grad(of: [z], with: [y, x])
    #expect(found[0]?.item(as: Double.self) == 18)
    #expect(found[1]?.item(as: Double.self) == 108)
    #expect(x.grad == nil)
  }

  @Test func derivativesOfAnyOrder() throws {
    let x = Tensor(1.3).to(.float64).requiringGrad()
    var y = x.sin()
    for _ in 0..<4 { y = try grad(of: y, with: x, createGraph: true) }
    #expect(abs(y.item(as: Double.self) - x.detached().sin().item(as: Double.self)) < 1e-12)
  }

  @Test func hooksSeeAndReplaceGradients() {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    let seen = Mutex<[Double]>([])
    let handle = x.registerHook { gradient in
      seen.withLock { $0 = gradient.elements(as: Double.self) }
      return gradient * 10
    }
    (x * 3).sum().backward()
    #expect(seen.withLock { $0 } == [3, 3])
    #expect(x.grad?.elements(as: Double.self) == [30, 30])
    handle.remove()
    (x * 3).sum().backward()
    #expect(x.grad?.elements(as: Double.self) == [33, 33])
    let inner = x * 2
    inner.retainGrad()
    (inner * 5).sum().backward()
    #expect(inner.grad?.elements(as: Double.self) == [5, 5])
  }

  @Test func longChainsNeitherOverflowNorLeak() {
    let x = Tensor([1] as [Double]).requiringGrad()
    var y = x
    for _ in 0..<100_000 { y = y + 1 }
    y.sum().backward()
    #expect(x.grad?.item(as: Double.self) == 1)
    // A chain that keeps its tensors, and is let go without a pass.
    var z = x
    for _ in 0..<100_000 { z = z * z }
    weak let last = z.gradientFunction
    #expect(last != nil)
    z = x
    #expect(last == nil)
  }

  @Test func aPassReleasesWhatWasKept() {
    let x = Tensor([2] as [Double]).requiringGrad()
    weak var node: GradientNode?
    do {
      let y = x.exp() * x
      node = y.gradientFunction
      y.sum().backward()
    }
    #expect(node == nil)
  }

  @Test func checkpointGivesTheSameGradients() throws {
    let x = Tensor([0.3, -0.8] as [Double]).requiringGrad()
    let weight = Tensor([1.5, 2.5] as [Double]).requiringGrad()
    let block: @Sendable ([Tensor]) throws -> Tensor = { inputs in
      (inputs[0] * weight).tanh() * Tensor.rand([2], dtype: .float64)
    }
    manualSeed(4)
    try block([x * 2]).sum().backward()
    let (byX, byWeight) = (x.grad, weight.grad)
    x.grad = nil
    weight.grad = nil
    manualSeed(4)
    try checkpoint([x * 2], block).sum().backward()
    #expect(try #require(x.grad).isEqual(to: #require(byX)))
    #expect(try #require(weight.grad).isEqual(to: #require(byWeight)))
  }

  @Test func aWrongGradientIsFound() {
    struct Wrong: Backward {
      func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient * 3] }
    }
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    #expect(throws: GradientMismatch.self) {
      try gradcheck([x]) { [($0[0].detached() * 2).recorded([$0[0]], Wrong())] }
    }
  }
}
