import Volute
import VoluteEngine

/// How a file stores one element.
package struct ElementFormat: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// A type that tensors have.
    case native(DType)
    /// An unsigned integer that they lack, of so many bytes (2, 4 or 8): read as a wider signed one.
    case unsigned(Int)
  }

  package var kind: Kind
  package var isBigEndian: Bool

  package init(_ kind: Kind, isBigEndian: Bool = false) {
    self.kind = kind
    self.isBigEndian = isBigEndian
  }

  /// Bytes of one element in the file.
  package var size: Int {
    switch kind {
    case .native(let dtype): dtype.size
    case .unsigned(let size): size
    }
  }

  /// The type of a tensor that is read from such elements.
  package var dtype: DType {
    switch kind {
    case .native(let dtype): dtype
    case .unsigned(2): .int32
    case .unsigned: .int64
    }
  }
}

extension FileBytes {
  /// The elements that start at `offset`, as a tensor.
  ///
  /// Little-endian elements that are aligned are borrowed and cost nothing; others are copied. `Bool` is always
  /// copied: a byte other than 0 and 1 reads as true, and must not appear under a tensor when the file changes.
  ///
  /// - Parameter isFortranOrder: whether neighbours in the file are neighbours along the first axis, not the last.
  /// - Throws: ``FormatError`` when the bytes are too few, or a number does not fit the tensor's type.
  package func tensor(
    _ format: ElementFormat, shape: [Int], isFortranOrder: Bool = false, at offset: Int
  ) throws(FormatError) -> Tensor {
    let count = try elementCount(shape)
    let available = bytes.count - offset
    guard count * format.size <= available else {
      throw FormatError(
        name,
        "shape \(shape) of \(format.size)-byte elements needs \(count * format.size) bytes, but only "
          + "\(available) follow the header", mend: "the file seems to be cut short")
    }
    let elements = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count * format.size])
    let storage = try storage(of: format, elements)
    let strides =
      isFortranOrder
      ? StridedArray.contiguousStrides(shape.reversed()).reversed() : StridedArray.contiguousStrides(shape)
    return Tensor(storage: storage, dtype: format.dtype, shape: shape, strides: strides, offset: 0)
  }

  /// The number of elements of a shape whose strides, too, can be counted: an axis of size 0 excuses no others.
  func elementCount(_ shape: [Int]) throws(FormatError) -> Int {
    var reach = 1
    for size in shape {
      guard size >= 0 else { throw FormatError(name, "shape \(shape) has the negative size \(size)") }
      let (product, overflow) = reach.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product <= 1 << 56 else {
        throw FormatError(name, "shape \(shape) has more elements than memory can hold")
      }
      reach = product
    }
    return shape.contains(0) ? 0 : reach
  }

  /// `elements`, which are of this file, as the bytes of tensors of the type `format.dtype`.
  func storage(
    of format: ElementFormat, _ elements: UnsafeRawBufferPointer
  ) throws(FormatError) -> Storage {
    let swaps = format.isBigEndian
    switch format.kind {
    case .native(.bool):
      return converted(elements) { (byte: UInt8) in byte == 0 ? 0 : 1 as UInt8 }
    case .native(let dtype):
      guard swaps, dtype.size > 1 else { return borrowed(elements, alignment: dtype.size) }
      switch dtype.size {
      case 2: return converted(elements) { (bits: UInt16) in bits.byteSwapped }
      case 4: return converted(elements) { (bits: UInt32) in bits.byteSwapped }
      default: return converted(elements) { (bits: UInt64) in bits.byteSwapped }
      }
    case .unsigned(2):
      return converted(elements) { (bits: UInt16) in Int32(swaps ? bits.byteSwapped : bits) }
    case .unsigned(4):
      return converted(elements) { (bits: UInt32) in Int64(swaps ? bits.byteSwapped : bits) }
    case .unsigned:
      var largest: UInt64 = 0
      let storage = converted(elements) { (bits: UInt64) in
        let value = swaps ? bits.byteSwapped : bits
        largest = max(largest, value)
        return Int64(truncatingIfNeeded: value)
      }
      guard largest <= Int64.max else {
        throw FormatError(name, "the unsigned 64-bit integer \(largest) does not fit int64")
      }
      return storage
    }
  }

  private func borrowed(_ elements: UnsafeRawBufferPointer, alignment: Int) -> Storage {
    guard let base = elements.baseAddress, !elements.isEmpty else { return Storage(byteCount: 0) }
    if UInt(bitPattern: base) % UInt(alignment) == 0 {
      return Storage(borrowing: base, byteCount: elements.count) { _ in withExtendedLifetime(self) {} }
    }
    let storage = Storage(byteCount: elements.count)
    storage.base.copyMemory(from: base, byteCount: elements.count)
    return storage
  }

  @inline(__always)
  private func converted<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ elements: UnsafeRawBufferPointer, _ transform: (From) -> To
  ) -> Storage {
    let count = elements.count / MemoryLayout<From>.size
    let storage = Storage(byteCount: count * MemoryLayout<To>.size)
    let target = storage.base.bindMemory(to: To.self, capacity: count)
    for index in 0..<count {
      let value = elements.loadUnaligned(fromByteOffset: index * MemoryLayout<From>.size, as: From.self)
      (target + index).initialize(to: transform(value))
    }
    return storage
  }
}
