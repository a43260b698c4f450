import Volute
import VoluteArithmetic

/// A layer with a window, as it is written down: before anything is known of its input.
public struct LayerSpecification: Hashable, Sendable {
  /// What the window does.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A sum of products.
    case convolution = "conv"
    /// Its adjoint, which scatters.
    case transposedConvolution = "conv-transpose"
    /// The largest element.
    case maxPool = "max-pool"
    /// The mean.
    case averagePool = "avg-pool"

    /// Whether it has no weights.
    public var isPooling: Bool { self == .maxPool || self == .averagePool }
  }

  /// What the window does.
  public var kind: Kind
  /// Taps along each axis.
  public var kernelSize: PerAxis<Int>
  /// `nil` is 1, or the kernel for a pooling.
  public var stride: PerAxis<Int>?
  /// What is added around the input, along each axis.
  public var padding: Padding
  /// What stands in the padding, where the padding itself does not say.
  public var paddingMode: PerAxis<PaddingMode>
  /// Elements from one tap to the next, along each axis.
  public var dilation: PerAxis<Int>
  /// Elements added to the end of the output, along each axis.
  public var outputPadding: PerAxis<Int>
  /// `nil` keeps the channels.
  public var outputChannels: Int?
  /// Parts into which the channels are divided; they do not see each other.
  public var groups: Int
  /// Whether a last window that overhangs the input is kept.
  public var isCeil: Bool

  /// A layer that nothing has checked yet; ``Stack`` does.
  public init(
    _ kind: Kind, kernelSize: PerAxis<Int>, stride: PerAxis<Int>? = nil, padding: Padding = 0,
    paddingMode: PerAxis<PaddingMode> = .zeros, dilation: PerAxis<Int> = 1, outputPadding: PerAxis<Int> = 0,
    outputChannels: Int? = nil, groups: Int = 1, isCeil: Bool = false
  ) {
    self.kind = kind
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.paddingMode = paddingMode
    self.dilation = dilation
    self.outputPadding = outputPadding
    self.outputChannels = outputChannels
    self.groups = groups
    self.isCeil = isCeil
  }
}

/// A layer over an input of known size: its sizes, its formulas, and its links.
public struct ResolvedLayer: Hashable, Sendable {
  /// What was asked for.
  public let specification: LayerSpecification
  /// Channels that go in.
  public let inputChannels: Int
  /// Channels that come out.
  public let outputChannels: Int
  /// Elements of the input, along the axis or along each.
  public let inputSize: [Int]
  /// Elements of the output, along the axis or along each.
  public let outputSize: [Int]
  /// The axes with padding resolved to amounts.
  public let axes: [Axis]
  /// The output size of each axis as a formula with the numbers put in.
  public let formulas: [String]
  /// `nil` for a pooling.
  public let convolution: ConvolutionGeometry?
  private let pooling: PoolingGeometry?

  /// The number of spatial axes.
  public var rank: Int { axes.count }
  /// What the window does.
  public var kind: LayerSpecification.Kind { specification.kind }
  /// Whether it scatters.
  public var isTransposed: Bool { kind == .transposedConvolution }
  /// The operation's name, such as `conv-transpose2d`.
  public var name: String { "\(kind.rawValue)\(rank)d" }
  /// With a bias; `nil` for a pooling, which has no parameters and multiplies nothing.
  public var cost: Cost? { convolution?.cost(bias: true) }

  /// The links along each axis, made anew at each call.
  public var links: [AxisLinks] {
    if let convolution {
      return convolution.maps.map { AxisLinks($0, isTransposed: isTransposed) }
    }
    return pooling.map { zip($0.windows, axes).map { AxisLinks($0, $1) } } ?? []
  }

  /// The most elements along all axes, on either side, that can be explained: links are held one by one.
  public static let largestSize = 1 << 16

  /// - Parameters:
  ///   - specification: what was asked for.
  ///   - inputSize: the spatial sizes that go in; their count is the rank.
  ///   - channels: the channels that go in.
  /// - Throws: `ShapeError` with the sentence of the operation itself.
  public init(
    _ specification: LayerSpecification, inputSize: [Int], channels: Int = 1
  ) throws(ShapeError) {
    let rank = inputSize.count
    let name = "\(specification.kind.rawValue)\(rank)d"
    guard rank >= 1 else {
      throw ShapeError(name, parameter: "input", "expected at least one spatial axis")
    }
    let shape = [1, channels] + inputSize
    _ = try elementCount(shape, operation: name)
    let kernel = try specification.kernelSize.expanded(
      to: rank, operation: name, parameter: "kernelSize")
    self.specification = specification
    self.inputSize = inputSize
    inputChannels = channels
    outputChannels = specification.kind.isPooling ? channels : specification.outputChannels ?? channels
    let groups = specification.groups
    guard channels >= 1, outputChannels >= 1, groups >= 1, channels % groups == 0,
      outputChannels % groups == 0
    else {
      throw ShapeError(
        name, parameter: "groups",
        "\(channels) channels to \(outputChannels) do not divide into \(groups) groups",
        mend: "take a divisor of both")
    }
    switch specification.kind {
    case .convolution, .transposedConvolution:
      let isTransposed = specification.kind == .transposedConvolution
      let geometry =
        isTransposed
        ? try ConvolutionGeometry(
          transposing: shape, weightShape: [channels, outputChannels / groups] + kernel,
          stride: specification.stride ?? 1, padding: specification.padding,
          paddingMode: specification.paddingMode, outputPadding: specification.outputPadding,
          dilation: specification.dilation, groups: groups)
        : try ConvolutionGeometry(
          inputShape: shape, weightShape: [outputChannels, channels / groups] + kernel,
          stride: specification.stride ?? 1, padding: specification.padding,
          paddingMode: specification.paddingMode, dilation: specification.dilation, groups: groups)
      try Self.checkReach(inputSize + geometry.outputSize, geometry.axes, name)
      convolution = geometry
      pooling = nil
      axes = geometry.axes
      outputSize = geometry.outputSize
      formulas = zip(geometry.axes, inputSize).map {
        isTransposed ? $0.transposedFormula($1) : $0.formula($1)
      }
    case .maxPool, .averagePool:
      let geometry = try PoolingGeometry(
        specification.kind == .maxPool ? "max_pool" : "avg_pool", inputShape: shape, rank: rank,
        kernelSize: specification.kernelSize, stride: specification.stride,
        padding: try specification.symmetricPadding(name), dilation: specification.dilation,
        isCeil: specification.isCeil)
      try Self.checkReach(inputSize + geometry.outputSize, geometry.axes, name)
      convolution = nil
      pooling = geometry
      axes = geometry.axes
      outputSize = geometry.outputSize
      formulas = geometry.formulas(isCeil: specification.isCeil)
    }
  }

  private static func checkReach(
    _ sizes: [Int], _ axes: [Axis], _ name: String
  ) throws(ShapeError) {
    let reaches = sizes + axes.flatMap { [$0.extent, $0.paddingBefore, $0.paddingAfter, $0.stride] }
    if let long = reaches.first(where: { $0 > largestSize }) {
      throw ShapeError(
        name, parameter: "input",
        "an axis of \(long) elements is too long to be explained element by element",
        mend: "at most \(largestSize)")
    }
  }
}

extension LayerSpecification {
  /// Padding of a pooling, which knows symmetric amounts only.
  fileprivate func symmetricPadding(_ name: String) throws(ShapeError) -> PerAxis<Int> {
    switch padding {
    case .valid: return 0
    case .amounts(let amounts):
      if let bad = amounts.values.first(where: { $0.before != $0.after }) {
        throw ShapeError(
          name, parameter: "padding",
          "a pooling pads both sides alike, but got \(bad.before) and \(bad.after)")
      }
      return PerAxis(amounts.values.map(\.before))
    case .same, .half, .full:
      throw ShapeError(
        name, parameter: "padding", "a pooling takes amounts of padding, no rule", mend: "give a number")
    }
  }
}
