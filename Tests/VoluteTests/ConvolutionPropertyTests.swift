import Testing
import Volute

/// Values are exact in these tests (small multiples of 1/64), so agreement is equality.
@Suite struct ConvolutionPropertyTests {
  @Test(arguments: [DType.float32, .float64], [false, true])
  func matrixAgreesWithReference(dtype: DType, isTransposed: Bool) throws {
    var cases = Cases(seed: dtype == .float32 ? 1 : 2)
    var checked = 0
    while checked < 600 {
      guard let geometry = cases.geometry(rank: cases.int(1...4), isTransposed: isTransposed) else {
        continue
      }
      checked += 1
      let x = cases.tensor(geometry.inputShape, dtype)
      let weight = cases.tensor(geometry.weightShape, dtype)
      let bias = cases.tensor([geometry.outputChannels], dtype)
      let expected = try convolve(geometry, x, weight, bias, policy: .algorithm(.reference))
      let actual = try convolve(geometry, x, weight, bias, policy: .algorithm(.direct))
      #expect(actual.isEqual(to: expected), "\(geometry)")
    }
  }

  /// `<conv x, y> = <x, conv' y>` for every padding mode, stride, dilation, group.
  @Test func transposedIsTheAdjoint() throws {
    var cases = Cases(seed: 3)
    var checked = 0
    while checked < 1000 {
      guard let up = cases.geometry(rank: cases.int(1...3), isTransposed: true) else { continue }
      checked += 1
      let down = try ConvolutionGeometry(
        inputShape: up.outputShape, weightShape: up.weightShape, stride: PerAxis(up.axes.map(\.stride)),
        padding: .amounts(
          .init(
            up.axes.map { .sides($0.paddingBefore, $0.paddingAfter, mode: $0.mode) })),
        dilation: PerAxis(up.axes.map(\.dilation)), groups: up.groups)
      // Output padding may leave room for one more window; such a convolution has another output size.
      guard down.outputSize == up.inputSize else { continue }
      let x = cases.tensor(down.inputShape)
      let y = cases.tensor(up.inputShape)
      let weight = cases.tensor(up.weightShape)
      let left = (try convolve(down, x, weight, nil, policy: .exact) * y).sum().item(as: Double.self)
      let right = (x * (try convolve(up, y, weight, nil, policy: .exact))).sum().item(as: Double.self)
      #expect(left == right, "\(up)")
    }
  }

  @Test func isLinear() throws {
    var cases = Cases(seed: 4)
    for _ in 0..<200 {
      guard let geometry = cases.geometry(rank: cases.int(1...3), isTransposed: false) else { continue }
      let (x, y) = (cases.tensor(geometry.inputShape), cases.tensor(geometry.inputShape))
      let weight = cases.tensor(geometry.weightShape)
      let whole = try convolve(geometry, x * 2 + y, weight, nil)
      let parts = try convolve(geometry, x, weight, nil) * 2 + convolve(geometry, y, weight, nil)
      #expect(whole.isEqual(to: parts))
    }
  }

  /// Rank 4 against nested loops that know nothing of maps.
  @Test func fourAxesAgreeWithNestedLoops() throws {
    var cases = Cases(seed: 5)
    let size = [4, 3, 5, 4]
    let kernel = [2, 1, 3, 2]
    let x = cases.tensor([2, 2] + size)
    let weight = cases.tensor([3, 2] + kernel)
    let y = try convolution(x, weight, stride: [2, 1, 1, 2], dilation: [1, 2, 1, 1])
    let (a, w) = (x.elements(as: Double.self), weight.elements(as: Double.self))
    #expect(y.shape == [2, 3, 2, 3, 3, 2])
    var expected: [Double] = []
    for n in 0..<2 {
      for o in 0..<3 {
        for p in 0..<2 {
          for q in 0..<3 {
            for r in 0..<3 {
              for s in 0..<2 {
                var sum = 0.0
                for c in 0..<2 {
                  for i in 0..<2 {
                    for k in 0..<3 {
                      for l in 0..<2 {
                        let place = (((n * 2 + c) * 4 + p * 2 + i) * 3 + q) * 5 + r + k
                        sum +=
                          a[place * 4 + s * 2 + l] * w[(((o * 2 + c) * 2 + i) * 3 + k) * 2 + l]
                      }
                    }
                  }
                }
                expected.append(sum)
              }
            }
          }
        }
      }
    }
    #expect(y.elements(as: Double.self) == expected)
  }

  /// A convolution along one axis with `R` channels is one along two axes whose kernel is `R` high.
  @Test func oneAxisAsTwo() throws {
    var cases = Cases(seed: 6)
    let x = cases.tensor([3, 8])
    let weight = cases.tensor([5, 3, 4])
    let one = try conv1d(x, weight)
    let two = try conv2d(x.unsqueezed(0), weight.unsqueezed(1))
    #expect(two.squeezed(1).isEqual(to: one))
  }

  /// Down: where the stride divides the ring, rotating the input by the stride rotates the output by one.
  @Test func circularDownIsEquivariantWhereTheStrideDivides() throws {
    var cases = Cases(seed: 7)
    for stride in 1...4 {
      for kernel in stride...6 {
        for outputs in 1...4 {
          let total = kernel - stride
          let before = cases.int(0...total)
          let padding: Padding = [.sides(before, total - before, mode: .circular)]
          let x = cases.tensor([1, 2, outputs * stride])
          let weight = cases.tensor([3, 2, kernel])
          let y = try conv1d(x, weight, stride: PerAxis(stride), padding: padding)
          #expect(y.shape == [1, 3, outputs])
          let turned = try conv1d(
            x.rolled([stride], [2]), weight, stride: PerAxis(stride), padding: padding)
          #expect(turned.isEqual(to: y.rolled([1], [2])), "k \(kernel) s \(stride)")
        }
      }
    }
  }

  /// Where it does not divide, no rotation of the output follows: a ring of 5 halved to 2, as the published network
  /// does. Down by a plan of strides that divide, 10 to 5 to 5, it does follow.
  @Test func circularDownBreaksWhereTheStrideDoesNotDivide() throws {
    var cases = Cases(seed: 8)
    let x = cases.tensor([1, 1, 5])
    let weight = cases.tensor([1, 1, 4])
    let y = try conv1d(x, weight, stride: 2, padding: [.circular(1)])
    #expect(y.shape == [1, 1, 2])
    let turned = try conv1d(x.rolled([2], [2]), weight, stride: 2, padding: [.circular(1)])
    #expect(!turned.isEqual(to: y) && !turned.isEqual(to: y.rolled([1], [2])))

    let ring = cases.tensor([1, 1, 10])
    let odd = cases.tensor([1, 1, 3])
    func plan(_ x: Tensor) throws -> Tensor {
      try conv1d(conv1d(x, weight, stride: 2, padding: [.circular(1)]), odd, padding: [.circular(1)])
    }
    #expect(try plan(ring).shape == [1, 1, 5])
    #expect(try plan(ring.rolled([2], [2])).isEqual(to: plan(ring).rolled([1], [2])))
  }

  /// Up: a ring of `n` becomes one of `n * s`, and rotating the input by one rotates the output by the stride, for
  /// every size, kernel and stride.
  @Test func circularUpIsAlwaysEquivariant() throws {
    var cases = Cases(seed: 9)
    for size in 1...5 {
      for kernel in 1...6 {
        for stride in 1...5 {
          let extra = max(stride - kernel, 0)
          let total = kernel - stride + extra
          let before = cases.int(0...total)
          let padding: Padding = [.sides(before, total - before, mode: .circular)]
          let x = cases.tensor([1, 2, size])
          let weight = cases.tensor([2, 3, kernel])
          func up(_ x: Tensor) throws -> Tensor {
            try convTranspose1d(
              x, weight, stride: PerAxis(stride), padding: padding, outputPadding: PerAxis(extra))
          }
          let y = try up(x)
          #expect(y.shape == [1, 3, size * stride])
          #expect(
            try up(x.rolled([1], [2])).isEqual(to: y.rolled([stride], [2])),
            "n \(size) k \(kernel) s \(stride)")
        }
      }
    }
  }
}
