import Volute
import VoluteFormats

/// Sound images: PNG of each kind, and what the Netpbm tools write.
enum ImageSeeds {
  static let files: [[UInt8]] = {
    var files = [1, 3, 4].compactMap { try? PNG.encode(image(channels: $0)) }
    files += parts.compactMap { try? PNG.file(header: $0.header, lines: $0.lines) }
    for (channels, head) in [(1, "P5 9 7 255\n"), (3, "P6\n# made by hand\n9 7\n255\n")] {
      let pixels: [UInt8] = image(channels: channels).withUnsafeBytes { Array($0) }
      files.append(Array(head.utf8) + pixels)
    }
    return files
  }()

  /// Headers of 5 by 5 pixels, and lines with each of the filters.
  static let parts: [(header: [UInt8], lines: [UInt8])] = [(UInt8(0), 1), (2, 3), (6, 4)].map {
    color, channels in
    (
      header: [0, 0, 0, 5, 0, 0, 0, 5, 8, color, 0, 0, 0],
      lines: (0..<5).flatMap { row -> [UInt8] in
        [UInt8(row)] + (0..<5 * channels).map { UInt8((row * 77 + $0 * 31) % 256) }
      }
    )
  }

  private static func image(channels: Int) -> Tensor {
    Tensor((0..<63 * channels).map { UInt8($0 * $0 % 256) }, shape: [7, 9, channels])
  }
}
