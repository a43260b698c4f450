extension Engine {
  /// `output[b, i, j] = sum over k of left[b, i, k] * right[b, k, j]`; all have one type, the inputs any strides,
  /// the output is contiguous. Batches may broadcast through strides of 0.
  public static func matrixProduct(
    _ left: StridedArray, _ right: StridedArray, to output: StridedArray
  ) {
    switch output.dtype {
    case .float32: blocked(left, right, to: output, Float.self)
    case .float64: blocked(left, right, to: output, Double.self)
    default: output.dtype.dispatch(Plain(left: left, right: right, output: output))
    }
  }

  private static func blocked<T: KernelElement>(
    _ left: StridedArray, _ right: StridedArray, to output: StridedArray, _ type: T.Type
  ) {
    let (rows, columns) = (output.shape[1], output.shape[2])
    let blocks = max((columns + GemmBlock.columns - 1) / GemmBlock.columns, 1)
    let to = output.pointer(as: T.self)
    // Several matrices share the threads, or the columns of one do.
    parallel(output.shape[0]) { batch in
      let packed = PackedMatrix(
        left.pointer(as: T.self) + batch * left.strides[0], rows: rows, depth: left.shape[2],
        rowStep: left.strides[1], depthStep: left.strides[2])
      let packer = StridedPacker(
        base: right.pointer(as: T.self) + batch * right.strides[0], rowStep: right.strides[1],
        columnStep: right.strides[2])
      parallel(blocks) { block in
        let first = block * GemmBlock.columns
        multiply(
          packed, packer, columns: first..<min(first + GemmBlock.columns, columns),
          to: to + batch * rows * columns + first, stride: columns)
      }
    }
  }

  /// The 16-bit types and the integers: plain loops, accumulated in the arithmetic type.
  private struct Plain: ElementVisitor {
    let left: StridedArray
    let right: StridedArray
    let output: StridedArray

    func visit<T: Element>(_ type: T.Type) {
      let (rows, columns, depth) = (output.shape[1], output.shape[2], left.shape[2])
      let line = UnsafeMutablePointer<T.Math>.allocate(capacity: max(columns, 1))
      defer { line.deallocate() }
      for batch in 0..<output.shape[0] {
        let a = left.pointer(as: T.self) + batch * left.strides[0]
        let b = right.pointer(as: T.self) + batch * right.strides[0]
        let to = output.pointer(as: T.self) + batch * rows * columns
        for row in 0..<rows {
          line.initialize(repeating: .zero, count: columns)
          for k in 0..<depth {
            let factor = a[row * left.strides[1] + k * left.strides[2]].math
            let source = b + k * right.strides[1]
            for column in 0..<columns {
              line[column] = T.Math.add(
                line[column], T.Math.multiply(factor, source[column * right.strides[2]].math))
            }
          }
          for column in 0..<columns { to[row * columns + column] = T(math: line[column]) }
        }
      }
    }
  }
}

/// A matrix as it lies in memory.
struct StridedPacker<T: KernelElement>: MatrixPacker {
  let base: UnsafeMutablePointer<T>
  let rowStep: Int
  let columnStep: Int

  func pack(rows: Range<Int>, columns: Range<Int>, into panels: UnsafeMutablePointer<T>) {
    let width = Gemm.columns(T.self)
    var panel = panels
    var first = columns.lowerBound
    while first < columns.upperBound {
      let count = min(width, columns.upperBound - first)
      if columnStep != 1 {
        if count < width { panel.update(repeating: .zero, count: rows.count * width) }
        T.kernels.table.transpose?(
          count, rows.count, base + rows.lowerBound * rowStep + first * columnStep, columnStep, rowStep,
          panel,
          width)
        panel += rows.count * width
        first += count
        continue
      }
      for (line, row) in rows.enumerated() {
        let from = base + row * rowStep + first
        let to = panel + line * width
        to.update(from: from, count: count)
        if count < width { (to + count).update(repeating: .zero, count: width - count) }
      }
      panel += rows.count * width
      first += count
    }
  }
}
