import Testing
import Volute

@Suite struct CylindricalLayerTests {
  private func rolled(_ x: Tensor, _ shift: Int) -> Tensor { x.rolled([shift], [3]) }

  private func largest(_ x: Tensor) -> Double { x.detached().abs().max().item(as: Double.self) }

  @Test func sizesAreExactForEveryKernelAndStride() throws {
    for kernel in 1...6 {
      for stride in 1...5 {
        let down = CylindricalConv(
          inChannels: 1, outChannels: 1, kernelSize: PerAxis(kernel), stride: PerAxis(stride))
        let up = CylindricalConvTranspose(
          inChannels: 1, outChannels: 1, kernelSize: PerAxis(kernel), stride: PerAxis(stride))
        for size in 1...7 {
          // z and r take any size; a ring of the same size wraps as often as it takes.
          let small = try down(Tensor.ones([1, 1, size, size, size]))
          let expected = (size + stride - 1) / stride
          #expect(small.shape == [1, 1, expected, expected, expected], "k \(kernel), s \(stride), n \(size)")
          let large = try up(Tensor.ones([1, 1, size, size, size]))
          #expect(large.shape == [1, 1] + Array(repeating: size * stride, count: 3))
        }
      }
    }
  }

  @Test func downRotatesByOneWhereTheInputRotatesByTheStride() throws {
    for (kernel, stride) in [(3, 1), (4, 2), (3, 2), (5, 3), (2, 3)] {
      let layer = CylindricalConv(
        inChannels: 2, outChannels: 3, kernelSize: PerAxis(kernel), stride: PerAxis(stride), dtype: .float64)
      let x = Tensor.randn([2, 2, 5, 4 * stride, 6], dtype: .float64, generator: Generator(seed: 1))
      #expect(try largest(layer(rolled(x, stride)) - rolled(layer(x), 1)) < 1e-12, "k \(kernel), s \(stride)")
    }
  }

  @Test func upRotatesByTheStrideWhereTheInputRotatesByOne() throws {
    for (kernel, stride) in [(3, 1), (4, 2), (3, 2), (5, 3), (2, 3)] {
      let layer = CylindricalConvTranspose(
        inChannels: 2, outChannels: 3, kernelSize: PerAxis(kernel), stride: PerAxis(stride), dtype: .float64)
      let x = Tensor.randn([2, 2, 3, 5, 4], dtype: .float64, generator: Generator(seed: 1))
      #expect(
        try largest(layer(rolled(x, 1)) - rolled(layer(x), stride)) < 1e-12, "k \(kernel), s \(stride)")
    }
  }

  @Test func thePublishedLayerIsTheAdjointWhereItKeepsTheSize() throws {
    let published = CylindricalConvTranspose(
      inChannels: 2, outChannels: 2, stride: 2, padding: 1, asPublished: true, dtype: .float64)
    let adjoint = CylindricalConvTranspose(
      inChannels: 2, outChannels: 2, stride: 2, padding: 1, dtype: .float64)
    try adjoint.load(published.stateDictionary)
    let x = Tensor.randn([1, 2, 4, 5, 3], dtype: .float64, generator: Generator(seed: 2))
    #expect(try largest(published(x) - adjoint(x)) < 1e-12)
  }

  @Test func aStreamGivesWhatTheWholeClipGives() throws {
    for (kernel, stride, dilation, mode) in [
      (3, 1, 1, PaddingMode.zeros), (3, 2, 1, .zeros), (2, 3, 1, .zeros), (3, 1, 2, .replicate),
      (1, 2, 1, .zeros),
    ] {
      let layer = CausalConv3d(
        inChannels: 2, outChannels: 3, kernelSize: [kernel, 3, 3], stride: PerAxis(stride),
        dilation: PerAxis(dilation), paddingMode: mode, dtype: .float64)
      let clip = Tensor.randn([1, 2, 11, 4, 5], dtype: .float64, generator: Generator(seed: 4))
      let whole = try layer(clip)
      for pieces in [[11], [1, 1, 1, 8], [4, 4, 3], [2, 5, 1, 3]] {
        layer.resetStream()
        let parts = try split(clip, pieces, axis: 2).map { try layer.stream($0) }
        #expect(
          try largest(concatenate(parts, axis: 2) - whole) < 1e-12, "k \(kernel), s \(stride), \(pieces)")
      }
    }
  }

  @Test func causalMeansThatLaterFramesChangeNothing() throws {
    let layer = CausalConv3d(inChannels: 1, outChannels: 1, dtype: .float64)
    let clip = Tensor.randn([1, 1, 6, 4, 4], dtype: .float64, generator: Generator(seed: 4))
    var changed = clip
    changed[0..., 0..., 4...] = Tensor(0.0)
    let (a, b) = (try layer(clip), try layer(changed))
    #expect(a[.all, .all, 0..<4].isEqual(to: b[.all, .all, 0..<4]))
    #expect(!a[.all, .all, 4].isEqual(to: b[.all, .all, 4]))
  }
}
