import CVolute
import Volute

/// Short videos to learn from and to try things on: two discs of random colours move over a slanted background, and turn
/// back at the rims.
///
/// Every clip is drawn from its own stream: the same seed and index give the same clip.
public struct SyntheticClips: Dataset {
  public let count: Int
  /// Of all clips; each is drawn from its own stream.
  public let seed: Int
  /// Frames of a clip.
  public let frames: Int
  /// Of a frame, in pixels.
  public let height: Int
  /// Of a frame, in pixels.
  public let width: Int

  /// - Precondition: every number is positive.
  public init(count: Int, seed: Int, frames: Int = 17, height: Int = 48, width: Int = 64) {
    precondition(
      count > 0 && frames > 0 && height > 0 && width > 0, "synthetic_clips: every number has to be positive")
    self.count = count
    self.seed = seed
    self.frames = frames
    self.height = height
    self.width = width
  }

  /// A clip `[3, frames, height, width]` of values from -1 to 1.
  public func element(at index: Int) -> [Tensor] {
    let numbers = Tensor.rand([32], generator: sampleStream(seed: seed, index: index)).elements(
      as: Float.self)
    let side = Float(Swift.min(height, width))
    let discs = (0..<2).map { Disc(Array(numbers[8 + 12 * $0..<20 + 12 * $0]), side: side) }
    let slant = (numbers[6] - 0.5, numbers[7] - 0.5)
    var values = [Float](repeating: 0, count: 3 * frames * height * width)
    for frame in 0..<frames {
      let centers = discs.map { $0.center(frame, height: Float(height), width: Float(width)) }
      for row in 0..<height {
        for column in 0..<width {
          let (y, x) = (Float(row) + 0.5, Float(column) + 0.5)
          let along = 0.5 + slant.0 * (y / Float(height) - 0.5) + slant.1 * (x / Float(width) - 0.5)
          let covers = zip(discs, centers).map { disc, center in
            let distance = ((y - center.y) * (y - center.y) + (x - center.x) * (x - center.x)).squareRoot()
            return Swift.min(Swift.max(disc.radius - distance + 0.5, 0), 1)
          }
          for channel in 0..<3 {
            var value = numbers[channel] * (1 - along) + numbers[3 + channel] * along
            for (disc, cover) in zip(discs, covers) { value += cover * (disc.color[channel] - value) }
            values[((channel * frames + frame) * height + row) * width + column] = 2 * value - 1
          }
        }
      }
    }
    return [Tensor(values, shape: [3, frames, height, width])]
  }

  /// A clip as a file has it: uint8 `[frames, height, width, 3]`.
  public func bytes(at index: Int) -> Tensor { VideoClip.bytes(element(at: index)[0]) }

  private struct Disc {
    let color: [Float]
    let radius: Float
    let start: (y: Float, x: Float)
    let speed: (y: Float, x: Float)

    init(_ numbers: [Float], side: Float) {
      color = Array(numbers[0..<3])
      radius = side * (0.12 + 0.12 * numbers[3])
      start = (numbers[4], numbers[5])
      speed = (side * 0.06 * (2 * numbers[6] - 1), side * 0.06 * (2 * numbers[7] - 1))
    }

    func center(_ frame: Int, height: Float, width: Float) -> (y: Float, x: Float) {
      func place(_ start: Float, _ speed: Float, _ size: Float) -> Float {
        let span = Swift.max(size - 2 * radius, 1)
        // To and fro: along a line of twice the length, of which the second half leads back.
        let way = (start * span + speed * Float(frame)).truncatingRemainder(dividingBy: 2 * span)
        let ahead = way < 0 ? way + 2 * span : way
        return radius + (ahead > span ? 2 * span - ahead : ahead)
      }
      return (place(start.y, speed.y, height), place(start.x, speed.x, width))
    }
  }
}

/// Clips as files have them, and what a reconstruction is worth.
public enum VideoClip {
  /// The bytes of a clip.
  ///
  /// # Shapes
  /// `[channels, frames, height, width]` of -1 to 1 gives uint8 `[frames, height, width, channels]`.
  public static func bytes(_ clip: Tensor) -> Tensor {
    ((clip + 1) * 127.5).round().clamped(0, 255).to(.uint8).permuted(1, 2, 3, 0)
  }

  /// The peak signal-to-noise ratio in decibels of two clips of values from -1 to 1, of one shape; infinite where they
  /// are the same.
  public static func psnr(_ x: Tensor, _ y: Tensor) -> Double {
    let error = (x.to(.float64) - y.to(.float64)).square().mean()
    return ((4 / error).log10() * 10).item(as: Double.self)
  }

  /// The mean of a clip's frames in the place of each of them.
  ///
  /// # Shapes
  /// Of `[channels, frames, height, width]`.
  public static func meanFrame(_ clip: Tensor) -> Tensor {
    clip.mean([1], keepsAxes: true).expanded(clip.shape)
  }
}
