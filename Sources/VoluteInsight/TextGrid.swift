/// Numbers or words on the lattice of a tensor, as text: a line, a plane, or the planes of a volume one below the
/// other.
public struct TextGrid: Sendable {
  private let size: [Int]
  private let cells: [String]

  /// - Parameters:
  ///   - size: the axes; their product is the count of `cells`.
  ///   - cells: what stands where, in row-major order.
  public init(size: [Int], cells: [String]) {
    precondition(cells.count == size.reduce(1, *), "one cell an element")
    self.size = size
    self.cells = cells
  }

  /// Cells that are empty but where something is said.
  public init(size: [Int], marks: [(place: [Int], text: String)]) {
    var cells = Array(repeating: "·", count: size.reduce(1, *))
    for mark in marks {
      cells[zip(mark.place, size).reduce(0) { $0 * $1.1 + $1.0 }] = mark.text
    }
    self.init(size: size, cells: cells)
  }

  /// The lines, positions along the last axes at the top and at the left.
  public var text: String {
    let columns = size.last ?? 1
    let rows = size.count > 1 ? size[size.count - 2] : 1
    let planes = size.dropLast(2)
    var text = ""
    var place = Array(repeating: 0, count: planes.count)
    let width = max(cells.map(\.count).max() ?? 1, String(max(columns - 1, 0)).count)
    let margin = size.count > 1 ? String(max(rows - 1, 0)).count : 0
    for plane in 0..<planes.reduce(1, *) {
      if !planes.isEmpty {
        text += (plane == 0 ? "" : "\n") + "at \(place.map(String.init).joined(separator: ", "))\n"
      }
      text += line("", margin, (0..<columns).map { String($0) }, width)
      for row in 0..<rows {
        let start = (plane * rows + row) * columns
        text += line(size.count > 1 ? "\(row)" : "", margin, Array(cells[start..<start + columns]), width)
      }
      for axis in place.indices.reversed() {
        place[axis] += 1
        if place[axis] < planes[axis] { break }
        place[axis] = 0
      }
    }
    return text
  }

  private func line(_ head: String, _ margin: Int, _ cells: [String], _ width: Int) -> String {
    let label = String(repeating: " ", count: margin - head.count) + head
    return label
      + cells.map { "  " + String(repeating: " ", count: max(width - $0.count, 0)) + $0 }.joined() + "\n"
  }
}
