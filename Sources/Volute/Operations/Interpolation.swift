import VoluteEngine

/// `x` with its spatial axes resized.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`.
/// - result: `[batch, channels, size...]` as asked, or `floor(n * scale)`.
///
/// - Parameters:
///   - scaleFactor: one scale an axis or one for all; positions are computed from it unless
///     `recomputesScaleFactor` asks for the ratio of the rounded sizes.
///   - alignsCorners: makes the first and last elements of input and output coincide; for `.linear` and `.cubic`.
///   - isAntialiased: widens the filter where an axis shrinks; for `.linear` and `.cubic`.
/// - Throws: ``ShapeError`` naming the parameter, the numbers and the mend. Floating-point types are taken in every
///   mode, uint8 in all but `.area`, the others in none.
public func interpolate(
  _ x: Tensor, size: [Int]? = nil, scaleFactor: PerAxis<Double>? = nil, mode: InterpolationMode = .nearest,
  alignsCorners: Bool? = nil, recomputesScaleFactor: Bool = false, isAntialiased: Bool = false
) throws(ShapeError) -> Tensor {
  let geometry = try InterpolationGeometry(
    inputShape: x.shape, size: size, scaleFactor: scaleFactor, mode: mode, alignsCorners: alignsCorners,
    recomputesScale: recomputesScaleFactor, isAntialiased: isAntialiased,
    isSinglePrecision: x.dtype != .float64)
  guard x.dtype.isFloatingPoint || (x.dtype == .uint8 && mode != .area) else {
    throw ShapeError(
      "interpolate", parameter: "input",
      "interpolate in mode \(mode.rawValue) is not implemented for \(x.dtype.rawValue)",
      mend: "convert to a floating-point type")
  }
  let input = x.to(x.dtype == .float64 ? .float64 : .float32).contiguous()
  var result = Tensor(filling: geometry.outputShape, input.dtype) { output in
    input.withStrided { Engine.resample(geometry.maps, input: $0, to: output) }
  }
  if x.dtype == .uint8 { result = result.round().clamped(0, 255) }
  return result.to(x.dtype)
}
