import Volute
import VoluteEngine
import VoluteModels

/// Some of the showers of a set.
struct ShowerRows: Dataset {
  private let all: TensorDataset
  private let rows: [Int]

  init(_ all: TensorDataset, _ rows: [Int]) {
    self.all = all
    self.rows = rows
  }

  var count: Int { rows.count }

  func element(at index: Int) -> [Tensor] { all.element(at: rows[index]) }
}

/// How the losses of held-out showers went, epoch by epoch; a checkpoint keeps it.
struct HeldOutRecord {
  private(set) var last: Double?
  private(set) var best = Double.infinity
  /// The epoch of the best loss, counted from 1.
  private(set) var bestEpoch = 0
  /// Epochs since then.
  private(set) var since = 0
  /// What decides when the learning rate falls.
  private(set) var plateau: (best: Double, bad: Int, cooling: Int) = (.infinity, 0, 0)

  init() {}

  mutating func add(_ loss: Double, epoch: Int, plateau: (best: Double, bad: Int, cooling: Int)) {
    last = loss
    self.plateau = plateau
    if loss < best {
      best = loss
      bestEpoch = epoch
    }
    since = epoch - bestEpoch
  }

  private static let name = "held-out-record"

  /// Numbers are written so that they come back to the last bit.
  var values: [String: String] {
    [
      Self.name:
        "\(last ?? .nan) \(best) \(bestEpoch) \(since) \(plateau.best) \(plateau.bad) \(plateau.cooling)"
    ]
  }

  /// That of a checkpoint; `nil` if it has none.
  init?(values: [String: String]) {
    let parts = (values[Self.name] ?? "").split(separator: " ").map(String.init)
    guard parts.count == 7, let last = Double(parts[0]), let best = Double(parts[1]),
      let bestEpoch = Int(parts[2]), let since = Int(parts[3]), let plateauBest = Double(parts[4]),
      let bad = Int(parts[5]), let cooling = Int(parts[6])
    else { return nil }
    self.last = last.isNaN ? nil : last
    self.best = best
    self.bestEpoch = bestEpoch
    self.since = since
    plateau = (plateauBest, bad, cooling)
  }
}

/// Sees which layer of a network first gives numbers that are not finite.
final class NonFiniteFinder: CallObserving {
  private let first = Lock<ObjectIdentifier?>(nil)

  func willCall(_ module: any Module, _ inputs: [Tensor]) {}

  // A layer is done before those that hold it, so the first is the innermost.
  func didCall(_ module: any Module, _ inputs: [Tensor], _ output: Tensor) {
    first.withLock { first in
      if first == nil, !output.isFinite().all() { first = ObjectIdentifier(module) }
    }
  }

  /// The path of the layer within `network` in `body`'s calls; `nil` if all are finite.
  static func layer(of network: some Module, _ body: () throws -> Void) throws -> String? {
    let finder = NonFiniteFinder()
    try CallObserver.$current.withValue(finder) { try noGrad { try body() } }
    guard let found = finder.first.withLock({ $0 }) else { return nil }
    return network.namedModules.first { ObjectIdentifier($0.module) == found }?.path
  }
}
