import CVolute

/// What normalisation needs of an array of `[planes, size]`, contiguous and Float32 or Float64: numbers of each plane
/// in 64 bits, and linear combinations with numbers of each plane.
extension Engine {
  /// The mean of each plane, and the sum of squared distances from it.
  public static func planeMoments(_ input: StridedArray, planes: Int) -> (means: [Double], squares: [Double])
  {
    let walk = PlaneWalk(input, planes)
    return walk.pairs { rows, offset, mean, squares in
      rows.moments(walk.size, input.base + offset, mean, squares)
    }
  }

  /// The sum of each plane of `gradient`, and that of its product with `input` less the plane's `center`.
  public static func planeDots(
    _ gradient: StridedArray, _ input: StridedArray, centers: [Double]
  ) -> (sums: [Double], products: [Double]) {
    let walk = PlaneWalk(input, centers.count)
    return walk.pairs { rows, offset, sum, product in
      rows.dots(
        walk.size, gradient.base + offset, input.base + offset, centers[offset / walk.stride], sum, product)
    }
  }

  /// `output = scale * input + shift`, a number a plane each.
  public static func scalePlanes(
    _ input: StridedArray, scales: [Double], shifts: [Double], to output: StridedArray
  ) {
    let walk = PlaneWalk(input, scales.count)
    walk.each { rows, plane, offset in
      rows.scale_shift(walk.size, input.base + offset, scales[plane], shifts[plane], output.base + offset)
    }
  }

  /// `output = leftScale * left + rightScale * right + shift`, a number a plane each.
  public static func combinePlanes(
    _ left: StridedArray, scales leftScales: [Double], _ right: StridedArray, scales rightScales: [Double],
    shifts: [Double], to output: StridedArray
  ) {
    let walk = PlaneWalk(left, leftScales.count)
    walk.each { rows, plane, offset in
      rows.combine(
        walk.size, left.base + offset, leftScales[plane], right.base + offset, rightScales[plane],
        shifts[plane],
        output.base + offset)
    }
  }
}

/// The planes of an array, several at a time to a thread.
private struct PlaneWalk {
  let planes: Int
  let size: Int
  /// Bytes from one plane to the next.
  let stride: Int
  private let rows: volute_scalar_row_kernels

  init(_ array: StridedArray, _ planes: Int) {
    self.planes = planes
    size = planes == 0 ? 0 : array.count / planes
    stride = size * array.dtype.size
    rows = array.dtype == .float64 ? Double.rows : Float.rows
  }

  func each(_ body: (volute_scalar_row_kernels, _ plane: Int, _ offset: Int) -> Void) {
    parallel(planes, grain: max(1, 16_384 / max(size, 1))) { range in
      for plane in range { body(rows, plane, plane * stride) }
    }
  }

  func pairs(
    _ body: (
      volute_scalar_row_kernels, _ offset: Int, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>
    ) -> Void
  ) -> ([Double], [Double]) {
    var first = [Double](repeating: 0, count: planes)
    var second = first
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { second in
        guard let a = first.baseAddress, let b = second.baseAddress else { return }
        each { rows, plane, offset in
          // An empty plane has zeros already.
          if size > 0 { body(rows, offset, a + plane, b + plane) }
        }
      }
    }
    return (first, second)
  }
}
