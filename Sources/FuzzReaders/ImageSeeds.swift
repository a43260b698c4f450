import Volute
import VoluteFormats

/// Sound images: PNG of each kind, and what the Netpbm tools write.
enum ImageSeeds {
  static let files: [[UInt8]] = {
    var files = [1, 3, 4].compactMap { try? PNG.encode(image(channels: $0)) }
    files += parts.compactMap { try? PNG.file(header: $0.header, lines: $0.lines) }
    for (channels, head) in [(1, "P5 9 7 255\n"), (3, "P6\n# made by hand\n9 7\n255\n")] {
      let pixels = image(channels: channels).withUnsafeBytes { Array($0) }
      files.append(Array(head.utf8) + pixels)
    }
    return files
  }()

  /// Headers of 5 by 5 pixels, and lines with each of the filters.
  static let parts = [part(color: 0, channels: 1), part(color: 2, channels: 3), part(color: 6, channels: 4)]

  private static func part(color: UInt8, channels: Int) -> (header: [UInt8], lines: [UInt8]) {
    var lines: [UInt8] = []
    for row in 0..<5 {
      lines.append(UInt8(row))
      for index in 0..<5 * channels { lines.append(UInt8((row * 77 + index * 31) % 256)) }
    }
    return ([0, 0, 0, 5, 0, 0, 0, 5, 8, color, 0, 0, 0], lines)
  }

  private static func image(channels: Int) -> Tensor {
    let values = (0..<63 * channels).map { UInt8($0 * $0 % 256) }
    return Tensor(values, shape: [7, 9, channels])
  }
}
