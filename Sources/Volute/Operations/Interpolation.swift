import VoluteEngine

/// `x` with its spatial axes resized.
///
/// # Shapes
/// - `x`: `[batch, channels, size...]`.
/// - result: `[batch, channels, size...]` as asked, or `floor(n * scale)`.
///
/// - Parameters:
///   - x: the input.
///   - size: the spatial size that comes out; either this or `scaleFactor`.
///   - scaleFactor: one scale an axis or one for all; positions are computed from it unless
///     `recomputesScaleFactor` asks for the ratio of the rounded sizes.
///   - mode: how the axes are sampled.
///   - alignsCorners: makes the first and last elements of input and output coincide; for `.linear` and
///     `.cubic`.
///   - recomputesScaleFactor: compute positions from the sizes instead of from `scaleFactor`.
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
  let result = resampled(x, geometry.maps)
  if x.dtype != .uint8 {
    return result.recorded(x, ResamplingBackward(name: geometry.backwardName, maps: geometry.maps))
  }
  return result.round().clamped(0, 255).to(.uint8)
}

/// Weighted sums along the last axes, one map an axis, in 32 bits at least; nothing is recorded.
func resampled(_ x: Tensor, _ maps: [SamplingMap]) -> Tensor {
  var maps = maps
  // An axis that stays as it is costs a pass, unless it is one of those before.
  while maps.count > 1, let first = maps.first, first.isIdentity { maps.removeFirst() }
  let input = x.detached().to(x.dtype == .float64 ? .float64 : .float32).contiguous()
  let shape = x.shape.dropLast(maps.count) + maps.map(\.outputSize)
  let result = Tensor(filling: Array(shape), input.dtype) { output in
    input.withStrided { Engine.resample(maps, input: $0, to: output) }
  }
  return x.dtype.isFloatingPoint ? result.to(x.dtype) : result
}

/// The gradient of anything that is a sum of weighted inputs along each of the last axes: the sum the other way round.
struct ResamplingBackward: Backward {
  let name: String
  let maps: [SamplingMap]

  func gradients(_ gradient: Tensor, _ context: BackwardContext) -> [Tensor?] {
    let adjoint = maps.map(\.transposed)
    return [resampled(gradient, adjoint).recorded(gradient, ResamplingBackward(name: name, maps: adjoint))]
  }
}

extension InterpolationGeometry {
  fileprivate var backwardName: String {
    let axes = ["1D", "2D", "3D"][min(max(maps.count, 1), 3) - 1]
    switch mode {
    case .nearest: return "UpsampleNearest\(axes)Backward"
    case .nearestExact: return "UpsampleNearestExact\(axes)Backward"
    case .area: return "AdaptiveAvgPool\(axes)Backward"
    case .cubic: return "UpsampleBicubic2DBackward"
    case .linear:
      return "Upsample\(["Linear1D", "Bilinear2D", "Trilinear3D"][min(max(maps.count, 1), 3) - 1])Backward"
    }
  }
}
