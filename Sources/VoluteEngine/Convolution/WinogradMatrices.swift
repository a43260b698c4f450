/// The matrices of a tile of any number of points, from the points alone: the samples of two polynomials at the points,
/// their products, and the polynomial through those (Toom and Cook), transposed.
///
/// With `n` points, `m` outputs and `r` taps, outputs are `output · ((weight · taps) × (input · places))`.
struct WinogradMatrices: Sendable {
  /// For each point its factors of the `n` places.
  let input: [[Double]]
  /// For each of `r` taps its factors at the points.
  let weight: [[Double]]
  /// For each output its factors of the `n` points.
  let output: [[Double]]

  /// The points but infinity, which is the last: pairs whose product is -1 or nearly so keep more digits than others of
  /// their size.
  private static func points(_ count: Int) -> [Double] {
    count < 10
      ? Array([0, 1, -1, 0.5, -2, -0.5, 2].prefix(count - 1))
      : [0, 1, -1, -0.5, 2, 1 / 3, -3, 0.75, -4 / 3]
  }

  init(_ tile: WinogradTile) {
    let points = Self.points(tile.points)
    /// The coefficients of the product of `x - point` over some points, the constant first.
    func product(_ points: [Double]) -> [Double] {
      points.reduce(into: [1]) { polynomial, point in
        polynomial = zip([0] + polynomial, polynomial + [0]).map { $0 - point * $1 }
      }
    }
    func powers(_ count: Int, of point: Double) -> [Double] {
      (0..<count).map { exponent in (0..<exponent).reduce(1) { power, _ in power * point } }
    }
    func infinity(_ count: Int) -> [Double] { (0..<count).map { $0 == count - 1 ? 1 : 0 } }

    // Lagrange's polynomials, whose highest coefficient is none, and the one that is nought at all points.
    var rows: [[Double]] = points.indices.map { index in
      let others = points.indices.filter { $0 != index }.map { points[$0] }
      let scale = others.reduce(1) { $0 * (points[index] - $1) }
      return product(others).map { $0 / scale } + [0]
    }
    rows.append(product(points))
    var weights = points.map { powers(tile.taps, of: $0) } + [infinity(tile.taps)]
    // A power of two moves between them, so that mixed inputs are about as large as inputs.
    for index in rows.indices {
      let scale = (rows[index].map(\.magnitude).max() ?? 1).binade
      rows[index] = rows[index].map { $0 / scale }
      weights[index] = weights[index].map { $0 * scale }
    }
    let outputs = points.map { powers(tile.outputs, of: $0) } + [infinity(tile.outputs)]
    input = rows
    weight = (0..<tile.taps).map { tap in weights.map { $0[tap] } }
    output = (0..<tile.outputs).map { output in outputs.map { $0[output] } }
  }
}
