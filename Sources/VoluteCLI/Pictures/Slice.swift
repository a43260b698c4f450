import Volute

/// A plane (or a line, of one row) through the middle of a tensor, of at most 128 elements a side.
struct Slice {
  static let longest = 128

  let rows: Int
  let columns: Int
  /// Whether the tensor has one axis only.
  var isLine: Bool { rows == 1 && columns > 1 }
  let values: [Double]
  /// Which plane of a volume it is, such as `axis 0 at 32`.
  let caption: String?
  /// Every how many elements one is shown, where that is not all.
  let step: Int

  /// The middle planes along each of the last `rank` axes, of the first sample and channel.
  static func middle(of tensor: Tensor, rank: Int) -> [Slice] {
    guard tensor.count > 0 else { return [] }
    var volume = tensor
    while volume.rank > rank { volume = volume.selected(0, 0) }
    switch volume.rank {
    case 0: return [Slice(volume.reshaped(1, 1))]
    case 1: return [Slice(volume.unsqueezed(0))]
    case 2: return [Slice(volume)]
    default:
      // Of more than three axes the first ones stay in the middle.
      while volume.rank > 3 { volume = volume.selected(0, volume.shape[0] / 2) }
      return (0..<3).map { axis in
        let place = volume.shape[axis] / 2
        return Slice(volume.selected(axis, place), caption: "axis \(axis) at \(place)")
      }
    }
  }

  private init(_ plane: Tensor, caption: String? = nil) {
    var shown = plane
    step = (max(plane.shape[0], plane.shape[1]) + Self.longest - 1) / Self.longest
    for axis in 0..<2 where plane.shape[axis] > Self.longest {
      shown = shown.sliced(axis, 0..<plane.shape[axis], step: step)
    }
    rows = shown.shape[0]
    columns = shown.shape[1]
    values = shown.elements(as: Double.self)
    self.caption = caption
  }
}
