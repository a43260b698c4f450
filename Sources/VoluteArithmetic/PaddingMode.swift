/// What is read where a window reaches beyond the input.
public enum PaddingMode: String, Hashable, Sendable, CaseIterable {
  /// Nothing: the position contributes zero.
  case zeros
  /// The input mirrored at its first and last element, which are not repeated.
  case reflect
  /// The nearest element of the input.
  case replicate
  /// The input as a ring; a window may go around it more than once.
  case circular

  /// The input position that is read at `position`, which may lie outside of `0..<size`;
  /// ``AxisMap/padding`` where nothing is read.
  @inlinable
  public func source(of position: Int, size: Int) -> Int {
    if position >= 0 && position < size { return position }
    guard size > 0 else { return AxisMap.padding }
    switch self {
    case .zeros:
      return AxisMap.padding
    case .replicate:
      return position < 0 ? 0 : size - 1
    case .circular:
      let remainder = position % size
      return remainder < 0 ? remainder + size : remainder
    case .reflect:
      if size == 1 { return 0 }
      let period = 2 * (size - 1)
      let phase = abs(position) % period
      return phase < size ? phase : period - phase
    }
  }
}
