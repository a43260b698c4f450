import Testing
import Volute

/// Every layer against PyTorch: initial weights, keys, outputs, gradients, running statistics, and what is refused.
@Suite struct GoldenLayerTests {
  @Test func layers() throws {
    let cases = try GoldenCase.read("layers")
    #expect(cases.count >= 250)
    for golden in cases {
      let generator = Generator(seed: try #require(golden.line["seed"] as? Int))
      let layer = try GoldenLayer(golden, generator)
      if golden.error == nil {
        try golden.checkLayer(layer)
      } else {
        try golden.checkRefusal(of: layer)
      }
    }
  }

  /// A wrong shape deep in a network names the layer's path.
  @Test func errorsNameTheLayersPath() throws {
    let body = Sequential(
      Linear(inFeatures: 3, outFeatures: 4), Sequential(Tanh(), Linear(inFeatures: 5, outFeatures: 2)))
    let error = #expect(throws: ShapeError.self) { try body(Tensor.zeros([2, 3])) }
    #expect(error?.path == "1.1")
  }

  /// In training a share of about `probability` is zero, and the rest is scaled so that the mean stays.
  @Test func dropoutInTraining() throws {
    let x = Tensor.ones([50, 40, 2])
    func shares(_ layer: some Layer) throws -> Set<Float> { Set(try layer(x).elements(as: Float.self)) }
    #expect(try shares(Dropout(probability: 0.75)) == [0, 4])
    let dropped = try Dropout(probability: 0.25)(x)
    #expect(abs(dropped.mean().item(as: Float.self) - 1) < 0.1)
    // Whole channels: the two elements of each are alike.
    let channels = try Dropout1d(probability: 0.5)(x)
    #expect(Set(channels.elements(as: Float.self)) == [0, 2])
    #expect(channels[.ellipsis, 0].isEqual(to: channels[.ellipsis, 1]))
  }

  /// Channels that the first input decides, and weights that are drawn then.
  @Test func lazyLayersDrawTheSameWeights() throws {
    func weights(_ layer: some Layer, _ x: Tensor) throws -> [Tensor] {
      _ = try layer(x)
      return layer.parameters.map(\.value)
    }
    let (image, rows) = (Tensor.ones([1, 4, 5, 5]), Tensor.ones([2, 6]))
    func pairs(_ eager: [Tensor], _ lazy: [Tensor]) -> Bool {
      eager.count == lazy.count && zip(eager, lazy).allSatisfy { $0.isEqual(to: $1) }
    }
    #expect(
      pairs(
        try weights(
          Conv2d(inChannels: 4, outChannels: 3, kernelSize: 3, generator: Generator(seed: 5)), image),
        try weights(Conv2d(outChannels: 3, kernelSize: 3, generator: Generator(seed: 5)), image)))
    #expect(
      pairs(
        try weights(
          ConvTranspose2d(inChannels: 4, outChannels: 2, kernelSize: 2, generator: Generator(seed: 5)), image),
        try weights(ConvTranspose2d(outChannels: 2, kernelSize: 2, generator: Generator(seed: 5)), image)))
    #expect(
      pairs(
        try weights(Linear(inFeatures: 6, outFeatures: 3, generator: Generator(seed: 5)), rows),
        try weights(Linear(outFeatures: 3, generator: Generator(seed: 5)), rows)))
  }
}

extension GoldenCase {
  /// Refusals whose numbers or words differ from PyTorch's on purpose.
  static let layerFacts = ["AdaptiveAvgPool1d-2": "the ranks stand there as 2D and 3D"]

  fileprivate func checkLayer(_ layer: GoldenLayer) throws {
    let module = layer.module
    #expect(module.stateKeys == line["keys"] as? [String], "\(name)")
    let written = try #require(line["weights"] as? [String: Any])
    let state = module.stateDictionary
    for (key, weight) in written {
      let ours = try #require(state[key], "\(name) \(key)")
      // From 16 normals on the last bits are those of vector code; all else is drawn alike, bit for bit.
      let exact = GoldenCase(line: ["name": name, "tolerance": op == "Embedding" ? 2e-6 : 0.0])
      exact.compare(ours, try Self.tensor(weight), key)
    }
    let seed = UInt64(try #require(line["seed"] as? Int))
    for (place, (key, parameter)) in module.namedParameters.enumerated() {
      parameter.value =
        line["shake"] == nil
        ? try Self.tensor(try #require(written[key])).to(.float64)
        : Self.generated(parameter.shape, .float64, seed: seed + 50 + UInt64(place))
    }
    for (_, buffer) in module.namedBuffers where buffer.value.dtype == .float32 {
      buffer.value = buffer.value.to(.float64)
    }
    for mode in ["train", "eval"] {
      guard let expected = line[mode] as? [String: Any] else { continue }
      module.train(mode == "train")
      if mode == "train", let calls = line["calls"] as? Int {
        for _ in 1..<calls { _ = try layer.run(inputs()) }
      }
      try checkRun(layer, expected, mode, seed)
    }
  }

  private func checkRun(_ layer: GoldenLayer, _ expected: [String: Any], _ mode: String, _ seed: UInt64)
    throws
  {
    let inputs = try inputs().map { $0.dtype.isFloatingPoint ? $0.requiringGrad() : $0 }
    let output: Tensor
    do {
      output = try layer.run(inputs)
    } catch let refusal as ShapeError {
      Issue.record("\(name) \(mode): refused: \(refusal)")
      return
    }
    compare(output.detached(), try Self.tensor(try #require(expected["output"])), mode)
    var leaves = inputs.enumerated().filter(\.element.requiresGrad).map { (String($0.offset), $0.element) }
    leaves += layer.module.namedParameters.map { ($0.key, $0.parameter.value) }
    let gradients = try grad(
      of: [output], with: leaves.map(\.1),
      gradients: [Self.generated(output.shape, .float64, seed: seed + 1)],
      allowUnused: true)
    let written = try #require(expected["gradients"] as? [String: Any])
    for ((key, leaf), gradient) in zip(leaves, gradients) {
      let zeros = Tensor.zeros(leaf.shape, dtype: leaf.dtype)
      compare(gradient ?? zeros, try written[key].map(Self.tensor) ?? zeros, "\(mode), gradient by \(key)")
    }
    let buffers = Dictionary(
      uniqueKeysWithValues: layer.module.namedBuffers.map { ($0.key, $0.buffer.value) })
    for (key, value) in expected["buffers"] as? [String: Any] ?? [:] {
      compare(try #require(buffers[key], "\(name) \(key)"), try Self.tensor(value), "\(mode), buffer \(key)")
    }
  }

  fileprivate func checkRefusal(of layer: GoldenLayer) throws {
    layer.module.train(line["training"] as? Bool ?? true)
    let inputs = try inputs()
    do {
      let result = try layer.run(inputs)
      Issue.record("\(name): not refused, but gave \(result.shape); expected: \(error ?? "")")
    } catch let refusal as ShapeError {
      if Self.layerFacts[name] == nil { checkFacts(of: error ?? "", in: refusal) }
    }
  }
}
