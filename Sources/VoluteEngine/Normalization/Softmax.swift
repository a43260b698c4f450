import CVolute

extension Engine {
  /// `exp(x) / sum(exp(x))` along one axis of contiguous arrays, Float32 or Float64.
  public static func softmax(_ input: StridedArray, axis: Int, to output: StridedArray) {
    let walk = ColumnWalk(output, axis)
    walk.each { rows, offset, columns in
      if walk.inner == 1 {
        rows.softmax(walk.count, input.base + offset, output.base + offset)
      } else {
        rows.softmax_of_columns(walk.count, columns, walk.inner, input.base + offset, output.base + offset)
      }
    }
  }

  /// The gradient of ``softmax(_:axis:to:)`` by its input, told from its `result`.
  public static func softmaxGradient(
    _ result: StridedArray, gradient: StridedArray, axis: Int, to output: StridedArray
  ) {
    let walk = ColumnWalk(output, axis)
    walk.each { rows, offset, columns in
      if walk.inner == 1 {
        rows.softmax_gradient(
          walk.count, result.base + offset, gradient.base + offset, output.base + offset)
      } else {
        rows.softmax_gradient_of_columns(
          walk.count, columns, walk.inner, result.base + offset, gradient.base + offset, output.base + offset)
      }
    }
  }
}

/// The lines along one axis of a contiguous array: rows, or columns that lie side by side.
private struct ColumnWalk {
  /// Elements of a line.
  let count: Int
  /// Lines side by side.
  let inner: Int
  private let outer: Int
  private let size: Int
  private let rows: volute_scalar_row_kernels

  init(_ array: StridedArray, _ axis: Int) {
    count = array.shape.isEmpty ? 1 : array.shape[axis]
    inner = array.shape.dropFirst(axis + 1).reduce(1, *)
    outer = array.shape.prefix(axis).reduce(1, *)
    size = array.dtype.size
    rows = array.dtype == .float64 ? Double.rows : Float.rows
  }

  /// Calls `body` with the byte at which some lines start, and their number.
  func each(_ body: (volute_scalar_row_kernels, _ offset: Int, _ columns: Int) -> Void) {
    if count == 0 { return }
    // Wide enough for whole vectors, narrow enough that a block's lines stay in the cache.
    let width = min(inner, 512)
    let blocks = (inner + width - 1) / width
    parallel(outer * blocks, grain: max(1, 16_384 / (count * width))) { range in
      for index in range {
        let first = index % blocks * width
        body(
          rows, (index / blocks * count * inner + first) * size, min(width, inner - first))
      }
    }
  }
}
