/// Bounds under which no formula of this module overflows.
enum Limits {
  /// The largest kernel, stride, dilation or padding.
  static let parameter = 1 << 30
  /// The largest extent of one axis, and the largest span of a dilated window: times a parameter, still a number.
  static let size = 1 << 32
}

/// The number of elements of a shape.
///
/// - Throws: ``ShapeError`` when a size is negative or the product exceeds what memory can address.
public func elementCount(_ shape: [Int], operation: String) throws(ShapeError) -> Int {
  var count = 1
  var overflow = false
  for size in shape {
    if size < 0 {
      throw ShapeError(
        operation, parameter: "shape", "a shape has no negative sizes, but got \(shape)", shapes: [shape])
    }
    // Sizes of 0 are left out: strides are products of the others, which must not overflow either.
    let (product, carried) = count.multipliedReportingOverflow(by: max(size, 1))
    overflow = overflow || carried
    count = carried ? 1 : product
  }
  if overflow || count > 1 << 56 {
    throw ShapeError(
      operation, parameter: "shape", "a tensor of shape \(shape) has more elements than memory can hold",
      shapes: [shape])
  }
  return shape.contains(0) ? 0 : count
}
