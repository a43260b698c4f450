import ArgumentParser
import Volute

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What an operation works on when it is given no file: the Shepp–Logan phantom, and a kernel that smooths.
enum Sample {
  /// Elements along each axis.
  static let size = 64
  /// The most elements that are made up.
  static let largest = 16_777_216.0

  /// An ellipsoid of the phantom: what it adds to the value, its half axes, centre (x, y, z), and its turn about z in degrees.
  private struct Ellipsoid {
    /// In tenths, so that the sums are exact.
    let tenths: Int
    let radii: (Double, Double, Double)
    let center: (Double, Double, Double)
    let turn: Double
  }

  /// Toft's values, with the contrast raised.
  private static let ellipsoids: [Ellipsoid] = [
    .init(tenths: 10, radii: (0.69, 0.92, 0.81), center: (0, 0, 0), turn: 0),
    .init(tenths: -8, radii: (0.6624, 0.874, 0.78), center: (0, -0.0184, 0), turn: 0),
    .init(tenths: -2, radii: (0.11, 0.31, 0.22), center: (0.22, 0, 0), turn: -18),
    .init(tenths: -2, radii: (0.16, 0.41, 0.28), center: (-0.22, 0, 0), turn: 18),
    .init(tenths: 1, radii: (0.21, 0.25, 0.41), center: (0, 0.35, -0.15), turn: 0),
    .init(tenths: 1, radii: (0.046, 0.046, 0.05), center: (0, 0.1, 0.25), turn: 0),
    .init(tenths: 1, radii: (0.046, 0.046, 0.05), center: (0, -0.1, 0.25), turn: 0),
    .init(tenths: 1, radii: (0.046, 0.023, 0.05), center: (-0.08, -0.605, 0), turn: 0),
    .init(tenths: 1, radii: (0.023, 0.023, 0.02), center: (0, -0.606, 0), turn: 0),
    .init(tenths: 1, radii: (0.023, 0.046, 0.02), center: (0.06, -0.605, 0), turn: 0),
  ]

  /// The phantom over the cube from -1 to 1, in float32; of fewer than three axes, its middle slice or line.
  ///
  /// - Parameter size: elements along z, y and x, or the last of these; y points up.
  static func phantom(_ size: [Int]) -> Tensor {
    let places = (Array(repeating: 1, count: 3 - size.count) + size).map { count in
      (0..<count).map { (2 * Double($0) + 1) / Double(count) - 1 }
    }
    var values = Array(repeating: 0, count: size.reduce(1, *))
    for ellipsoid in ellipsoids {
      let (sine, cosine) = (sin(ellipsoid.turn * .pi / 180), cos(ellipsoid.turn * .pi / 180))
      var index = 0
      for z in places[0] {
        let w = (z - ellipsoid.center.2) / ellipsoid.radii.2
        for row in places[1] {
          let y = -row - ellipsoid.center.1
          for column in places[2] {
            let x = column - ellipsoid.center.0
            let u = (x * cosine + y * sine) / ellipsoid.radii.0
            let v = (y * cosine - x * sine) / ellipsoid.radii.1
            if u * u + v * v + w * w <= 1 { values[index] += ellipsoid.tenths }
            index += 1
          }
        }
      }
    }
    return Tensor(values.map { Float($0) / 10 }, shape: size)
  }

  /// A Gaussian window whose sum is 1, for each channel by itself.
  ///
  /// - Parameter channels: of the input and of the output; a multiple of `groups`.
  static func kernel(_ size: [Int], channels: Int, groups: Int, dtype: DType) -> Tensor {
    let lines = size.map { count -> [Double] in
      let middle = Double(count - 1) / 2
      let width = max(Double(count) / 4, 0.5)
      let values = (0..<count).map {
        exp(-(Double($0) - middle) * (Double($0) - middle) / (2 * width * width))
      }
      return values.map { $0 / values.reduce(0, +) }
    }
    let window = lines.reduce([1.0]) { products, line in products.flatMap { p in line.map { p * $0 } } }
    let columns = channels / groups
    let values = (0..<channels).flatMap { row in
      (0..<columns).flatMap { column in row % columns == column ? window : window.map { _ in 0 } }
    }
    return Tensor(values, shape: [channels, columns] + size).to(dtype)
  }

  /// The phantom as the operation takes it.
  ///
  /// - Parameter weight: decides the channels and the type; without it there is a channel a group.
  static func operands(_ call: Call, weight: Tensor?) throws -> (input: Tensor, indices: Tensor?) {
    let options = call.options
    let family = call.operation.family
    guard call.rank <= 3 else {
      throw ValidationError("the built-in sample has at most 3 axes, not \(call.rank); give --input")
    }
    var size = Array(repeating: size, count: call.rank)
    var channels = max(options.groups ?? 1, 1)
    if let weight {
      guard weight.rank == call.rank + 2 else { return (phantom(size), nil) }
      let isTransposed = family.stem == Family.transposedConvolution.stem
      channels = isTransposed ? weight.shape[0] : weight.shape[1] * channels
    }
    let isFolded = family.stem == Family.fold.stem
    if isFolded { size = try call.required(try call.outputSize(), .outputSize) }
    guard volume(size + [channels]) <= largest, size.allSatisfy({ $0 > 0 }) else {
      throw ValidationError(
        "the built-in sample has no \(channels) channels of \(sizeText(size)) elements; give --input")
    }
    var image = phantom(size).expanded([1, channels] + size).contiguous()
    if let dtype = weight?.dtype { image = (dtype.isFloatingPoint ? image : image * 100).to(dtype) }
    if isFolded {
      return (
        try Volute.unfold(
          image, kernelSize: try call.kernelSize(), dilation: options.dilation ?? 1,
          padding: try call.symmetricPadding(), stride: options.stride ?? 1, rank: call.rank), nil
      )
    }
    if family.stem == Family.maxUnpool.stem {
      let pooled = try Volute.maxPool(
        image, rank: call.rank, kernelSize: try call.kernelSize(), stride: options.stride,
        padding: try call.symmetricPadding())
      return (pooled.values, pooled.indices)
    }
    return (image, nil)
  }

  private static func sizeText(_ size: [Int]) -> String { size.map(String.init).joined(separator: "x") }
}
