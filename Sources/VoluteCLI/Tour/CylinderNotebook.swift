import Volute

extension Notebook {
  static var cylinder: Notebook {
    Notebook(
      1, "Padding a cylinder",
      about: "Axes are batch, channels, z, φ, r; φ is a circle. Which padding keeps its size, at any stride?"
    ) {
      downsampling
      upsampling
      anyStride
      cylinderTrace
    }
  }
}

@EntriesBuilder private var downsampling: [Notebook.Entry] {
  section("Down-sampling")
  cell("code", "CylindricalConv: kernel (3, 4, 4), stride 2") {
    let x = Tensor.rand([2, 3, 5, 10, 30])
    let (weight, _) = layer([3, 3, 3, 4, 4])
    let padded = try pad(x, [0, 0, 1, 1, 0, 0], mode: .mode(.circular))
    let written = try conv3d(padded, weight, stride: 2, padding: [1, 0, 1])
    let direct = try conv3d(x, weight, stride: 2, padding: [.zeros(1), .circular(1), .zeros(1)])
    shape(of: padded, is: [2, 3, 5, 12, 30], "φ padded ")
    shape(of: written, is: [2, 3, 3, 5, 15], "convolved ")
    holds("the same in one step, without a padded copy: a mode an axis", written.isEqual(to: direct))
  }
  cell("code", "padding given as a tuple (1, 1, 1)") {
    // It sets φ's padding to 0 before it remembers it.
    corrected(
      "φ loses its padding: size of 10 after stride 2",
      wrote: try sizes(10, stride: 2, padding: 0)[1], computed: try sizes(10, stride: 2)[1], is: 5)
  }
  cell("text", "φ = 10, padding 1, kernel 4, stride 2") {
    text(
      Axis(kernel: 4, stride: 2, paddingBefore: 1, paddingAfter: 1).formula(10),
      is: "floor((10 + 2·1 - 1·(4 - 1) - 1) / 2) + 1 = 5")
  }
  cell("text", "p = (k - s)/2 gives n/s: k = 4") {
    let paddings = (1...4).map { fractionText(4 - $0, 2) }
    text("s = 1, 2, 3, 4: p = " + paddings.joined(separator: ", "), is: "s = 1, 2, 3, 4: p = 3/2, 1, 1/2, 0")
    for stride in [2, 4] {
      value(
        "s = \(stride): 20 →", Axis(kernel: 4, stride: stride, padding: (4 - stride) / 2).outputSize(20),
        is: 20 / stride)
    }
    let isExact = { (axis: Axis) in axis.outputSize(12) == 12 / axis.stride && axis.remainder(12) == 0 }
    holds(
      "s = 1 and 3: no integer on both sides gives n/s without a remainder",
      [1, 3].allSatisfy { stride in
        (0...8).allSatisfy { !isExact(Axis(kernel: 4, stride: stride, padding: $0)) }
      })
  }
  cell("text", "its size formula has no floor") {
    corrected(
      "15 with k = 4, p = 1, s = 2", wrote: "15/2", computed: "\(try sizes(15, stride: 2)[1])", is: "7")
  }
}

@EntriesBuilder private var upsampling: [Notebook.Entry] {
  section("Up-sampling")
  cell("code", "CylindricalConvTrans: back again") {
    let x = Tensor.rand([2, 3, 3, 5, 15])
    let (weight, _) = layer([3, 3, 3, 4, 4])
    shape(of: try pad(x, [0, 0, 1, 1, 0, 0], mode: .mode(.circular)), is: [2, 3, 3, 7, 15], "φ padded ")
    shape(of: try writtenUp(x, weight, stride: 2), is: [2, 3, 5, 10, 30], "convolved ")
  }
  cell("text", "φ = 5 + 1 + 1, padding k - 1 = 3, stride 2") {
    text(
      Axis(kernel: 4, stride: 2, paddingBefore: 3, paddingAfter: 3).transposedFormula(7),
      is: "(7 - 1)·2 - 2·3 + 1·(4 - 1) + 0 + 1 = 10")
  }
  cell("text", "the formulas down and up are inverse") {
    let axes = (1...6).flatMap { kernel in
      (1...4).map { Axis(kernel: kernel, stride: $0, padding: kernel / 3) }
    }
    holds(
      "wherever the stride leaves no remainder",
      axes.allSatisfy { axis in
        (6...40).allSatisfy {
          axis.remainder($0) != 0 || axis.transposedOutputSize(axis.outputSize($0)) == $0
        }
      })
  }
  cell("text", "p = ((2q - k)/s + 1)/2, q = 3, k = 4") {
    let paddings = (1...4).map { fractionText(2 * 3 - 4 + $0, 2 * $0) }
    text(
      "s = 1, 2, 3, 4: p = " + paddings.joined(separator: ", "), is: "s = 1, 2, 3, 4: p = 3/2, 1, 5/6, 3/4")
    text("s = 2: \(arrows(try sizes(10, stride: 2)))", is: "s = 2: 10→5→10")
  }
  cell("text", "\"just making the padding 0\"") {
    text(
      "s = 1, 2, 3, 4: p = " + (1...4).map { fractionText($0 - 4, 2 * $0) }.joined(separator: ", "),
      is: "s = 1, 2, 3, 4: p = -3/2, -1/2, -1/6, 0")
    note("no integer either, and negative: a crop")
  }
  cell("text", "the comment P = ((S-1)W - S + F)/2") {
    let axes = [(10, 2, 4), (9, 3, 5), (16, 4, 6)].map { size, stride, kernel in
      (size, Axis(kernel: kernel, stride: stride, padding: ((stride - 1) * size - stride + kernel) / 2))
    }
    corrected(
      "doubted, but right for an output of W instead of W/S: 10 → \(axes[0].1.outputSize(10)) at stride 2",
      axes.allSatisfy { size, axis in axis.outputSize(size) == size })
  }
  cell("code", "CylindricalConvTrans takes groups") {
    let weight = try ConvolutionGeometry(
      transposing: [1, 16, 3, 7, 15], weightShape: [16, 16, 3, 4, 4], stride: 2)
    let grouped = try ConvolutionGeometry(
      transposing: [1, 16, 3, 7, 15], weightShape: [16, 8, 3, 4, 4], stride: 2, groups: 2)
    corrected(
      "and drops it: parameters for groups = 2", wrote: weight.cost(bias: true).parameters,
      computed: grouped.cost(bias: true).parameters, is: 16 * 8 * 48 + 16)
  }
}

@EntriesBuilder private var anyStride: [Notebook.Entry] {
  section("The question left open: any stride, any kernel")
  cell("text", "k = 4, p = 1 at other strides: φ down, up") {
    for (stride, rows) in [
      (1, [[10, 9, 8]]), (2, [[10, 5, 10], [15, 7, 14]]), (3, [[10, 3, 10], [12, 4, 13], [15, 5, 16]]),
      (4, [[12, 3, 14]]), (5, [[15, 3, 18]]),
    ] {
      let computed = try rows.map { arrows(try sizes($0[0], stride: stride)) }
      text(
        "s = \(stride): " + computed.joined(separator: ", "),
        is: "s = \(stride): " + rows.map(arrows).joined(separator: ", "))
    }
  }
  cell("answer", "the adjoint on a ring: n → n·s, always") {
    let all = try combinations.filter { size, kernel, stride in
      try ringUp(integers([1, 2, size]), integers([2, 1, kernel]), stride).shape[2] == size * stride
    }
    value("exact for all of n 1–6, k 1–7, s 1–5:", all.count, is: combinations.count)
    let back = try combinations.filter { size, kernel, stride in
      try ringDown(integers([1, 2, size * stride]), integers([1, 2, kernel]), stride).shape[2] == size
    }
    value("and n·s → n down:", back.count, is: combinations.count)
  }
  cell("answer", "rotate the input by 1: the output by s") {
    let all = try combinations.filter { size, kernel, stride in
      let weight = integers([2, 1, kernel])
      return try rotates(integers([1, 2, size]), by: 1, stride) { try ringUp($0, weight, stride) }
    }
    value("up, the same combinations:", all.count, is: combinations.count)
    let down = try combinations.filter { size, kernel, stride in
      let weight = integers([1, 2, kernel])
      return try rotates(integers([1, 2, size * stride]), by: stride, 1) { try ringDown($0, weight, stride) }
    }
    value("down, by s and by 1:", down.count, is: combinations.count)
  }
  cell("answer", "with k = 4, s = 2 it is the layer above") {
    let x = integers([1, 2, 3, 5, 4])
    let weight = integers([2, 2, 3, 4, 4])
    let written = try writtenUp(x, weight, stride: 2)
    let ring = try convTranspose3d(x, weight, stride: 2, padding: [.zeros(1), .circular(1), .zeros(1)])
    let shifted = try convTranspose3d(
      x, weight, stride: 2, padding: [.zeros(1), .sides(0, 2, mode: .circular), .zeros(1)])
    holds("padding (1, 1): equal", ring.isEqual(to: written))
    holds("(0, 2): rotated by one", shifted.isEqual(to: written.rolled([1], [3])))
  }
  cell("limit", "10 → 5 → 2, and output padding") {
    let weight = integers([1, 1, 4])
    holds(
      "5 → 2: s does not divide n, rotation by 2 is no rotation of the output",
      try !rotates(integers([1, 1, 5]), by: 2, 1) {
        try conv1d($0, weight, stride: 2, padding: [.circular(1)])
      })
    holds(
      "10 → 5 → 5 (strides 2, 1) keeps it",
      try rotates(integers([1, 1, 10]), by: 2, 1) { try ringDown(try ringDown($0, weight, 2), weight, 1) })
    for size in [5, 25] {
      let sizes = try sizes(size, stride: 2, extra: 1)
      let x = integers([1, 1, 1, size / 2, 1])
      let kernel = integers([1, 1, 1, 4, 1])
      let breaks = try (0..<size).allSatisfy { shift in
        try !rotates(x, by: 1, shift, axis: 3) { try writtenUp($0, kernel, stride: 2, z: 0, extra: 1) }
      }
      holds(
        "the layer as written, with output padding 1: \(arrows(sizes)) loses it",
        breaks && sizes == [size, size / 2, size])
    }
  }
}

/// Sizes, kernels and strides that the open question is answered for.
private let combinations = (1...6).flatMap { size in
  (1...7).flatMap { kernel in (1...5).map { stride in (size, kernel, stride) } }
}

extension Axis {
  fileprivate init(kernel: Int, stride: Int, padding: Int) {
    self.init(kernel: kernel, stride: stride, paddingBefore: padding, paddingAfter: padding)
  }
}

private func arrows(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: "→") }

// MARK: - The layers

/// φ before, after down-sampling and after up-sampling, through the layers as written.
private func sizes(_ size: Int, stride: Int, padding: Int = 1, extra: Int = 0) throws -> [Int] {
  let x = integers([1, 1, 1, size, 1])
  let weight = integers([1, 1, 1, 4, 1])
  let ring = try pad(x, [0, 0, padding, padding, 0, 0], mode: .mode(.circular))
  let down = try conv3d(ring, weight, stride: [1, stride, 1])
  return [
    size, down.shape[3], try writtenUp(down, weight, stride: [1, stride, 1], z: 0, extra: extra).shape[3],
  ]
}

/// CylindricalConvTrans as written: a padded copy, then a transposed convolution with padding k - 1 on φ.
private func writtenUp(
  _ x: Tensor, _ weight: Tensor, stride: PerAxis<Int>, z: Int = 1, extra: Int = 0
) throws -> Tensor {
  let ring = try pad(x, [0, 0, 1, 1, 0, 0], mode: .mode(.circular))
  return try convTranspose3d(
    ring, weight, stride: stride, padding: Padding([z, weight.shape[3] - 1, z]), outputPadding: [0, extra, 0])
}

/// What a ring of `size·stride` needs in all: k - s, shared out with the odd one at the end.
private func ringPadding(_ kernel: Int, _ stride: Int) -> Padding {
  let total = max(kernel - stride, 0)
  return [.sides(total / 2, total - total / 2, mode: .circular)]
}

private func ringDown(_ x: Tensor, _ weight: Tensor, _ stride: Int) throws -> Tensor {
  try conv1d(x, weight, stride: PerAxis(stride), padding: ringPadding(weight.shape[2], stride))
}

private func ringUp(_ x: Tensor, _ weight: Tensor, _ stride: Int) throws -> Tensor {
  try convTranspose1d(
    x, weight, stride: PerAxis(stride), padding: ringPadding(weight.shape[2], stride),
    outputPadding: PerAxis(max(stride - weight.shape[2], 0)))
}

/// Whether rotating the input by `shift` rotates the output by `result`.
private func rotates(
  _ x: Tensor, by shift: Int, _ result: Int, axis: Int = 2, _ layer: (Tensor) throws -> Tensor
) rethrows -> Bool {
  try layer(x.rolled([shift], [axis])).isEqual(to: layer(x).rolled([result], [axis]))
}
