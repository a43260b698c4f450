import CVolute

/// One transform along one axis, for many lines at once: where lines start, and where the values of a tile lie
/// relative to that.
struct WinogradStage: Sendable {
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

  /// Cycles for a line of so many elements of rows, which begin anywhere in a line of the cache.
  static func cycles(points: Int, length: Int, lanes: Int) -> Double {
    Double((length + lanes - 1) / lanes * points) * 4 + 30
  }

  static func transform(_ kind: Kind, _ tile: WinogradTile, _ kernels: volute_winograd) -> volute_lines? {
    let first = tile.points == 6 ? 2 : -2
    return switch kind {
    case .input: kernels.input[tile.points == 6 ? 1 : 0]
    case .weight: kernels.weight[first + tile.taps]
    case .output: kernels.output[first + tile.outputs]
    case .outputAdjoint: kernels.output_adjoint[first + tile.outputs]
    case .weightAdjoint: kernels.weight_adjoint[first + tile.taps]
    }
  }
}

/// Stages that are run one after the other, in memory of their own: arrays and objects would be retained and released
/// for each line, by all threads at once.
// Unchecked: written only while it is made.
final class WinogradStages: @unchecked Sendable {
  private struct Step {
    let tile: WinogradTile
    let kind: WinogradStage.Kind
    let length: Int
    let lines: UnsafeBufferPointer<(from: Int, to: Int)>
    let inputs: UnsafeBufferPointer<Int>
    let outputs: UnsafeBufferPointer<Int>

    func run<T: KernelElement>(
      _ part: Range<Int>, of parts: Int, length: Int, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>
    ) {
      let lines = lines[lines.count * part.lowerBound / parts..<lines.count * part.upperBound / parts]
      let transform = WinogradStage.transform(kind, tile, T.kernels.table.winograd)
      withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 6) { sources in
        withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: 6) { targets in
          for line in lines {
            for (index, offset) in inputs.enumerated() {
              sources[index] = UnsafeRawPointer(from + line.from + offset)
            }
            for (index, offset) in outputs.enumerated() {
              targets[index] = UnsafeMutableRawPointer(to + line.to + offset)
            }
            transform?(length, sources.baseAddress, targets.baseAddress)
          }
        }
      }
    }
  }

  private let steps: UnsafeBufferPointer<Step>

  init(_ stages: [WinogradStage]) {
    steps = UnsafeBufferPointer(
      copying: stages.map {
        Step(
          tile: $0.tile, kind: $0.kind, length: $0.length, lines: UnsafeBufferPointer(copying: $0.lines),
          inputs: UnsafeBufferPointer(copying: $0.inputs), outputs: UnsafeBufferPointer(copying: $0.outputs))
      })
  }

  deinit {
    for step in steps {
      step.lines.deallocate()
      step.inputs.deallocate()
      step.outputs.deallocate()
    }
    steps.deallocate()
  }

  var count: Int { steps.count }

  /// Runs the stages.
  ///
  /// - Parameters:
  ///   - part: which of `parts` equal parts of each stage's lines.
  ///   - length: neighbouring elements that are transformed alike; those of the stages unless given.
  ///   - target: where the results of each stage go, which the next reads.
  /// - Returns: where the results of the last are.
  @inline(__always) @discardableResult
  func run<T: KernelElement>(
    _ values: UnsafePointer<T>, parts part: Range<Int> = 0..<1, of parts: Int = 1, length: Int? = nil,
    _ target: (_ index: Int) -> UnsafeMutablePointer<T>
  ) -> UnsafePointer<T> {
    var from = values
    for (index, step) in steps.enumerated() {
      let to = target(index)
      step.run(part, of: parts, length: length ?? step.length, from, to)
      from = UnsafePointer(to)
    }
    return from
  }
}
