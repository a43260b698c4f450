import VoluteEngine

extension Tensor {
  /// A tensor of the elements' own type; `shape` defaults to one axis.
  public init<T: Element>(_ elements: [T], shape: [Int]? = nil) {
    let shape = shape ?? [elements.count]
    precondition(
      shape.reduce(1, *) == elements.count,
      "tensor: \(elements.count) elements do not fill shape \(shape)")
    self.init(uninitialized: shape, T.dtype)
    elements.withUnsafeBytes {
      storage.base.copyMemory(from: $0.baseAddress ?? .init(storage.base), byteCount: $0.count)
    }
  }

  /// A tensor of 64-bit integers.
  public init(_ elements: [Int], shape: [Int]? = nil) {
    self.init(elements.map(Int64.init), shape: shape)
  }

  /// A matrix from its rows.
  public init<T: Element>(_ rows: [[T]]) {
    self.init(Tensor.flattened(rows), shape: [rows.count, rows.first?.count ?? 0])
  }

  /// A matrix of 64-bit integers from its rows.
  public init(_ rows: [[Int]]) { self.init(rows.map { $0.map(Int64.init) }) }

  private static func flattened<T>(_ rows: [[T]]) -> [T] {
    precondition(
      rows.allSatisfy { $0.count == rows[0].count }, "tensor: rows of different lengths \(rows.map(\.count))")
    return rows.flatMap { $0 }
  }

  /// A single number, of the type that PyTorch gives a Python number: float32, int64 or bool.
  public init(_ value: some ScalarValue) { self.init(full: [], value) }

  /// A tensor of a given type from row-major bytes in this machine's byte order.
  ///
  /// - Precondition: `bytes` holds exactly the elements of `shape`.
  public init(shape: [Int], dtype: DType, bytes: UnsafeRawBufferPointer) {
    self.init(uninitialized: shape, dtype)
    precondition(
      bytes.count == storage.byteCount,
      "tensor: \(bytes.count) bytes do not fill shape \(shape) of \(dtype.rawValue)")
    storage.base.copyMemory(from: bytes.baseAddress ?? .init(storage.base), byteCount: bytes.count)
  }

  /// `value` everywhere.
  public init(full shape: [Int], _ value: some ScalarValue, dtype: DType? = nil) {
    let dtype = dtype ?? value.scalar.dtype
    self.init(filling: shape, dtype) { Engine.fill($0, with: value.scalar) }
  }

  /// A tensor of `shape`, every element 0.
  public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(full: shape, 0, dtype: dtype)
  }

  /// A tensor of `shape`, every element 1.
  public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(full: shape, 1, dtype: dtype)
  }

  /// `start, start + step, ...` below `end`; 64-bit integers unless told otherwise.
  public static func arange(_ start: Int, _ end: Int, step: Int = 1, dtype: DType = .int64) -> Tensor {
    Tensor(Array(stride(from: start, to: end, by: step))).to(dtype)
  }

  /// `0, 1, ...` below `end`.
  public static func arange(_ end: Int, dtype: DType = .int64) -> Tensor { arange(0, end, dtype: dtype) }

  /// `count` evenly spaced values from `start` to `end`, both included.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32
  ) -> Tensor {
    let step = count > 1 ? (end - start) / Double(count - 1) : 0
    return Tensor(
      (0..<count).map { $0 < count / 2 ? start + Double($0) * step : end - Double(count - 1 - $0) * step }
    ).to(dtype)
  }

  /// Ones on the diagonal.
  public static func eye(_ size: Int, dtype: DType = .float32) -> Tensor {
    var result = zeros([size, size], dtype: dtype)
    result.withMutableStrided { array in
      var diagonal = array
      diagonal.shape = [size]
      diagonal.strides = [size + 1]
      Engine.fill(diagonal, with: .integer(1))
    }
    return result
  }
}

extension Tensor {
  /// The same values as another type: truncated towards zero, wrapped, or tested against zero for `bool`.
  public func to(_ dtype: DType) -> Tensor {
    if dtype == self.dtype { return self }
    return Tensor(filling: shape, dtype) { output in
      withStrided { Engine.copy($0, to: output) }
    }.recorded(self, ToCopyBackward(dtype: self.dtype))
  }

  /// The elements in row-major order, converted to `T`.
  public func elements<T: Element>(as type: T.Type = T.self) -> [T] {
    detached().to(T.dtype).withUnsafeBytes { Array($0.assumingMemoryBound(to: T.self)) }
  }

  /// The elements in row-major order as `Int`.
  public func integers() -> [Int] { elements(as: Int64.self).map(Int.init) }

  /// The only element.
  ///
  /// - Precondition: the tensor has one element.
  public func item<T: Element>(as type: T.Type = T.self) -> T {
    precondition(count == 1, "item: a tensor of shape \(shape) has \(count) elements, not one")
    return elements(as: T.self)[0]
  }
}
