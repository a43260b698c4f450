import Testing
import Volute

/// A network with names of its own.
private final class Net: Layer {
  let first = Conv2d(inChannels: 3, outChannels: 4, kernelSize: 3, padding: 1, generator: Generator(seed: 1))
  let norm = BatchNorm2d(channels: 4)
  let blocks = [
    Conv2d(inChannels: 4, outChannels: 4, kernelSize: 1),
    Conv2d(inChannels: 4, outChannels: 2, kernelSize: 1),
  ]
  let drop = Dropout(probability: 0.5)

  var keys: [String: String] { ["first": "first_conv"] }

  func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    var x = try norm(first(x)).relu()
    for block in blocks { x = try block(x) }
    return try drop(x)
  }
}

@Suite struct ModuleTests {
  @Test func keysAreThoseOfTheProperties() {
    #expect(
      Net().stateKeys == [
        "first_conv.weight", "first_conv.bias", "norm.weight", "norm.bias", "norm.running_mean",
        "norm.running_var", "norm.num_batches_tracked", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight",
        "blocks.1.bias",
      ])
  }

  @Test func errorsNameTheLayersPath() throws {
    let net = Sequential(Net(), Net())
    let deep = #expect(throws: ShapeError.self) { try net(Tensor.zeros([1, 3, 4, 4])) }
    #expect(deep?.path == "1.first_conv")
    #expect("\(try #require(deep))".hasPrefix("1.first_conv: conv2d: "))
    let shallow = #expect(throws: ShapeError.self) { try Net()(Tensor.zeros([1, 3])) }
    #expect(shallow?.path == "first_conv")
  }

  @Test func loadingIsStrict() throws {
    let (net, other) = (Net(), Net())
    var state = other.stateDictionary
    try net.load(state)
    for (key, value) in net.stateDictionary { #expect(try value.isEqual(to: #require(state[key])), "\(key)") }
    let before = net.stateDictionary
    state["norm.weight"] = nil
    state["extra"] = Tensor(1.0)
    state["first_conv.bias"] = Tensor.zeros([5])
    let error = try #require(throws: StateError.self) { try net.load(state) }
    #expect(error.missing == ["norm.weight"])
    #expect(error.unexpected == ["extra"])
    #expect(error.mismatched == [.init(key: "first_conv.bias", expected: [4], found: [5])])
    for (key, value) in net.stateDictionary {
      #expect(try value.isEqual(to: #require(before[key])), "\(key)")
    }
    let problems = try net.load(state, strict: false)
    #expect(problems == error)
  }

  @Test func evaluationIsRepeatable() throws {
    let net = Net()
    let x = Tensor.randn([4, 3, 5, 5], generator: Generator(seed: 3))
    let trained = try net(x)
    #expect(try !net(x).isEqual(to: trained))
    net.eval()
    let mean = net.norm.running?.mean
    let y = try net(x)
    #expect(try net(x).isEqual(to: y))
    #expect(try #require(net.norm.running?.mean).isEqual(to: #require(mean)))
    net.train()
    _ = try net(x)
    #expect(try !#require(net.norm.running?.mean).isEqual(to: #require(mean)))
  }

  @Test func lazyChannelsAreInferredOnce() throws {
    let layers: [any Layer] = [
      Conv2d(outChannels: 4, kernelSize: 3), ConvTranspose2d(outChannels: 4, kernelSize: 3),
      Linear(outFeatures: 4),
    ]
    for layer in layers {
      _ = try layer(Tensor.zeros([1, 3, 5, 6]))
      #expect(throws: ShapeError.self) { try layer(Tensor.zeros([1, 2, 5, 5])) }
      let isMaterialized = layer.parameters.allSatisfy { $0.isMaterialized }
      #expect(isMaterialized)
    }
    // Weights that are loaded first decide the shape too.
    let lazy = Linear(outFeatures: 2)
    try lazy.load(["weight": Tensor.ones([2, 3]), "bias": Tensor.zeros([2])])
    #expect(try lazy(Tensor.ones([1, 3])).elements(as: Float.self) == [3, 3])
  }

  @Test func sharedParametersCountOnce() {
    let layer = Linear(inFeatures: 2, outFeatures: 2)
    let net = Sequential(layer, layer)
    #expect(net.parameters.count == 2)
    #expect(net.stateKeys == ["0.weight", "0.bias", "1.weight", "1.bias"])
  }

  @Test func trainingLearns() throws {
    let generator = Generator(seed: 5)
    let net = Sequential(
      Linear(inFeatures: 2, outFeatures: 16, generator: generator), Tanh(),
      Linear(inFeatures: 16, outFeatures: 1, generator: generator))
    let x = Tensor.uniform([64, 2], low: -1, high: 1, generator: generator)
    let y = (x[.all, 0] * x[.all, 1]).unsqueezed(1)
    let optimizer = Adam(net.parameters, learningRate: 0.02)
    var losses: [Double] = []
    for _ in 0..<200 {
      optimizer.zeroGrad()
      let loss = try mseLoss(net(x), y)
      loss.backward()
      optimizer.step()
      losses.append(loss.item(as: Double.self))
    }
    #expect(losses[199] < losses[0] / 20)
  }
}
