import Testing
import VoluteArithmetic

@Suite struct GeometryTests {
  /// The formula counts the windows that fit, one by one.
  @Test func outputSizeCountsWindows() {
    for size in 1...12 {
      for kernel in 1...4 {
        for stride in 1...4 {
          for dilation in 1...3 {
            for padding in 0...2 {
              let axis = Axis(
                kernel: kernel, stride: stride, dilation: dilation, paddingBefore: padding,
                paddingAfter: 1)
              let span = size + padding + 1
              let starts = Swift.stride(from: 0, to: span, by: stride)
              let fitting = starts.count { $0 + axis.extent <= span }
              #expect(max(axis.outputSize(size), 0) == fitting)
            }
          }
        }
      }
    }
  }

  /// `same` gives ceil(n / s) for every size, kernel, stride and dilation.
  @Test func sameKeepsTheSize() throws {
    for size in 1...14 {
      for kernel in 1...5 {
        for stride in 1...4 {
          for dilation in 1...3 {
            let geometry = try ConvolutionGeometry(
              inputShape: [1, 1, size], weightShape: [1, 1, kernel], stride: PerAxis(stride),
              padding: .same, dilation: PerAxis(dilation))
            #expect(geometry.outputSize == [(size + stride - 1) / stride])
            let axis = geometry.axes[0]
            #expect(axis.paddingAfter - axis.paddingBefore == (axis.paddingBefore + axis.paddingAfter) % 2)
          }
        }
      }
    }
  }

  /// A ring of n grows to n·s exactly when the padding is as the adjoint wants it, for any kernel and stride.
  @Test func circularTransposedReachesEverySize() throws {
    for size in 1...8 {
      for kernel in 1...6 {
        for stride in 1...5 {
          let outputPadding = max(stride - kernel, 0)
          let total = kernel - stride + outputPadding
          for before in 0...total {
            let geometry = try ConvolutionGeometry(
              transposing: [1, 1, size], weightShape: [1, 1, kernel], stride: PerAxis(stride),
              padding: [.sides(before, total - before, mode: .circular)],
              outputPadding: PerAxis(outputPadding))
            #expect(geometry.outputSize == [size * stride])
          }
        }
      }
    }
  }

  @Test func transposedCostIsCountedPerInput() throws {
    let geometry = try ConvolutionGeometry(
      transposing: [1, 4, 10, 10], weightShape: [4, 6, 3, 3], stride: 2)
    #expect(geometry.cost(bias: true).parameters == 4 * 6 * 9 + 6)
    #expect(geometry.cost(bias: true).multiplyAdds == Double(10 * 10 * 4 * 6 * 9))
  }

  @Test func refusalsNameTheMend() throws {
    let error = #expect(throws: ShapeError.self) {
      try ConvolutionGeometry(inputShape: [1, 1, 3, 3], weightShape: [1, 1, 5, 4])
    }
    #expect(error?.parameter == "kernelSize")
    #expect(error?.mend == "axis 0 needs 2 more elements of padding")
    #expect(
      error?.description
        == "conv2d: calculated padded input size per channel: (3 x 3). Kernel size: (5 x 4). Kernel size can't be "
        + "greater than actual input size (axis 0 needs 2 more elements of padding)")
  }

  /// Numbers from a hostile caller are refused in words; nothing overflows.
  @Test func hugeNumbersAreRefused() {
    #expect(throws: ShapeError.self) { try elementCount([1 << 62, 1 << 62, 0], operation: "zeros") }
    let huge = [1 << 31, 1 << 40, 1 << 62, Int.max, -1, Int.min]
    for value in huge {
      let axes = PerAxis(value)
      #expect(throws: ShapeError.self) {
        try ConvolutionGeometry(inputShape: [1, 1, 9], weightShape: [1, 1, 3], stride: axes)
      }
      #expect(throws: ShapeError.self) {
        try ConvolutionGeometry(inputShape: [1, 1, 9], weightShape: [1, 1, 3], dilation: axes)
      }
      #expect(throws: ShapeError.self) {
        try ConvolutionGeometry(
          inputShape: [1, 1, 9], weightShape: [1, 1, 3], padding: Padding([value]))
      }
      #expect(throws: ShapeError.self) {
        try ConvolutionGeometry(inputShape: [1, 1, value], weightShape: [1, 1, value])
      }
      #expect(throws: ShapeError.self) {
        try ConvolutionGeometry(
          transposing: [1, 1, value], weightShape: [1, 1, 3], stride: PerAxis(1 << 30))
      }
      #expect(throws: ShapeError.self) {
        try PoolingGeometry("max_pool", inputShape: [1, 9], rank: 1, kernelSize: axes)
      }
      #expect(throws: ShapeError.self) {
        try UnpoolingGeometry(
          inputShape: [1, value], rank: 1, kernelSize: 2, stride: PerAxis(1 << 30))
      }
      #expect(throws: ShapeError.self) {
        try PaddingGeometry(inputShape: [9], amounts: [value, 1 << 40], fill: .mode(.reflect))
      }
      #expect(throws: ShapeError.self) {
        try InterpolationGeometry(
          inputShape: [1 << 30, 1, 9, 9], size: [value, value], mode: .linear)
      }
      #expect(throws: ShapeError.self) {
        try AdaptivePoolingGeometry("adaptive_avg_pool", inputShape: [1, 9], rank: 1, outputSize: [value])
      }
    }
  }
}
