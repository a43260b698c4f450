import Volute
import VoluteArithmetic

/// Layers one after the other, with the skip connections of a U-Net, over an input of known size.
public struct Stack: Hashable, Sendable {
  /// A layer, or one end of a skip connection.
  public enum Item: Hashable, Sendable {
    /// A layer with a window.
    case layer(LayerSpecification)
    /// Keeps what is here for a `join` further on; the last that was kept is joined first.
    case save
    /// Concatenates the channels of what was kept last.
    case join
  }

  /// What an item makes of what comes to it.
  public struct Step: Hashable, Sendable {
    /// What was written down.
    public let item: Item
    /// `nil` for `save` and `join`.
    public let layer: ResolvedLayer?
    /// Channels after it.
    public let channels: Int
    /// Elements along each axis after it.
    public let size: [Int]
    /// How far this is seen from, from the first input on.
    public let field: [ReceptiveField]
    /// For a join: the sizes that were kept.
    public let kept: [Int]?
    /// For a join, for each axis: the changes of the last transposed convolution that would make it meet
    /// them.
    public let mends: [[Mend]]

    /// Whether a join's sizes are equal.
    public var meets: Bool { kept.map { $0 == size } ?? true }
  }

  /// Elements of the input, along the axis or along each.
  public let inputSize: [Int]
  /// Channels that go in.
  public let channels: Int
  /// What each item makes of what comes to it.
  public let steps: [Step]

  /// The number of spatial axes.
  public var rank: Int { inputSize.count }
  /// What the strides of all layers may multiply to.
  private static let largestStride = 1 << 30

  /// The layers alone, without the ends of skip connections.
  public var layers: [ResolvedLayer] { steps.compactMap(\.layer) }
  /// Elements of the output, along the axis or along each.
  public var outputSize: [Int] { steps.last?.size ?? inputSize }
  /// Whether every join meets its sizes.
  public var meets: Bool { steps.allSatisfy(\.meets) }

  /// - Throws: `ShapeError` of the first item that is not possible, with its place.
  public init(_ items: [Item], inputSize: [Int], channels: Int = 1) throws(ShapeError) {
    guard items.count <= 256 else {
      throw ShapeError(
        "stack", parameter: "layers", "\(items.count) layers are too many to explain", mend: "at most 256")
    }
    guard !inputSize.isEmpty, inputSize.allSatisfy({ (0...ResolvedLayer.largestSize).contains($0) }),
      channels >= 1
    else {
      throw ShapeError(
        "stack", parameter: "input", "\(channels) channels of size \(inputSize) cannot be explained",
        mend: "at least one axis, of at most \(ResolvedLayer.largestSize) elements, and one channel")
    }
    self.inputSize = inputSize
    self.channels = channels
    var steps: [Step] = []
    var (size, count) = (inputSize, channels)
    var kept: [(size: [Int], channels: Int)] = []
    var moved = inputSize.map { _ in (down: 1, up: 1) }
    for (index, item) in items.enumerated() {
      var layer: ResolvedLayer?
      var met: [Int]?
      var mends: [[Mend]] = []
      switch item {
      case .layer(let specification):
        let resolved: ResolvedLayer
        do {
          resolved = try ResolvedLayer(specification, inputSize: size, channels: count)
        } catch {
          throw error.inLayer(index + 1, of: items.count)
        }
        layer = resolved
        for (axis, step) in resolved.axes.map(\.stride).enumerated() {
          if resolved.isTransposed { moved[axis].up *= step } else { moved[axis].down *= step }
          if max(moved[axis].up, moved[axis].down) > Self.largestStride {
            throw ShapeError(
              resolved.name, parameter: "stride",
              "the strides along axis \(axis) multiply to more than \(Self.largestStride)"
            ).inLayer(index + 1, of: items.count)
          }
        }
        (size, count) = (resolved.outputSize, resolved.outputChannels)
      case .save:
        kept.append((size, count))
      case .join:
        guard let last = kept.popLast() else {
          throw ShapeError("stack", parameter: "join", "item \(index + 1) joins what was never kept")
            .inLayer(index + 1, of: items.count)
        }
        met = last.size
        mends = Self.mends(steps, to: last.size)
        count += last.channels
      }
      let done = items[...index]
      steps.append(
        Step(
          item: item, layer: layer, channels: count, size: size,
          field: size.indices.map { ReceptiveField(axis: $0, of: Array(done), steps: steps, last: layer) },
          kept: met, mends: mends))
      // What does not meet goes on as it was kept, so that the joins further on are judged by themselves.
      if let met { size = met }
    }
    self.steps = steps
  }

  /// The changes, axis by axis, of the last transposed convolution.
  private static func mends(_ steps: [Step], to size: [Int]) -> [[Mend]] {
    guard let up = steps.last(where: { $0.layer?.isTransposed == true })?.layer else {
      return size.map { _ in [] }
    }
    return size.indices.map { Mend.all(of: up.axes[$0], from: up.inputSize[$0], to: size[$0]) }
  }

  /// The ways from each input to each output along each axis.
  ///
  /// - Throws: `ShapeError` where a join does not meet, or where there are too many to hold.
  public func paths() throws(ShapeError) -> [AxisPaths] {
    var paths = inputSize.map { AxisPaths(identity: $0) }
    var kept: [[AxisPaths]] = []
    for step in steps {
      if let layer = step.layer {
        let links = layer.links
        for axis in paths.indices {
          let work = links[axis].links.reduce(0) { total, links in
            links.reduce(total) { $0 + paths[axis].rows[$1.input].count }
          }
          guard work <= 1 << 22 else {
            throw ShapeError(
              layer.name, parameter: "input", "more than \(1 << 22) ways lead along axis \(axis)",
              mend: "explain a smaller input")
          }
          paths[axis] = paths[axis].followed(by: links[axis])
        }
      } else if step.item == .save {
        kept.append(paths)
      } else if let last = kept.popLast() {
        guard step.meets else {
          throw ShapeError(
            "stack", parameter: "join",
            "a size of \(sizeText(step.size)) does not meet the \(sizeText(step.kept ?? [])) that was kept")
        }
        paths = zip(paths, last).map { $0.joined(with: $1) }
      }
    }
    return paths
  }
}

extension ShapeError {
  /// The error with the place of its layer, where there are several.
  fileprivate func inLayer(_ number: Int, of count: Int) -> ShapeError {
    guard count > 1 else { return self }
    var error = self
    error.message = "layer \(number): \(message)"
    return error
  }
}
