/// Which part of a window sum a task computes: a block of outputs of one sample and group, and of those some panels.
///
/// Tasks are numbered with the panels' share running fastest, then the blocks in row-major order, groups and samples,
/// so that neighbours read the same input.
struct SumTask {
  /// The first output of the block, in the units in which blocks are counted.
  let origin: [Int]
  /// The block's number, row-major.
  let block: Int
  let sample: Int
  let group: Int
  /// The panels of output channels.
  let panels: Range<Int>

  /// How many tasks there should be for so many products: each should take longer than it takes to hand it out, and
  /// to pack again what it shares with others.
  static func wanted(_ multiplyAdds: Double) -> Int {
    multiplyAdds < 2e6 ? 1 : multiplyAdds < 100e6 ? 4 : 8
  }

  /// How many tasks there are.
  static func count(samples: Int, groups: Int, blocks: [Int], shares: Int) -> Int {
    blocks.reduce(samples * groups * shares, *)
  }

  /// The task `number`; `nil` if nothing is left for it, as shares are rounded up.
  ///
  /// - Parameters:
  ///   - blocks: blocks along each axis, of `extents` outputs each.
  ///   - panels: panels of output channels, in `shares` shares.
  init?(_ number: Int, groups: Int, blocks: [Int], extents: [Int], panels: Int, shares: Int) {
    let share = number % shares
    let size = (panels + shares - 1) / shares
    guard share * size < panels else { return nil }
    self.panels = share * size..<min(share * size + size, panels)
    let (others, block) = (number / shares).quotientAndRemainder(dividingBy: blocks.reduce(1, *))
    self.block = block
    origin = zip(unravelled(block, over: blocks).indices, extents).map { $0 * $1 }
    (sample, group) = others.quotientAndRemainder(dividingBy: groups)
  }
}
