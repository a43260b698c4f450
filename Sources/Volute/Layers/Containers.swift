/// Layers one after another. State: those of the layers under `0.`, `1.`, ...
public final class Sequential: Layer {
  public let layers: [any Layer]

  public init(_ layers: [any Layer]) { self.layers = layers }

  public convenience init(_ layers: any Layer...) { self.init(layers) }

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
  public let modules: [any Module]

  public init(_ modules: [any Module]) { self.modules = modules }

  public subscript(index: Int) -> any Module { modules[index] }

  public var members: [(key: String, value: ModuleMember)] {
    modules.enumerated().map { ("\($0)", .module($1)) }
  }
}

/// A layer's output plus its input. State: the layer's under `fn.`.
public final class Residual: Layer {
  public let fn: any Layer

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
  public let fn: any Layer
  public let norm: GroupNorm

  public init(channels: Int, _ fn: any Layer) {
    self.fn = fn
    norm = GroupNorm(groups: 1, channels: channels)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try fn(norm(x)) }
}
