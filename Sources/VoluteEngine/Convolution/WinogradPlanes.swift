/// The planes of a block of ``WinogradRowConvolution``, places of the first axis where that keeps its taps one after the
/// other: those of nothing but padding are not transformed, and taps that read them not multiplied.
// Unchecked: plain memory, written only while it is made.
final class WinogradPlanes: @unchecked Sendable {
  /// Taps that products run through one after the other, each with all channels; 1 where planes are not told apart.
  let taps: Int
  /// Planes of a block.
  let count: Int
  /// Of each block along the axis: the stretch of its planes that is wanted.
  private let wanted: UnsafeBufferPointer<Range<Int>>
  /// Of each output along the axis, those that the last block has too many as well: its part of the depth. None where
  /// planes are not told apart.
  private let depths: UnsafeBufferPointer<Range<Int>>
  private let extent: Int

  /// - Parameter depth: input channels and all taps.
  init(_ block: WinogradRowBlock, depth: Int) {
    let taps = block.planeTaps
    self.taps = taps
    if taps == 1 {
      (count, extent) = (1, 0)
      wanted = UnsafeBufferPointer(copying: [0..<1])
      depths = UnsafeBufferPointer(start: nil, count: 0)
      return
    }
    let (axis, extent) = (block.sum.axes[0], block.extents[0])
    self.extent = extent
    count = Self.count(axis, extent: extent)
    wanted = UnsafeBufferPointer(copying: Self.wanted(axis, extent: extent))
    let ofTap = depth / taps
    depths = UnsafeBufferPointer(
      copying: (0..<(axis.count + extent - 1) / extent * extent).map {
        let taps = $0 < axis.count ? axis.taps(of: $0) : 0..<0
        return taps.lowerBound * ofTap..<taps.upperBound * ofTap
      })
  }

  deinit {
    wanted.deallocate()
    depths.deallocate()
  }

  /// The stretch of planes that the block with this first output has transformed.
  func wanted(_ origin: [Int]) -> Range<Int> { wanted[extent == 0 ? 0 : origin[0] / extent] }

  /// The parts of the depth, of the outputs from the block's first on; `nil` where all is read.
  func depths(_ origin: [Int]) -> UnsafePointer<Range<Int>>? {
    depths.baseAddress.map { $0 + origin[0] }
  }

  private static func count(_ axis: WindowSum.Axis, extent: Int) -> Int {
    extent + (axis.kernel - 1) * axis.dilation
  }

  /// For each block of so many outputs: the planes from the first to the last that is read and holds anything.
  private static func wanted(_ axis: WindowSum.Axis, extent: Int) -> [Range<Int>] {
    stride(from: 0, to: axis.count, by: extent).map { first in
      axis.held(from: first, count: min(count(axis, extent: extent), axis.reach - first))
    }
  }

  /// How much of the products and of the planes of blocks of so many outputs is left.
  static func left(_ axis: WindowSum.Axis, extent: Int) -> (products: Double, planes: Double) {
    let wanted = wanted(axis, extent: extent)
    return (
      Double(axis.heldTaps) / Double(wanted.count * extent * axis.kernel),
      Double(wanted.reduce(0) { $0 + $1.count }) / Double(wanted.count * count(axis, extent: extent))
    )
  }
}
