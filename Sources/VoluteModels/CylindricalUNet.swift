import Volute

/// A U-Net over a cylinder that predicts the noise in showers of particles, conditioned on their energy and on time: the
/// network of CaloDiffusion (Amram and Pedro, 2023).
///
/// # Shapes
/// - `x`: `[batch, channels, z, φ, r]`.
/// - `energy`, `time`: `[batch]`.
/// - result: `[batch, 1, z, φ, r]`.
///
/// State: the published keys, such as `downs.0.0.block1.proj.conv.weight`.
public final class CylindricalUNet: Module {
  /// What the network is built of.
  public let configuration: Configuration
  private let initConv: CylindricalConv
  private let timeMLP: Sequential
  private let condMLP: Sequential
  private let downs: [ModuleList]
  private let downsAttention: [any Layer]
  private let midBlock1: ResnetBlock
  private let midAttention: any Layer
  private let midBlock2: ResnetBlock
  private let ups: [ModuleList]
  private let upsAttention: [any Layer]
  private let finalConv: ModuleList

  public var keys: [String: String] {
    [
      "initConv": "init_conv", "timeMLP": "time_mlp", "condMLP": "cond_mlp", "downsAttention": "downs_attn",
      "midBlock1": "mid_block1", "midAttention": "mid_attn", "midBlock2": "mid_block2",
      "upsAttention": "ups_attn", "finalConv": "final_conv",
    ]
  }

  /// Draws the weights in the order of the published network: the same seed gives the same.
  public init(_ configuration: Configuration, generator: Generator = .default) {
    self.configuration = configuration
    let policy = configuration.policy
    let widths = configuration.widths
    let conditioning = configuration.conditioning
    let levels = configuration.levels
    initConv = CylindricalConv(
      inChannels: configuration.channels, outChannels: widths[0], padding: 1, policy: policy,
      generator: generator)
    func embedding() -> Sequential {
      Sequential(
        AsColumn(), Linear(inFeatures: 1, outFeatures: conditioning / 4, generator: generator), GELU(),
        Linear(inFeatures: conditioning / 4, outFeatures: conditioning / 2, generator: generator), GELU(),
        Linear(inFeatures: conditioning / 2, outFeatures: conditioning / 2, generator: generator))
    }
    timeMLP = embedding()
    condMLP = embedding()
    func block(_ inputs: Int, _ outputs: Int, isConditioned: Bool = true) -> ResnetBlock {
      ResnetBlock(
        inputs, outputs, conditioning: isConditioned ? conditioning : nil, policy: policy,
        generator: generator)
    }
    func attention(_ channels: Int) -> any Layer {
      configuration.hasAttention
        ? Residual(
          PreNorm(
            channels: channels, LinearAttention(channels: channels, policy: policy, generator: generator)))
        : Identity()
    }
    let pairs = Array(zip(widths, widths.dropFirst()))
    var downs: [ModuleList] = []
    var downsAttention: [any Layer] = []
    for (level, (inputs, outputs)) in pairs.enumerated() {
      let first = block(inputs, outputs)
      let second = block(outputs, outputs)
      let resampler: any Layer =
        level < levels.count - 1
        ? configuration.down(outputs, level: level, generator: generator) : Identity()
      downsAttention.append(attention(outputs))
      downs.append(ModuleList([first, second, resampler]))
    }
    self.downs = downs
    self.downsAttention = downsAttention
    let deepest = widths[widths.count - 1]
    midBlock1 = block(deepest, deepest)
    midAttention = attention(deepest)
    midBlock2 = block(deepest, deepest)
    var ups: [ModuleList] = []
    var upsAttention: [any Layer] = []
    for (step, (inputs, outputs)) in pairs.reversed().enumerated() {
      let first = block(2 * outputs, inputs)
      let second = block(inputs, inputs)
      let level = levels.count - 1 - step
      let resampler: any Layer =
        level > 0
        ? configuration.up(inputs, level: level - 1, generator: generator) : Identity()
      upsAttention.append(attention(inputs))
      ups.append(ModuleList([first, second, resampler]))
    }
    self.ups = ups
    self.upsAttention = upsAttention
    // The head is drawn before the block that it follows.
    let head = CylindricalConv(
      inChannels: widths[0], outChannels: 1, kernelSize: 1, padding: 0, policy: policy, generator: generator)
    finalConv = ModuleList([block(widths[1], widths[0], isConditioned: false), head])
  }

  /// Runs the network.
  ///
  /// - Throws: `ShapeError` when a shape does not fit the configuration.
  public func callAsFunction(_ x: Tensor, energy: Tensor, time: Tensor) throws(ShapeError) -> Tensor {
    try called(with: [x, energy, time]) { () throws(ShapeError) in
      try check(x, energy, time)
      return try forward(x, energy: energy, time: time)
    }
  }

  private func forward(_ x: Tensor, energy: Tensor, time: Tensor) throws(ShapeError) -> Tensor {
    let condition = try concatenate([timeMLP(time), condMLP(energy)], axis: 1)
    var x = try initConv(x)
    var skips: [Tensor] = []
    for (level, attention) in zip(downs, downsAttention) {
      x = try attention(level.blocks(x, condition))
      skips.append(x)
      x = try level.resampled(x)
    }
    x = try midBlock2(midAttention(midBlock1(x, condition)), condition)
    for (level, attention) in zip(ups, upsAttention) {
      x = try concatenate([x, skips.removeLast()], axis: 1)
      x = try level.resampled(attention(level.blocks(x, condition)))
    }
    return try finalConv.resampled(finalConv.blocks(x, nil), place: 1)
  }

  private func check(_ x: Tensor, _ energy: Tensor, _ time: Tensor) throws(ShapeError) {
    let expected = [configuration.channels] + configuration.size
    guard x.rank == 5, Array(x.shape.dropFirst()) == expected else {
      throw ShapeError(
        "cylindrical_unet", parameter: "input",
        "expected showers of shape [batch, " + expected.map(String.init).joined(separator: ", ")
          + "], but got \(x.shape)", shapes: [x.shape])
    }
    for (name, tensor) in [("energy", energy), ("time", time)] where tensor.shape != [x.shape[0]] {
      throw ShapeError(
        "cylindrical_unet", parameter: name,
        "expected one \(name) a shower, of shape [\(x.shape[0])], but got \(tensor.shape)",
        shapes: [tensor.shape])
    }
  }
}

extension ModuleList {
  /// The residual blocks at the front of a level.
  fileprivate func blocks(_ x: Tensor, _ condition: Tensor?) throws(ShapeError) -> Tensor {
    var x = x
    for module in modules {
      if let block = module as? ResnetBlock { x = try block(x, condition) }
    }
    return x
  }

  /// The layer behind the residual blocks of a level.
  fileprivate func resampled(_ x: Tensor, place: Int = 2) throws(ShapeError) -> Tensor {
    guard let layer = modules[place] as? any Layer else { return x }
    return try layer(x)
  }
}

/// `[batch]` as `[batch, 1]`.
private final class AsColumn: Layer {
  func forward(_ x: Tensor) throws(ShapeError) -> Tensor { x.unsqueezed(-1) }
}
