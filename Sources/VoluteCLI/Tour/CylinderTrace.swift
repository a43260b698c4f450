import Volute

/// The listing at the notebook's end: every tensor on the way through one down-sampling level.
@EntriesBuilder var cylinderTrace: [Notebook.Entry] {
  section("The listing: one level of the network, layer by layer, batch 128")
  let full = [128, 16, 5, 10, 30]
  layer("initial convolution", from: 1, padded: [128, 1, 5, 12, 30], is: full)
  for block in ["ResnetBlock1", "ResnetBlock2"] {
    layer("\(block), block 1", padded: [128, 16, 5, 12, 30], is: full)
    layer("\(block), block 2", padded: [128, 16, 5, 12, 30], is: full)
    cell("listing", "\(block), identity: added as it is") {
      let x = Tensor.rand(full)
      shape(
        of: try conv3d(x, VoluteCLI.layer([16, 16, 3, 3, 3]).weight, padding: [1, .circular(1), 1]) + x,
        is: full)
    }
  }
  layer("attention, to_qkv", kernel: [1, 1, 1], padding: 0, padded: full, is: [128, 96, 5, 10, 30])
  layer(
    "attention, to_out", from: 32, kernel: [1, 1, 1], padding: 0, padded: [128, 32, 5, 10, 30], is: full)
  layer(
    "downsample", kernel: [3, 4, 4], stride: 2, padded: [128, 16, 5, 12, 30], is: [128, 16, 3, 5, 15])
}

/// One CylindricalConv of the listing: the shape after its circular padding of φ, and after its convolution.
private func layer(
  _ name: String, from inputs: Int = 16, kernel: [Int] = [3, 3, 3], stride: PerAxis<Int> = 1,
  padding: Int = 1, padded recordedPadding: [Int], is recorded: [Int]
) -> [Notebook.Entry] {
  cell("listing", name) {
    let x = Tensor.rand([128, inputs, 5, 10, 30])
    let (weight, bias) = VoluteCLI.layer([recorded[1], inputs] + kernel)
    let ring = try pad(x, [0, 0, padding, padding, 0, 0], mode: .mode(.circular))
    let y = try conv3d(ring, weight, bias: bias, stride: stride, padding: Padding([padding, 0, padding]))
    shape(of: ring, is: recordedPadding, "pad ")
    shape(of: y, is: recorded, "conv ")
  }
}
