import CVolute

/// The element types that have kernels in C.
protocol KernelElement: Element, Arithmetic where Math == Self {
  static var kernels: KernelSet { get }
}

extension Float: KernelElement {
  static let kernels = KernelSet(InstructionSet.current.table.f32)
}

extension Double: KernelElement {
  static let kernels = KernelSet(InstructionSet.current.table.f64)
}

/// The instruction set whose kernels run, chosen once for the machine at hand or by `VOLUTE_ISA`.
package struct InstructionSet: Sendable {
  package static let current = InstructionSet(table: volute_kernels_for_this_machine().pointee)

  fileprivate let table: volute_kernels
  package var name: String { String(cString: table.name) }
}

/// The kernels of one element type.
// Unchecked: all of it is constant, the tables behind the pointers too.
final class KernelSet: @unchecked Sendable {
  private let pointer: UnsafePointer<volute_scalar_kernels>
  @inline(__always)
  var table: volute_scalar_kernels { _read { yield pointer.pointee } }
  /// Elements of a vector.
  let lanes: Int
  /// The tiles by height, wider ones first.
  private let tilesByRows: [[volute_tile]]
  private let stencilsByRows: [[volute_stencil]]
  /// The heights of tiles that are wide enough to reach the machine's peak, tallest first.
  let tileHeights: [Int]
  /// The rows that stencils may have, fewest first.
  let stencilHeights: [Int]

  fileprivate init(_ pointer: UnsafePointer<volute_scalar_kernels>) {
    self.pointer = pointer
    let table = pointer.pointee
    lanes = table.lanes
    let tiles = (0..<table.tile_count).map { pointer.pointee.tiles[$0] }
    let stencils = (0..<table.stencil_count).map { pointer.pointee.stencils[$0] }
    let tallest = tiles.map(\.rows).max() ?? 1
    tilesByRows = (0...tallest).map { rows in
      tiles.filter { $0.rows == rows }.sorted { $0.vectors > $1.vectors }
    }
    stencilHeights = Set(stencils.map(\.rows)).sorted()
    stencilsByRows = (0...(stencilHeights.last ?? 0)).map { rows in
      stencils.filter { $0.rows == rows }.sorted { $0.vectors > $1.vectors }
    }
    tileHeights = Set(tiles.map(\.rows)).sorted(by: >)
  }

  /// The widest tile of `rows` rows.
  func tile(rows: Int) -> volute_tile { tilesByRows[rows][0] }

  /// The tile of `rows` rows for the next of `columns` columns: the narrowest that covers them or, where two are
  /// needed, the narrowest that covers half of them, as a narrow rest waits for its sums.
  func tile(rows: Int, columns: Int) -> volute_tile {
    let tiles = tilesByRows[rows]
    let widest = tiles[0].vectors * lanes
    let share = columns > widest && columns <= 2 * widest ? (columns + 1) / 2 : columns
    return tiles.last { $0.vectors * lanes >= share } ?? tiles[0]
  }

  /// The tiles of `rows` rows that cover `columns` columns, and where each starts.
  func tiles(rows: Int, columns: Int) -> [(column: Int, kernel: volute_tile)] {
    var tiles: [(column: Int, kernel: volute_tile)] = []
    var done = 0
    while done < columns {
      let kernel = tile(rows: rows, columns: columns - done)
      tiles.append((done, kernel))
      done += kernel.vectors * lanes
    }
    return tiles
  }

  func stencil(rows: Int, columns: Int) -> volute_stencil {
    let stencils = stencilsByRows[rows]
    return stencils.last { $0.vectors * lanes >= columns } ?? stencils[0]
  }

  /// The height of tile that wastes least on a matrix of `rows` rows: lower tiles cost more loads a product.
  func tileHeight(rows: Int) -> Int {
    func total(_ height: Int) -> Double { Double((rows + height - 1) / height) * cost(ofTileHeight: height) }
    return tileHeights.min { total($0) < total($1) } ?? 1
  }

  /// What a tile of so many rows takes: its rows, and more for what is loaded beside its products.
  func cost(ofTileHeight height: Int) -> Double {
    let accumulators = Double(height * tile(rows: height).vectors)
    return Double(height) * (1 + 2 / accumulators + (height == 1 ? 1.2 : height == 2 ? 0.2 : 0))
  }
}
