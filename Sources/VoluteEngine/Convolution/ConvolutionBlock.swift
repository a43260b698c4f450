/// How a window sum is cut into tasks: a box of outputs, some of the output channels, and within a task the input
/// channels that are packed at once. Decided by sizes alone, never by the number of threads.
struct ConvolutionBlock {
  /// Outputs of a block along each axis.
  private(set) var extents: [Int]
  /// Input channels packed at once.
  private(set) var channels: Int
  /// Shares that the panels of output channels are cut into.
  private(set) var shares = 1

  /// Elements of packed input that stay in the second level of cache beside the weights.
  static func budget(bytes: Int) -> Int { 384 << 10 / bytes }

  /// - Parameters:
  ///   - axes: the axes of the lattice that is packed.
  ///   - budget: elements that a packed block may have.
  ///   - panels: panels of output channels.
  ///   - width: columns of a tile; a cut of the last axis is a multiple of it.
  ///   - mostChannels: input channels that may be packed at once.
  init(
    _ axes: [WindowSum.Axis], inputs: Int, batch: Int, budget: Int, panels: Int, width: Int, work: Double,
    mostChannels: Int = .max
  ) {
    let parts = axes.map(Lattice.Axis.init)
    let last = axes.count - 1
    let counts = axes.map(\.count)
    var block = Array(repeating: 1, count: axes.count)
    let longest = max(1024 / width, 1) * width
    block[last] = Self.even(counts[last], atMost: longest, multiple: width)
    func size(_ block: [Int]) -> Int { Lattice.channelSize(parts, block: block) }
    var channels = max(1, min(inputs, max(budget / max(size(block), 1), min(inputs, 4))))
    channels = min(channels, mostChannels)
    // All channels at once, if they nearly fit, save an accumulation.
    if channels < inputs && channels * 4 >= inputs * 3 && inputs <= mostChannels { channels = inputs }
    for axis in counts.indices.dropLast().reversed() {
      var low = 1
      var high = counts[axis]
      while low < high {
        let middle = (low + high + 1) / 2
        block[axis] = middle
        if size(block) * channels <= budget { low = middle } else { high = middle - 1 }
      }
      block[axis] = Self.even(counts[axis], atMost: low, multiple: 1)
    }
    // Enough tasks to share out, when there is enough to do; cut where least is packed twice.
    func growth(_ axis: Int) -> Double {
      let shift = parts[axis].maximumShift
      return Double(2 * ((block[axis] + 1) / 2 + shift)) / Double(block[axis] + shift)
    }
    func tasks() -> Int {
      zip(counts, block).reduce(batch) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    }
    let wanted = SumTask.wanted(work)
    while tasks() < wanted {
      let cuts = block.indices.dropLast().filter { block[$0] > 1 }
      if let axis = cuts.min(by: { growth($0) < growth($1) }) {
        block[axis] = (block[axis] + 1) / 2
      } else if block[last] >= 2 * width {
        block[last] = Self.even(counts[last], atMost: block[last] / 2, multiple: width)
      } else {
        break
      }
    }
    shares = min(panels, max(1, (wanted + tasks() - 1) / tasks()))
    extents = block
    self.channels = channels
  }

  /// The blocks along each axis.
  func counts(_ axes: [WindowSum.Axis]) -> [Int] {
    zip(axes, extents).map { ($0.count + $1 - 1) / $1 }
  }

  /// Cuts `count` into pieces of nearly one size, at most `limit` each.
  static func even(_ count: Int, atMost limit: Int, multiple: Int) -> Int {
    let pieces = (count + limit - 1) / max(limit, 1)
    if pieces <= 1 { return count }
    let size = (count + pieces - 1) / pieces
    return (size + multiple - 1) / multiple * multiple
  }
}
