/// Where an engine routine finds, or puts, the elements of an array: a pointer, a type, sizes and strides.
///
/// It owns nothing; whoever made it keeps the bytes alive. Strides count elements and may be 0 (broadcast) or
/// negative.
public struct StridedArray {
  public var base: UnsafeMutableRawPointer
  public var dtype: DType
  public var shape: [Int]
  public var strides: [Int]

  public init(base: UnsafeMutableRawPointer, dtype: DType, shape: [Int], strides: [Int]) {
    self.base = base
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  public var isContiguous: Bool { strides == Self.contiguousStrides(shape) || count == 0 || isRowMajor }

  /// Row-major up to axes of size 1, whose strides mean nothing.
  private var isRowMajor: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      if stride != expected { return false }
      expected *= size
    }
    return true
  }

  /// The strides of a row-major array.
  public static func contiguousStrides(_ shape: [Int]) -> [Int] {
    var strides = Array(repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
    }
    return strides
  }

  @inline(__always)
  func pointer<T: Element>(as type: T.Type) -> UnsafeMutablePointer<T> {
    base.assumingMemoryBound(to: T.self)
  }
}
