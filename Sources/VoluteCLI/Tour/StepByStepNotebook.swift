import Volute

extension Notebook {
  static var stepByStep: Notebook {
    Notebook(
      5, "Convolutions step by step",
      about: "1-D, 2-D, 3-D: change one input and see which outputs move; then sizes, and large volumes."
    ) {
      oneDimension
      twoDimensions
      paddingAndDilation
      stepByStepVolumes
    }
  }
}

/// Three equal rows.
private let rows = Tensor([[1, -2, 3, -4], [1, -2, 3, -4], [1, -2, 3, -4]] as [[Float]])

@EntriesBuilder private var oneDimension: [Notebook.Entry] {
  section("1-D")
  cell("In [5]", "three equal rows of four columns") { shape(of: rows, is: [3, 4]) }
  cell("In [6]", "Conv1d(3, 3, 1)") { try convolution(of: [3, 4], to: 3, kernel: [1], is: [3, 4]) }
  let one = layer([1, 3, 1])
  cell("In [7]", "Conv1d(3, 1, 1)") { shape(of: try conv1d(rows, one.weight, bias: one.bias), is: [1, 4]) }
  cell("In [9]", "x[1, 0] changed: only the first item moves") {
    try outputsMoved(one, changing: (1, 0, 5), is: [0])
  }
  let two = layer([1, 3, 2])
  cell("In [11]", "Conv1d(3, 1, 2)") { shape(of: try conv1d(rows, two.weight, bias: two.bias), is: [1, 3]) }
  cell("text", "item i is made of columns i and i + 1") {
    for column in 0..<4 {
      try outputsMoved(
        two, changing: (0, column, 9), is: [column - 1, column].filter { (0..<3).contains($0) })
    }
  }
  cell("In [13]", "x[1, 0] changed: again only the first") {
    try outputsMoved(two, changing: (1, 0, 5), is: [0])
  }
  cell("In [15]", "x[1, 1] changed: the first and second") {
    try outputsMoved(two, changing: (1, 1, 2.5), is: [0, 1])
  }
  cell("In [17]", "Conv1d(3, 1, 2, stride 2)") {
    shape(of: try conv1d(rows, two.weight, bias: two.bias, stride: 2), is: [1, 2])
  }
  cell("In [19]", "x[1, 1] changed: only the first") {
    try outputsMoved(two, changing: (1, 1, 2.5), stride: 2, is: [0])
  }
}

@EntriesBuilder private var twoDimensions: [Notebook.Entry] {
  section("2-D")
  let x = rows.unsqueezed(0)
  cell("In [21]", "the same rows as one channel") { shape(of: x, is: [1, 3, 4]) }
  cell("In [22]", "Conv2d(3, 1, 2) on one channel won't work") {
    refused { try conv2d(x, layer([1, 3, 2, 2]).weight) }
  }
  let square = layer([1, 1, 2, 2])
  cell("In [24–25]", "Conv2d(1, 1, 2): equal rows give equal rows") {
    let out = try conv2d(x, square.weight, bias: square.bias)
    shape(of: out, is: [1, 2, 3])
    holds("equal", out[0, 0].isEqual(to: out[0, 1]))
  }
  cell("In [27]", "Conv2d(1, 2, 2)") {
    try convolution(of: [1, 3, 4], to: 2, kernel: [2, 2], is: [2, 2, 3])
  }
  cell("In [29]", "Conv2d(1, 1, (2, 3))") {
    try convolution(of: [1, 3, 4], to: 1, kernel: [2, 3], is: [1, 2, 2])
  }
  cell("In [31]", "Conv2d(1, 1, (3, 3))") {
    try convolution(of: [1, 3, 4], to: 1, kernel: [3, 3], is: [1, 1, 2])
  }
  cell("text", "Conv1d of X on (R, C) is Conv2d of (R, X)") {
    for width in 1...4 {
      let weight = layer([1, 3, width]).weight
      let asImage = try conv2d(x, weight.reshaped(1, 1, 3, width))
      holds("X = \(width)", asImage[0].isClose(to: try conv1d(rows, weight), absolute: 1e-6))
    }
  }
  let strided = layer([1, 1, 3, 3])
  cell("In [33]", "Conv2d(1, 1, 3, stride 2): the overhang drops") {
    shape(of: try conv2d(x, strided.weight, bias: strided.bias, stride: 2), is: [1, 1, 1])
  }
  cell("In [35]", "without the fourth column: the same value") {
    let whole = try conv2d(x, strided.weight, bias: strided.bias, stride: 2)
    let cut = try conv2d(x[0..., 0..., 0..<3], strided.weight, bias: strided.bias, stride: 2)
    shape(of: cut, is: [1, 1, 1])
    holds("equal", cut.isEqual(to: whole))
  }
}

@EntriesBuilder private var paddingAndDilation: [Notebook.Entry] {
  section("Padding and dilation")
  cell("In [38]", "Conv2d(1, 1, 3)") {
    try convolution(of: [1, 3, 4], to: 1, kernel: [3, 3], is: [1, 1, 2])
  }
  cell("In [40]", "padding 1, a border of zeros") {
    let x = rows.unsqueezed(0)
    let weight = layer([1, 1, 3, 3]).weight
    let out = try conv2d(x, weight, padding: 1)
    shape(of: out, is: [1, 3, 4])
    holds(
      "the middle is the unpadded one",
      out[0, 1, 1..<3].isClose(to: try conv2d(x, weight)[0, 0], absolute: 1e-6))
  }
  cell("In [42]", "Conv2d(1, 1, 2)") {
    try convolution(of: [1, 3, 4], to: 1, kernel: [2, 2], is: [1, 2, 3])
  }
  cell("In [44]", "dilation 2") {
    try convolution(of: [1, 3, 4], to: 1, kernel: [2, 2], dilation: 2, is: [1, 1, 2])
  }
}

/// Which outputs of a 1-D layer over the rows move when an element changes.
private func outputsMoved(
  _ layer: (weight: Tensor, bias: Tensor?), changing change: (row: Int, column: Int, value: Double),
  stride: PerAxis<Int> = 1,
  is recorded: [Int]
) throws -> Finding {
  let before = try conv1d(rows, layer.weight, bias: layer.bias, stride: stride)
  var x = rows
  x.fill(change.value, at: change.row, change.column)
  let after = try conv1d(x, layer.weight, bias: layer.bias, stride: stride)
  return value("moved:", moved(before, after), is: recorded)
}
