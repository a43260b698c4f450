import Benchmark
import Volute
import VoluteArithmetic
import VoluteEngine

/// What a call costs beside its arithmetic: plans, memory, and a convolution so small that little else is left.
func runtimeBenchmarks() {
  allocation()
  do { try planning() } catch { preconditionFailure("the shapes of the benchmarks do not fit: \(error)") }
}

private func allocation() {
  for size in [64, 4096, 1 << 20, 16 << 20] {
    measure("allocate and free \(size) bytes") { blackHole(Storage(byteCount: size)) }
  }
}

private func planning() throws {
  let geometry = try ConvolutionGeometry(inputShape: [1, 8, 8, 8], weightShape: [8, 8, 3, 3], padding: 1)
  let plan = try Engine.plan(geometry, .forward, .float32)
  measure("geometry of a convolution") {
    blackHole(try? ConvolutionGeometry(inputShape: [1, 8, 8, 8], weightShape: [8, 8, 3, 3], padding: 1))
  }
  measure("look up a plan") { blackHole(try? Engine.plan(geometry, .forward, .float32)) }
  // More shapes than are kept, so that each is planned anew.
  let shapes = try (1...400).map { batch in
    try ConvolutionGeometry(inputShape: [batch, 8, 8, 8], weightShape: [8, 8, 3, 3], padding: 1)
  }
  var next = 0
  measure("make a plan", times: .one) {
    blackHole(try? Engine.plan(shapes[next], .forward, .float32))
    next = (next + 1) % shapes.count
  }

  let (x, w, y) = (Room(512), Room(576), Room(512))
  func array(_ room: Room<Float>, _ shape: [Int]) -> StridedArray {
    StridedArray(
      base: room.base, dtype: .float32, shape: shape, strides: StridedArray.contiguousStrides(shape))
  }
  let (input, weight, output) = (array(x, [1, 8, 8, 8]), array(w, [8, 8, 3, 3]), array(y, [1, 8, 8, 8]))
  measure("convolution of 8 channels of 8 by 8, planned") {
    Engine.convolution(plan, input: input, weight: weight, bias: nil, to: output)
    withExtendedLifetime((x, w, y)) {}
  }
  let (image, kernel) = (Tensor.ones([1, 8, 8, 8]), Tensor.ones([8, 8, 3, 3]))
  measure("conv2d of 8 channels of 8 by 8") { blackHole(try? conv2d(image, kernel, padding: 1)) }
  measure("sum of two tensors of 512 elements") { blackHole(image + image) }
}
