import CVolute

/// The block of outputs that a task of ``BatchConvolution`` or ``GroupConvolution`` computes: chosen by what it would
/// cost, in cycles of a core that finishes two vectors of products in each.
struct BatchBlock {
  /// Outputs of a block along each axis, and the lanes.
  private(set) var extents: [Int] = []
  /// Input channels packed at once.
  private(set) var channels = 1
  /// Shares that the panels of output channels are cut into.
  private(set) var shares = 1
  /// Cycles of all blocks, more where they are too few to be shared out.
  private(set) var cycles = Double.infinity

  private let sum: WindowSum
  private let parts: [Lattice.Axis]
  private let height: Int
  private let kernels: KernelSet
  private let bytes: Int
  private let isInStrips: Bool

  private var panels: Int { (sum.outputs + height - 1) / height }

  /// - Parameters:
  ///   - sum: its samples lie in the lanes.
  ///   - height: output channels of a panel.
  ///   - inStrips: whether all input channels are packed at once and results are written a strip of rows after the other.
  ///   - products: cycles of one row of a panel, by its outputs and how often it is come back to.
  init<T: KernelElement>(
    _ sum: WindowSum, height: Int, inStrips: Bool = false, _ type: T.Type,
    products: (_ columns: Int, _ passes: Double) -> Double
  ) {
    self.sum = sum
    self.height = height
    isInStrips = inStrips
    kernels = T.kernels
    bytes = MemoryLayout<T>.size
    parts = sum.axes.map(Lattice.Axis.init)
    let counts = sum.axes.map(\.count)
    // Few, as every combination is looked at.
    let candidates = counts.enumerated().map { index, count in
      var pieces = index + 3 < counts.count ? [1, 4, count] : [1, 2, 3, 4, 6, 8, 12, 16, count]
      var more = 32
      while count / more >= 32 {
        pieces.append(more)
        more *= 2
      }
      return Set(pieces.map { (count + $0 - 1) / $0 }).sorted()
    }
    let channels = Set((inStrips ? [1] : [1, 2, 4, 8]).map { (sum.inputs + $0 - 1) / $0 }).sorted()
    let wanted = SumTask.wanted(sum.multiplyAdds)
    func choose(_ extents: [Int]) {
      if extents.count < counts.count {
        for extent in candidates[extents.count] { choose(extents + [extent]) }
        return
      }
      let tasks = zip(counts, extents).reduce((sum.batch + kernels.lanes - 1) / kernels.lanes * sum.groups) {
        $0 * (($1.0 + $1.1 - 1) / $1.1)
      }
      let shares = min(panels, max(1, (wanted + tasks - 1) / tasks))
      // Fewer tasks than there may be cores to take them is dearer than a halo.
      let idle = max(1, Double(wanted) / Double(tasks * shares))
      for channels in channels {
        let passes = Double((sum.inputs + channels - 1) / channels)
        let rows = Double(extents.dropLast().reduce(panels, *))
        let block =
          cost(extents, channels: channels, shares: shares)
          + products(extents[extents.count - 1], passes) * rows
        let cycles = block * Double(tasks) * idle
        if cycles < self.cycles {
          (self.extents, self.channels, self.shares, self.cycles) = (extents, channels, shares, cycles)
        }
      }
    }
    choose([])
    extents.append(kernels.lanes)
  }

  /// Elements that a packed block may have: the places of larger ones would take long to list, and gain nothing.
  static let mostPacked = 1 << 23

  /// Cycles of a block beside its products.
  private func cost(_ extents: [Int], channels: Int, shares: Int) -> Double {
    let lanes = kernels.lanes
    let last = extents.count - 1
    let plane = max(last - 1, 0)...last
    let lengths = zip(extents, parts).map { $1.phases.count * ($0 + $1.maximumShift) }
    let passes = Double((sum.inputs + channels - 1) / channels)

    // Into the block, for each share anew; what no window reaches is not turned.
    let reach = extents.indices.map { min(lengths[$0], sum.axes[$0].reach(of: extents[$0])) }
    let isWhole = extents[last] == sum.axes[last].count && SampleLanes.joinsRows(sum.axes)
    let planes = reach.prefix(plane.lowerBound).reduce(1, *)
    let packed =
      Double(sum.inputs * planes * shares)
      * SampleLanes.turned(Array(reach[plane]), isWhole: isWhole, lanes: lanes)

    // And out of it.
    let wholeOutput =
      extents[last] == sum.axes[last].count
      && sum.axes[plane.lowerBound].outputStep == sum.axes[last].outputStep * sum.axes[last].count
    let outputs =
      Double(sum.outputs * extents.prefix(plane.lowerBound).reduce(1, *))
      * SampleLanes.turned(Array(extents[plane]), isWhole: wholeOutput, lanes: lanes)
    let again = (passes - 1) * Double(sum.outputs) * Double(extents.reduce(1, *)) * 2

    let packedSize = channels * lengths.reduce(lanes, *)
    if packedSize > Self.mostPacked { return .infinity }
    let stored = Double(packedSize * bytes)
    let ofShare = (panels + shares - 1) / shares
    let results =
      isInStrips
      ? Double(extents[last] * lanes * bytes) : Double(ofShare * height * extents.reduce(lanes, *) * bytes)
    // Each panel reads the block.
    let spill = CostModel.spill(
      kept: stored + results, moved: (stored * Double(1 + ofShare) + results * 2) * passes)
    return packed + outputs + again + spill * Double(shares)
  }
}
