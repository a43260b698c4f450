import Testing
import Volute
import VoluteModels

@Suite struct VideoTests {
  static func autoencoder(seed: Int = 1) -> CausalVideoAutoencoder {
    CausalVideoAutoencoder(
      .init(codeChannels: 2, widths: [4, 4, 8, 8], blocksPerLevel: 1, groups: 2),
      generator: Generator(seed: seed))
  }

  static let clip = Tensor.randn([1, 3, 17, 16, 8], generator: Generator(seed: 5))

  static func distance(_ x: Tensor, _ y: Tensor) -> Double { (x - y).abs().max().item(as: Double.self) }

  @Test func shapesAreAsSaid() throws {
    try noGrad {
      let net = Self.autoencoder()
      let code = try net.encode(Self.clip)
      #expect(code.shape == [1, 2, 3, 2, 1])
      #expect(try net.decode(code).shape == Self.clip.shape)
      #expect(try net.encode(Self.clip[0..., 0..., 0..<1]).shape == [1, 2, 1, 2, 1])
    }
  }

  @Test(arguments: [[17], [1, 16], [5, 4, 8], Array(repeating: 1, count: 17), [2, 3, 12]])
  func streamsAreTheWhole(_ pieces: [Int]) throws {
    try noGrad {
      let net = Self.autoencoder()
      let code = try net.encode(Self.clip)
      func streamed(_ stack: VideoStack, _ x: Tensor, _ pieces: [Int]) throws -> Tensor {
        stack.resetStream()
        var (start, results): (Int, [Tensor]) = (0, [])
        for count in pieces {
          results.append(try stack.stream(x.sliced(2, start..<start + count)))
          start += count
        }
        return try concatenate(results, axis: 2)
      }
      let found = try streamed(net.encoder, Self.clip, pieces)
      #expect(found.shape == code.shape && Self.distance(found, code) < 1e-5)
      let whole = try net.decode(code)
      for parts in [[3], [1, 2], [1, 1, 1]] {
        let found = try streamed(net.decoder, code, parts)
        #expect(found.shape == whole.shape && Self.distance(found, whole) < 1e-5)
      }
    }
  }

  @Test func noFrameSeesALaterOne() throws {
    try noGrad {
      let net = Self.autoencoder()
      let late = Self.clip.sliced(2, 9..<17)
      let changed = try concatenate([Self.clip.sliced(2, 0..<9), late + 1], axis: 2)
      let (before, after) = (try net(Self.clip), try net(changed))
      // The first nine frames make two codes, and those nine frames again.
      #expect(Self.distance(before.sliced(2, 0..<9), after.sliced(2, 0..<9)) < 1e-6)
      #expect(Self.distance(before, after) > 1e-3)
    }
  }

  @Test func framesThatDoNotFitAreRefused() {
    let net = Self.autoencoder()
    #expect {
      try net.encode(Tensor.zeros([1, 3, 12, 8, 8]))
    } throws: {
      "\($0)".contains("12 frames") && "\($0)".contains("9 or 17")
    }
    #expect { try net.encode(Tensor.zeros([1, 3, 9, 12, 8])) } throws: { "\($0)".contains("12 by 8") }
    #expect { try net.encode(Tensor.zeros([1, 4, 9, 8, 8])) } throws: { "\($0)".contains("[1, 4, 9, 8, 8]") }
  }
}

@Suite struct PlacementTests {
  @Test func theChainOfTheNotebook() throws {
    let net = PlacementNet()
    #expect(net.parameterCount == 7 + 1 + 12 + 12)
    let scores = try noGrad { () throws(ShapeError) in try net(Tensor.randn([2, 7, 3, 4, 5])) }
    #expect(scores.shape == [2, 6, 2, 3, 4, 5])
    var values = [Float](repeating: 0, count: 720)
    values[((4 * 2 + 1) * 3 + 2) * 20 + 1 * 5 + 3] = 1
    #expect(try PlacementNet.best(Tensor(values, shape: [1, 6, 2, 3, 4, 5])) == [[4, 1, 2, 1, 3]])
    #expect { try PlacementNet.best(Tensor.zeros([3, 4])) } throws: { "\($0)".contains("[3, 4]") }
  }

  @Test func theRuleIsLearned() throws {
    let net = PlacementNet(width: 16, isRectified: true, generator: Generator(seed: 1))
    let optimizer = Adam(net.parameters, learningRate: 2e-2)
    let rule = PlacementRule(count: 32 * 60, seed: 1, size: [3, 3, 3])
    func right(_ rule: PlacementRule) throws -> Double {
      let batch = try rule.batch((0..<rule.count).map { rule.element(at: $0) })
      let found = try noGrad { () throws(ShapeError) in try net(batch[0]).flattened(1, -1).argmax(1) }
      return (found .== batch[1]).to(.float64).mean().item(as: Double.self)
    }
    let unseen = PlacementRule(count: 200, seed: 2, size: [3, 3, 3])
    let before = try right(unseen)
    try DataLoader(rule, batchSize: 32).epoch().forEach { batch in
      optimizer.zeroGrad()
      try crossEntropy(net(batch[0]).flattened(1, -1), batch[1]).backward()
      optimizer.step()
    }
    #expect(before < 0.2)
    #expect(try right(unseen) > 0.95)
  }
}
