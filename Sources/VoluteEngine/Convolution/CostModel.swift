/// What work takes on one core, by constants that ship with the library: the choice of an algorithm must not depend
/// on the clock or on the number of threads, or results would not repeat.
struct CostModel {
  /// Products a second that a register tile reaches.
  let multiplyAdds: Double
  /// Elements a second that are packed, transformed or written.
  let elements: Double

  init(bytes: Int) {
    let single: Double =
      switch InstructionSet.current.name {
      case "avx512": 110e9
      case "avx2": 55e9
      default: 15e9
      }
    multiplyAdds = single * 4 / Double(bytes)
    streamed = 16e9 / Double(bytes)
    elements = (InstructionSet.current.name == "baseline" ? 1e9 : 2e9) * 4 / Double(bytes)
  }

  /// Elements a second that come from memory or go there.
  let streamed: Double

  /// How long a cycle takes in which a core finishes two vectors of products.
  func cycle(lanes: Int) -> Double { 2 * Double(lanes) / multiplyAdds }

  /// The part of its speed that a tile of so many rows reaches: one or two do not hide the loads.
  static func speed(height: Int) -> Double { height == 1 ? 0.43 : height == 2 ? 0.8 : 1 }

  /// Cycles that a block of work waits for memory, as what does not stay in the second level of cache between
  /// the steps is written and read again, 10 bytes a cycle on some processors and 25 on others, and 4 where a core's
  /// share of the third does not hold it either: others use that level too.
  ///
  /// - Parameters:
  ///   - kept: bytes that are needed again.
  ///   - moved: bytes written and read.
  static func spill(kept: Double, moved: Double) -> Double {
    moved * (max(0, 1 - 640e3 / kept) / 16 + max(0, 1 - 4e6 / kept) / 4)
  }

  /// To write the results of a sum whose rows other phases of a stride write as well: lines come and go once for each
  /// that is not written along with it.
  static func scattered(_ sum: WindowSum) -> Double {
    let isWhole = sum.axes[sum.axes.count - 1].outputStep == 1
    return isWhole ? 0 : Double(sum.batch * sum.groups * sum.outputs) * Double(sum.positions) * 0.7e-9
  }

  /// A task handed out, a plan's arrays walked.
  static let overhead = 2e-6
}

/// What an algorithm would take for a window sum.
struct SumEstimate {
  var seconds: Double
  /// Bytes beside the arrays, with one thread.
  var workspace: Int
}

extension DirectConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let panels = (sum.outputs + height - 1) / height
    let products =
      Double(sum.batch * sum.groups) * Double(panels * height) * paddedPositions * Double(sum.depth)
      / CostModel.speed(height: height)
    let moved =
      packedElements * (sum.axes[sum.axes.count - 1].stride > 1 ? 2 : 0.4) + Double(
        sum.batch * sum.groups * sum.outputs) * Double(sum.positions) / 2
    let weights = Double(sum.groups * panels * height * sum.depth) * 2
    return SumEstimate(
      seconds: products / model.multiplyAdds + (moved + weights) / model.elements + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension BatchConvolution {
  /// Blocks take 1.2 times their cycles, beside those of other algorithms, as measured over many cases; a little more is
  /// counted, as with the tenth that exact sums have ahead they were taken where Winograd's tiles are faster.
  private static let slack = 1.35

  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let weights = Double(sum.groups * sum.outputs * sum.depth) * 2
    return SumEstimate(
      seconds: Self.slack * cycles * model.cycle(lanes: lanes) + weights / model.elements
        + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension GroupConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let results = Double(sum.batch * sum.groups * sum.outputs) * Double(sum.positions)
    // Lines a multiple of a page apart share the places of the first cache, which are fewer than a vector's lanes.
    let crowded = sum.outputSteps.group * bytes % 4096 == 0 ? 4.5 * results / Double(lanes) : 0
    // As stencils' results.
    let scattered = sum.axes[sum.axes.count - 1].outputStep == 1 ? 0 : results * 2.4
    return SumEstimate(
      seconds: (cycles + crowded) * model.cycle(lanes: lanes)
        + (2 * Double(weightCount) + scattered) / model.elements + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension ScatterConvolution {
  func estimate<T: KernelElement>(_ type: T.Type) -> SumEstimate {
    let bytes = MemoryLayout<T>.size
    let model = CostModel(bytes: bytes)
    let lanes = T.kernels.lanes
    let weights = Double(sum.groups * sum.outputs * sum.inputs)
    return SumEstimate(
      seconds: cycles(lanes: lanes, bytes: bytes) * model.cycle(lanes: lanes) + weights / model.elements
        + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension StencilConvolution {
  /// To set up a sample's group.
  private static let item = 0.12e-6

  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let workspace = workspace
    let items = Double(sum.batch * sum.groups)
    let last = sum.axes[sum.axes.count - 1]
    // Lines of a sub-lattice are put down element by element.
    let written = items * Double(sum.positions) * (last.outputStep == 1 ? 0.18 : 2.4)
    // Planes are subtracted, and results of pairs come and go.
    let paired = isPaired ? 0.3 * (packedElements + items * paddedPositions) : 0
    return SumEstimate(
      seconds: items * paddedPositions * products / (speed * model.multiplyAdds)
        + items * Double(blocks.reduce(1, *)) * Self.item
        + ((last.stride > 1 ? 1 : 0.18) * packedElements + written + paired) / model.elements
        + CostModel.overhead,
      workspace: (workspace.shared + workspace.perThread) * bytes)
  }
}

extension CorrelationConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let workspace = workspace
    return SumEstimate(
      seconds: cycles * model.cycle(lanes: block.lanes) + CostModel.overhead,
      workspace: (workspace.shared + workspace.perThread) * bytes)
  }
}

extension WinogradConvolution {
  /// To lay out or to write one line of tiles, however short.
  private static let line = 30e-9

  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    let cost = transformedElements
    // Lines of a sub-lattice are put down element by element.
    let scattered =
      sum.axes[sum.axes.count - 1].outputStep == 1
      ? 0 : Double(sum.batch * sum.groups * sum.outputs) * Double(sum.positions) * 12
    return SumEstimate(
      seconds: paddedMultiplyAdds / (0.9 * model.multiplyAdds) + (cost.in + cost.out) * 0.55 / model.elements
        + handledLines * Self.line + (weightElements + scattered) / model.elements + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension WinogradRowConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    // Of several phases together, the first brings the lines.
    return SumEstimate(
      seconds: block.cycles * model.cycle(lanes: block.lanes) + weightElements / model.elements
        + arrayElements / model.streamed + CostModel.scattered(block.sum) + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension WinogradChannelConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    return SumEstimate(
      seconds: block.cycles * model.cycle(lanes: block.lanes)
        + arrayElements / model.streamed + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension WinogradOutputConvolution {
  func estimate(bytes: Int) -> SumEstimate {
    let model = CostModel(bytes: bytes)
    return SumEstimate(
      seconds: block.cycles * model.cycle(lanes: block.lanes)
        + arrayElements / model.streamed + CostModel.scattered(block.sum) + CostModel.overhead,
      workspace: workspace(threads: 1, bytes: bytes))
  }
}

extension WinogradStencilConvolution {
  func estimate<T: KernelElement>(_ type: T.Type) -> SumEstimate {
    let bytes = MemoryLayout<T>.size
    let lanes = T.kernels.lanes
    return SumEstimate(
      seconds: cycles(lanes: lanes) * CostModel(bytes: bytes).cycle(lanes: lanes) + CostModel.overhead,
      workspace: workspace(bytes: bytes))
  }
}
