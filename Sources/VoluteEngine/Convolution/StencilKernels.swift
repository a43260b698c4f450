import CVolute

/// The kernels that sum stencils over rows of so many outputs: several rows at once, so that a loaded input meets every row
/// that it is under.
struct StencilKernels: Sendable {
  /// Kernels of one width, those of fewer rows first: the last for most rows, the others for what is left.
  private let kernels: [volute_stencil]
  /// Outputs of a kernel's call along the last axis.
  let width: Int
  /// The part of its speed that the kernel for most rows reaches.
  let speed: Double

  /// The kernels for lines of so many columns, cut into equal pieces: those that take the least time for a row.
  ///
  /// - Parameter window: rows of the stencil, of its lowest plane.
  init(_ set: KernelSet, window: Int, rows: Int, columns: Int) {
    let vectors = (columns + set.lanes - 1) / set.lanes
    // A kernel of n rows of outputs takes the first n - 1 rows of their windows apart: every window has as many.
    let heights = set.stencilHeights.filter { $0 == 2 || ($0 <= window + 1 && $0 / 2 < rows) }
    func kernel(_ height: Int) -> volute_stencil {
      let widest = set.stencil(rows: height, columns: .max).vectors
      let pieces = (vectors + widest - 1) / widest
      return set.stencil(rows: height, columns: (vectors + pieces - 1) / pieces * set.lanes)
    }
    func cycles(_ kernel: volute_stencil) -> Double {
      let pieces = (vectors + kernel.vectors - 1) / kernel.vectors
      return Self.cycles(kernel, window: window) * Double(pieces) / Double(kernel.rows)
    }
    let best = heights.map(kernel).min { cycles($0) < cycles($1) } ?? set.stencil(rows: 2, columns: .max)
    width = best.vectors * set.lanes
    kernels =
      heights.filter { $0 < best.rows }.map { set.stencil(rows: $0, columns: best.vectors * set.lanes) }
      .filter { $0.vectors == best.vectors } + [best]
    speed = Double(window * best.rows * best.vectors) / 2 / Self.cycles(best, window: window)
  }

  /// Cycles of a call for each column of its window: two products a cycle, and beside them vectors of the input, each in
  /// two lines of the cache, and taps.
  private static func cycles(_ kernel: volute_stencil, window: Int) -> Double {
    let (height, width) = (Double(kernel.rows), Double(kernel.vectors))
    let products = Double(window) * height * width / 2
    let loads = (Double(window) + height - 1) * width + Double(window) * height / 2
    return products + 0.2 * loads
  }

  /// The kernel for the next rows where so many are left.
  func kernel(rows: Int) -> volute_stencil {
    kernels.first { $0.rows >= rows } ?? kernels[kernels.count - 1]
  }

  /// Outputs of a plane with those that vectors compute and drop.
  func padded(rows: Int, columns: Int) -> Int {
    var lines = 0
    while lines < rows { lines += kernel(rows: rows - lines).rows }
    return lines * ((columns + width - 1) / width * width)
  }
}
