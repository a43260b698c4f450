import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif
import Testing
import Volute
import VoluteInsight

/// The drawings: their structure for every configuration, and four of them as they are kept.
@Suite struct AnimationTests {
  /// The 15 figures of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
  static let figures: [(String, LayerSpecification, size: Int, result: Int)] = [
    ("no padding, no strides", .init(.convolution, kernelSize: 3), 4, 2),
    ("arbitrary padding, no strides", .init(.convolution, kernelSize: 4, padding: 2), 5, 6),
    ("half padding, no strides", .init(.convolution, kernelSize: 3, padding: .half), 5, 5),
    ("full padding, no strides", .init(.convolution, kernelSize: 3, padding: .full), 5, 7),
    ("no padding, strides", .init(.convolution, kernelSize: 3, stride: 2), 5, 2),
    ("padding, strides", .init(.convolution, kernelSize: 3, stride: 2, padding: 1), 5, 3),
    ("padding, strides (odd)", .init(.convolution, kernelSize: 3, stride: 2, padding: 1), 6, 3),
    ("no padding, no strides, transposed", .init(.transposedConvolution, kernelSize: 3), 2, 4),
    ("arbitrary padding, transposed", .init(.transposedConvolution, kernelSize: 4, padding: 2), 6, 5),
    ("half padding, transposed", .init(.transposedConvolution, kernelSize: 3, padding: 1), 5, 5),
    ("full padding, transposed", .init(.transposedConvolution, kernelSize: 3, padding: 2), 7, 5),
    ("no padding, strides, transposed", .init(.transposedConvolution, kernelSize: 3, stride: 2), 2, 5),
    (
      "padding, strides, transposed", .init(.transposedConvolution, kernelSize: 3, stride: 2, padding: 1), 3,
      5
    ),
    (
      "padding, strides (odd), transposed",
      .init(.transposedConvolution, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1), 3, 6
    ),
    ("dilation", .init(.convolution, kernelSize: 3, dilation: 2), 7, 3),
  ]

  @Test(arguments: 0..<15)
  func classicalFigures(index: Int) throws {
    let (name, specification, size, result) = Self.figures[index]
    let layer = try ResolvedLayer(specification, inputSize: [size, size])
    #expect(layer.outputSize == [result, result], "\(name)")
    let svg = try Animation(layer).svg
    try check(svg)
    #expect(svg.components(separatedBy: "class=\"in\"").count - 1 == size * size)
    #expect(svg.components(separatedBy: "class=\"empty\"").count - 1 == result * result)
    #expect(svg.components(separatedBy: "class=\"out\"").count - 1 == result * result)
    let kernel = layer.axes.reduce(1) { $0 * $1.kernel }
    #expect(svg.components(separatedBy: "class=\"tap\"").count - 1 == kernel)
    // One frame of the window for each place that it stands at, and the last.
    let steps = layer.isTransposed ? size * size : result * result
    let frames = try #require(
      svg.components(separatedBy: "@keyframes w").last?.components(separatedBy: "\n").first)
    #expect(frames.components(separatedBy: "transform:").count - 1 == steps + 1)
  }

  /// Every rank, operation and mode: well-formed, light and dark, still where that is asked for, without scripts.
  @Test func everyForm() throws {
    for rank in 1...3 {
      for kind in LayerSpecification.Kind.allCases {
        for mode in PaddingMode.allCases where mode == .zeros || !kind.isPooling {
          let specification = LayerSpecification(
            kind, kernelSize: 3, stride: 2, padding: 1, paddingMode: PerAxis(repeating: mode))
          let layer = try ResolvedLayer(specification, inputSize: Array(repeating: 4, count: rank))
          let animation = try Animation(layer)
          try check(animation.svg)
          let still = try animation.still(at: Array(repeating: 1, count: rank))
          #expect(!still.contains("@keyframes"))
          #expect(try XMLDocument(xmlString: still).rootElement()?.name == "svg")
        }
      }
    }
  }

  private func check(_ svg: String) throws {
    #expect(try XMLDocument(xmlString: svg).rootElement()?.name == "svg")
    #expect(svg.contains("prefers-color-scheme:dark"))
    #expect(svg.contains("prefers-reduced-motion:reduce"))
    for foreign in ["<script", "http://", "https://", "url("] where foreign != "http://" {
      #expect(!svg.contains(foreign))
    }
    #expect(svg.components(separatedBy: "http://").count == 2)
    // Each name that is animated has its frames.
    for part in svg.components(separatedBy: "animation-name:").dropFirst() {
      let name = part.prefix { $0.isLetter || $0.isNumber }
      #expect(svg.contains("@keyframes \(name){"))
    }
    for part in svg.components(separatedBy: "style=\"animation:").dropFirst() {
      #expect(svg.contains("@keyframes \(part.prefix { $0.isLetter || $0.isNumber }){"))
    }
  }

  /// The figure with numbers: what stands in the outputs.
  @Test func numbersOfTheFigure() throws {
    let layer = try ResolvedLayer(.init(.convolution, kernelSize: 3), inputSize: [5, 5])
    let numbers = try Animation(layer).svg.components(separatedBy: "class=\"out\"").dropFirst().map {
      Int($0.components(separatedBy: "dy=\".35em\">")[1].prefix { $0 != "<" })
    }
    #expect(numbers == [12, 12, 17, 10, 17, 19, 9, 6, 14])
  }

  /// The last sum of each output of a transposed convolution is what the operation gives.
  @Test func sumsEndInTheResult() throws {
    let specification = LayerSpecification(
      .transposedConvolution, kernelSize: 3, stride: 2, padding: 1, paddingMode: .circular)
    let layer = try ResolvedLayer(specification, inputSize: [4])
    let last = try Animation(layer).still(at: [3])
    // The numbers of the last step stand where the first and only ones do.
    let shown = last.components(separatedBy: "class=\"empty\"").count - 1
    #expect(shown == 7)
    let numbers = last.components(separatedBy: "dy=\".35em\">").dropFirst().map {
      Int($0.prefix { $0 != "<" })
    }
    // Four inputs, seven outputs, three weights.
    #expect(numbers.count == 4 + 7 + 3)
    let result = try transposedConvolution(
      Tensor([3, 3, 2, 1] as [Int64], shape: [1, 1, 4]), Tensor([0, 1, 2] as [Int64], shape: [1, 1, 3]),
      stride: 2,
      padding: [.circular(1)])
    #expect(numbers.contains(nil) == false)
    #expect(
      Array(numbers.suffix(10).prefix(7)).compactMap { $0 } == result.elements(as: Int64.self).map { Int($0) }
    )
  }

  @Test func refusals() throws {
    let conv = LayerSpecification(.convolution, kernelSize: 3)
    #expect(throws: ShapeError.self) { try Animation(try ResolvedLayer(conv, inputSize: [3, 3, 3, 3])) }
    #expect(throws: ShapeError.self) { try Animation(try ResolvedLayer(conv, inputSize: [99, 99])) }
    let animation = try Animation(try ResolvedLayer(conv, inputSize: [5]))
    #expect(throws: ShapeError.self) { try animation.still(at: [3]) }
  }

  /// `VOLUTE_UPDATE_SNAPSHOTS=1` writes them anew; look at them then.
  @Test(arguments: ["strided", "transposed", "ring", "volume"])
  func snapshots(name: String) throws {
    let (specification, size): (LayerSpecification, [Int]) =
      switch name {
      case "strided": (.init(.convolution, kernelSize: 3, stride: 2, padding: 1), [5, 5])
      case "transposed": (.init(.transposedConvolution, kernelSize: 3, stride: 2, padding: 1), [2, 3])
      case "ring": (.init(.convolution, kernelSize: 4, stride: 2, padding: 1, paddingMode: .circular), [8])
      default: (.init(.maxPool, kernelSize: 2, stride: 1), [3, 3, 3])
      }
    let svg = try Animation(try ResolvedLayer(specification, inputSize: size)).svg
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Snapshots/\(name).svg")
    if ProcessInfo.processInfo.environment["VOLUTE_UPDATE_SNAPSHOTS"] != nil {
      try svg.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try svg == String(contentsOf: file, encoding: .utf8))
  }
}
