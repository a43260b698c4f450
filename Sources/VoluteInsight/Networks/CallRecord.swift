import Volute
import VoluteEngine

/// One call of a module.
public struct CallRecord: Sendable {
  /// The module's dotted path from the one that was recorded, "" for that itself.
  public let path: String
  /// The path from the module whose call this one was made within.
  public let name: String
  /// The module that was called.
  public let module: any Module
  /// Calls that this one was made within.
  public let depth: Int
  /// The shapes that went in.
  public let inputs: [[Int]]
  /// The shape that came out; empty if the call threw.
  public internal(set) var output: [Int] = []
  /// Bytes of an element of the output.
  var elementSize = 4
}

/// Runs `body` and records every call of `model` and of the modules in it, in the order in which they began.
///
/// Nothing is recorded for gradients. A module that is called several times has several records.
/// - Throws: what `body` throws.
public func recordCalls<Failure: Error>(
  of model: any Module, _ body: () throws(Failure) -> Tensor
) throws(Failure) -> [CallRecord] {
  let recorder = CallRecorder(model)
  let result = CallObserver.$current.withValue(recorder) { () -> Result<Tensor, Failure> in
    noGrad { do throws(Failure) { return .success(try body()) } catch { return .failure(error) } }
  }
  _ = try result.get()
  return recorder.records
}

private final class CallRecorder: CallObserving {
  private let paths: [ObjectIdentifier: String]
  private let state = Lock(State())

  private struct State {
    var records: [CallRecord] = []
    /// The places of the calls that have not returned.
    var open: [Int] = []
  }

  init(_ model: any Module) {
    paths = Dictionary(
      model.namedModules.map { (ObjectIdentifier($0.module), $0.path) },
      uniquingKeysWith: { first, _ in first })
  }

  var records: [CallRecord] { state.withLock { $0.records } }

  func willCall(_ module: any Module, _ inputs: [Tensor]) {
    state.withLock { state in
      let path = paths[ObjectIdentifier(module)] ?? "?"
      let outer = state.open.last.map { state.records[$0].path + "." } ?? ""
      let name = path.hasPrefix(outer) ? String(path.dropFirst(outer.count)) : path
      state.records.append(
        CallRecord(
          path: path, name: name, module: module, depth: state.open.count,
          inputs: inputs.map(\.shape)))
      state.open.append(state.records.count - 1)
    }
  }

  func didCall(_ module: any Module, _ inputs: [Tensor], _ output: Tensor) {
    state.withLock { state in
      guard let place = state.open.popLast() else { return }
      state.records[place].output = output.shape
      state.records[place].elementSize = output.dtype.size
    }
  }
}
