/// Numbers as one of a few colours, from dark to bright, that differ for every kind of sight.
struct ColorScale {
  static let levels = 32
  /// What stands for NaN.
  static let undefined = levels

  /// Viridis at even distances.
  private static let anchors: [(Double, Double, Double)] = [
    (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140), (40, 174, 128),
    (94, 201, 98), (173, 220, 48), (253, 231, 37),
  ]

  /// The smallest and largest finite values.
  let least: Double
  let most: Double

  init(_ values: some Sequence<Double>) {
    var least = Double.infinity
    var most = -Double.infinity
    for value in values where value.isFinite {
      least = min(least, value)
      most = max(most, value)
    }
    self.least = least <= most ? least : 0
    self.most = least <= most ? most : 0
  }

  /// Where a value lies between the least, 0, and the largest, 1; infinities take the ends, NaN has no place.
  func place(_ value: Double) -> Double? {
    if value.isNaN { return nil }
    if most <= least { return value > most ? 1 : 0 }
    // Halves, so that the distance of the ends does not overflow.
    return min(max((value / 2 - least / 2) / (most / 2 - least / 2), 0), 1)
  }

  /// The colour's number.
  func level(_ value: Double) -> Int {
    place(value).map { Int($0 * Double(Self.levels - 1) + 0.5) } ?? Self.undefined
  }

  /// The fill of each level, as style rules.
  static var styles: String {
    let rules = (0..<levels).map { level -> String in
      let place = Double(level) / Double(levels - 1) * Double(anchors.count - 1)
      let index = min(Int(place), anchors.count - 2)
      let (a, b, part) = (anchors[index], anchors[index + 1], place - Double(index))
      let channels = [(a.0, b.0), (a.1, b.1), (a.2, b.2)].map { Int($0 + ($1 - $0) * part + 0.5) }
      return ".v\(level){fill:rgb(\(channels.map(String.init).joined(separator: ",")))}"
    }
    return rules.joined() + ".v\(undefined){fill:#d33}"
  }
}
