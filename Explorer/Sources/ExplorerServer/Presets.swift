import Volute
import VoluteInsight

/// Layers and stacks to start from.
enum Presets {
  static var json: JSON {
    ["layers": .array(layers.map(\.json)), "stacks": .array(stacks.map(\.json))]
  }

  struct Preset {
    let name: String
    let state: JSON
    var json: JSON { ["name": .string(name), "state": state] }
  }

  // MARK: - Layers

  static var layers: [Preset] {
    [
      layer("Edge filter", "conv", size: [6, 6], kernel: [3, 3], input: halfBright, weight: edge),
      layer(
        "Edge filter, padded", "conv", size: [6, 6], kernel: [3, 3], padding: [[1, 1], [1, 1]],
        mode: ["replicate", "replicate"], input: halfBright, weight: edge),
      layer(
        "A slice of the phantom", "conv", size: [24, 24], kernel: [3, 3], padding: [[1, 1], [1, 1]],
        input: phantom(24), weight: [0, 1, 0, 1, -4, 1, 0, 1, 0], show: "shades"),
      layer(
        "A ring, down", "conv", size: [12], kernel: [4], stride: [2], padding: [[1, 1]], mode: ["circular"]),
      layer(
        "A ring, up by three", "conv-transpose", size: [5], kernel: [4], stride: [3], padding: [[0, 1]],
        mode: ["circular"]),
      layer(
        "Checkerboard", "conv-transpose", size: [4, 4], kernel: [3, 3], stride: [2, 2],
        input: Array(repeating: 1, count: 16), weight: Array(repeating: 1, count: 9)),
      layer("Dilated", "conv", size: [7, 7], kernel: [3, 3], dilation: [2, 2]),
      layer("Causal in time", "conv", size: [10], kernel: [3], dilation: [2], padding: [[4, 0]]),
      layer(
        "Max pool, windows that overhang", "max-pool", size: [5, 5], kernel: [2, 2], stride: [2, 2],
        ceil: true),
      layer(
        "A cylinder", "conv", size: [5, 10, 8], kernel: [3, 4, 4], stride: [2, 2, 2],
        padding: [[1, 1], [1, 1], [1, 1]], mode: ["zeros", "circular", "zeros"]),
    ]
  }

  private static let edge: [Double] = [2, 0, -2, 2, 0, -2, 2, 0, -2]
  private static let halfBright = (0..<36).map { $0 % 6 < 3 ? 30.0 : 0 }

  /// Ellipses of a head, as they are customary: centre, half axes, brightness; the middle one is left out.
  private static func phantom(_ side: Int) -> [Double] {
    let ellipses: [(Double, Double, Double, Double, Double)] = [
      (0, 0, 0.69, 0.92, 9), (0, -0.02, 0.62, 0.84, -6), (0.25, 0, 0.14, 0.33, -2),
      (-0.25, 0, 0.17, 0.42, -2),
      (0, 0.38, 0.22, 0.25, 3), (0, -0.6, 0.12, 0.1, 4),
    ]
    return (0..<side * side).map { place in
      let x = 2 * (Double(place % side) + 0.5) / Double(side) - 1
      let y = 1 - 2 * (Double(place / side) + 0.5) / Double(side)
      return ellipses.reduce(0) { sum, e in
        let (u, v) = ((x - e.0) / e.2, (y - e.1) / e.3)
        return u * u + v * v <= 1 ? sum + e.4 : sum
      }
    }
  }

  private static func layer(
    _ name: String, _ operation: String, size: [Int], kernel: [Int], stride: [Int]? = nil,
    dilation: [Int]? = nil,
    padding: [[Int]]? = nil, mode: [String]? = nil, ceil: Bool = false, input: [Double]? = nil,
    weight: [Double]? = nil, show: String = "values"
  ) -> Preset {
    let ones = size.map { _ in 1 }
    return Preset(
      name: name,
      state: [
        "operation": .string(operation), "size": .integers(size), "kernel": .integers(kernel),
        "stride": .integers(stride ?? ones), "dilation": .integers(dilation ?? ones),
        "padding": .array((padding ?? size.map { _ in [0, 0] }).map { .integers($0) }),
        "mode": .strings(mode ?? size.map { _ in "zeros" }), "outputPadding": .integers(size.map { _ in 0 }),
        "ceil": .bool(ceil), "show": .string(show), "input": input.map { .numbers($0) } ?? nil,
        "weight": weight.map { .numbers($0) } ?? nil,
      ])
  }

  // MARK: - Stacks

  static var stacks: [Preset] {
    [
      cylinder("Cylindrical U-Net, dataset 1, photons", [5, 10, 30], [16, 16, 32], channels: 4),
      cylinder("Cylindrical U-Net, dataset 1, pions", [7, 10, 23], [16, 16, 32], channels: 4),
      cylinder("Cylindrical U-Net, dataset 2", [45, 16, 9], [16, 16, 32], channels: 3),
      cylinder("Cylindrical U-Net, dataset 3", [45, 50, 18], [32, 32, 32], channels: 3),
      video, chain,
    ]
  }

  /// Two levels down and up again: z rounds up, φ is a ring, and what the strides leave over is output padding.
  private static func cylinder(_ name: String, _ size: [Int], _ widths: [Int], channels: Int) -> Preset {
    var items: [JSON] = [
      convolution([3, 3, 3], channels: widths[0], padding: [[1, 1], [1, 1], [1, 1]], ring: true)
    ]
    var sizes = [size]
    for level in 0..<2 {
      items += [
        "save",
        convolution(
          [3, 4, 4], stride: [2, 2, 2], channels: widths[level + 1], padding: [[1, 1], [1, 1], [1, 1]],
          ring: true),
      ].map { $0.asItem }
      let last = sizes[level]
      sizes.append([(last[0] + 1) / 2, last[1] / 2, last[2] / 2])
    }
    items.append(
      convolution([3, 3, 3], channels: widths[2], padding: [[1, 1], [1, 1], [1, 1]], ring: true))
    for level in [1, 0] {
      let (large, small) = (sizes[level], sizes[level + 1])
      let kernel = large[0] % 2 == 0 ? 4 : 3
      items.append([
        "operation": "conv-transpose", "kernel": .integers([kernel, 4, 4]), "stride": [2, 2, 2],
        "padding": [[1, 1], [1, 1], [1, 1]], "mode": ["zeros", "circular", "zeros"],
        "outputPadding": .integers([0, large[1] - 2 * small[1], large[2] - 2 * small[2]]),
        "outputChannels": .integer(widths[level]),
      ])
      items.append(["operation": "join"])
      items.append(
        convolution([3, 3, 3], channels: widths[level], padding: [[1, 1], [1, 1], [1, 1]], ring: true))
    }
    return stack(name, size, channels: channels, items)
  }

  private static var video: Preset {
    let widths = [128, 256, 512, 512]
    var items = [convolution([3, 3, 3], channels: widths[0], padding: [[2, 0], [1, 1], [1, 1]])]
    for level in 0..<4 {
      items.append(convolution([3, 3, 3], channels: widths[level], padding: [[2, 0], [1, 1], [1, 1]]))
      guard level < 3 else { continue }
      items.append(
        convolution(
          [1, 3, 3], stride: [1, 2, 2], channels: widths[level], padding: [[0, 0], [1, 1], [1, 1]]))
      items.append(
        convolution(
          [3, 1, 1], stride: [2, 1, 1], channels: widths[level], padding: [[2, 0], [0, 0], [0, 0]]))
    }
    return stack("Causal video encoder", [17, 64, 64], channels: 3, items)
  }

  private static var chain: Preset {
    stack(
      "Step by step in 3-D: 100 to 30 to 16", [100, 100, 100], channels: 7,
      [
        convolution([13, 13, 13], stride: [3, 3, 3], channels: 1),
        convolution([15, 15, 15], channels: 1), convolution([1, 1, 1], channels: 12),
      ])
  }

  private static func convolution(
    _ kernel: [Int], stride: [Int] = [1, 1, 1], channels: Int,
    padding: [[Int]] = [[0, 0], [0, 0], [0, 0]],
    ring: Bool = false
  ) -> JSON {
    [
      "operation": "conv", "kernel": .integers(kernel), "stride": .integers(stride),
      "padding": .array(padding.map { .integers($0) }),
      "mode": .strings(ring ? ["zeros", "circular", "zeros"] : ["zeros", "zeros", "zeros"]),
      "outputChannels": .integer(channels),
    ]
  }

  private static func stack(_ name: String, _ size: [Int], channels: Int, _ items: [JSON]) -> Preset {
    Preset(
      name: name,
      state: ["size": .integers(size), "channels": .integer(channels), "layers": .array(items)])
  }
}

extension JSON {
  /// `save` as an item of a stack.
  fileprivate var asItem: JSON {
    if case .string(let name) = self { return ["operation": .string(name)] }
    return self
  }
}
