/// Layers one after another. State: those of the layers under `0.`, `1.`, ...
public final class Sequential: Layer {
  /// The layers, first to last.
  public let layers: [any Layer]

  /// Each layer takes what the one before it gives.
  public init(_ layers: [any Layer]) { self.layers = layers }

  /// Each layer takes what the one before it gives.
  public convenience init(_ layers: any Layer...) { self.init(layers) }

  /// The layer at `index`, counted from 0.
  public subscript(index: Int) -> any Layer { layers[index] }

  public var members: [(key: String, value: ModuleMember)] {
    layers.enumerated().map { ("\($0)", .module($1)) }
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    var result = x
    for layer in layers { result = try layer(result) }
    return result
  }
}

/// Modules in a list, for a module that calls them itself. State: those of the modules under `0.`, `1.`, ...
public final class ModuleList: Module {
  /// The modules, in order.
  public let modules: [any Module]

  /// The modules, which stay in this order.
  public init(_ modules: [any Module]) { self.modules = modules }

  /// The module at `index`, counted from 0.
  public subscript(index: Int) -> any Module { modules[index] }

  public var members: [(key: String, value: ModuleMember)] {
    modules.enumerated().map { ("\($0)", .module($1)) }
  }
}

/// A layer's output plus its input. State: the layer's under `fn.`.
public final class Residual: Layer {
  /// The layer whose output is added to its input.
  public let fn: any Layer

  /// `fn` must keep the shape.
  public init(_ fn: any Layer) { self.fn = fn }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    let change = try fn(x)
    guard change.shape == x.shape else {
      throw ShapeError(
        "residual", parameter: "fn", "the layer turns \(x.shape) into \(change.shape), which cannot be added",
        shapes: [x.shape, change.shape])
    }
    return change + x
  }
}

/// A layer behind a normalisation of all channels together. State: `norm.`, and the layer's under `fn.`.
public final class PreNorm: Layer {
  /// The layer that sees the normalised input.
  public let fn: any Layer
  /// The normalisation, of all channels as one group.
  public let norm: GroupNorm

  /// `fn` behind a normalisation of `channels` channels.
  public init(channels: Int, _ fn: any Layer) {
    self.fn = fn
    norm = GroupNorm(groups: 1, channels: channels)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try fn(norm(x)) }
}
