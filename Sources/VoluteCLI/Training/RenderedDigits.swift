import Volute

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Images of digits as different hands would write them: 28 by 28 pixels from 0 to 1, and the digit.
///
/// Every image is turned, sheared, scaled, moved and bent at random, drawn with a pen of its own width and blackness, and
/// spoilt by noise and, every fourth time, by a stray stroke.
///
/// # Shapes
/// A sample is the image, float32 `[1, 28, 28]`, and the label, int64 `[]`.
struct RenderedDigits: Dataset {
  /// Which images: no image of one part is in the other.
  enum Part: Int { case training, heldOut }

  static let side = 28
  static let classes = 10
  private static let drawCount = 24

  let count: Int
  let seed: Int
  let part: Part

  func element(at index: Int) -> [Tensor] {
    let label = index % Self.classes
    let generator = Generator(seed: imageSeed(index))
    var draws = Draws(
      Tensor.rand([Self.drawCount], dtype: .float64, generator: generator).elements())
    var canvas = Canvas(side: Self.side)
    let ways = DigitGlyphs.all[label]
    let way = ways[min(Int(draws.next(0, Double(ways.count))), ways.count - 1)]
    let hand = Hand(&draws)
    let (width, ink) = (draws.next(0.6, 1.6), draws.next(0.5, 1))
    for stroke in way { canvas.draw(stroke.map(hand.place), width: width, ink: ink) }
    let isStrayed = draws.next(0, 1) < 0.25
    let start: DigitGlyphs.Point = [draws.next(0, 27), draws.next(0, 27)]
    let reach: DigitGlyphs.Point = [draws.next(-5, 5), draws.next(-5, 5)]
    if isStrayed { canvas.draw([start, start + reach], width: width, ink: ink) }
    let noise = Tensor.randn([1, Self.side, Self.side], generator: generator) * draws.next(0.02, 0.2)
    let image = Tensor(canvas.pixels, shape: [1, Self.side, Self.side]) + noise
    return [image.clamped(0, 1), Tensor(label)]
  }

  /// Different for all images of a seed. A generator reads 32 bits of it.
  private func imageSeed(_ index: Int) -> Int {
    // Far apart for neighbouring seeds: the constant is 2^64 over the golden ratio, odd.
    let start = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 >> 32
    return Int(truncatingIfNeeded: start) &+ 2 * index &+ part.rawValue
  }
}

/// Numbers drawn in advance, used one after another.
private struct Draws {
  private var values: ArraySlice<Double>

  init(_ values: [Double]) { self.values = values[...] }

  mutating func next(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * (values.popFirst() ?? 0.5)
  }
}

/// How a hand places what it writes.
private struct Hand {
  typealias Point = DigitGlyphs.Point

  private let columns: (x: Point, y: Point)
  private let center: Point
  private let bends: (x: Bend, y: Bend)

  /// A wave that bends lines.
  private struct Bend {
    let direction: Point
    let phase: Double
    let size: Double

    init(_ draws: inout Draws) {
      direction = [draws.next(-4, 4), draws.next(-4, 4)]
      phase = draws.next(0, 2 * .pi)
      size = draws.next(0, 0.07)
    }

    func callAsFunction(_ point: Point) -> Double { size * sin((direction * point).sum() + phase) }
  }

  init(_ draws: inout Draws) {
    let angle = draws.next(-15, 15) * .pi / 180
    let shear = draws.next(-0.25, 0.25)
    let (width, height) = (draws.next(10, 17), draws.next(15, 22))
    let (right, down): (Point, Point) = ([cos(angle), sin(angle)], [-sin(angle), cos(angle)])
    columns = (right * width, (down - right * shear) * height)
    center = [13.5 + draws.next(-2.5, 2.5), 13.5 + draws.next(-2.5, 2.5)]
    bends = (Bend(&draws), Bend(&draws))
  }

  /// Where a point of a glyph's box comes to lie, in pixels.
  func place(_ point: Point) -> Point {
    let bent = point + [bends.x(point), bends.y(point)] - 0.5
    return center + columns.x * bent.x + columns.y * bent.y
  }
}

/// An image that strokes are drawn on.
private struct Canvas {
  typealias Point = DigitGlyphs.Point

  let side: Int
  private(set) var pixels: [Float]

  init(side: Int) {
    self.side = side
    pixels = Array(repeating: 0, count: side * side)
  }

  /// - Parameters:
  ///   - width: half the pen's.
  ///   - ink: the pixel where the pen was.
  mutating func draw(_ stroke: [Point], width: Double, ink: Double) {
    for (from, to) in zip(stroke, stroke.dropFirst()) {
      let margin = Point(repeating: width + 0.5)
      let low = pointwiseMin(from, to) - margin
      let high = pointwiseMax(from, to) + margin
      let line = to - from
      let length = max((line * line).sum(), 1e-12)
      for y in covered(low.y, high.y) {
        for x in covered(low.x, high.x) {
          let offset = Point(Double(x), Double(y)) - from
          let share = min(max((offset * line).sum() / length, 0), 1)
          let away = offset - line * share
          let cover = min(max(width + 0.5 - (away * away).sum().squareRoot(), 0), 1)
          let place = y * side + x
          pixels[place] = max(pixels[place], Float(cover * ink))
        }
      }
    }
  }

  /// The rows or columns between two places.
  private func covered(_ low: Double, _ high: Double) -> Range<Int> {
    let first = Int(min(max(low.rounded(.up), 0), Double(side)))
    let last = Int(min(max(high.rounded(.down) + 1, Double(first)), Double(side)))
    return first..<last
  }
}
