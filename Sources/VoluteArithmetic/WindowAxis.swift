/// The inputs under each output of a pooling window along one axis, padding left out: `counts[o]` elements from
/// `starts[o]`, `step` apart.
public struct WindowAxis: Hashable, Sendable {
  /// Elements of the input.
  public let inputSize: Int
  /// Elements from one tap to the next: the dilation.
  public let step: Int
  /// The first input under the window of each output.
  public let starts: [Int]
  /// How many inputs lie under the window of each output.
  public let counts: [Int]
  /// The elements that average pooling divides by when padding counts: the window's length cut at the end of the
  /// padding, so that an overhang in ceil mode does not count.
  public let paddedCounts: [Int]

  /// Elements of the output.
  public var outputSize: Int { starts.count }
}

extension PoolingGeometry {
  /// The inputs under each output, one list an axis.
  public var windows: [WindowAxis] {
    zip(axes, zip(inputSize, outputSize)).map { axis, sizes in
      let (input, output) = sizes
      var starts: [Int] = []
      var counts: [Int] = []
      var paddedCounts: [Int] = []
      for place in 0..<output {
        let first = place * axis.stride - axis.paddingBefore
        // Taps before the input are skipped whole, so a dilated window starts on its grid.
        let skipped = first < 0 ? ceilDivide(-first, axis.dilation) : 0
        let end = min(first + axis.extent, input)
        let start = first + skipped * axis.dilation
        starts.append(start)
        counts.append(max(0, ceilDivide(end - start, axis.dilation)))
        paddedCounts.append(min(first + axis.kernel, input + axis.paddingAfter) - first)
      }
      return WindowAxis(
        inputSize: input, step: axis.dilation, starts: starts, counts: counts, paddedCounts: paddedCounts)
    }
  }
}

extension AdaptivePoolingGeometry {
  /// The inputs under each output, one list an axis.
  public var windows: [WindowAxis] {
    (0..<rank).map { axis in
      let ranges = windows(axis: axis)
      let counts = ranges.map(\.count)
      return WindowAxis(
        inputSize: inputSize[axis], step: 1, starts: ranges.map(\.lowerBound), counts: counts,
        paddedCounts: counts)
    }
  }
}
