/// A number of spatial axes, as a type: ``Convolution`` over ``Rank3`` is ``Conv3d``.
public protocol SpatialRank: Sendable {
  /// How many spatial axes.
  static var rank: Int { get }
}

/// One spatial axis: length.
public enum Rank1: SpatialRank { public static let rank = 1 }
/// Two spatial axes: height and width.
public enum Rank2: SpatialRank { public static let rank = 2 }
/// Three spatial axes: depth, height and width, or z, φ and r.
public enum Rank3: SpatialRank { public static let rank = 3 }

extension PerAxis {
  /// The values for `rank` axes; traps for another number of them, since layers are written by programmers.
  func expanded<Rank: SpatialRank>(_: Rank.Type, _ operation: String, _ parameter: String) -> [Value] {
    trapping { () throws(ShapeError) in
      try expanded(to: Rank.rank, operation: operation, parameter: parameter)
    }
  }
}

/// Refuses an input whose number of axes a layer does not take.
func checkRank(
  _ x: Tensor, _ ranks: ClosedRange<Int>, _ operation: String
) throws(ShapeError) {
  if ranks.contains(x.rank) { return }
  let expected = ranks.map { "\($0)D" }.joined(separator: " or ")
  throw ShapeError(
    operation, parameter: "input", "expected \(expected) input, but got input of size \(x.shape)",
    shapes: [x.shape])
}
