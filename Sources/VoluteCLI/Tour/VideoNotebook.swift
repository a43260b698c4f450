import Volute

extension Notebook {
  static var causalVideo: Notebook {
    Notebook(
      2, "Layers of a causal video network",
      about: "Axes are batch, channels, time, height, width. Pooling, strides, padding, and causal time."
    ) {
      pooling
      modules
      strides
      paddings
      causality
    }
  }
}

private let clip = [2, 3, 8, 256, 256]

@EntriesBuilder private var pooling: [Notebook.Entry] {
  section("Average pooling, and a convolution of the same window")
  cell("In [2]", "AvgPool3d(3, stride 1) of (2, 3, 8, 256, 256)") {
    shape(of: try averagePool(.rand(clip), rank: 3, kernelSize: 3, stride: 1), is: [2, 3, 6, 254, 254])
  }
  cell("text", "frames = [D + 2p - k/s] + 1") {
    // Only the kernel is divided; at stride 1 that makes no difference.
    value("stride 1:", writtenPooling(8, kernel: 3, stride: 1), is: Double(Axis(kernel: 3).outputSize(8)))
    corrected(
      "stride 2", wrote: writtenPooling(8, kernel: 3, stride: 2),
      computed: Double(
        try averagePool(.rand([1, 8, 3, 3]), rank: 3, kernelSize: 3, stride: 2).shape[1]), is: 3)
    note("right: " + Axis(kernel: 3, stride: 2).formula(8))
  }
  cell("In [6]", "Conv3d(3, 3, 3)") {
    try convolution(of: clip, to: 3, kernel: [3, 3, 3], is: [2, 3, 6, 254, 254])
  }
  cell("In [5]", "channels of the four down blocks") {
    text(
      channelListing([128, 256, 512, 512]),
      is: """
        what is the input_channels: >>>>>> 128
        what is the input_channels: 128 and output_channels: 128
        what is the input_channels: 128 and output_channels: 256
        what is the input_channels: 256 and output_channels: 512
        what is the input_channels: 512 and output_channels: 512
        """)
  }
}

@EntriesBuilder private var modules: [Notebook.Entry] {
  section("Modules and loops")
  for label in ["In [3]", "In [ ]"] {
    cell(label, label == "In [3]" ? "BaseCNN: Conv2d(3, 3, 1)" : "CustomCNN: the same forward, inherited") {
      try convolution(of: [2, 3, 256, 256], to: 3, kernel: [1, 1], is: [2, 3, 256, 256])
    }
  }
  cell("In [3]", "enumerate") {
    text(
      ["manish", "anshu", "ram"].enumerated().map { "index : \($0) and the name: \($1)" }
        .joined(separator: "\n"),
      is: """
        index : 0 and the name: manish
        index : 1 and the name: anshu
        index : 2 and the name: ram
        """)
  }
  cell("In [5]", "a class that is no nn.Module") {
    note("TypeError when it is called; in Swift the compiler refuses it")
  }
  cell("In [7]", "Conv2d(3, 3, 2)") {
    try convolution(of: [2, 3, 256, 256], to: 3, kernel: [2, 2], is: [2, 3, 255, 255])
  }
  cell("In [1]", "zip") {
    text(
      zip(["a", "b", "c"], [1, 2, 3]).map { "latter: \($0) and number: \($1)" }.joined(separator: "\n"),
      is: """
        latter: a and number: 1
        latter: b and number: 2
        latter: c and number: 3
        """)
  }
}

@EntriesBuilder private var strides: [Notebook.Entry] {
  section("Strides, on (2, 128, 8, 256, 256)")
  cell("text", "((D + batch·p - d(k-1) - 1) + 1) / s") {
    value("D = 8, s = 2:", writtenStride(8, batch: 2), is: 3)
    corrected("D = 9, s = 2", wrote: writtenStride(9, batch: 2), computed: try frames(9, padding: 0), is: 4)
    corrected(
      "D = 8, p = 1, batch 4", wrote: writtenStride(8, batch: 4, padding: 1),
      computed: try frames(8, padding: 1),
      is: 4)
    note("right: " + Axis(kernel: 3, stride: 2).formula(9))
  }
  let video = [2, 128, 8, 256, 256]
  cell("In [11]", "Conv3d(128, 128, 3, stride (2, 1, 1))") {
    try convolution(of: video, to: 128, kernel: [3, 3, 3], stride: [2, 1, 1], is: [2, 128, 3, 254, 254])
  }
  cell("In [6]", "the same, stride (1, 2, 2), padding 1") {
    try convolution(
      of: video, to: 128, kernel: [3, 3, 3], stride: [1, 2, 2], padding: 1, is: [2, 128, 8, 128, 128])
  }
  cell("In [10]", "Conv3d(128, 256, 1)") {
    try convolution(of: video, to: 256, kernel: [1, 1, 1], is: [2, 256, 8, 256, 256])
  }
  cell("In [11]", "Conv3d(128, 256, 3)") {
    try convolution(of: video, to: 256, kernel: [3, 3, 3], is: [2, 256, 6, 254, 254])
  }
  cell("In [6]", "b, c, t, h, w = x.shape") {
    value("t =", Tensor.zeros(clip).shape[2], is: 8)
  }
}

@EntriesBuilder private var paddings: [Notebook.Entry] {
  section("F.pad: pairs start at the last axis")
  let image = [2, 3, 256, 256]
  for (label, input, amounts, recorded) in [
    ("In [2]", image, [1, 1], [2, 3, 256, 258]),
    ("In [3]", image, [1, 1, 1, 1], [2, 3, 258, 258]),
    ("In [4]", clip, [1, 1, 1, 1, 1, 0], [2, 3, 9, 258, 258]),
    ("In [5]", clip, [1, 1, 1, 1, 1, 1, 1, 1], [2, 5, 10, 258, 258]),
    ("In [6]", clip, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0], [3, 5, 10, 258, 258]),
  ] {
    cell(label, "pad = \(tupleText(amounts))") {
      shape(of: try pad(.rand(input), amounts), is: recorded)
    }
  }
}

@EntriesBuilder private var causality: [Notebook.Entry] {
  section("Time padding d(k - 1), height and width padding k // 2")
  cell("text", "sizes without and with padding") {
    shape(of: try conv2d(.rand([1, 5, 5]), .rand([1, 1, 3, 3])), is: [1, 3, 3], "3x3 on 5x5: ")
    shape(of: try conv1d(.rand([1, 7]), .rand([1, 1, 3])), is: [1, 5], "3 on 7: ")
    shape(of: try conv1d(.rand([1, 7]), .rand([1, 1, 3]), padding: 1), is: [1, 7], "1 a side: ")
  }
  cell("text", "k // 2 keeps the size of odd kernels") {
    for kernel in [3, 5] {
      value("k = \(kernel):", try halfPadded(16, kernel: kernel), is: 16)
    }
    value("k = 4 does not:", try halfPadded(16, kernel: 4), is: 17)
  }
  cell("text", "\"1 padding on the left and 1 on the right\"") {
    let changed = try (causal: framesMoved(by: 5, .sides(2, 0)), centred: framesMoved(by: 5, .sides(1, 1)))
    value("centred, a change of frame 5 moves outputs", changed.centred, is: [4, 5, 6])
    corrected(
      "the layer pads 2 in front and none behind: outputs \(changed.causal) move, none before 5",
      changed.causal == [5, 6, 7])
  }
  cell("text", "what each output of the causal layer sees") {
    text(try spelledFrames("01234567", kernel: 3), is: "0 01 012 123 234 345 456 567")
  }
  cell("text", "\"d(k - 1) calculates the effective size\"") {
    corrected("k = 3, d = 2", wrote: 2 * (3 - 1), computed: Axis(kernel: 3, dilation: 2).extent, is: 5)
    note("d(k - 1) is the padding that makes up for it: one less than the size")
  }
  cell("text", "in pieces, keeping the last two frames") {
    let (whole, pieces) = try streamed()
    holds("frames 0–2, then 3–7: the same as in one piece", whole.isClose(to: pieces, absolute: 1e-6))
  }
}

// MARK: - As the notebook has it

private func writtenPooling(_ size: Int, kernel: Int, stride: Int) -> Double {
  Double(size) - Double(kernel) / Double(stride) + 1
}

/// With the kernel 3 and the stride 2 of its example.
private func writtenStride(_ size: Int, batch: Int, padding: Int = 0) -> Double {
  let kernel = 3
  let span: Int = size + batch * padding - (kernel - 1)
  return Double(span - 1 + 1) / 2
}

private func channelListing(_ blocks: [Int]) -> String {
  var outputs = blocks[0]
  var lines = ["what is the input_channels: >>>>>> \(outputs)"]
  for block in blocks {
    let inputs = outputs
    outputs = block
    lines.append("what is the input_channels: \(inputs) and output_channels: \(outputs)")
  }
  return lines.joined(separator: "\n")
}

// MARK: - As it is

private func frames(_ size: Int, padding: Int) throws -> Double {
  Double(try conv1d(.rand([1, size]), .rand([1, 1, 3]), stride: 2, padding: Padding(padding)).shape[1])
}

private func halfPadded(_ size: Int, kernel: Int) throws -> Int {
  try conv1d(.rand([1, size]), .rand([1, 1, kernel]), padding: .half).shape[1]
}

/// The output frames that move when one input frame changes, under a time padding.
private func framesMoved(by frame: Int, _ time: AxisPadding) throws -> [Int] {
  let weight = Tensor.rand([2, 2, 3, 3, 3])
  let before = Tensor.rand([2, 8, 6, 6])
  var after = before
  after[0..., frame] = before[0..., frame] + 1
  let padding: Padding = [time, 1, 1]
  return moved(
    try conv3d(before, weight, padding: padding), try conv3d(after, weight, padding: padding), axis: 1)
}

/// Each output of a causal layer over one symbol a frame, spelt by the frames that it is made of.
private func spelledFrames(_ frames: String, kernel: Int) throws -> String {
  let geometry = try ConvolutionGeometry(
    inputShape: [1, frames.count], weightShape: [1, 1, kernel], padding: [.sides(kernel - 1, 0)])
  return spelled(geometry, frames.map(String.init), Array(repeating: 1, count: kernel)).joined(separator: " ")
}

/// A clip through a causal layer in one piece, and in two with the last frames of the first kept for the second.
private func streamed() throws -> (whole: Tensor, pieces: Tensor) {
  let x = Tensor.rand([1, 3, 8, 12, 12])
  let (weight, bias) = layer([4, 3, 3, 3, 3])
  let whole = try conv3d(x, weight, bias: bias, padding: [.sides(2, 0), 1, 1])
  let first = try pad(x[0..., 0..., 0..<3], [0, 0, 0, 0, 2, 0])
  let second = try concatenate([first[0..., 0..., (-2)...], x[0..., 0..., 3...]], axis: 2)
  let pieces = try [first, second].map { try conv3d($0, weight, bias: bias, padding: [0, 1, 1]) }
  return (whole, try concatenate(pieces, axis: 2))
}
