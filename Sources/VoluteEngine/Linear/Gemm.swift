import CVolute

/// Cache blocks of the matrix product, after BLIS: a block of B is `depth` x `columns` and stays in the second
/// level of cache while the panels of A pass by.
enum GemmBlock {
  static let depth = 256
  static let columns = 256
}

enum Gemm {
  /// The tallest tile.
  @inline(__always)
  static func tile<T: KernelElement>(_ type: T.Type) -> volute_tile {
    T.kernels.tile(rows: T.kernels.tileHeights[0])
  }

  @inline(__always)
  static func columns<T: KernelElement>(_ type: T.Type) -> Int { tile(type).vectors * T.kernels.lanes }
}

/// The left matrix, cut into panels of `tileRows` rows and blocks of depth, in the order in which the kernel
/// reads it.
final class PackedMatrix<T: KernelElement> {
  let rows: Int
  let depth: Int
  private let panels: UnsafeMutablePointer<T>
  private let panelCount: Int
  private let byteCount: Int

  /// The matrix whose entry `[row, k]` lies at `base[row * rowStep + k * depthStep]`.
  init(_ base: UnsafePointer<T>, rows: Int, depth: Int, rowStep: Int, depthStep: Int) {
    self.rows = rows
    self.depth = depth
    let height = Gemm.tile(T.self).rows
    panelCount = (rows + height - 1) / height
    byteCount = max(panelCount * height * depth, 1) * MemoryLayout<T>.stride
    panels = Memory.allocate(byteCount: byteCount).assumingMemoryBound(to: T.self)
    // Blocks of depth follow one another; within each, panels do.
    for first in stride(from: 0, to: depth, by: GemmBlock.depth) {
      let blockDepth = min(GemmBlock.depth, depth - first)
      for panel in 0..<panelCount {
        let to = panels + first * panelCount * height + panel * blockDepth * height
        let count = min(height, rows - panel * height)
        if count < height { to.update(repeating: .zero, count: blockDepth * height) }
        T.kernels.table.transpose?(
          count, blockDepth, base + panel * height * rowStep + first * depthStep, rowStep, depthStep, to,
          height)
      }
    }
  }

  deinit { Memory.deallocate(panels, byteCount: byteCount) }

  /// The rows of one panel in the block of depth that starts at `first`.
  @inline(__always)
  func panel(_ panel: Int, first: Int) -> UnsafePointer<T> {
    let height = Gemm.tile(T.self).rows
    let blockDepth = min(GemmBlock.depth, depth - first)
    return UnsafePointer(panels + first * panelCount * height + panel * blockDepth * height)
  }
}

/// Gives entries of the right matrix to the kernel.
protocol MatrixPacker {
  associatedtype T: KernelElement
  /// Writes rows `rows` of columns `columns` into `panels`: panels of `tileColumns` columns, each
  /// `rows.count * tileColumns` long, row after row, zeros where a panel has no column.
  func pack(rows: Range<Int>, columns: Range<Int>, into panels: UnsafeMutablePointer<T>)
}

extension Engine {
  /// `output[i * stride + j] = sum over k of left[i, k] * right[k, j]`, for the columns `columns`; column
  /// `columns.lowerBound` is written to `output[0]`.
  static func multiply<Packer: MatrixPacker>(
    _ left: PackedMatrix<Packer.T>, _ right: Packer, columns: Range<Int>, rows: Range<Int>? = nil,
    to output: UnsafeMutablePointer<Packer.T>, stride: Int
  ) {
    typealias T = Packer.T
    let tile = Gemm.tile(T.self)
    let height = tile.rows
    let width = Gemm.columns(T.self)
    let rows = rows ?? 0..<left.rows
    let offsets = (0..<Int32(GemmBlock.depth)).map { $0 * Int32(width) }
    let panelsOfB = (GemmBlock.columns + width - 1) / width
    let byteCount = panelsOfB * width * GemmBlock.depth * MemoryLayout<T>.stride
    let buffer = Memory.allocate(byteCount: byteCount).assumingMemoryBound(to: T.self)
    defer { Memory.deallocate(buffer, byteCount: byteCount) }
    var column = columns.lowerBound
    while column < columns.upperBound {
      let lastColumn = min(column + panelsOfB * width, columns.upperBound)
      for k in Swift.stride(from: 0, to: left.depth, by: GemmBlock.depth) {
        let depth = min(GemmBlock.depth, left.depth - k)
        right.pack(rows: k..<k + depth, columns: column..<lastColumn, into: buffer)
        var row = rows.lowerBound
        while row < rows.upperBound {
          let a = left.panel(row / height, first: k)
          let tall = min(height, rows.upperBound - row)
          var first = column
          var b = UnsafePointer(buffer)
          while first < lastColumn {
            tile.run?(
              depth, a, b, offsets, output + (row - rows.lowerBound) * stride + first - columns.lowerBound,
              stride, tall, min(width, lastColumn - first), k > 0 ? 1 : 0)
            b += depth * width
            first += width
          }
          row += height
        }
      }
      if left.depth == 0 {
        for row in 0..<rows.count {
          (output + row * stride + column - columns.lowerBound).update(
            repeating: .zero, count: lastColumn - column)
        }
      }
      column = lastColumn
    }
  }
}
