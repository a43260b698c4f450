#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A point or a way on the page.
struct Point: Hashable, Sendable {
  var x: Double
  var y: Double

  static func + (a: Point, b: Point) -> Point { Point(x: a.x + b.x, y: a.y + b.y) }
  static func * (a: Point, factor: Double) -> Point { Point(x: a.x * factor, y: a.y * factor) }
}

/// How the elements of one side of a layer lie on the page: in a row, in a plane, in sheets seen from the side, or
/// around a ring. Positions outside of the elements are padding.
struct Panel: Sendable {
  private enum Form: Sendable {
    /// A step along each axis, and the corners of a cell.
    case lattice(axes: [Point], corners: [Point])
    case ring(count: Int, inner: Double, outer: Double)
  }

  static let cell = 34.0

  private let form: Form
  /// The positions that are drawn, along each axis.
  let positions: [Range<Int>]
  let isRing: Bool

  /// One to three axes.
  init(_ positions: [Range<Int>]) {
    let c = Self.cell
    let right = Point(x: c, y: 0)
    var axes = [right]
    if positions.count == 2 { axes = [Point(x: 0, y: c), right] }
    if positions.count == 3 {
      let near = Point(x: -0.4 * c, y: 0.55 * c)
      // Sheets one above the other, a little apart.
      let sheet = Point(x: 0, y: near.y * Double(positions[1].count) + 0.6 * c)
      axes = [sheet, near, right]
    }
    let down = positions.count == 3 ? axes[1] : Point(x: 0, y: c)
    form = .lattice(axes: axes, corners: [Point(x: 0, y: 0), right, right + down, down])
    self.positions = positions
    isRing = false
  }

  /// A ring of `count` elements between two radii.
  init(ring count: Int, inner: Double, outer: Double) {
    form = .ring(count: count, inner: inner, outer: outer)
    positions = [0..<count]
    isRing = true
  }

  /// The left upper and the right lower corner of everything.
  var bounds: (Point, Point) {
    switch form {
    case .ring(_, _, let outer): return (Point(x: -outer, y: -outer), Point(x: outer, y: outer))
    case .lattice(_, let corners):
      let ends = product(positions.map { [$0.lowerBound, $0.upperBound - 1] })
      let points = ends.flatMap { end in corners.map { $0 + place(end) } }
      let (xs, ys) = (points.map(\.x), points.map(\.y))
      return (Point(x: xs.min() ?? 0, y: ys.min() ?? 0), Point(x: xs.max() ?? 0, y: ys.max() ?? 0))
    }
  }

  /// The outline of an element, as a path.
  func outline(_ position: [Int]) -> String {
    switch form {
    case .lattice(_, let corners):
      let points = corners.map { $0 + place(position) }
      return "M" + points.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: "L") + "z"
    case .ring(let count, let inner, let outer):
      let start = angle(Double(position[0]), count)
      let end = angle(Double(position[0]) + 1, count)
      func at(_ radius: Double, _ angle: Double) -> String {
        let point = polar(radius, angle)
        return "\(number(point.x)) \(number(point.y))"
      }
      // A ring of one element is drawn as two halves, since an arc cannot end where it starts.
      let middle = (start + end) / 2
      return "M\(at(outer, start))A\(number(outer)) \(number(outer)) 0 0 1 \(at(outer, middle))"
        + "A\(number(outer)) \(number(outer)) 0 0 1 \(at(outer, end))L\(at(inner, end))"
        + "A\(number(inner)) \(number(inner)) 0 0 0 \(at(inner, middle))"
        + "A\(number(inner)) \(number(inner)) 0 0 0 \(at(inner, start))z"
    }
  }

  /// The middle of an element.
  func center(_ position: [Int]) -> Point {
    switch form {
    case .lattice(_, let corners):
      return place(position) + corners.reduce(Point(x: 0, y: 0), +) * 0.25
    case .ring(let count, let inner, let outer):
      return polar((inner + outer) / 2, angle(Double(position[0]) + 0.5, count))
    }
  }

  /// The movement by some positions along each axis, as a transformation in CSS.
  func motion(_ offset: [Int]) -> String {
    switch form {
    case .lattice(let axes, _):
      let way = zip(axes, offset).reduce(Point(x: 0, y: 0)) { $0 + $1.0 * Double($1.1) }
      return "translate(\(number(way.x))px,\(number(way.y))px)"
    case .ring(let count, _, _):
      return "rotate(\(number(360 * Double(offset[0]) / Double(count)))deg)"
    }
  }

  private func place(_ position: [Int]) -> Point {
    guard case .lattice(let axes, _) = form else { return Point(x: 0, y: 0) }
    return zip(axes, position).reduce(Point(x: 0, y: 0)) { $0 + $1.0 * Double($1.1) }
  }

  private func angle(_ position: Double, _ count: Int) -> Double { position / Double(count) }

  /// A point at a fraction of a turn, from the top, clockwise.
  private func polar(_ radius: Double, _ turn: Double) -> Point {
    Point(x: radius * sin(turn * 2 * .pi), y: -radius * cos(turn * 2 * .pi))
  }
}

/// A coordinate, to two decimals.
func number(_ value: Double) -> String { decimal((value * 100).rounded() / 100) }
