import CVolute

/// How the work of a ``ScatterConvolution`` is cut, decided by sizes alone.
struct ScatterShape {
  /// Rows of a tile.
  private(set) var height = 1
  /// The fewest output channels whose rows are whole tiles: their products are made before they are added.
  private(set) var unit = 1
  /// Output channels of a task.
  private(set) var channels = 1
  /// Places of a block along each axis.
  private(set) var extents: [Int] = []

  /// - Parameter window: the sum whose adjoint is computed.
  init<T: KernelElement>(_ window: WindowSum, _ type: T.Type) {
    let kernels = T.kernels
    let bytes = MemoryLayout<T>.size
    let taps = window.taps
    let wanted = SumTask.wanted(window.multiplyAdds)
    let groups = window.batch * window.groups
    // Products stay near until they are added: some 96 KiB of them, four times that where tiles want it.
    let stage = (96 << 10) / bytes
    let units = kernels.tileHeights.map { min($0 / greatestCommonDivisor($0, taps), window.inputs) }
    let least = (units.min() ?? 1) * taps * 4 * kernels.lanes
    var lowest = Double.infinity
    for (height, unit) in zip(kernels.tileHeights, units)
    where unit * taps * 4 * kernels.lanes <= max(4 * stage, least) {
      // As many as make the packing small beside the products, unless there were too few tasks.
      let most = max(1, window.inputs / unit * groups / wanted)
      let channels = min(unit * max(1, min(256 / (unit * taps), most)), window.inputs)
      let panels = (channels * taps + height - 1) / height
      let shares = (window.inputs + channels - 1) / channels
      let idle = max(1, Double(wanted) / Double(shares * groups))
      let cost = Double(shares * panels) * kernels.cost(ofTileHeight: height) * idle
      if cost < lowest { (lowest, self.height, self.unit, self.channels) = (cost, height, unit, channels) }
    }
    extents = Self.extents(
      window.axes, lanes: kernels.lanes,
      columns: min(
        ConvolutionBlock.budget(bytes: bytes) / (window.outputs + unit * taps), stage / (unit * taps)))
  }

  /// About `columns` places, but four vectors of them along the last axis, so shaped that blocks meet in few elements.
  private static func extents(_ axes: [WindowSum.Axis], lanes: Int, columns: Int) -> [Int] {
    let last = axes.count - 1
    var extents = axes.map { _ in 1 }
    extents[last] = ConvolutionBlock.even(axes[last].count, atMost: max(columns, 4 * lanes), multiple: lanes)
    /// Elements that a block is given to along an axis, relative to those that no other is.
    func overlap(_ axis: Int, _ extent: Int) -> Double {
      let moved = Double(extent * axes[axis].stride)
      let reach = axes[axis].reach(of: 1)
      return (moved + Double(max(reach - axes[axis].stride, 0))) / moved
    }
    while true {
      let size = extents.reduce(1, *)
      let able = (0..<last).filter {
        extents[$0] < axes[$0].count && size / extents[$0] * (extents[$0] + 1) <= columns
      }
      func gain(_ axis: Int) -> Double { overlap(axis, extents[axis]) / overlap(axis, extents[axis] + 1) }
      // Of equal ones the last, whose lines lie together.
      guard let axis = able.reversed().max(by: { gain($0) < gain($1) }) else { break }
      extents[axis] += 1
    }
    for axis in 0..<last {
      extents[axis] = ConvolutionBlock.even(axes[axis].count, atMost: extents[axis], multiple: 1)
    }
    return extents
  }

  func reasonAgainst(_ window: WindowSum) -> String? {
    if window.taps > 1024 {
      return "a window of \(window.taps) places is too large for a product with all of them"
    }
    let places = extents.reduce(1, *)
    if window.outputs * places > Int(Int32.max) / 2 {
      return "\(window.outputs) channels are too many to be packed at once"
    }
    // Tables of where products belong: short blocks under long windows repeat them.
    let entries = zip(window.axes, extents).reduce(0) { entries, axis in
      let reach = axis.0.reach(of: axis.1)
      return entries + (axis.0.count + axis.1 - 1) / axis.1 * reach
    }
    if entries > 1 << 18 { return "windows reach far beyond blocks of \(extents)" }
    return nil
  }
}
