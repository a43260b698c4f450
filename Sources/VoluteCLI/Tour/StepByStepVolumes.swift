import Volute

/// The second half: sizes of 3-D layers, the formula solved for the kernel, large volumes, and a chain of layers.
@EntriesBuilder var stepByStepVolumes: [Notebook.Entry] {
  volumes
  largeVolumes
  blocks
}

private let volume = [1, 7, 100, 100, 100]
private let largeVolume = [1, 7, 500, 500, 500]

@EntriesBuilder private var volumes: [Notebook.Entry] {
  section("3-D, on (1, 7, 100, 100, 100)")
  cell("In [45–47]", "rand, unsqueezed") {
    shape(of: Tensor.rand(Array(volume.dropFirst())).unsqueezed(0), is: volume)
  }
  cell("In [48]", "Conv3d(7, 1, 13, stride 3)") {
    try convolution(of: volume, to: 1, kernel: cube(13), stride: 3, is: [1, 1, 30, 30, 30], took: "0.6 s")
  }
  cell("In [49]", "its size formula has no floor") {
    corrected(
      "the 4 columns of In [33], k = 3, s = 2", wrote: writtenSize(4, kernel: 3, stride: 2),
      computed: Double(try conv1d(.rand([1, 4]), .rand([1, 1, 3]), stride: 2).shape[1]), is: 1)
  }
  cell("In [50]", "the design 500, k = 260, s = 16 → 16") {
    text(Axis(kernel: 260, stride: 16).formula(500), is: "floor((500 + 2·0 - 1·(260 - 1) - 1) / 16) + 1 = 16")
  }
  for (label, size, output, recorded) in [
    ("In [51]", 30, 16, 15), ("In [52]", 64, 4, 61), ("In [53]", 4, 1, 4),
  ] {
    cell(label, "\(size) → \(output): the kernel") {
      value("k =", writtenKernel(size, output), is: Double(recorded))
      value("found:", (1...size).filter { Axis(kernel: $0).outputSize(size) == output }, is: [recorded])
    }
  }
  cell("In [54]", "Conv3d(7, 1, 10)") {
    try convolution(of: volume, to: 1, kernel: cube(10), is: [1, 1, 91, 91, 91], took: "0.6 s")
  }
  cell("In [55]", "Conv3d(7, 1, 50)") {
    try convolution(of: volume, to: 1, kernel: cube(50), is: [1, 1, 51, 51, 51], took: "22.9 s")
  }
  cell("In [56]", "Conv3d(7, 1, 10, stride 10)") {
    try convolution(of: volume, to: 1, kernel: cube(10), stride: 10, is: [1, 1, 10, 10, 10], took: "0.0 s")
  }
}

@EntriesBuilder private var largeVolumes: [Notebook.Entry] {
  section("3-D, on (1, 7, 500, 500, 500)")
  cell("In [57–60]", "rand, unsqueezed") { creation(of: largeVolume) }
  cell("In [62]", "Conv3d(7, 1, 10)") {
    try convolution(of: largeVolume, to: 1, kernel: cube(10), is: [1, 1, 491, 491, 491], took: "2 min")
  }
  cell("In [64]", "Conv3d(7, 1, 100)") {
    try convolution(of: largeVolume, to: 1, kernel: cube(100), is: [1, 1, 401, 401, 401], took: "> 8 min")
  }
  cell("In [66]", "Conv3d(7, 1, 100, stride 50)") {
    try convolution(of: largeVolume, to: 1, kernel: cube(100), stride: 50, is: [1, 1, 9, 9, 9], took: "2 s")
  }
  cell("In [68]", "Conv3d(7, 1, 100, stride 10)") {
    try convolution(
      of: largeVolume, to: 1, kernel: cube(100), stride: 10, is: [1, 1, 41, 41, 41], took: "2 min")
  }
}

@EntriesBuilder private var blocks: [Notebook.Entry] {
  section("A volume of blocks: 7 numbers in, 6 types and 2 orientations out")
  let (first, second) = (layer([1, 7, 1, 1, 1]), layer([12, 1, 1, 1, 1]))
  let network = { (x: Tensor) in
    try conv3d(conv3d(x, first.weight, bias: first.bias), second.weight, bias: second.bias)
  }
  cell("In [70]", "rand, unsqueezed") {
    shape(of: Tensor.rand(Array(volume.dropFirst())).unsqueezed(0), is: volume)
  }
  cell("In [71]", "Conv3d(7, 1, 1)") {
    try convolution(of: volume, to: 1, kernel: cube(1), is: [1, 1, 100, 100, 100])
  }
  cell("In [72]", "then Conv3d(1, 12, 1)") {
    let y = try network(.rand(volume))
    shape(of: y, is: [1, 12, 100, 100, 100])
    corrected("its comment's channels", wrote: 10, computed: y.shape[1], is: 12)
  }
  cell("In [73]", "reshaped to types and orientations") {
    shape(of: try network(.rand(volume)).reshaped(1, 6, 2, 100, 100, 100), is: [1, 6, 2, 100, 100, 100])
  }
  cell("In [78–79]", "the place and value of the maximum") {
    let y = try network(.rand(volume)).reshaped(6, 2, 100, 100, 100)
    let flat = y.argmax().item(as: Int64.self)
    let place = writtenPlace(Int(flat), in: y.shape)
    value("axes:", place.count, is: 5)
    note("at \(place): \(y.max())")
    holds("the element there is the maximum", element(of: y, at: place).isEqual(to: y.max()))
    holds(
      "found by unravelIndex too", try unravelIndex(y.argmax(), y.shape).map { $0.integers()[0] } == place)
  }
  cell("In [80]", "one element, x[3, 1, 89, 32, 15]") {
    value("axes:", try network(.rand(volume)).reshaped(6, 2, 100, 100, 100)[3, 1, 89, 32, 15].rank, is: 0)
  }
  section("The designs left in comments")
  let (wide, narrow) = (layer([1, 7, 13, 13, 13]), layer([12, 1, 15, 15, 15]))
  let design = { (x: Tensor) in
    try conv3d(conv3d(x, wide.weight, bias: wide.bias, stride: 3), narrow.weight, bias: narrow.bias)
  }
  cell("In [74–75]", "k = 13, s = 3, then k = 15: 100 → 30 → 16") {
    let y = try design(.rand(volume))
    value("size", Array(y.shape.suffix(3)), is: [16, 16, 16])
    corrected("channels", wrote: 10, computed: y.shape[1], is: 12)
  }
  cell("In [76]", "ConvTranspose3d(5, 10, 1) on one channel") {
    let y = Tensor.rand([1, 1, 30, 30, 30])
    refused { try convTranspose3d(y, .rand([5, 10, 1, 1, 1])) }
    shape(of: try convTranspose3d(y, .rand([1, 10, 1, 1, 1])), is: [1, 10, 30, 30, 30], "from 1 channel: ")
  }
  cell("In [77]", "reshaped to (1, 5, 2, 16, 16, 16)") {
    let y = try design(.rand(volume))
    refused { try reshape(y, [1, 5, 2, 16, 16, 16]) }
    shape(of: y.reshaped(1, 6, 2, 16, 16, 16), is: [1, 6, 2, 16, 16, 16], "12 channels are ")
  }
}

private func cube(_ size: Int) -> [Int] { [size, size, size] }

/// The notebook's formula without padding, at dilation 1.
private func writtenSize(_ size: Int, kernel: Int, stride: Int) -> Double {
  Double(size - (kernel - 1) - 1) / Double(stride) + 1
}

/// That formula solved for the kernel, at stride 1.
private func writtenKernel(_ size: Int, _ output: Int) -> Double {
  Double((output - 1) - size + 1) / -1 + 1
}

/// The notebook's loop from a flat place to one place an axis.
private func writtenPlace(_ flat: Int, in shape: [Int]) -> [Int] {
  var rest = flat
  var place: [Int] = []
  for size in shape.reversed() {
    place.append(rest % size)
    rest /= size
  }
  return place.reversed()
}

private func element(of tensor: Tensor, at place: [Int]) -> Tensor {
  place.reduce(tensor) { $0.selected(0, $1) }
}
