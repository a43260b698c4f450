import VoluteEngine

/// An n-dimensional array with a run-time element type.
///
/// A tensor is a value: changing one never changes another, even where they share bytes. Slicing, transposing and
/// the like share bytes and copy nothing; the first write to shared bytes copies them.
///
/// ```swift
/// let image = Tensor([[30, 30, 0, 0], [30, 30, 0, 0], [30, 30, 0, 0]] as [[Float]])
/// print(image[0..., 1..<3].shape)  // [3, 2]
/// ```
///
/// Functions that take shapes a person may have got wrong come in two faces: free functions throw, methods and
/// operators trap with the same sentence.
public struct Tensor: Sendable {
  package var storage: Storage
  /// Sizes, outermost first; `[]` for a single number.
  public private(set) var shape: [Int]
  /// Elements between neighbours along each axis; 0 where an axis is broadcast.
  public private(set) var strides: [Int]
  /// The first element's place in the storage, in elements.
  package private(set) var offset: Int
  /// The type of the elements.
  public let dtype: DType
  /// Where gradients by this tensor go; `nil` when it needs none.
  package internal(set) var node: GradientNode?

  /// A window on `storage`. The caller has made sure that every element lies inside.
  package init(storage: Storage, dtype: DType, shape: [Int], strides: [Int], offset: Int) {
    self.storage = storage
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.offset = offset
  }

  /// Uninitialised elements in row-major order, for a kernel to fill.
  package init(uninitialized shape: [Int], _ dtype: DType) {
    let count = trapping { () throws(ShapeError) in try elementCount(shape, operation: "tensor") }
    self.init(
      storage: Storage(byteCount: count * dtype.size), dtype: dtype, shape: shape,
      strides: StridedArray.contiguousStrides(shape), offset: 0)
  }

  /// The number of axes.
  public var rank: Int { shape.count }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool {
    StridedArray(base: storage.base, dtype: dtype, shape: shape, strides: strides).isContiguous
  }

  /// The same values in row-major order; the tensor itself if it is so already.
  public func contiguous() -> Tensor {
    isContiguous ? self : copied().recorded(self, CloneBackward())
  }

  /// The same values in bytes of their own, in row-major order.
  public func cloned() -> Tensor { copied().recorded(self, CloneBackward()) }

  private func copied() -> Tensor {
    Tensor(filling: shape, dtype) { output in
      withStrided { Engine.copy($0, to: output) }
    }
  }

  /// The same window with other sizes and strides; the caller has checked that it stays inside the storage.
  package func view(shape: [Int], strides: [Int], offset: Int? = nil) -> Tensor {
    Tensor(storage: storage, dtype: dtype, shape: shape, strides: strides, offset: offset ?? self.offset)
  }

  /// A new tensor whose elements `body` writes.
  package init<Failure: Error>(
    filling shape: [Int], _ dtype: DType, _ body: (StridedArray) throws(Failure) -> Void
  ) throws(Failure) {
    self.init(uninitialized: shape, dtype)
    try body(
      StridedArray(base: storage.base, dtype: dtype, shape: shape, strides: strides))
  }

  /// Lends the elements to an engine routine that only reads them.
  package func withStrided<Result, Failure: Error>(
    _ body: (StridedArray) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(
      StridedArray(
        base: storage.base + offset * dtype.size, dtype: dtype, shape: shape, strides: strides))
  }

  /// Which elements these are, so that the engine can keep what it makes of them.
  var origin: WeightOrigin {
    WeightOrigin(storage: storage, dtype: dtype, offset: offset, strides: strides)
  }

  /// Lends the elements for writing, after making this tensor the only owner of its bytes.
  ///
  /// The tensor loses its graph, since its values are no longer those that an operation made. A leaf that requires
  /// a gradient stays one, and may be changed only where nothing is recorded.
  package mutating func withMutableStrided<Result, Failure: Error>(
    _ body: (StridedArray) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let node {
      precondition(
        !node.isLeaf || !GradientMode.isEnabled,
        "a leaf tensor that requires grad is being changed in place: use noGrad, or detached()")
      if !node.isLeaf { self.node = nil }
    }
    if !storage.isWritable || !isKnownUniquelyReferenced(&storage) || strides.contains(0) {
      let copy = copied()
      storage = copy.storage
      strides = copy.strides
      offset = 0
    }
    storage.willWrite()
    return try withStrided(body)
  }

  /// Lends the elements' bytes in row-major order.
  ///
  /// - Throws: what `body` throws.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let row = contiguous()
    return try row.withStrided { (array) throws(Failure) in
      try body(UnsafeRawBufferPointer(start: array.base, count: row.count * dtype.size))
    }
  }
}

struct CloneBackward: Backward {
  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] { [gradient] }
}
