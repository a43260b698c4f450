import ArgumentParser
import Volute
import VoluteFormats
import VoluteInsight
import VoluteModels

/// What decides how a run of training on clips goes.
struct VideoSettings: RunSettings {
  var preset = VideoPreset.small
  var steps = 700
  var batchSize = 2
  var learningRate = 2e-3
  var seed = 1

  init() {}

  var values: [String: String] {
    [
      "preset": preset.rawValue, "steps": "\(steps)", "batch-size": "\(batchSize)",
      "learning-rate": "\(learningRate)", "seed": "\(seed)", "trains": "video",
    ]
  }

  init?(values: [String: String]) {
    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    guard values["trains"] == "video", let preset = values["preset"].flatMap({ VideoPreset(rawValue: $0) }),
      let steps = integer("steps"), let batchSize = integer("batch-size"), let seed = integer("seed"),
      let learningRate = values["learning-rate"].flatMap({ Double($0) })
    else { return nil }
    self.preset = preset
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
    if problem != nil { return nil }
  }

  var problem: String? {
    Self.problem(counts: [("steps", steps), ("batch-size", batchSize)], learningRate: learningRate)
  }
}

struct TrainVideoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Train the causal autoencoder of video on the built-in clip.",
    discussion: """
      Discs move over a slanted background; the network learns from windows of that clip, and what it makes of the \
      whole is set beside the mean of its frames. It has learned this clip, not video at large. A run's checkpoint and \
      its weights are both taken by 'encode video' and 'decode video'.

        volute train video --checkpoint run.safetensors
        volute encode video --weights run.safetensors --input frames/ -o code.npy
      """)

  /// Frames and sides of the windows that it learns from, where the factors of small and full allow.
  private static let size = (frames: 9, height: 32, width: 32)

  @Option(help: "The autoencoder: small or full. (default: small)")
  var preset: VideoPreset?

  @Option(parsing: .unconditional, help: "Steps in all. (default: \(VideoSettings().steps))")
  var steps: Int?

  @Option(parsing: .unconditional, help: "Windows in a step. (default: \(VideoSettings().batchSize))")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "The largest of the cycle that it goes through. (default: \(VideoSettings().learningRate))")
  var learningRate: Double?

  @Option(parsing: .unconditional, help: "Of windows and weights. (default: \(VideoSettings().seed))")
  var seed: Int?

  @OptionGroup var options: RunOptions

  func validate() throws {
    if let problem = given(VideoSettings()).problem { throw ValidationError(problem) }
  }

  func run() async throws {
    let saved = try options.savedRun(of: "train video", given: given)
    let settings = saved?.settings ?? given(VideoSettings())
    let network = CausalVideoAutoencoder(
      settings.preset.configuration, generator: Generator(seed: settings.seed))
    let clip = SampleClip.bytes
    let truth = clip.squeezed(0).to(.float32) / 127.5 - 1
    let run = StepRun(
      network, steps: settings.steps, learningRate: settings.learningRate, path: options.checkpoint,
      values: settings.values)
    let isDone = try options.train(run, from: saved?.checkpoint) { step in
      let numbers = step * settings.batchSize..<(step + 1) * settings.batchSize
      let batch = try stack(
        numbers.map { Self.window(truth, generator: sampleStream(seed: settings.seed, index: $0)) })
      return try mseLoss(network(batch), batch)
    }
    guard isDone else { return }
    network.eval()
    let whole = VideoTiling()
    let again = try network.decode(network.encode(clip, in: whole), in: whole).squeezed(0)
    if options.json { return print(json(run, settings, again, clip)) }
    var rows = [
      ("network", "\(grouped(network.parameterCount)) parameters, \(settings.preset.rawValue)"),
      (
        "training",
        "\(grouped(run.step)) steps of \(settings.batchSize) windows, \(Self.size.frames) frames of "
          + "\(Self.size.height) by \(Self.size.width)"
      ),
    ]
    if let text = run.lossText { rows += [("loss", text), ("time", timeText(run.time))] }
    rows.append(("built-in clip", reconstructionText(again, of: clip)))
    if let place = options.checkpoint ?? options.save { rows.append(("saved", place)) }
    print(Report.text(rows), terminator: "")
  }

  /// A part of `clip`, `[channels, frames, height, width]`.
  private static func window(_ clip: Tensor, generator: Generator) -> Tensor {
    func place(_ axis: Int, _ count: Int) -> Range<Int> {
      let start = Tensor.randint(0, clip.shape[axis] - count + 1, [], generator: generator).integers()[0]
      return start..<start + count
    }
    return clip[.all, place(1, size.frames), place(2, size.height), place(3, size.width)]
  }

  private func json(
    _ run: StepRun<CausalVideoAutoencoder>, _ settings: VideoSettings, _ again: Tensor, _ clip: Tensor
  ) -> String {
    let truth = clip.squeezed(0).to(.float32) / 127.5 - 1
    return JSON.object([
      ("psnr", .number(VideoClip.psnr(again.clamped(-1, 1), truth))),
      ("baseline_psnr", .number(VideoClip.psnr(VideoClip.meanFrame(truth), truth))),
      ("steps", .integer(run.step)), ("batch_size", .integer(settings.batchSize)),
      ("learning_rate", .number(settings.learningRate)), ("seed", .integer(settings.seed)),
      ("parameters", .integer(run.model.parameterCount)), ("losses", .array(run.losses.map(JSON.number))),
      ("seconds", .number(run.time / .seconds(1))),
    ]).description
  }

  /// `settings` with what the options say instead.
  private func given(_ settings: VideoSettings) -> VideoSettings {
    var result = settings
    result.preset = preset ?? settings.preset
    result.steps = steps ?? settings.steps
    result.batchSize = batchSize ?? settings.batchSize
    result.learningRate = learningRate ?? settings.learningRate
    result.seed = seed ?? settings.seed
    return result
  }
}
