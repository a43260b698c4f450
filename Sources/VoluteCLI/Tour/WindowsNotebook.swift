import Volute

extension Notebook {
  static var windows: Notebook {
    Notebook(
      4, "Convolution out of strided windows",
      about: "as_strided and tensordot against the library, on numbers and on characters."
    ) {
      shapes
      views
      symbols
      otherLibrary
    }
  }
}

private let dataShape = [1, 2, 5, 5]
private let kernelShape = [3, 1, 2, 2, 2]
private let dilation: PerAxis = [1, 2, 1]

/// The windows of unbatched data: places first, then the channel and the taps.
private let windowShape = [1, 3, 4, 1, 2, 2, 2]
private let windowStrides = [25, 5, 1, 50, 25, 10, 1]

@EntriesBuilder private var shapes: [Notebook.Entry] {
  section("Sizes and strides")
  cell("In [30]", "out_shape: 2x5x5, kernel 2, dilation (1, 2, 1)") {
    let geometry = try ConvolutionGeometry(
      inputShape: dataShape, weightShape: kernelShape, dilation: dilation)
    value("", geometry.outputShape, is: [3, 1, 3, 4])
    text(geometry.axes[1].formula(5), is: "floor((5 + 2·0 - 2·(2 - 1) - 1) / 1) + 1 = 3")
  }
  cell("In [32]", "strides of the windows") {
    let channel = integers(dataShape).strides
    let strides = Array(channel[1...]) + [channel[0]] + zip(channel[1...], dilation.values).map { $0 * $1 }
    value("in elements:", strides, is: [25, 5, 1, 50, 25, 10, 1])
    value("in bytes of int64:", strides.map { $0 * DType.int64.size }, is: [200, 40, 8, 400, 200, 80, 8])
    shape(of: try asStrided(integers(dataShape), windowShape, strides: strides), is: windowShape, "windows ")
    shape(of: integers(kernelShape), is: [3, 1, 2, 2, 2], "kernel ")
    shape(of: integers(dataShape), is: [1, 2, 5, 5], "data ")
  }
}

@EntriesBuilder private var views: [Notebook.Entry] {
  section("as_strided, then tensordot")
  cell("In [37]", "the windows times the kernel") {
    let data = integers(dataShape)
    let kernel = integers(kernelShape)
    let windows = try asStrided(data, windowShape, strides: windowStrides)
    let product = try tensordot(kernel, windows, axes: ([1, 2, 3, 4], [3, 4, 5, 6]))
    let wanted = try conv3d(data, kernel, dilation: dilation)
    shape(of: product.transposed(0, 1), is: [1, 3, 3, 4], "its swapaxes: ")
    corrected(
      "unbatched data need none", wrote: product.transposed(0, 1).shape, computed: product.shape,
      is: [3, 1, 3, 4])
    holds("without it, equal to the library's conv3d, element by element", product.isEqual(to: wanted))
  }
}

@EntriesBuilder private var symbols: [Notebook.Entry] {
  section("Its data are characters: a weight repeats one, and + joins")
  cell("design", "\"abcd\" convolved with [1, 2]") {
    let geometry = try ConvolutionGeometry(inputShape: [1, 4], weightShape: [1, 1, 2])
    text(
      spelled(geometry, ["a", "b", "c", "d"], [1, 2]).joined(separator: ", "), is: "abb, bcc, cdd")
  }
  cell("In [31]", "its 50 characters and a kernel of 0 to 3") {
    let geometry = try ConvolutionGeometry(
      inputShape: dataShape, weightShape: kernelShape, dilation: dilation)
    let symbols = (33..<83).map { String(UnicodeScalar(UInt8($0))) }
    let weights = integers(kernelShape).integers().map { abs($0) % 4 }
    let outputs = spelled(geometry, symbols, weights)
    value("outputs:", outputs.count, is: 3 * 1 * 3 * 4)
    note("the first: \(outputs[0]), the last: \(outputs[35])")
    holds(
      "the windows of a view of positions spell the same",
      outputs == (try spelledByWindows(symbols, weights)))
    let lengths = try conv3d(
      .ones(dataShape, dtype: .int64), Tensor(weights, shape: kernelShape), dilation: dilation)
    holds("their lengths are the convolution of ones", outputs.map(\.count) == lengths.integers())
  }
}

@EntriesBuilder private var otherLibrary: [Notebook.Entry] {
  section("Against MyGrad")
  let data = integers([2, 4, 5, 5, 5])
  let kernel = integers([3, 4, 2, 2, 2])
  cell("In [12]", "two batches, 5x5x5") {
    shape(of: try conv3d(data, kernel, dilation: dilation), is: [2, 3, 4, 3, 4])
  }
  cell("In [13]", "windows with a batch axis: all equal") {
    let windows = try asStrided(
      data, [2, 4, 3, 4, 4, 2, 2, 2], strides: [500, 25, 5, 1, 125, 25, 10, 1])
    let product = try tensordot(kernel, windows, axes: ([1, 2, 3, 4], [4, 5, 6, 7])).transposed(0, 1)
    value("", product.isEqual(to: try conv3d(data, kernel, dilation: dilation)), is: true)
  }
  cell("rule", "a stride that does not divide is an error") {
    shape(
      of: try conv1d(integers([1, 6]), integers([1, 1, 3]), stride: 2), is: [1, 2], "by default dropped: ")
    refused { try convolution(integers([1, 6]), integers([1, 1, 3]), stride: 2, isStrict: true) }
    shape(
      of: try convolution(integers([1, 7]), integers([1, 1, 3]), stride: 2, isStrict: true), is: [1, 3],
      "7 fits: ")
  }
}

/// The notebook's own way, over symbols: a strided view of the positions says which symbols a window holds.
private func spelledByWindows(_ symbols: [String], _ weights: [Int]) throws -> [String] {
  let positions = Tensor.arange(symbols.count).reshaped(dataShape)
  let windows = try asStrided(positions, windowShape, strides: windowStrides).integers()
  let taps = 8
  return (0..<kernelShape[0]).flatMap { output in
    (0..<windows.count / taps).map { place in
      (0..<taps).map { tap in
        String(repeating: symbols[windows[place * taps + tap]], count: weights[output * taps + tap])
      }.joined()
    }
  }
}
