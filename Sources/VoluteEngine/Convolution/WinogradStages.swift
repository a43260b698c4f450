import CVolute

/// One transform along one axis, for many lines at once: where lines start, and where the values of a tile lie
/// relative to that.
// Unchecked: the table is written only while it is made.
final class WinogradStage: @unchecked Sendable {
  enum Kind: Sendable {
    case input
    case weight
    case output
    /// A tile of the output's gradient to points.
    case outputAdjoint
    /// The points' products to the gradient of the taps.
    case weightAdjoint
  }

  let tile: WinogradTile
  let kind: Kind
  /// Neighbouring elements that are transformed alike.
  let length: Int
  let lines: [(from: Int, to: Int)]
  let inputs: [Int]
  let outputs: [Int]
  /// Where lines start, then inputs and outputs: an array would be retained and released for each line, by all
  /// threads at once.
  private let table: UnsafeMutablePointer<Int>

  init(
    tile: WinogradTile, kind: Kind, length: Int, lines: [(from: Int, to: Int)], inputs: [Int], outputs: [Int]
  ) {
    self.tile = tile
    self.kind = kind
    self.length = length
    self.lines = lines
    self.inputs = inputs
    self.outputs = outputs
    let values = lines.flatMap { [$0.from, $0.to] } + inputs + outputs
    table = .allocate(capacity: values.count)
    table.initialize(from: values, count: values.count)
  }

  deinit { table.deallocate() }

  func transform(_ kernels: volute_winograd) -> volute_lines? {
    let first = tile.points == 6 ? 2 : -2
    return switch kind {
    case .input: kernels.input[tile.points == 6 ? 1 : 0]
    case .weight: kernels.weight[first + tile.taps]
    case .output: kernels.output[first + tile.outputs]
    case .outputAdjoint: kernels.output_adjoint[first + tile.outputs]
    case .weightAdjoint: kernels.weight_adjoint[first + tile.taps]
    }
  }

  func run<T: KernelElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>) {
    let transform = transform(T.kernels.table.winograd)
    let (lineCount, inputCount, outputCount) = (lines.count, inputs.count, outputs.count)
    let inputs = table + 2 * lineCount
    let outputs = inputs + inputCount
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 6) { sources in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: 6) { targets in
        for line in 0..<lineCount {
          let (source, target) = (from + table[2 * line], to + table[2 * line + 1])
          for index in 0..<inputCount { sources[index] = UnsafeRawPointer(source + inputs[index]) }
          for index in 0..<outputCount { targets[index] = UnsafeMutableRawPointer(target + outputs[index]) }
          transform?(length, sources.baseAddress, targets.baseAddress)
        }
      }
    }
  }
}

/// Stages that are run one after the other.
// Unchecked: written only while it is made.
final class WinogradStages: @unchecked Sendable {
  let all: [WinogradStage]
  /// What is in ``all``, to be run without counting references, which all threads would do at once.
  private let unowned: UnsafeMutablePointer<Unmanaged<WinogradStage>>

  init(_ stages: [WinogradStage]) {
    all = stages
    unowned = .allocate(capacity: stages.count)
    unowned.initialize(from: stages.map(Unmanaged.passUnretained), count: stages.count)
  }

  deinit { unowned.deallocate() }

  var count: Int { all.count }

  /// Runs the stages.
  ///
  /// - Parameter target: where the results of each stage go, which the next reads.
  /// - Returns: where the results of the last are.
  @inline(__always) @discardableResult
  func run<T: KernelElement>(
    _ values: UnsafePointer<T>, _ target: (_ index: Int) -> UnsafeMutablePointer<T>
  ) -> UnsafePointer<T> {
    var from = values
    for index in 0..<count {
      let to = target(index)
      unowned[index]._withUnsafeGuaranteedRef { $0.run(from, to) }
      from = UnsafePointer(to)
    }
    return from
  }
}
