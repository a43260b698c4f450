import CVolute

/// The element types whose rows have kernels in C.
protocol RowElement: KernelElement {
  static var rows: volute_scalar_row_kernels { get }
  /// An integer of the element's width: a place in an array.
  associatedtype Place: FixedWidthInteger
}

extension Float: RowElement {
  typealias Place = Int32
  static let rows = rowTable.f32.pointee
}

extension Double: RowElement {
  typealias Place = Int64
  static let rows = rowTable.f64.pointee
}

private let rowTable = volute_row_kernels_for_this_machine().pointee

/// A kernel that converts `count` elements that lie side by side.
typealias RowConversion =
  @convention(c) (
    _ count: Int, _ from: UnsafeRawPointer?, _ to: UnsafeMutableRawPointer?
  ) -> Void

extension Engine {
  /// The kernel for these types: there is one between the 16-bit ones and Float32.
  static func rowConversion(from source: DType, to destination: DType) -> RowConversion? {
    switch (source, destination) {
    case (.float16, .float32): rowTable.from_float16
    case (.float32, .float16): rowTable.to_float16
    case (.bfloat16, .float32): rowTable.from_bfloat16
    case (.float32, .bfloat16): rowTable.to_bfloat16
    default: nil
    }
  }
}

/// The indices `0..<count` in stretches of `grain` at most, on several threads.
func parallel(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
  let size = max(grain, 1)
  parallel((count + size - 1) / size) { body($0 * size..<min(($0 + 1) * size, count)) }
}

extension Engine {
  /// Lends `array`, or a contiguous copy of it in Float32 if its type has 16 bits.
  static func withWide<Result>(_ array: StridedArray, _ body: (StridedArray) -> Result) -> Result {
    if array.dtype.size != 2 || !array.dtype.isFloatingPoint { return body(array) }
    return withScratch(Float.self, array.count) {
      let wide = StridedArray(
        base: $0, dtype: .float32, shape: array.shape,
        strides: StridedArray.contiguousStrides(array.shape))
      copy(array, to: wide)
      return body(wide)
    }
  }

  /// Lends `array` to be filled, or a Float32 stand-in that is rounded into it if its type has 16 bits.
  static func fillingWide(_ array: StridedArray, _ body: (StridedArray) -> Void) {
    if array.dtype.size != 2 || !array.dtype.isFloatingPoint { return body(array) }
    withScratch(Float.self, array.count) {
      let wide = StridedArray(
        base: $0, dtype: .float32, shape: array.shape,
        strides: StridedArray.contiguousStrides(array.shape))
      body(wide)
      copy(wide, to: array)
    }
  }
}
