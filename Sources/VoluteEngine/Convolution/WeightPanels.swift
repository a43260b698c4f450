/// A weight in the order in which tiles read it: panels of `height` output channels, and in each, for every
/// input channel and tap, one value for each of them.
// Unchecked: written only while it is packed.
final class WeightPanels<T: KernelElement>: PackedWeight, @unchecked Sendable {
  let height: Int
  /// Panels of a group.
  let panels: Int
  let panelSize: Int
  let elements: UnsafeMutablePointer<T>
  let byteCount: Int

  /// Room for the weights of `sum` with `depth` values for each output.
  private init(groups: Int, outputs: Int, depth: Int, height: Int) {
    self.height = height
    panels = (outputs + height - 1) / height
    panelSize = depth * height
    let count = max(groups * panels * panelSize, 1)
    byteCount = count * MemoryLayout<T>.size
    elements = Memory.allocate(byteCount: byteCount).bindMemory(to: T.self, capacity: count)
  }

  deinit { Memory.deallocate(elements, byteCount: byteCount) }

  static func byteCount(_ sum: WindowSum, height: Int) -> Int {
    sum.groups * ((sum.outputs + height - 1) / height) * sum.depth * height * MemoryLayout<T>.size
  }

  /// Packs `weight`; taps in row-major order within each input channel.
  ///
  /// - Parameter offsets: where each tap's weight lies relative to the first, `nil` for one that is zero; those of
  ///   `sum` unless given.
  static func packed(
    _ sum: WindowSum, _ weight: UnsafePointer<T>, height: Int, offsets: [Int?]? = nil
  ) -> WeightPanels {
    let offsets: [Int?] = offsets ?? sum.weightTapOffsets
    let result = WeightPanels(
      groups: sum.groups, outputs: sum.outputs, depth: sum.inputs * offsets.count, height: height)
    let steps = sum.weightSteps
    // Taps are mostly as far from each other, and so are channels.
    let first = offsets.first.flatMap { $0 }
    let second = offsets.dropFirst().first.flatMap { $0 }
    let tapStep = second.flatMap { second in first.map { second - $0 } } ?? steps.input
    let isEven =
      first.map { first in
        offsets.indices.allSatisfy { offsets[$0] == first + $0 * tapStep }
      } ?? false
    let isOneRun = isEven && (sum.inputs == 1 || steps.input == offsets.count * tapStep)
    if isOneRun && steps.output == 1, let first {
      result.packNeighbours(sum, weight + sum.weightOffset + first, step: tapStep)
      return result
    }
    let packPanel = { (index: Int) in
      let (group, panel) = index.quotientAndRemainder(dividingBy: result.panels)
      let from = weight + sum.weightOffset + group * steps.group + panel * height * steps.output
      let rows = min(height, sum.outputs - panel * height)
      var to = result.elements + index * result.panelSize
      if isEven && rows < height { to.update(repeating: .zero, count: result.panelSize) }
      let run = offsets.count * (isOneRun ? sum.inputs : 1)
      for input in 0..<(isOneRun ? 1 : sum.inputs) {
        let base = from + input * steps.input
        if isEven, let first {
          T.kernels.table.transpose?(rows, run, base + first, steps.output, tapStep, to, height)
          to += run * height
          continue
        }
        for offset in offsets {
          let rows = offset == nil ? 0 : rows
          for row in 0..<rows { to[row] = base[row * steps.output + (offset ?? 0)] }
          for row in rows..<height { to[row] = .zero }
          to += height
        }
      }
    }
    result.pack(sum.groups * result.panels, packPanel)
    return result
  }

  /// As many panels of another size, each made of its own.
  func mapping(
    panelSize: Int, _ body: (_ panel: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>) -> Void
  ) -> WeightPanels {
    let count = byteCount / MemoryLayout<T>.size / self.panelSize
    let result = WeightPanels(
      groups: count / panels, outputs: panels * height, depth: panelSize / height, height: height)
    result.pack(count) { body(elements + $0 * self.panelSize, result.elements + $0 * panelSize) }
    return result
  }

  /// Small weights are not worth a second thread.
  private func pack(_ count: Int, _ body: (Int) -> Void) {
    if byteCount < 1 << 16 {
      for index in 0..<count { body(index) }
    } else {
      parallel(count, body)
    }
  }

  /// Packs a weight whose outputs are neighbours, and whose other values are each `step` apart: a few of them for
  /// several panels, so that lines of the cache are read whole.
  private func packNeighbours(_ sum: WindowSum, _ weight: UnsafePointer<T>, step: Int) {
    let depth = panelSize / height
    let (panelsAtOnce, depthAtOnce) = (16, 16)
    let runs = (panels + panelsAtOnce - 1) / panelsAtOnce
    nonisolated(unsafe) let weight = weight
    pack(sum.groups * runs) { [self] index in
      let (group, run) = index.quotientAndRemainder(dividingBy: runs)
      let panels = run * panelsAtOnce..<min((run + 1) * panelsAtOnce, panels)
      let from = weight + group * sum.weightSteps.group
      if panels.upperBound * height > sum.outputs {
        let last = group * self.panels + self.panels - 1
        (elements + last * panelSize).update(repeating: .zero, count: panelSize)
      }
      for first in stride(from: 0, to: depth, by: depthAtOnce) {
        for panel in panels {
          T.kernels.table.transpose?(
            min(height, sum.outputs - panel * height), min(depthAtOnce, depth - first),
            from + panel * height + first * step, 1, step,
            elements + (group * self.panels + panel) * panelSize + first * height, height)
        }
      }
    }
  }

  @inline(__always)
  func panel(group: Int, _ panel: Int) -> UnsafePointer<T> {
    UnsafePointer(elements + (group * panels + panel) * panelSize)
  }
}

extension WindowSum {
  /// Where each tap's weight lies relative to the first, row-major.
  var weightTapOffsets: [Int] {
    axes.reduce([0]) { outer, axis in
      outer.flatMap { base in (0..<axis.kernel).map { base + $0 * axis.weightStep } }
    }
  }
}
