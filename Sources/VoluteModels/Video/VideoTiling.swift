import Volute

/// The parts that a clip is worked through in, so that they, and not the clip, decide how much memory is needed.
///
/// Tiles overlap. Where the overlap of two covers the places that one of them sees incompletely, those are not used, and
/// with norms over ``VideoNormalization/place`` the result is that of the whole frame, to rounding. Where it does not, or
/// norms see whole frames, the result is close; one tile then turns into the next linearly across the overlap.
public struct VideoTiling: Hashable, Sendable {
  /// The side of a tile in pixels, a multiple of the autoencoder's size factor; `nil` takes whole frames.
  public var tile: Int?
  /// What neighbouring tiles share, in pixels: a multiple of the size factor, at most half of a tile.
  public var overlap: Int
  /// The frames that are worked on at once; `nil` takes all.
  public var chunk: Int?

  /// Without arguments, all at once.
  public init(tile: Int? = nil, overlap: Int = 0, chunk: Int? = nil) {
    self.tile = tile
    self.overlap = overlap
    self.chunk = chunk
  }
}

extension CausalVideoAutoencoder {
  /// The code of a clip, computed tile by tile and some frames at a time.
  ///
  /// # Shapes
  /// As ``encode(_:)``. The bytes of a uint8 clip stand for -1 to 1. No gradient is recorded.
  ///
  /// - Parameters:
  ///   - clip: all of it.
  ///   - tiling: the parts that it is cut into.
  ///   - progress: is told after each part how many are done, and how many there are.
  /// - Throws: `ShapeError` when the clip is none of this autoencoder, or the tiling is none.
  public func encode(
    _ clip: Tensor, in tiling: VideoTiling, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ShapeError) -> Tensor {
    try check(clip: clip)
    let work = TiledWork(
      stack: encoder, inputs: sizeFactor, outputs: 1,
      result: [clip.shape[0], configuration.codeChannels, (clip.shape[2] - 1) / timeFactor + 1])
    return try work.run(clip, cells(tiling), chunk: tiling.chunk, progress)
  }

  /// The clip of a code, computed tile by tile and some frames at a time.
  ///
  /// # Shapes
  /// As ``decode(_:)``. No gradient is recorded.
  ///
  /// - Parameters:
  ///   - code: all of it.
  ///   - tiling: the parts that it is cut into.
  ///   - progress: is told after each part how many are done, and how many there are.
  /// - Throws: `ShapeError` when the code is none of this autoencoder, or the tiling is none.
  public func decode(
    _ code: Tensor, in tiling: VideoTiling, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ShapeError) -> Tensor {
    try check(code: code)
    let work = TiledWork(
      stack: decoder, inputs: 1, outputs: sizeFactor,
      result: [code.shape[0], configuration.inChannels, (code.shape[2] - 1) * timeFactor + 1])
    let chunk = tiling.chunk.map { $0 > 0 ? Swift.max(1, $0 / timeFactor) : $0 }
    return try work.run(code, cells(tiling), chunk: chunk, progress)
  }

  /// The least overlap in pixels with which nothing of a tile is used that it sees incompletely: for encoding, and for
  /// decoding.
  public var exactOverlaps: (encode: Int, decode: Int) {
    // Far from the rims of the frame; any place of a cell.
    let cells = 1000
    let code = encoder.source(of: cells...cells)
    let pixels = decoder.source(of: cells * sizeFactor...(cells + 1) * sizeFactor - 1)
    func rounded(_ pixels: Int) -> Int { (pixels + sizeFactor - 1) / sizeFactor * sizeFactor }
    return (
      rounded(cells * sizeFactor - code.lowerBound) + rounded(code.upperBound + 1 - (cells + 1) * sizeFactor),
      (pixels.upperBound - pixels.lowerBound) * sizeFactor
    )
  }

  /// A tiling in cells of the code.
  private func cells(_ tiling: VideoTiling) throws(ShapeError) -> (tile: Int, overlap: Int)? {
    if let chunk = tiling.chunk, chunk < 1 {
      throw ShapeError(
        "causal_video_autoencoder", parameter: "chunk", "\(chunk) frames at once are none",
        mend: "give 1 or more",
        shapes: [])
    }
    guard let tile = tiling.tile else { return nil }
    guard tile > 0, tile % sizeFactor == 0, tiling.overlap >= 0, tiling.overlap % sizeFactor == 0,
      2 * tiling.overlap <= tile
    else {
      throw ShapeError(
        "causal_video_autoencoder", parameter: "tile",
        "tiles of \(tile) pixels that share \(tiling.overlap) cannot be cut",
        mend: "give multiples of \(sizeFactor), and at most half of a tile as the overlap", shapes: [])
    }
    return (tile / sizeFactor, tiling.overlap / sizeFactor)
  }
}

/// One side of an autoencoder, run over tiles and pieces of time.
private struct TiledWork {
  let stack: VideoStack
  /// Pixels or cells of what goes in and comes out for each cell of the code.
  let inputs: Int
  let outputs: Int
  /// Batch, channels and frames of the result.
  let result: [Int]

  func run(
    _ x: Tensor, _ tiling: (tile: Int, overlap: Int)?, chunk: Int?, _ progress: (Int, Int) -> Void
  ) throws(ShapeError) -> Tensor {
    let sizes = x.shape.suffix(2).map { $0 / inputs }
    let tiles = sizes.map { size in
      TileRow(
        cells: size, tile: tiling?.tile ?? size, overlap: tiling?.overlap ?? 0, inputs: inputs,
        outputs: outputs, source: stack.source)
    }
    let frames = x.shape[2]
    let chunk = Swift.min(chunk ?? frames, frames)
    let pieces = stride(from: 0, to: frames, by: chunk).map { $0..<Swift.min($0 + chunk, frames) }
    let total = tiles[0].tiles.count * tiles[1].tiles.count * pieces.count
    var done = 0
    var whole = Tensor.zeros(result + sizes.map { $0 * outputs })
    defer { stack.resetStream() }
    for row in tiles[0].tiles {
      for column in tiles[1].tiles {
        stack.resetStream()
        var start = 0
        for piece in pieces {
          let part = x[.all, .all, piece, row.input, column.input]
          let y = try noGrad { () throws(ShapeError) in try stack.stream(Self.numbers(part)) }
          let places = start..<start + y.shape[2]
          start = places.upperBound
          if !places.isEmpty {
            let used = y[.all, .all, .all, row.usedOfTile, column.usedOfTile]
            let weights = Tensor(row.weights, shape: [row.weights.count, 1]) * Tensor(column.weights)
            let sum = whole[.all, .all, places, row.used, column.used] + used * weights
            whole[.all, .all, places, row.used, column.used] = sum
          }
          done += 1
          progress(done, total)
        }
      }
    }
    return whole
  }

  private static func numbers(_ x: Tensor) -> Tensor {
    x.dtype == .uint8 ? x.to(.float32) / 127.5 - 1 : x
  }
}

/// The tiles along one axis, and with which weight each of their places counts.
private struct TileRow {
  struct Tile {
    /// What the tile is made of, and all that it makes.
    let input: Range<Int>
    let output: Range<Int>
    /// The outputs that count.
    var used: Range<Int>
    var weights: [Float]

    /// Those within the tile.
    var usedOfTile: Range<Int> { used.lowerBound - output.lowerBound..<used.upperBound - output.lowerBound }
  }

  private(set) var tiles: [Tile] = []

  init(
    cells: Int, tile: Int, overlap: Int, inputs: Int, outputs: Int,
    source: (ClosedRange<Int>) -> ClosedRange<Int>
  ) {
    var starts = [0]
    while let last = starts.last, last + tile < cells { starts.append(last + tile - overlap) }
    for start in starts {
      let end = Swift.min(start + tile, cells)
      let output = start * outputs..<end * outputs
      tiles.append(
        Tile(input: start * inputs..<end * inputs, output: output, used: output, weights: []))
    }
    for index in tiles.indices.dropFirst() {
      let (before, after) = (tiles[index - 1], tiles[index])
      // Where the later tile sees all there is, and where the earlier one ceases to.
      let first = after.output.first { source($0...$0).lowerBound >= after.input.lowerBound }
      let last = before.output.last { source($0...$0).upperBound < before.input.upperBound }
      var ramp = after.output.lowerBound..<before.output.upperBound
      if let first, let last, first <= last + 1 { ramp = first..<last + 1 }
      tiles[index - 1].used = before.used.lowerBound..<ramp.upperBound
      tiles[index].used = ramp.lowerBound..<after.used.upperBound
      tiles[index - 1].weights = Self.weights(tiles[index - 1].used, tiles[index - 1].weights, falling: ramp)
      // Behind the ramp the next turn, or nothing, decides.
      tiles[index].weights = ramp.map { (Float($0 - ramp.lowerBound) + 0.5) / Float(ramp.count) }
    }
    if let last = tiles.indices.last {
      tiles[last].weights = Self.weights(tiles[last].used, tiles[last].weights, falling: 0..<0)
    }
  }

  /// `rising` at the start, ones, and down along `falling` at the end.
  private static func weights(_ used: Range<Int>, _ rising: [Float], falling: Range<Int>) -> [Float] {
    let ones = [Float](repeating: 1, count: used.count - rising.count - falling.count)
    return rising + ones + falling.map { 1 - (Float($0 - falling.lowerBound) + 0.5) / Float(falling.count) }
  }
}
