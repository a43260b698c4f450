import CVolute

// Every array here is row-major: its elements are drawn in the order in which PyTorch draws them.
extension Engine {
  /// Real numbers from [low, high).
  public static func fillUniform(
    _ array: StridedArray, low: Double, high: Double, _ state: inout RandomState
  ) {
    switch array.dtype {
    case .float16: drawUniform(array, Float16.self, low, high, &state)
    case .bfloat16: drawUniform(array, BFloat16.self, low, high, &state)
    case .float32: drawUniform(array, Float.self, low, high, &state)
    case .float64: drawUniform(array, Double.self, low, high, &state)
    default: preconditionFailure("uniform: not implemented for \(array.dtype.rawValue)")
    }
  }

  private static func drawUniform<T: Element>(
    _ array: StridedArray, _ type: T.Type, _ low: Double, _ high: Double, _ state: inout RandomState
  ) where T.Math: RandomReal {
    let output = array.pointer(as: T.self)
    let (first, end) = (T.Math(low), T.Math(high))
    let (firstElement, endMath) = (T(math: first), T(math: end).math)
    for index in 0..<array.count {
      let value = T(math: first.addingProduct(T.Math.uniform(from: &state.twister), end - first))
      // What rounding has brought up to the bound that is left out starts over.
      output[index] = value.math < endMath ? value : firstElement
    }
  }

  /// Normally distributed numbers.
  public static func fillNormal(
    _ array: StridedArray, mean: Double, deviation: Double, _ state: inout RandomState
  ) {
    switch array.dtype {
    case .float16: drawNormal(array, Float16.self, mean, deviation, &state)
    case .bfloat16: drawNormal(array, BFloat16.self, mean, deviation, &state)
    case .float32: drawNormal(array, Float.self, mean, deviation, &state)
    case .float64: drawNormal(array, Double.self, mean, deviation, &state)
    default: preconditionFailure("normal: not implemented for \(array.dtype.rawValue)")
    }
  }

  private static func drawNormal<T: Element>(
    _ array: StridedArray, _ type: T.Type, _ mean: Double, _ deviation: Double, _ state: inout RandomState
  ) where T.Math: RandomReal {
    let output = array.pointer(as: T.self)
    let count = array.count
    let block = 16
    if count < block {
      for index in 0..<count {
        output[index] = T(math: T.Math(mean.addingProduct(state.normal(), deviation)))
      }
      return
    }
    for start in stride(from: 0, through: count - block, by: block) {
      drawBlock(output + start, mean, deviation, &state.twister)
    }
    let rest = count % block
    if rest == 0 { return }
    // The last block is drawn again in full, over the end of the one before. The wide types have by then drawn
    // a number for every element.
    if T.dtype.size > 2 {
      for _ in 0..<rest { _ = T.Math.uniform(from: &state.twister) }
    }
    drawBlock(output + count - block, mean, deviation, &state.twister)
  }

  /// Sixteen normals from as many uniforms: the radii from the first eight, the angles from the others.
  private static func drawBlock<T: Element>(
    _ output: UnsafeMutablePointer<T>, _ mean: Double, _ deviation: Double, _ twister: inout MersenneTwister
  ) where T.Math: RandomReal {
    let half = 8
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * half) { uniforms in
      for index in 0..<2 * half { uniforms[index] = Double(T.Math.uniform(from: &twister)) }
      let (mean, deviation) = (T.Math(mean), T.Math(deviation))
      for index in 0..<half {
        let radius = (-2 * log(1 - uniforms[index])).squareRoot()
        let angle = 2 * Double.pi * uniforms[index + half]
        output[index] = T(math: mean.addingProduct(T.Math(radius * cos(angle)), deviation))
        output[index + half] = T(math: mean.addingProduct(T.Math(radius * sin(angle)), deviation))
      }
    }
  }

  /// 64-bit integers from [low, high).
  public static func fillIntegers(_ array: StridedArray, low: Int, high: Int, _ state: inout RandomState) {
    let output = array.pointer(as: Int64.self)
    let range = UInt64(bitPattern: Int64(high &- low))
    // From here on a 32-bit word would favour the small numbers too much.
    let isWide = range >= 1 << 28
    for index in 0..<array.count {
      let word = isWide ? state.twister.next64() : UInt64(state.twister.next())
      output[index] = Int64(low) &+ Int64(truncatingIfNeeded: word % range)
    }
  }

  /// The 64-bit integers 0, 1, 2, ... in random order.
  public static func fillPermutation(_ array: StridedArray, _ state: inout RandomState) {
    let output = array.pointer(as: Int64.self)
    let count = array.count
    for index in 0..<count { output[index] = Int64(index) }
    let isWide = count >= Int(UInt32.max) / 20
    for index in 0..<max(count - 1, 0) {
      let word = isWide ? state.twister.next64() : UInt64(state.twister.next())
      let other = index + Int(word % UInt64(count - index))
      (output[index], output[other]) = (output[other], output[index])
    }
  }

  /// Truth values of which a share of `probability` is true.
  public static func fillBernoulli(_ array: StridedArray, probability: Double, _ state: inout RandomState) {
    let output = array.pointer(as: Bool.self)
    for index in 0..<array.count {
      output[index] = Double.uniform(from: &state.twister) < probability
    }
  }
}
