import VoluteEngine

/// A convolution over a cylinder: axes z, φ, r, of which φ is a ring.
///
/// # Shapes
/// `[batch, channels, z, φ, r]`. With `padding: .same` each axis of `n` gives `ceil(n / s)`, for every kernel and stride;
/// where the stride divides the ring, rotating the input by `s` rotates the output by 1.
///
/// State: `conv.weight`, `conv.bias`.
public final class CylindricalConv: Layer {
  /// The convolution, its padding circular along φ.
  public let conv: Conv3d

  /// - Parameters:
  ///   - inChannels: channels that go in; `nil` takes them from the first input.
  ///   - outChannels: channels that come out.
  ///   - kernelSize: taps along each axis.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: on φ it wraps; on z and r it is zeros.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - policy: which algorithms may be taken.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  public init(
    inChannels: Int? = nil, outChannels: Int, kernelSize: PerAxis<Int> = 3, stride: PerAxis<Int> = 1,
    padding: Padding = .same, groups: Int = 1, bias: Bool = true, policy: ConvolutionPolicy = .automatic,
    dtype: DType = .float32, generator: Generator = .default
  ) {
    conv = Conv3d(
      inChannels: inChannels, outChannels: outChannels, kernelSize: kernelSize, stride: stride,
      padding: padding,
      groups: groups, bias: bias, paddingMode: [.zeros, .circular, .zeros], policy: policy, dtype: dtype,
      generator: generator)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor { try conv(x) }
}

/// The transposed convolution over a cylinder: the adjoint of ``CylindricalConv``, a scatter onto the ring.
///
/// # Shapes
/// `[batch, channels, z, φ, r]`. With `padding: .same` each axis of `n` gives exactly `n s`, for every kernel and stride, and
/// rotating the input by 1 rotates the output by `s`.
///
/// State: `convTrans.weight`, `convTrans.bias`.
public final class CylindricalConvTranspose: Layer {
  /// The transposed convolution, circular along φ unless computed as published.
  public let convTrans: ConvTranspose3d
  /// How far φ is wrapped before, in the published layer; `nil` for the adjoint.
  private let wrapped: Int?

  /// - Parameters:
  ///   - inChannels: channels that go in; `nil` takes them from the first input.
  ///   - outChannels: channels that come out.
  ///   - kernelSize: taps along each axis.
  ///   - stride: elements from one window to the next, along each axis.
  ///   - padding: what the matching ``CylindricalConv`` has, or `.same` for `n s`.
  ///   - outputPadding: elements added to the end of the output, less than the stride.
  ///   - groups: parts into which the channels are divided; they do not see each other.
  ///   - bias: whether a learned number is added to each output channel.
  ///   - asPublished: compute as the layer that published weights were trained with: wrap φ by its padding,
  ///     then transpose with zeros and a padding of `k - 1` on φ. It keeps the size only for some kernels
  ///     and strides.
  ///   - policy: which algorithms may be taken.
  ///   - dtype: the type of the weights.
  ///   - generator: what random numbers are drawn from.
  /// - Precondition: `asPublished` comes with symmetric amounts.
  public init(
    inChannels: Int? = nil, outChannels: Int, kernelSize: PerAxis<Int> = [3, 4, 4],
    stride: PerAxis<Int> = [1, 2, 2], padding: Padding = .same, outputPadding: PerAxis<Int> = 0,
    groups: Int = 1, bias: Bool = true, asPublished: Bool = false, policy: ConvolutionPolicy = .automatic,
    dtype: DType = .float32, generator: Generator = .default
  ) {
    let kernel = kernelSize.expanded(Rank3.self, "cylindrical_conv_transpose", "kernelSize")
    let strides = stride.expanded(Rank3.self, "cylindrical_conv_transpose", "stride")
    var amounts = padding
    var extra = outputPadding
    var modes: PerAxis<PaddingMode> = [.zeros, .circular, .zeros]
    if asPublished {
      guard case .amounts(let given) = padding else {
        preconditionFailure("cylindrical_conv_transpose: the published layer takes amounts of padding")
      }
      var sides = given.expanded(Rank3.self, "cylindrical_conv_transpose", "padding")
      wrapped = sides[1].before
      sides[1] = .zeros(kernel[1] - 1)
      amounts = .amounts(PerAxis(sides))
      modes = .zeros
    } else {
      wrapped = nil
      if padding == .same {
        // The whole of the stride's overhang, the odd element at the end; a kernel shorter than the stride leaves gaps.
        let gaps = zip(kernel, strides).map { Swift.max($1 - $0, 0) }
        extra = PerAxis(gaps)
        amounts = .amounts(
          PerAxis(
            zip(zip(kernel, strides), gaps).map { axis, gap in
              let total = axis.0 - axis.1 + gap
              return .sides(total / 2, total - total / 2)
            }))
      }
    }
    convTrans = ConvTranspose3d(
      inChannels: inChannels, outChannels: outChannels, kernelSize: kernelSize, stride: stride,
      padding: amounts,
      outputPadding: extra, groups: groups, bias: bias, paddingMode: modes, policy: policy, dtype: dtype,
      generator: generator)
  }

  public func forward(_ x: Tensor) throws(ShapeError) -> Tensor {
    guard let wrapped, wrapped > 0 else { return try convTrans(x) }
    return try convTrans(pad(x, [0, 0, wrapped, wrapped], mode: .mode(.circular)))
  }
}
