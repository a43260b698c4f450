import ArgumentParser
import Volute
import VoluteEngine
import VoluteFormats
import VoluteModels

/// Autoencoders of video by their names.
enum VideoPreset: String, ExpressibleByArgument, CaseIterable {
  /// Trained in a minute: a quarter of height, width and frames.
  case small
  /// 128, 256, 512 and 512 channels: an eighth of each.
  case full

  var configuration: CausalVideoAutoencoder.Configuration {
    switch self {
    case .small:
      .init(codeChannels: 8, widths: [16, 24, 32], blocksPerLevel: 1, groups: 8, normalization: .place)
    case .full: .init()
    }
  }
}

/// An autoencoder of video, and where its weights are from.
struct VideoModel {
  let preset: VideoPreset
  let network: CausalVideoAutoencoder
  let origin: String

  /// - Parameters:
  ///   - weights: a run of `train video`, or a file of weights; `nil` draws them.
  ///   - preset: of a run, what the run says.
  init(weights path: String?, preset: VideoPreset?, seed: Int) throws {
    guard let path else {
      self.preset = preset ?? .small
      network = CausalVideoAutoencoder(self.preset.configuration, generator: Generator(seed: seed))
      origin = "untrained weights of seed \(seed)"
      return
    }
    origin = path
    let file = try WeightFile(path)
    let state: [String: Tensor]
    if try file.otherValues().contains(where: { $0.name == "format" && "\($0.value)".contains("checkpoint") })
    {
      let run = try TrainingCheckpoint(path)
      guard let settings = VideoSettings(values: run.values) else {
        throw FormatError(path, "holds no run of 'volute train video'")
      }
      if let preset, preset != settings.preset {
        throw FormatError(path, "holds a run of --preset \(settings.preset.rawValue)")
      }
      self.preset = settings.preset
      state = run.model
    } else {
      self.preset = preset ?? .small
      state = Dictionary(try file.tensors().map { ($0.name, $0.tensor) }) { first, _ in first }
    }
    network = CausalVideoAutoencoder(self.preset.configuration, generator: Generator(seed: seed))
    do {
      try network.load(state)
    } catch {
      throw FormatError(path, "is of another network than --preset \(self.preset.rawValue): \(error)")
    }
  }

  var row: (String, String) {
    ("network", "\(grouped(network.parameterCount)) parameters, \(preset.rawValue), \(origin)")
  }
}

/// What encoding and decoding have in common.
struct VideoOptions: ParsableArguments {
  @Option(
    help:
      "A run of 'volute train video', or weights as safetensors, .pth or .npz; by default drawn by the seed.",
    completion: .file())
  var weights: String?

  @Option(help: "The autoencoder: small or full. (default: the run's, or small)")
  var preset: VideoPreset?

  @Option(parsing: .unconditional, help: "Of weights that are drawn.")
  var seed = 1

  @Option(parsing: .unconditional, help: "Frames worked on at once; by default all.")
  var chunk: Int?

  @Option(
    parsing: .unconditional,
    help: "The side of the tiles that frames are cut into, in pixels; by default none.")
  var tile: Int?

  @Option(parsing: .unconditional, help: "What tiles share, in pixels. (default: a quarter of a tile)")
  var overlap: Int?

  @Option(parsing: .unconditional, help: "Threads; by default as many as there are processors.")
  var threads: Int?

  func validate() throws {
    for (name, value) in [("chunk", chunk), ("tile", tile), ("threads", threads)] {
      if let value, value < 1 { throw ValidationError("--\(name) \(value) is none; give 1 or more") }
    }
    if overlap != nil && tile == nil {
      throw ValidationError("--overlap is what tiles share; give --tile too")
    }
  }

  func model() throws -> VideoModel {
    if let threads { Engine.threadCount = threads }
    return try VideoModel(weights: weights, preset: preset, seed: seed)
  }

  func tiling(_ network: CausalVideoAutoencoder) -> VideoTiling {
    let factor = network.sizeFactor
    let quarter = (tile ?? 0) / 4 / factor * factor
    return VideoTiling(tile: tile, overlap: overlap ?? quarter, chunk: chunk)
  }

  /// Runs `body` with something to tell of each part that is done.
  func watched<Result>(
    _ label: String, _ body: (_ progress: (Int, Int) -> Void) throws -> Result
  ) rethrows -> (Result, Duration) {
    let progress = Progress(label)
    defer { progress.finish() }
    let start = ContinuousClock.now
    let result = try body { progress.advance("part \($0) of \($1)") }
    return (result, ContinuousClock.now - start)
  }

  /// What tiles and pieces there are.
  func row(_ network: CausalVideoAutoencoder) -> (String, String)? {
    if tile == nil && chunk == nil { return nil }
    let tiling = tiling(network)
    let tiles = tiling.tile.map { "tiles of \($0) pixels that share \(tiling.overlap)" } ?? "whole frames"
    return ("in parts", tiles + (chunk.map { ", \($0) frames at once" } ?? ""))
  }
}

/// The built-in clip.
enum SampleClip {
  /// As `[1, 3, frames, height, width]` of bytes.
  static var bytes: Tensor {
    SyntheticClips(count: 1, seed: 0).bytes(at: 0).permuted(3, 0, 1, 2).unsqueezed(0)
  }
}

/// How near a clip comes to what it is a reconstruction of.
func reconstructionText(_ clip: Tensor, of original: Tensor) -> String {
  let truth = (original.dtype == .uint8 ? original.to(.float32) / 127.5 - 1 : original).squeezed(0)
  let found = VideoClip.psnr(clip.clamped(-1, 1), truth)
  let mean = VideoClip.psnr(VideoClip.meanFrame(truth), truth)
  return "PSNR \(decimals(found, 2)) dB; the mean frame in place of each gives \(decimals(mean, 2)) dB"
}
