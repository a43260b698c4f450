import Testing
import VoluteEngine

/// The blocked product against plain sums, over sizes around every edge of tiles and blocks.
@Suite struct MatrixProductTests {
  private func product<T: Element & BinaryFloatingPoint>(_ type: T.Type, _ m: Int, _ k: Int, _ n: Int) -> Bool
  {
    func values(_ count: Int, _ seed: Int) -> [T] {
      (0..<count).map { T(($0 * 7 + seed) % 17 - 8) / 8 }
    }
    var a = values(m * k, 3)
    var b = values(k * n, 5)
    var c = Array(repeating: T(99), count: m * n)
    a.withUnsafeMutableBytes { a in
      b.withUnsafeMutableBytes { b in
        c.withUnsafeMutableBytes { c in
          func array(_ bytes: UnsafeMutableRawBufferPointer, _ rows: Int, _ columns: Int) -> StridedArray {
            StridedArray(
              base: bytes.baseAddress!, dtype: T.dtype, shape: [1, rows, columns],
              strides: [rows * columns, columns, 1])
          }
          Engine.matrixProduct(array(a, m, k), array(b, k, n), to: array(c, m, n))
        }
      }
    }
    for i in 0..<m {
      for j in 0..<n {
        // Multiples of 1/64 far below 2^24: exact in any order.
        let expected = (0..<k).reduce(T(0)) { $0 + a[i * k + $1] * b[$1 * n + j] }
        if c[i * n + j] != expected { return false }
      }
    }
    return true
  }

  @Test(arguments: [1, 5, 13, 14, 15, 29], [1, 3, 255, 256, 257, 600])
  func singlePrecision(rows: Int, depth: Int) {
    for columns in [1, 7, 31, 32, 33, 65, 255, 257, 300] {
      #expect(product(Float.self, rows, depth, columns), "\(rows) x \(depth) x \(columns)")
    }
  }

  @Test(arguments: [1, 5, 13, 14, 15, 29], [1, 3, 256, 257])
  func doublePrecision(rows: Int, depth: Int) {
    for columns in [1, 7, 15, 16, 17, 33, 257] {
      #expect(product(Double.self, rows, depth, columns), "\(rows) x \(depth) x \(columns)")
    }
  }
}
