import Testing
import Volute
import VoluteModels

@Suite struct VideoTests {
  static func autoencoder(
    seed: Int = 1, widths: [Int] = [4, 4, 8, 8], _ normalization: VideoNormalization = .frame,
    timePadding: PaddingMode = .replicate
  ) -> CausalVideoAutoencoder {
    CausalVideoAutoencoder(
      .init(
        codeChannels: 2, widths: widths, blocksPerLevel: 1, groups: 2, normalization: normalization,
        timePadding: timePadding), generator: Generator(seed: seed))
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
        #expect(found.shape == whole.shape && Self.distance(found, whole) < 1e-4)
      }
    }
  }

  /// In front of the first frame stands that frame again, so a clip of one frame over and over has one code over and over.
  @Test func theFirstFrameStandsBeforeTheFirst() throws {
    try noGrad {
      let still = Self.clip.sliced(2, 0..<1).expanded([1, 3, 17, 16, 8])
      for (padding, isStill) in [(PaddingMode.replicate, true), (.zeros, false)] {
        let net = Self.autoencoder(timePadding: padding)
        let code = try net.encode(still)
        let away = Self.distance(code, code.sliced(2, 0..<1).expanded(code.shape))
        #expect((away < 1e-5) == isStill, "\(padding): \(away)")
      }
    }
  }

  /// A norm sees one frame, or one place of it.
  @Test(arguments: VideoNormalization.allCases)
  func normsSeeNoMoreThanTheySay(_ scope: VideoNormalization) throws {
    try noGrad {
      let net = Self.autoencoder(widths: [4, 8], scope)
      let wide = Tensor.randn([1, 3, 1, 64, 8], generator: Generator(seed: 6))
      let far = try concatenate([wide.sliced(3, 0..<60), wide.sliced(3, 60..<64) + 3], axis: 3)
      let (a, b) = (try net.encode(wide), try net.encode(far))
      // The code's first rows see only the first rows of the clip, but for what norms see.
      let away = Self.distance(a.sliced(3, 0..<4), b.sliced(3, 0..<4))
      #expect((away < 1e-5) == (scope == .place), "\(away)")
      #expect(Self.distance(a, b) > 1e-3)
    }
  }

  @Test(arguments: VideoNormalization.allCases)
  func noFrameSeesALaterOne(_ scope: VideoNormalization) throws {
    try noGrad {
      let net = Self.autoencoder(scope)
      let late = Self.clip.sliced(2, 9..<17)
      let changed = try concatenate([Self.clip.sliced(2, 0..<9), late + 1], axis: 2)
      let (before, after) = (try net(Self.clip), try net(changed))
      // The first nine frames make two codes, and those nine frames again.
      #expect(Self.distance(before.sliced(2, 0..<9), after.sliced(2, 0..<9)) < 1e-5)
      #expect(Self.distance(before, after) > 1e-4)
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

/// Tiles and pieces of time beside the whole.
@Suite struct VideoTilingTests {
  static let clip = Tensor.randn([1, 3, 5, 192, 48], generator: Generator(seed: 7))

  static func net(_ normalization: VideoNormalization) -> CausalVideoAutoencoder {
    VideoTests.autoencoder(widths: [4, 4], normalization)
  }

  @Test func tilesAreExactWithTheOverlapThatIsSaid() throws {
    let net = Self.net(.place)
    let needed = net.exactOverlaps
    let code = try noGrad { () throws(ShapeError) in try net.encode(Self.clip) }
    let whole = try noGrad { () throws(ShapeError) in try net.decode(code) }
    for chunk in [nil, 1, 2, 4] {
      var parts = 0
      let coded = try net.encode(
        Self.clip, in: VideoTiling(tile: 2 * needed.encode, overlap: needed.encode, chunk: chunk)
      ) {
        parts += 1
        #expect($0 == parts && $0 <= $1)
      }
      #expect(parts > 2 && VideoTests.distance(coded, code) < 1e-4, "\(chunk ?? 0)")
      let found = try net.decode(
        code, in: VideoTiling(tile: 2 * needed.decode, overlap: needed.decode, chunk: chunk))
      #expect(found.shape == whole.shape && VideoTests.distance(found, whole) < 1e-4, "\(chunk ?? 0)")
    }
    // With nothing shared it is not exact: the test above can fail.
    let apart = try net.decode(code, in: VideoTiling(tile: 2 * needed.decode, overlap: 0))
    #expect(VideoTests.distance(apart, whole) > 1e-3)
  }

  /// The more is shared, the nearer; norms of whole frames never agree quite.
  @Test func tilesAreCloseElsewhere() throws {
    let net = Self.net(.frame)
    let whole = try noGrad { () throws(ShapeError) in try net.decode(net.encode(Self.clip)) }
    let code = try noGrad { () throws(ShapeError) in try net.encode(Self.clip) }
    let errors = try [0, 4, 16].map { overlap in
      let found = try net.decode(code, in: VideoTiling(tile: 32, overlap: overlap))
      return (found - whole).square().mean().item(as: Double.self)
    }
    let spread = whole.square().mean().item(as: Double.self)
    #expect(errors[1] < errors[0] && errors[2] < errors[0])
    #expect(errors[2] < 0.05 * spread && errors[2] > 0, "\(errors) of \(spread)")
  }

  /// A decoder that gives every place the same number must give it in tiles too: the weights of each place add up to 1.
  @Test(arguments: [(8, 0), (8, 4), (12, 2), (16, 8), (64, 32), (200, 0)])
  func weightsAddUpToOne(_ tile: Int, _ overlap: Int) throws {
    let net = Self.net(.place)
    for (key, parameter) in net.decoder.namedParameters {
      // Everything but the last bias is nothing.
      let isLast = key.hasSuffix("conv.bias") && parameter.value.shape == [3]
      parameter.value = Tensor(full: parameter.value.shape, isLast ? 1.5 : 0, dtype: .float32)
    }
    let code = Tensor.randn([2, 2, 3, 13, 22], generator: Generator(seed: 8))
    let clip = try net.decode(code, in: VideoTiling(tile: tile, overlap: overlap, chunk: 2))
    #expect(clip.shape == [2, 3, 5, 26, 44])
    #expect(VideoTests.distance(clip, Tensor(full: clip.shape, 1.5, dtype: .float32)) < 1e-6)
  }

  @Test func bytesStandForMinusOneToOne() throws {
    let net = Self.net(.place)
    let bytes = SyntheticClips(count: 1, seed: 3, frames: 3, height: 8, width: 8).bytes(at: 0)
    let clip = bytes.permuted(3, 0, 1, 2).unsqueezed(0)
    let numbers = clip.to(.float32) / 127.5 - 1
    let (a, b) = (try net.encode(clip, in: VideoTiling()), try net.encode(numbers, in: VideoTiling()))
    #expect(VideoTests.distance(a, b) < 1e-6)
  }

  @Test func whatCannotBeCutIsRefused() {
    let net = Self.net(.place)
    for (tiling, text) in [
      (VideoTiling(tile: 9), "tiles of 9 pixels"), (VideoTiling(tile: 8, overlap: 6), "at most half"),
      (VideoTiling(tile: 0), "tiles of 0"), (VideoTiling(tile: 8, overlap: -2), "share -2"),
      (VideoTiling(chunk: 0), "0 frames"),
    ] {
      #expect { try net.encode(Self.clip, in: tiling) } throws: { "\($0)".contains(text) }
    }
    #expect {
      try net.decode(Tensor.zeros([1, 3, 2, 4, 4]), in: VideoTiling())
    } throws: {
      "\($0)".contains("[1, 3, 2, 4, 4]")
    }
  }
}

@Suite struct SyntheticClipTests {
  @Test func clipsMoveAndRepeat() throws {
    let clips = SyntheticClips(count: 4, seed: 2, frames: 5, height: 16, width: 20)
    let clip = clips.element(at: 1)[0]
    #expect(clip.shape == [3, 5, 16, 20] && clip.isEqual(to: clips.element(at: 1)[0]))
    #expect(!clip.isEqual(to: clips.element(at: 2)[0]))
    #expect((clip.abs() .<= 1).all())
    #expect(VideoTests.distance(clip.sliced(1, 0..<1), clip.sliced(1, 4..<5)) > 0.05)
    let bytes = clips.bytes(at: 1)
    #expect(bytes.shape == [5, 16, 20, 3] && bytes.dtype == .uint8)
    #expect(VideoTests.distance(bytes.permuted(3, 0, 1, 2).to(.float32) / 127.5 - 1, clip) < 0.004)
  }

  @Test func psnrIsOfTheMeanSquare() {
    let (x, y) = (Tensor.zeros([3, 2, 4, 4]), Tensor(full: [3, 2, 4, 4], 0.2, dtype: .float32))
    // 4 / 0.04 is 100: 20 dB.
    #expect(abs(VideoClip.psnr(x, y) - 20) < 1e-4)
    #expect(VideoClip.psnr(x, x) == .infinity)
    let steps = Tensor([0, 1] as [Float]).reshaped(1, 2, 1, 1)
    #expect(VideoClip.meanFrame(steps).elements(as: Float.self) == [0.5, 0.5])
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

  /// 7 to 1 to 12 channels, nothing between: each score is one number of the cell, times and plus one of the score's own.
  @Test func theChainIsTwoConvolutions() throws {
    let net = PlacementNet(generator: Generator(seed: 3))
    let x = Tensor.randn([1, 7, 2, 3, 4], generator: Generator(seed: 4))
    let weights = net.parameters.map(\.value)
    let wanted = try noGrad { () throws(ShapeError) in
      try conv3d(conv3d(x, weights[0], bias: weights[1]), weights[2], bias: weights[3])
    }
    let scores = try noGrad { () throws(ShapeError) in try net(x) }
    #expect(VideoTests.distance(scores.reshaped(wanted.shape), wanted) < 1e-6)
  }

  @Test func theRuleIsLearned() throws {
    let net = PlacementNet(width: 16, isRectified: true, generator: Generator(seed: 1))
    let optimizer = Adam(net.parameters, learningRate: 2e-2)
    let rule = PlacementRule(count: 32 * 60, seed: 1, size: [3, 3, 3])
    let unseen = PlacementRule(count: 200, seed: 2, size: [3, 3, 3])
    let before = try net.accuracy(on: unseen)
    try DataLoader(rule, batchSize: 32).epoch().forEach { batch in
      optimizer.zeroGrad()
      try crossEntropy(net(batch[0]).flattened(1, -1), batch[1]).backward()
      optimizer.step()
    }
    #expect(before.whole < 0.2)
    let after = try net.accuracy(on: unseen)
    #expect(after.whole > 0.95 && after.parts.allSatisfy { $0 >= after.whole }, "\(after)")
  }
}
