import Volute

extension CylindricalUNet {
  /// What a cylindrical U-Net is built of.
  public struct Configuration: Sendable {
    /// How the layers between levels treat sizes.
    public enum Resampling: Sendable {
      /// The layers that published weights were trained with: kernel 4 with a padding of 1, stride 2.
      case published
      /// Sizes rounded up on the way down and met exactly on the way up, for any kernel and stride.
      case exact(kernelSize: [Int], strides: [[Int]])
    }

    /// Cells along z, φ and r.
    public var size: [Int]
    /// Of the input: the shower and the images of coordinates beside it.
    public var channels: Int
    /// Of the levels, the first for the first convolution; the first two are equal.
    public var widths: [Int]
    /// Features that the energy and the time are turned into, together.
    public var conditioning = 128
    /// Whether there is attention at each level and in the middle.
    public var hasAttention = true
    /// How the layers between levels treat sizes.
    public var resampling = Resampling.published
    /// Which algorithms may compute its convolutions.
    public var policy = ConvolutionPolicy.automatic

    /// - Precondition: at least two widths, the first two equal and all multiples of 8.
    public init(size: [Int], channels: Int, widths: [Int] = [16, 16, 16, 32]) {
      precondition(size.count == 3, "cylindrical_unet: expected sizes of z, φ and r, but got \(size)")
      precondition(
        widths.count >= 2 && widths[0] == widths[1] && widths.allSatisfy { $0 > 0 && $0 % 8 == 0 },
        "cylindrical_unet: expected widths that are multiples of 8, of which the first two are equal, but got "
          + "\(widths)")
      self.size = size
      self.channels = channels
      self.widths = widths
    }

    /// CaloChallenge's dataset 1, photons: 5 layers.
    public static let photons = Configuration(size: [5, 10, 30], channels: 4)
    /// CaloChallenge's dataset 1, pions: 7 layers.
    public static let pions = Configuration(size: [7, 10, 23], channels: 4)
    /// CaloChallenge's dataset 2.
    public static let dataset2 = Configuration(size: [45, 16, 9], channels: 3)
    /// CaloChallenge's dataset 3.
    public static let dataset3 = Configuration(
      size: [45, 50, 18], channels: 3, widths: [32, 32, 32, 32])

    /// The sizes at each level, from the input's down.
    public var levels: [[Int]] {
      var result = [size]
      while result.count < widths.count - 1 {
        let (sizes, level) = (result[result.count - 1], result.count - 1)
        switch resampling {
        case .published:
          // z has a kernel of 3, φ and r of 4.
          result.append([(sizes[0] - 1) / 2 + 1, (sizes[1] - 2) / 2 + 1, (sizes[2] - 2) / 2 + 1])
        case .exact(_, let strides):
          result.append(zip(sizes, strides[level]).map { ($0 + $1 - 1) / $1 })
        }
      }
      return result
    }

    /// This network with exact layers between its levels, whose strides along φ are planned so that they divide the ring at
    /// each level: 10 cells become 5 and stay 5 where 2 and 2 are wished for. Rotations by the product of those strides
    /// then go through the network, unless an input channel tells the angles apart.
    ///
    /// - Parameters:
    ///   - kernelSize: of the layers between levels, along z, φ and r.
    ///   - strides: what is wished for at each level, along z, φ and r.
    /// - Throws: `ShapeError` when a stride is not from 1 to 64, or there are not three.
    public func resampledExactly(
      kernelSize: [Int] = [3, 4, 4], strides: [Int] = [2, 2, 2]
    ) throws(ShapeError) -> Configuration {
      guard kernelSize.count == 3, strides.count == 3, kernelSize.allSatisfy({ $0 > 0 }),
        strides.allSatisfy({ 1...64 ~= $0 })
      else {
        throw ShapeError(
          "cylindrical_unet", parameter: "strides",
          "expected kernels and strides from 1 to 64 along z, φ and r, but got \(kernelSize) and \(strides)")
      }
      let steps = widths.count - 2
      var result = self
      guard steps > 0 else { return result }
      let ring = try RingPlan.plans(ring: size[1], strides: Array(repeating: strides[1], count: steps))[0]
      result.resampling = .exact(
        kernelSize: kernelSize, strides: ring.strides.map { [strides[0], $0, strides[2]] })
      return result
    }

    func down(_ channels: Int, level: Int, generator: Generator) -> any Layer {
      switch resampling {
      case .published:
        return CylindricalConv(
          inChannels: channels, outChannels: channels, kernelSize: [3, 4, 4], stride: 2, padding: 1,
          policy: policy, generator: generator)
      case .exact(let kernel, let strides):
        return CylindricalConv(
          inChannels: channels, outChannels: channels, kernelSize: PerAxis(kernel),
          stride: PerAxis(strides[level]), padding: .same, policy: policy, generator: generator)
      }
    }

    /// The layer from the level below `level` up to it.
    func up(_ channels: Int, level: Int, generator: Generator) -> any Layer {
      let target = levels[level]
      switch resampling {
      case .published:
        return CylindricalConvTranspose(
          inChannels: channels, outChannels: channels, kernelSize: [target[0] % 2 == 0 ? 4 : 3, 4, 4],
          stride: 2,
          padding: 1, outputPadding: [0, target[1] % 2, target[2] % 2], asPublished: true, policy: policy,
          generator: generator)
      case .exact(let kernel, let strides):
        // The adjoint of the way down: the padding that `.same` had there.
        var sides: [AxisPadding] = []
        var extra: [Int] = []
        for axis in 0..<3 {
          let (k, s, n) = (kernel[axis], strides[level][axis], target[axis])
          let reach = ((n + s - 1) / s - 1) * s + k
          let total = max(0, reach - n)
          sides.append(.sides(total / 2, total - total / 2))
          extra.append(max(0, n - reach))
        }
        return CylindricalConvTranspose(
          inChannels: channels, outChannels: channels, kernelSize: PerAxis(kernel),
          stride: PerAxis(strides[level]), padding: .amounts(PerAxis(sides)), outputPadding: PerAxis(extra),
          policy: policy, generator: generator)
      }
    }
  }
}
