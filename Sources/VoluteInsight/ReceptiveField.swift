import Volute
import VoluteArithmetic

/// How far an output sees along one axis, were the input endless: the borders only cut it.
public struct ReceptiveField: Hashable, Sendable {
  /// Inputs from the first to the last that an output sees, holes included; the most of all outputs. 0 where no
  /// output sees any.
  public let size: Int
  /// How far the fields of neighbouring outputs are apart, in inputs; below 1 after a transposed convolution.
  public let stride: Fraction
  /// The input position in the middle of the field of output 0; `nil` where it sees nothing.
  public let offset: Fraction?
  /// The field of output 0.
  public let first: ClosedRange<Int>?

  /// The field after `items`, along `axis`.
  ///
  /// - Parameters:
  ///   - steps: what all the items but the last came to.
  ///   - last: the layer of the last item, where it is one.
  init(axis: Int, of items: [Stack.Item], steps: [Stack.Step], last: ResolvedLayer?) {
    let layers = steps.map(\.layer) + [last]
    var stride = Fraction(1)
    for case let layer? in layers {
      let step = layer.axes[axis].stride
      stride = stride * (layer.isTransposed ? Fraction(1, step) : Fraction(step))
    }
    func field(_ output: Int) -> ClosedRange<Int>? {
      var range: ClosedRange<Int>? = output...output
      var waiting: [ClosedRange<Int>?] = []
      for (item, layer) in zip(items, layers).reversed() {
        if let layer {
          range = range.flatMap { layer.axes[axis].sources(of: $0, isTransposed: layer.isTransposed) }
        } else if item == .join {
          waiting.append(range)
        } else {
          // What was kept and never joined has nothing waiting.
          range = union(range, waiting.popLast() ?? nil)
        }
      }
      return range
    }
    self.stride = stride
    first = field(0)
    offset = first.map { Fraction($0.lowerBound + $0.upperBound, 2) }
    // Fields repeat after as many outputs as the stride's denominator; beyond some
    // they hardly differ in length.
    size = (0..<min(stride.denominator, 32)).map { field($0)?.count ?? 0 }.max() ?? 0
  }
}

private func union(_ a: ClosedRange<Int>?, _ b: ClosedRange<Int>?) -> ClosedRange<Int>? {
  guard let a, let b else { return a ?? b }
  return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
}

extension Axis {
  /// The endless inputs from the first to the last that a stretch of outputs is made of.
  fileprivate func sources(of outputs: ClosedRange<Int>, isTransposed: Bool) -> ClosedRange<Int>? {
    guard isTransposed else {
      let first = outputs.lowerBound * stride - paddingBefore
      return first...(outputs.upperBound * stride - paddingBefore + extent - 1)
    }
    // Output o is reached by input i through tap t where i s + t d = o + before. Among as many outputs as the stride
    // each tap meets an input.
    if outputs.count >= stride {
      let lowest = ceilDivide(outputs.lowerBound + paddingBefore - extent + 1, stride)
      return lowest...floorDivide(outputs.upperBound + paddingBefore, stride)
    }
    // Taps a stride apart meet the same inputs, shifted: the outermost decide.
    func inputs(_ output: Int, _ taps: some Sequence<Int>) -> [Int] {
      taps.compactMap { tap in
        let place = output + paddingBefore - tap * dilation
        return place.isMultiple(of: stride) ? floorDivide(place, stride) : nil
      }
    }
    let lowest = outputs.flatMap { inputs($0, (0..<kernel).suffix(stride)) }.min()
    let highest = outputs.flatMap { inputs($0, (0..<kernel).prefix(stride)) }.max()
    guard let lowest, let highest else { return nil }
    return lowest...highest
  }
}
