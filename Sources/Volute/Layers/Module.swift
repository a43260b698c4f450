import VoluteEngine

/// A part of a network: it holds parameters, buffers and other modules, which are found by reflection.
///
/// Layers are final classes of constants; what changes lives in a ``Parameter``, a ``Buffer`` or a ``TrainingMode``.
///
/// ```swift
/// final class Net: Layer {
///   let first = Conv2d(inChannels: 1, outChannels: 8, kernelSize: 3)
///   let head = Linear(inFeatures: 8, outFeatures: 10)
///
///   func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
///     try head(first(x).relu().mean([2, 3]))
///   }
/// }
/// ```
public protocol Module: AnyObject, Sendable {
  /// The keys of properties that are not saved under their own name.
  var keys: [String: String] { get }

  /// What the module holds, in order, with its key; by default its properties.
  var members: [(key: String, value: ModuleMember)] { get }

  /// What a summary calls the module; by default its type's name.
  var typeName: String { get }

  /// The products that a call adds up in this module itself, not in those that it holds; by default 0.
  func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int
}

/// Something that a module holds.
public enum ModuleMember {
  /// Learned, and saved.
  case parameter(Parameter)
  /// Not learned, and saved if it is persistent.
  case buffer(Buffer)
  /// What `train()` and `eval()` set.
  case mode(TrainingMode)
  /// A module below this one.
  case module(any Module)

  init?(_ value: Any) {
    switch value {
    case let parameter as Parameter: self = .parameter(parameter)
    case let buffer as Buffer: self = .buffer(buffer)
    case let mode as TrainingMode: self = .mode(mode)
    case let module as any Module: self = .module(module)
    default: return nil
    }
  }
}

extension Module {
  public var keys: [String: String] { [:] }

  public var typeName: String { String(describing: type(of: self)) }

  public func multiplyAdds(inputs: [[Int]], output: [Int]) -> Int { 0 }

  public var members: [(key: String, value: ModuleMember)] { reflectedMembers }

  /// The properties that are parameters, buffers, modes or modules, and lists of modules.
  public var reflectedMembers: [(key: String, value: ModuleMember)] {
    var result: [(key: String, value: ModuleMember)] = []
    for child in Mirror(reflecting: self).children {
      guard let label = child.label else { continue }
      let key = keys[label] ?? label
      if let member = ModuleMember(child.value) {
        result.append((key, member))
      } else if let list = child.value as? [any Module] {
        result += list.enumerated().map { ("\(key).\($0)", .module($1)) }
      } else if let statistics = child.value as? RunningStatistics {
        result.append(("running_mean", .buffer(statistics.meanBuffer)))
        result.append(("running_var", .buffer(statistics.varianceBuffer)))
        result.append(("num_batches_tracked", .buffer(statistics.batches)))
      }
    }
    return result
  }

  /// The module itself, under "", and all modules below it, each before those that it holds.
  public var namedModules: [(path: String, module: any Module)] {
    var result: [(path: String, module: any Module)] = [("", self)]
    for (key, member) in members {
      guard case .module(let module) = member else { continue }
      result += module.namedModules.map { ($0.path.isEmpty ? key : key + "." + $0.path, $0.module) }
    }
    return result
  }

  /// Every parameter with its dotted key, in order; one that is shared appears once.
  public var namedParameters: [(key: String, parameter: Parameter)] {
    var seen: Set<ObjectIdentifier> = []
    return collected { if case .parameter(let parameter) = $0 { parameter } else { nil } }
      .filter { seen.insert(ObjectIdentifier($0.value)).inserted }
      .map { ($0.key, $0.value) }
  }

  /// Every parameter, in order; one that is shared appears once. What an optimiser takes.
  public var parameters: [Parameter] { namedParameters.map(\.parameter) }

  /// Every buffer with its dotted key, in order.
  public var namedBuffers: [(key: String, buffer: Buffer)] {
    collected { if case .buffer(let buffer) = $0 { buffer } else { nil } }.map { ($0.key, $0.value) }
  }

  func collected<Value>(_ pick: (ModuleMember) -> Value?) -> [(key: String, value: Value)] {
    namedModules.flatMap { path, module in
      module.members.compactMap { key, member in
        pick(member).map { (path.isEmpty ? key : path + "." + key, $0) }
      }
    }
  }

  /// The number of learned numbers.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// Tells this module and all below it whether they are being trained.
  public func train(_ isTraining: Bool = true) {
    for mode in collected({ if case .mode(let mode) = $0 { mode } else { nil } }) {
      mode.value.isTraining = isTraining
    }
  }

  /// Ends training: dropout lets everything through, batch normalisation uses what it has learned.
  public func eval() { train(false) }

  /// Forgets all gradients.
  public func zeroGrad() {
    for parameter in parameters { parameter.grad = nil }
  }

  /// Runs `body` as a call of this module: an error names its path, and whoever observes calls is told.
  ///
  /// - Throws: what `body` throws, with the path of the layer in which it arose.
  public func called(
    with inputs: [Tensor], _ body: () throws(ShapeError) -> Tensor
  ) throws(ShapeError) -> Tensor {
    let observer = CallObserver.current
    observer?.willCall(self, inputs)
    do {
      let output = try body()
      observer?.didCall(self, inputs, output)
      return output
    } catch {
      throw located(error)
    }
  }

  /// The error with the path of the module in which it arose, seen from this one.
  private func located(_ error: ShapeError) -> ShapeError {
    var error = error
    let origin = error.origin ?? ObjectIdentifier(self)
    error.origin = origin
    if let place = namedModules.first(where: { ObjectIdentifier($0.module) == origin }), !place.path.isEmpty {
      error.path = place.path
    }
    return error
  }
}

/// A module that makes one tensor of another.
public protocol Layer: Module {
  /// The computation; callers use the module as a function instead.
  ///
  /// - Throws: ``ShapeError`` when the input does not fit.
  func forward(_ x: Tensor) throws(ShapeError) -> Tensor
}

extension Layer {
  /// Runs the layer.
  ///
  /// - Throws: ``ShapeError`` that names the parameter, the numbers, the mend, and the path of the layer in which it
  ///   arose.
  public func callAsFunction(_ x: Tensor) throws(ShapeError) -> Tensor {
    try called(with: [x]) { () throws(ShapeError) in try forward(x) }
  }
}

/// Sees every call of a module in a task, for summaries and traces.
package protocol CallObserving: Sendable {
  func willCall(_ module: any Module, _ inputs: [Tensor])
  func didCall(_ module: any Module, _ inputs: [Tensor], _ output: Tensor)
}

package enum CallObserver {
  @TaskLocal package static var current: (any CallObserving)?
}
