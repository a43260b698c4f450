import VoluteEngine

/// `x` extended, or by negative amounts cropped, along its last axes.
///
/// - Parameters:
///   - x: the input.
///   - amounts: pairs (before, after), the last axis first, as PyTorch's `F.pad` takes them.
///   - mode: `.constant`, or one of ``PaddingMode``; any axis may be padded in any mode, and a circular one
///     may wrap more than once.
///   - value: what `.constant` fills with.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend.
public func pad(
  _ x: Tensor, _ amounts: [Int], mode: PaddingGeometry.Fill = .constant, value: some ScalarValue = 0
) throws(ShapeError) -> Tensor {
  let geometry = try PaddingGeometry(inputShape: x.shape, amounts: amounts, fill: mode)
  let result = Tensor(filling: geometry.outputShape, x.dtype) { output in
    x.withStrided { Engine.gather(geometry.maps, input: $0, fill: value.scalar, to: output) }
  }
  return result.recorded(
    x,
    ResamplingBackward(
      name: mode.backwardName, maps: geometry.maps.map { SamplingMap(copying: $0) }))
}

extension PaddingGeometry.Fill {
  fileprivate var backwardName: String {
    switch self {
    case .constant, .mode(.zeros): "ConstantPadNdBackward"
    case .mode(.reflect): "ReflectionPadBackward"
    case .mode(.replicate): "ReplicationPadBackward"
    case .mode(.circular): "CircularPadBackward"
    }
  }
}

extension Tensor {
  /// See ``Volute/pad(_:_:mode:value:)``; traps where that throws.
  public func padded(
    _ amounts: [Int], mode: PaddingGeometry.Fill = .constant, value: some ScalarValue = 0
  ) -> Tensor {
    trapping { () throws(ShapeError) in try pad(self, amounts, mode: mode, value: value) }
  }
}
