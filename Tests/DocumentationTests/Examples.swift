// swift-format-ignore-file
// The Swift of the articles and the README, put here by `VOLUTE_WRITE_EXAMPLES=1 swift test --filter PageTests`.
import Volute
import VoluteFormats
import VoluteInsight

let programs: [Program] = [
  Program(name: "Autograd", expectations: 9, run: runAutograd),
  Program(name: "ComingFromPyTorch", expectations: 3, run: runComingFromPyTorch),
  Program(name: "ConvolutionFromNothing", expectations: 21, run: runConvolutionFromNothing),
  Program(name: "GettingStarted", expectations: 17, run: runGettingStarted),
  Program(name: "SavingAndLoading", expectations: 12, run: runSavingAndLoading),
  Program(name: "TheEngine", expectations: 8, run: runTheEngine),
  Program(name: "README", expectations: 11, run: runREADME),
]

@Sendable private func runAutograd() throws {

  let x = Tensor([1, 2, 3] as [Float]).requiringGrad()
  let y = (x * x).sum()
  y.backward()
  if let slope = x.grad {
    print(slope)  // tensor([2., 4., 6.])
    Printed.expect(0, [##"tensor([2., 4., 6.])"##])
  }

  let slope = try grad(of: (x * x * x).sum(), with: x)
  print(slope)  // tensor([ 3., 12., 27.])
  Printed.expect(1, [##"tensor([ 3., 12., 27.])"##])

  let prediction = noGrad { x * 2 }
  print(prediction.requiresGrad, x.detached().requiresGrad)  // false false
  Printed.expect(2, [##"false false"##])

  let first = try grad(of: (x * x * x).sum(), with: x, createGraph: true)
  let second = try grad(of: first.sum(), with: x)
  print(second)  // tensor([ 6., 12., 18.])
  Printed.expect(3, [##"tensor([ 6., 12., 18.])"##])

  let image = Tensor.ones([1, 1, 4, 4]).requiringGrad()
  let weight = Tensor.ones([1, 1, 3, 3]).requiringGrad()
  let out = try conv2d(image, weight)
  print(out.gradientFunction?.name ?? "")  // ConvolutionBackward
  Printed.expect(4, [##"ConvolutionBackward"##])

  let halving = weight.registerHook { $0 / 2 }
  out.sum().backward()
  if let half = weight.grad {
    print(half[0, 0, 0, 0].item(as: Float.self))  // 2.0
    Printed.expect(5, [##"2.0"##])
  }
  halving.remove()

  let block = Sequential(
    Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1), SiLU(),
    Conv2d(inChannels: 4, outChannels: 1, kernelSize: 3, padding: 1))
  let result = try checkpoint([image]) { try block($0[0]) }
  result.mean().backward()
  print(block.parameters.allSatisfy { $0.grad != nil })  // true
  Printed.expect(6, [##"true"##])

  let generator = Generator(seed: 7)
  let signal = Tensor.randn([1, 2, 6], dtype: .float64, generator: generator).requiringGrad()
  let taps = Tensor.randn([3, 2, 3], dtype: .float64, generator: generator).requiringGrad()
  try gradcheck([signal, taps]) { [try conv1d($0[0], $0[1], stride: 2, padding: [.circular(1)])] }
  try gradgradcheck([signal, taps]) { [try conv1d($0[0], $0[1], padding: 1)] }

  struct CubeBackward: Backward {
    let x: Tensor

    func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
      [gradient * (x * x * 3)]
    }
  }

  func cube(_ x: Tensor) -> Tensor {
    let value = x.detached()
    return (value * value * value).recorded([x], CubeBackward(x: x))
  }

  try gradcheck([signal]) { [cube($0[0])] }
  try gradgradcheck([signal]) { [cube($0[0])] }
  print(cube(x).gradientFunction?.name ?? "")  // CubeBackward
  Printed.expect(7, [##"CubeBackward"##])

  let target = Tensor.zeros([1, 1, 4, 4])
  let optimizer = AdamW(block.parameters, learningRate: 1e-2)
  let scheduler = Scheduler(optimizer, WarmUp(steps: 5, then: CosineAnnealingLR(period: 45)))
  var history: [Float] = []
  for _ in 0..<50 {
    optimizer.zeroGrad()
    let loss = try mseLoss(block(image.detached()), target)
    loss.backward()
    clipGradNorm(block.parameters, maximum: 1)
    optimizer.step()
    scheduler.step()
    history.append(loss.item(as: Float.self))
  }
  print(history[49] < history[0])  // true
  Printed.expect(8, [##"true"##])
}

@Sendable private func runComingFromPyTorch() throws {

  let x = Tensor.arange(6, dtype: .float32).reshaped(2, 3)  // torch.arange(6.).reshape(2, 3)
  print(x.sum([1], keepsAxes: true).shape)  // [2, 1]
  Printed.expect(0, [##"[2, 1]"##])
  print((x + 1).log().exp().isClose(to: x + 1))  // true
  Printed.expect(1, [##"true"##])

  manualSeed(0)  // torch.manual_seed(0)
  let layer = Conv2d(inChannels: 1, outChannels: 2, kernelSize: 3, padding: 1)  // the weights that PyTorch draws
  print(try layer(x.reshaped(1, 1, 2, 3)).shape)  // [1, 2, 2, 3]
  Printed.expect(2, [##"[1, 2, 2, 3]"##])
}

@Sendable private func runConvolutionFromNothing() throws {

  let x = Tensor([1, 2, 4, 8] as [Float], shape: [1, 1, 4])
  let w = Tensor([1, 0, -1] as [Float], shape: [1, 1, 3])
  print(try conv1d(x, w))  // tensor([[[-3., -6.]]])
  Printed.expect(0, [##"tensor([[[-3., -6.]]])"##])

  let two = Tensor([1, 2, 4, 8, 1, 1, 1, 1] as [Float], shape: [1, 2, 4])
  let both = Tensor([1, 0, -1, 10, 10, 10] as [Float], shape: [1, 2, 3])
  print(try conv1d(two, both))  // tensor([[[27., 24.]]])
  Printed.expect(1, [##"tensor([[[27., 24.]]])"##])

  let ones = Tensor([1, 1, 1] as [Float], shape: [1, 1, 3])
  print(try conv1d(x, ones, padding: [.zeros(1)]))  // tensor([[[ 3.,  7., 14., 12.]]])
  Printed.expect(2, [##"tensor([[[ 3.,  7., 14., 12.]]])"##])
  print(try conv1d(x, ones, padding: [.replicate(1)]))  // tensor([[[ 4.,  7., 14., 20.]]])
  Printed.expect(3, [##"tensor([[[ 4.,  7., 14., 20.]]])"##])
  print(try conv1d(x, ones, padding: [.reflect(1)]))  // tensor([[[ 5.,  7., 14., 16.]]])
  Printed.expect(4, [##"tensor([[[ 5.,  7., 14., 16.]]])"##])
  print(try conv1d(x, ones, padding: [.circular(1)]))  // tensor([[[11.,  7., 14., 13.]]])
  Printed.expect(5, [##"tensor([[[11.,  7., 14., 13.]]])"##])

  let long = Tensor.arange(10, dtype: .float32).reshaped(1, 1, 10)
  print(try conv1d(long, ones, stride: 2).shape)  // [1, 1, 4]
  Printed.expect(6, [##"[1, 1, 4]"##])
  print(try conv1d(long, ones, padding: 2, dilation: 2).shape)  // [1, 1, 10]
  Printed.expect(7, [##"[1, 1, 10]"##])
  print(try conv1d(long, ones, stride: 3, padding: .same).shape)  // [1, 1, 4]
  Printed.expect(8, [##"[1, 1, 4]"##])

  do {
    _ = try conv1d(long, ones, stride: 2, isStrict: true)
  } catch {
    print(error.parameter)  // stride
    Printed.expect(9, [##"stride"##])
  }

  let question = SizeQuestion(axis: Axis(stride: 16), input: 500, output: 16, unknown: .kernel)
  print(try question.answer().solutions[0].axis.kernel)  // 260
  Printed.expect(10, [##"260"##])

  let small = Tensor([1, 10] as [Float], shape: [1, 1, 2])
  let spread = Tensor([1, 2, 3] as [Float], shape: [1, 1, 3])
  print(try convTranspose1d(small, spread))  // tensor([[[ 1., 12., 23., 30.]]])
  Printed.expect(11, [##"tensor([[[ 1., 12., 23., 30.]]])"##])
  print(try convTranspose1d(small, spread, stride: 2))  // tensor([[[ 1.,  2., 13., 20., 30.]]])
  Printed.expect(12, [##"tensor([[[ 1.,  2., 13., 20., 30.]]])"##])

  let generator = Generator(seed: 5)
  let p = Tensor.randn([1, 1, 9], dtype: .float64, generator: generator)
  let q = Tensor.randn([1, 1, 3], dtype: .float64, generator: generator)
  let v = Tensor.randn([1, 1, 4], dtype: .float64, generator: generator)
  let down = try conv1d(p, v, stride: 3, padding: [.circular(1)])
  let up = try convTranspose1d(q, v, stride: 3, padding: [.circular(1)], outputSize: [9])
  print((down * q).sum().isClose(to: (p * up).sum()))  // true
  Printed.expect(13, [##"true"##])

  let ring = Tensor.randn([1, 1, 12], generator: Generator(seed: 1))
  let turned = ring.rolled([1], [2])
  let kernel = Tensor.randn([1, 1, 3], generator: Generator(seed: 2))
  let there = try conv1d(ring, kernel, padding: [.circular(1)])
  let thereTurned = try conv1d(turned, kernel, padding: [.circular(1)])
  print(thereTurned.isClose(to: there.rolled([1], [2]), absolute: 1e-5))  // true
  Printed.expect(14, [##"true"##])

  let halved = try conv1d(ring, kernel, stride: 2, padding: [.circular(1)])
  print(halved.shape)  // [1, 1, 6]
  Printed.expect(15, [##"[1, 1, 6]"##])
  let wide = Tensor.randn([1, 1, 4], generator: Generator(seed: 3))
  let grown = try convTranspose1d(halved, wide, stride: 2, padding: [.circular(1)])
  print(grown.shape)  // [1, 1, 12]
  Printed.expect(16, [##"[1, 1, 12]"##])
  let shifted = try convTranspose1d(halved.rolled([1], [2]), wide, stride: 2, padding: [.circular(1)])
  print(shifted.isClose(to: grown.rolled([2], [2]), absolute: 1e-5))  // true
  Printed.expect(17, [##"true"##])

  let shower = Tensor.rand([2, 4, 5, 10, 30], generator: Generator(seed: 4))
  let cylinder = Conv3d(
    inChannels: 4, outChannels: 16, kernelSize: [3, 4, 4], stride: [1, 2, 2],
    padding: [.zeros(1), .circular(1), .zeros(1)])
  print(try cylinder(shower).shape)  // [2, 16, 5, 5, 15]
  Printed.expect(18, [##"[2, 16, 5, 5, 15]"##])

  let layer = CylindricalConv(inChannels: 4, outChannels: 8, kernelSize: 5, stride: [1, 5, 3])
  let back = CylindricalConvTranspose(
    inChannels: 8, outChannels: 4, kernelSize: 5, stride: [1, 5, 3])
  let middle = try layer(shower)
  print(middle.shape)  // [2, 8, 5, 2, 10]
  Printed.expect(19, [##"[2, 8, 5, 2, 10]"##])
  print(try back(middle).shape)  // [2, 4, 5, 10, 30]
  Printed.expect(20, [##"[2, 4, 5, 10, 30]"##])
}

@Sendable private func runGettingStarted() throws {

  let a = Tensor([[1, 2, 3], [4, 5, 6]] as [[Float]])
  print(a.shape, a.dtype)  // [2, 3] float32
  Printed.expect(0, [##"[2, 3] float32"##])
  print(a * 2 + 1)
  Printed.expect(1, [##"tensor([[ 3.,  5.,  7.],"##, ##"        [ 9., 11., 13.]])"##])
  print(a.sum([1]))  // tensor([ 6., 15.])
  Printed.expect(2, [##"tensor([ 6., 15.])"##])
  print(a.transposed().shape, a[0, 1...].shape)  // [3, 2] [2]
  Printed.expect(3, [##"[3, 2] [2]"##])

  var b = a
  b.fill(10, at: 0, 0)
  print(a[0, 0].item(as: Float.self), b[0, 0].item(as: Float.self))  // 1.0 10.0
  Printed.expect(4, [##"1.0 10.0"##])

  manualSeed(0)
  let noise = Tensor.randn([2, 3])
  print(noise.shape)  // [2, 3]
  Printed.expect(5, [##"[2, 3]"##])

  let image = Tensor([[9, 9, 9, 0, 0, 0]] as [[Float]]).expanded(5, 6).reshaped(1, 1, 5, 6)
  let edges = Tensor([[1, 0, -1], [1, 0, -1], [1, 0, -1]] as [[Float]]).reshaped(1, 1, 3, 3)
  let found = try conv2d(image, edges)
  print(found[0, 0])
  Printed.expect(6, [##"tensor([[ 0., 27., 27.,  0.],"##, ##"        [ 0., 27., 27.,  0.],"##, ##"        [ 0., 27., 27.,  0.]])"##])

  do {
    _ = try conv2d(image, Tensor.zeros([1, 3, 3, 3]))
  } catch {
    print(error.message)
    Printed.expect(7, [##"given groups=1, weight of size [1, 3, 3, 3], expected input[1, 1, 5, 6] to have 3 channels, but got 1 channels instead"##])
  }

  let net = Sequential(
    Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3, padding: 1),
    ReLU(),
    Conv2d(inChannels: 8, outChannels: 1, kernelSize: 3, padding: 1))
  print(net.parameterCount)  // 153
  Printed.expect(8, [##"153"##])

  let images = Tensor.rand([16, 1, 12, 12])
  let blurred = try averagePool(images, rank: 2, kernelSize: 3, stride: 1, padding: 1)
  let optimizer = Adam(net.parameters, learningRate: 1e-2)
  var losses: [Float] = []
  for _ in 0..<200 {
    optimizer.zeroGrad()
    let loss = try mseLoss(net(images), blurred)
    loss.backward()
    optimizer.step()
    losses.append(loss.item(as: Float.self))
  }
  print(losses[199] < losses[0] / 10)  // true
  Printed.expect(9, [##"true"##])

  final class Classifier: Layer {
    let first = Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3, stride: 2, padding: 1)
    let norm = BatchNorm2d(channels: 8)
    let head = Linear(inFeatures: 8, outFeatures: 10)

    func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
      try head(norm(first(x)).relu().mean([2, 3]))
    }
  }

  let classifier = Classifier()
  print(try classifier(images).shape)  // [16, 10]
  Printed.expect(10, [##"[16, 10]"##])
  print(classifier.stateKeys.prefix(3))  // ["first.weight", "first.bias", "norm.weight"]
  Printed.expect(11, [##"["first.weight", "first.bias", "norm.weight"]"##])

  do {
    _ = try classifier(Tensor.zeros([1, 3, 12, 12]))
  } catch {
    print(error.path ?? "")  // first
    Printed.expect(12, [##"first"##])
  }

  let loader = DataLoader(
    try TensorDataset(images, Tensor.arange(16)), batchSize: 6, shuffleSeed: 1, workers: 2)
  print(loader.batchCount)  // 3
  Printed.expect(13, [##"3"##])
  var sizes: [Int] = []
  try loader.epoch(0).forEach { batch in sizes.append(batch[1].count) }
  print(sizes)  // [6, 6, 4]
  Printed.expect(14, [##"[6, 6, 4]"##])


  let table = try summary(classifier, inputSize: [1, 1, 12, 12])
  print(table.parameters, table.multiplyAdds)  // 186 2672
  Printed.expect(15, [##"186 2672"##])


  try Safetensors.write(net.stateDictionary, to: scratch("blur.safetensors"))
  let copy = Sequential(
    Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3, padding: 1), ReLU(),
    Conv2d(inChannels: 8, outChannels: 1, kernelSize: 3, padding: 1))
  try copy.load(Safetensors.read(scratch("blur.safetensors")))
  print(try copy(images).isEqual(to: net(images)))  // true
  Printed.expect(16, [##"true"##])
}

@Sendable private func runSavingAndLoading() throws {

  let volume = Tensor.arange(24, dtype: .float32).reshaped(2, 3, 4)
  try NPY.write(volume, to: scratch("volume.npy"))
  print(try NPY.read(scratch("volume.npy")).isEqual(to: volume))  // true
  Printed.expect(0, [##"true"##])

  try NPZ.write([(name: "volume", tensor: volume), (name: "scale", tensor: Tensor(2.5))], to: scratch("both.npz"))
  let archive = try NPZ(scratch("both.npz"))
  print(archive.names)  // ["volume", "scale"]
  Printed.expect(1, [##"["volume", "scale"]"##])
  print(try archive.tensor("scale").item(as: Float.self))  // 2.5
  Printed.expect(2, [##"2.5"##])

  let net = Sequential(
    Conv1d(inChannels: 1, outChannels: 8, kernelSize: 3), BatchNorm1d(channels: 8), ReLU(),
    Conv1d(inChannels: 8, outChannels: 1, kernelSize: 3))
  print(net.stateKeys)
  Printed.expect(3, [##"["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked", "3.weight", "3.bias"]"##])

  try Safetensors.write(net.stateDictionary, to: scratch("net.safetensors"), metadata: ["epoch": "3"])
  let file = try SafetensorsFile(scratch("net.safetensors"))
  print(file.metadata, try file.shape(for: "0.weight"))  // ["epoch": "3"] [8, 1, 3]
  Printed.expect(4, [##"["epoch": "3"] [8, 1, 3]"##])
  try net.load(Safetensors.read(scratch("net.safetensors")))

  var weights = net.stateDictionary
  weights["3.bias"] = nil
  weights["head.weight"] = Tensor.zeros([10])
  do {
    try net.load(weights)
  } catch {
    print(error)  // load: missing 3.bias; unexpected head.weight
    Printed.expect(5, [##"load: missing 3.bias; unexpected head.weight"##])
  }
  print(try net.load(weights, strict: false).missing)  // ["3.bias"]
  Printed.expect(6, [##"["3.bias"]"##])

  let checkpoint = try Checkpoint(scratch("run.pt"))
  print(checkpoint.root["epoch"]?.number ?? 0)  // 3.0
  Printed.expect(7, [##"3.0"##])
  for (name, tensor) in try checkpoint.tensors().prefix(1) {
    print(name, tensor.shape)  // state_dict.0.weight [2, 1, 2, 2]
    Printed.expect(8, [##"state_dict.0.weight [2, 1, 2, 2]"##])
  }

  let found = try WeightFile(scratch("run.pt"))
  let state = try found.tensors(under: "state_dict")
  print(found.format.rawValue, state.map(\.name).first ?? "")  // PyTorch checkpoint 0.weight
  Printed.expect(9, [##"PyTorch checkpoint 0.weight"##])

  let optimizer = Adam(net.parameters, learningRate: 1e-3)
  let scheduler = Scheduler(optimizer, CosineAnnealingLR(period: 10))
  let (inputs, targets) = (Tensor.ones([2, 1, 8]), Tensor.zeros([2, 1, 4]))
  func step() throws {
    optimizer.zeroGrad()
    try mseLoss(net(inputs), targets).backward()
    optimizer.step()
    scheduler.step()
  }

  try step()
  try TrainingCheckpoint(step: 1, model: net, optimizer, scheduler).write(to: scratch("training.safetensors"))
  try step()
  let uninterrupted = net.stateDictionary

  let saved = try TrainingCheckpoint(scratch("training.safetensors"))
  try saved.restore(net, optimizer, scheduler)
  print(saved.step, scheduler.stepCount)  // 1 1
  Printed.expect(10, [##"1 1"##])
  try step()
  print(net.stateDictionary.allSatisfy { key, tensor in uninterrupted[key]?.isEqual(to: tensor) == true })  // true
  Printed.expect(11, [##"true"##])
}

@Sendable private func runTheEngine() throws {

  let generator = Generator(seed: 0)
  let x = Tensor.randn([1, 16, 12, 12, 12], generator: generator)
  let w = Tensor.randn([16, 16, 3, 3, 3], generator: generator)
  let fast = try conv3d(x, w, padding: 1)
  let exact = try conv3d(x, w, padding: 1, policy: .exact)
  let named = try conv3d(x, w, padding: 1, policy: .algorithm(.direct))
  print(fast.isClose(to: exact, absolute: 1e-3), named.isClose(to: exact, absolute: 1e-3))  // true true
  Printed.expect(0, [##"true true"##])

  print(ConvolutionAlgorithm.direct.isExact, ConvolutionAlgorithm.fourier.isExact)  // true false
  Printed.expect(1, [##"true false"##])
  print(ConvolutionAlgorithm.winograd4.errorBound().rms)  // 2.7e-06
  Printed.expect(2, [##"2.7e-06"##])

  do {
    _ = try conv3d(x, w, policy: .algorithm(.patches))
  } catch {
    print(error.parameter)  // algorithm
    Printed.expect(3, [##"algorithm"##])
  }

  print(Engine.threadCount >= 1, Engine.processorCount >= 1)  // true true
  Printed.expect(4, [##"true true"##])

  let memory = Engine.memory
  print(memory.inUse > 0, memory.peakInUse >= memory.inUse)  // true true
  Printed.expect(5, [##"true true"##])
  Engine.releaseCachedMemory()

  print(memory.packedWeights <= Engine.packedWeightLimit)  // true
  Printed.expect(6, [##"true"##])
  Engine.releasePackedWeights()

  let causal = CausalConv3d(inChannels: 1, outChannels: 2, kernelSize: 3, generator: generator)
  let clip = Tensor.randn([1, 1, 6, 8, 8], generator: generator)
  let whole = try causal(clip)
  let start = try causal.stream(clip[0..., 0..., 0..<2])
  let rest = try causal.stream(clip[0..., 0..., 2..<6])
  print(try concatenate([start, rest], axis: 2).isClose(to: whole, absolute: 1e-5))  // true
  Printed.expect(7, [##"true"##])
  causal.resetStream()
}

@Sendable private func runREADME() throws {

  // An edge filter over an image that is bright on the left.
  let image = Tensor([[30, 30, 30, 0, 0, 0]] as [[Float]]).expanded(6, 6).reshaped(1, 1, 6, 6)
  let edges = Tensor([[2, 0, -2], [2, 0, -2], [2, 0, -2]] as [[Float]]).reshaped(1, 1, 3, 3)
  print(try conv2d(image, edges))
  Printed.expect(0, [##"tensor([[[[  0., 180., 180.,   0.],"##, ##"          [  0., 180., 180.,   0.],"##, ##"          [  0., 180., 180.,   0.],"##, ##"          [  0., 180., 180.,   0.]]]])"##])

  // A cylinder: batch, channel, z, φ, r. φ is a ring, so its padding wraps; no padded copy is made.
  manualSeed(0)
  let shower = Tensor.randn([4, 16, 5, 10, 30])
  let weight = Tensor.randn([16, 16, 3, 4, 4])
  let down = try conv3d(
    shower, weight, stride: [1, 2, 2], padding: [.zeros(1), .circular(1), .zeros(1)])
  print(down.shape)  // [4, 16, 5, 5, 15]
  Printed.expect(1, [##"[4, 16, 5, 5, 15]"##])

  // Its adjoint scatters back onto the ring, for any kernel and stride: here 5 to 15, by a stride of 3.
  let up = try convTranspose3d(
    down, weight, stride: [1, 3, 2], padding: [.zeros(1), .sides(0, 1, mode: .circular), .zeros(1)])
  print(up.shape)  // [4, 16, 5, 15, 30]
  Printed.expect(2, [##"[4, 16, 5, 15, 30]"##])

  // What a person may get wrong throws, with the numbers and the mend.
  do {
    _ = try conv2d(Tensor.zeros([1, 1, 3, 3]), Tensor.zeros([1, 1, 5, 5]))
  } catch {
    print(error.mend ?? "")  // axis 0 needs 2 more elements of padding
    Printed.expect(3, [##"axis 0 needs 2 more elements of padding"##])
  }

  // Everything else reads like PyTorch, einops or NumPy.
  let patches = try rearrange(shower, "b c z (p φ) r -> (b p) c z φ r", ["p": 2])
  let energy = try einsum("bczpr,bczpr->bz", shower, shower)
  print(patches.shape, energy.shape)  // [8, 16, 5, 5, 30] [4, 5]
  Printed.expect(4, [##"[8, 16, 5, 5, 30] [4, 5]"##])
  let brightest = try unravelIndex(shower.argmax(), shower.shape).map { $0.item(as: Int64.self) }
  print(shower[0, .ellipsis, 0..<2].mean([0]).shape, brightest.count)  // [5, 10, 2] 5
  Printed.expect(5, [##"[5, 10, 2] 5"##])

  let net = Sequential(
    CylindricalConv(inChannels: 16, outChannels: 8), GroupNorm(groups: 1, channels: 8), SiLU(),
    CylindricalConv(inChannels: 8, outChannels: 1, kernelSize: 1))
  let target = shower.mean([1], keepsAxes: true)
  let optimizer = Adam(net.parameters, learningRate: 1e-2)
  var losses: [Float] = []
  for _ in 0..<20 {
    optimizer.zeroGrad()
    let loss = try mseLoss(net(shower), target)
    loss.backward()
    optimizer.step()
    losses.append(loss.item(as: Float.self))
  }
  print(losses[19] < losses[0])  // true
  Printed.expect(6, [##"true"##])

  // Gradients as values, and gradients of gradients.
  let x = Tensor([1, 2, 3] as [Float]).requiringGrad()
  let slope = try grad(of: (x * x * x).sum(), with: x, createGraph: true)
  print(slope.detached())  // tensor([ 3., 12., 27.])
  Printed.expect(7, [##"tensor([ 3., 12., 27.])"##])
  print(try grad(of: slope.sum(), with: x))  // tensor([ 6., 12., 18.])
  Printed.expect(8, [##"tensor([ 6., 12., 18.])"##])


  try NPY.write(down, to: scratch("down.npy"))            // atomically: never half a file under that name
  print(try NPY.read(scratch("down.npy")).shape)  // [4, 16, 5, 5, 15]
  Printed.expect(9, [##"[4, 16, 5, 5, 15]"##])

  // Weights under PyTorch's keys, to a file that PyTorch reads and back.
  try Safetensors.write(net.stateDictionary, to: scratch("net.safetensors"))
  try net.load(Safetensors.read(scratch("net.safetensors")))

  // What torch.save wrote. Nothing in it is run.
  let checkpoint = try Checkpoint(scratch("run.pt"))
  print(try checkpoint.tensors()[0].name)  // state_dict.0.weight
  Printed.expect(10, [##"state_dict.0.weight"##])
}
