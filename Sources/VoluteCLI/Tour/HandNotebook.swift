import Volute

extension Notebook {
  static var byHand: Notebook {
    Notebook(
      3, "Small images by hand",
      about:
        "Every array is compared with the recorded one twice: its numbers, and the text that it prints as."
    ) {
      edges
      planes
      readCounts
      poolingAndUpsampling
      transposed
    }
  }
}

private let edgeFilter = Tensor([[2, 0, -2], [2, 0, -2], [2, 0, -2]] as [[Float]]).reshaped(1, 1, 3, 3)

@EntriesBuilder private var edges: [Notebook.Entry] {
  section("Convolution")
  cell("In [4]", "an edge filter on a 6x6 image") {
    let x = Tensor(
      [
        [3, 0, 1, 2, 7, 4], [1, 5, 8, 9, 3, 1], [2, 7, 2, 5, 1, 3], [0, 1, 3, 1, 7, 8], [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
      ] as [[Float]])
    printed(
      try conv2d(x.reshaped(1, 1, 6, 6), edgeFilter),
      is: """
        tensor([[[[-10.,  -8.,   0.,  16.],
                  [-20.,  -4.,   4.,   6.],
                  [  0.,  -4.,  -8., -14.],
                  [ -6.,  -4.,  -6., -32.]]]])
        """)
  }
  cell("In [5]", "the same filter, an image bright on its left") {
    printed(
      try conv2d(half(30, as: .float32), edgeFilter),
      is: """
        tensor([[[[  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.]]]])
        """)
  }
  cell("In [6]", "8 filters of 5x5 over 3 channels: weights") {
    let geometry = try ConvolutionGeometry(inputShape: [3, 32, 32], weightShape: [8, 3, 5, 5])
    value("5·5·3·8 =", geometry.cost(bias: false).parameters, is: 600)
  }
}

@EntriesBuilder private var planes: [Notebook.Entry] {
  section("Red, green and blue, in float64")
  let narrow = """
    tensor([[ 0., 30., 30.,  0.],
            [ 0., 30., 30.,  0.],
            [ 0., 30., 30.,  0.],
            [ 0., 30., 30.,  0.]], dtype=torch.float64)
    """
  let wide = narrow.replacing(" 0.", with: "  0.")
  plane("In [9]", "red", image: 10, filter: 1, is: narrow)
  plane("In [12]", "green", image: 30, filter: 2, is: wide.replacing(" 30.", with: " 180."))
  plane("In [15]", "blue", image: 20, filter: 0.5, is: narrow)
  cell("In [16]", "the planes stacked") { shape(of: try stackedImage(), is: [1, 3, 6, 6]) }
  cell("In [17]", "the filters stacked") { shape(of: try stackedFilter(), is: [1, 3, 3, 3]) }
  cell("In [18]", "one filter over three channels") {
    let out = try conv2d(stackedImage(), stackedFilter())
    shape(of: out, is: [1, 1, 4, 4])
    printed(out[0, 0], is: wide.replacing(" 30.", with: " 240."))
  }
  cell("In [19]", "the sum of the three planes' results") {
    let sum = try conv2d(half(10), filter(1)) + conv2d(half(30), filter(2)) + conv2d(half(20), filter(0.5))
    printed(
      sum,
      is: """
        tensor([[[[  0., 240., 240.,   0.],
                  [  0., 240., 240.,   0.],
                  [  0., 240., 240.,   0.],
                  [  0., 240., 240.,   0.]]]], dtype=torch.float64)
        """)
    holds("equal to the three-channel result", sum.isEqual(to: try conv2d(stackedImage(), stackedFilter())))
  }
}

@EntriesBuilder private var readCounts: [Notebook.Entry] {
  section("Padding: how often a 3x3 kernel reads each pixel of a 6x6 image")
  cell("text", "valid: the centre has a bigger say") {
    let counts = try reads(.valid)
    value("row 0:", counts[0].integers(), is: [1, 2, 3, 3, 2, 1])
    value("row 2:", counts[2].integers(), is: [3, 6, 9, 9, 6, 3])
  }
  cell("text", "half, or same: the size stays") {
    shape(of: try conv2d(half(1), filter(1), padding: .half), is: [1, 1, 6, 6])
    value("row 0:", try reads(.half)[0].integers(), is: [4, 6, 6, 6, 6, 4])
  }
  cell("text", "full: all pixels count equally") {
    shape(of: try conv2d(half(1), filter(1), padding: .full), is: [1, 1, 8, 8])
    holds("each is read 9 times", try (reads(.full) .== 9).all())
  }
}

@EntriesBuilder private var poolingAndUpsampling: [Notebook.Entry] {
  section("Pooling and up-sampling")
  cell("In [20]", "max_pool2d, kernel 2, stride 2") {
    let x = Tensor([[1, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]] as [[Float]])
    printed(
      try maxPool(x.reshaped(1, 1, 4, 4), rank: 2, kernelSize: 2, stride: 2).values,
      is: """
        tensor([[[[9., 2.],
                  [6., 3.]]]])
        """)
  }
  cell("In [21]", "max_pool2d, kernel 3, stride 1") {
    let x = Tensor(
      [[1, 3, 2, 1, 3], [2, 9, 1, 1, 5], [1, 3, 2, 3, 2], [8, 3, 5, 1, 0], [5, 6, 1, 2, 9]] as [[Float]])
    printed(
      try maxPool(x.reshaped(1, 1, 5, 5), rank: 2, kernelSize: 3, stride: 1).values,
      is: """
        tensor([[[[9., 9., 5.],
                  [9., 9., 5.],
                  [8., 6., 9.]]]])
        """)
  }
  let x = Tensor([[20, 45], [10, 43]] as [[Float]]).reshaped(1, 1, 2, 2)
  cell("In [22]", "interpolate x2, nearest") {
    printed(
      try interpolate(x, scaleFactor: 2.0, mode: .nearest),
      is: """
        tensor([[[[20., 20., 45., 45.],
                  [20., 20., 45., 45.],
                  [10., 10., 43., 43.],
                  [10., 10., 43., 43.]]]])
        """)
  }
  cell("In [23]", "interpolate x2, bilinear") {
    printed(
      try interpolate(x, scaleFactor: 2.0, mode: .linear),
      is: """
        tensor([[[[20.0000, 26.2500, 38.7500, 45.0000],
                  [17.5000, 24.2500, 37.7500, 44.5000],
                  [12.5000, 20.2500, 35.7500, 43.5000],
                  [10.0000, 18.2500, 34.7500, 43.0000]]]])
        """)
  }
}

@EntriesBuilder private var transposed: [Notebook.Entry] {
  section("Transposed convolution, of integers")
  let x = Tensor([[1, 4], [0, 2]]).reshaped(1, 1, 2, 2)
  let weight = Tensor([[2, 2], [1, 1]]).reshaped(1, 1, 2, 2)
  cell("text", "its size is s(i - 1) + k") {
    let cases = [(2, 2, 1), (2, 2, 2), (5, 3, 2), (7, 4, 3)]
    let sizes = try cases.map { size, kernel, stride in
      try convTranspose2d(
        integers([1, size, size]), integers([1, 1, kernel, kernel]), stride: PerAxis(stride)
      ).shape[1]
    }
    value("(i, k, s) = (2, 2, 1), (2, 2, 2), (5, 3, 2), (7, 4, 3):", sizes, is: [3, 4, 11, 22])
    holds("as the formula has it", zip(cases, sizes).allSatisfy { $0.2 * ($0.0 - 1) + $0.1 == $1 })
  }
  cell("In [24]", "conv_transpose2d") {
    printed(
      try convTranspose2d(x, weight),
      is: """
        tensor([[[[ 2, 10,  8],
                  [ 1,  9,  8],
                  [ 0,  2,  2]]]])
        """)
  }
  cell("In [25]", "conv_transpose2d, stride 2") {
    printed(
      try convTranspose2d(x, weight, stride: 2),
      is: """
        tensor([[[[2, 2, 8, 8],
                  [1, 1, 4, 4],
                  [0, 0, 4, 4],
                  [0, 0, 2, 2]]]])
        """)
  }
  cell("text", "the checkerboard: writes to each output") {
    let checkered = try convTranspose1d(.ones([1, 5]), .ones([1, 1, 3]), stride: 2)
    value("kernel 3, stride 2:", checkered[0].to(.int64).integers(), is: [1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1])
    let large = try interpolate(.ones([1, 1, 5]), scaleFactor: 2.0)
    let even = try conv1d(large, .ones([1, 1, 3]), padding: 1)
    value("x2, then 3 same:", even[0, 0].to(.int64).integers(), is: [2, 3, 3, 3, 3, 3, 3, 3, 3, 2])
  }
}

// MARK: - The images and filters

/// A 6x6 image, bright on its left half.
private func half(_ brightness: Double, as dtype: DType = .float64) -> Tensor {
  let row = Tensor([brightness, brightness, brightness, 0, 0, 0]).to(dtype)
  return row.expanded(1, 1, 6, 6)
}

private func filter(_ height: Double) -> Tensor { Tensor([height, 0, -height]).expanded(1, 1, 3, 3) }

private func stackedImage() throws -> Tensor { try concatenate([half(10), half(30), half(20)], axis: 1) }

private func stackedFilter() throws -> Tensor {
  try concatenate([filter(1), filter(2), filter(0.5)], axis: 1)
}

private func plane(
  _ label: String, _ name: String, image brightness: Double, filter height: Double, is recorded: String
) -> [Notebook.Entry] {
  cell(label, "the \(name) plane") {
    let out = try conv2d(half(brightness), filter(height))
    shape(of: out, is: [1, 1, 4, 4])
    printed(out[0, 0], is: recorded)
  }
}

/// How many outputs of a 3x3 convolution over 6x6 read each input: the adjoint, applied to ones.
private func reads(_ padding: Padding) throws -> Tensor {
  let weight = Tensor.ones([1, 1, 3, 3], dtype: .int64)
  let outputs = try conv2d(.zeros([1, 6, 6], dtype: .int64), weight, padding: padding).shape
  return try convTranspose2d(.ones(outputs, dtype: .int64), weight, padding: padding)[0]
}
