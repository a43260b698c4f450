import Foundation
import Testing
import Volute
import VoluteEngine

/// Measured plans. One after the other: the place where they are kept belongs to the whole process.
@Suite(.serialized) struct MeasuredTests {
  private let path: String

  init() {
    let folder = FileManager.default.temporaryDirectory.appending(path: "volute-\(UUID().uuidString)")
    path = folder.appending(path: "deeper/plans").path
    Engine.planStorePath = path
  }

  private var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  private func cases() throws -> [ConvolutionGeometry] {
    [
      try ConvolutionGeometry(inputShape: [2, 8, 20, 18], weightShape: [8, 8, 3, 3], padding: 1),
      try ConvolutionGeometry(
        inputShape: [1, 3, 9, 10, 11], weightShape: [4, 3, 4, 4, 4], stride: [1, 2, 1],
        paddingMode: .circular),
      try ConvolutionGeometry(transposing: [1, 4, 9, 9], weightShape: [4, 3, 4, 4], stride: 2, padding: 1),
    ]
  }

  @Test(arguments: ConvolutionDirection.allCases) func agreesWithTheDefinition(
    direction: ConvolutionDirection
  ) throws {
    for (index, geometry) in try cases().enumerated() {
      let generator = Generator(seed: index)
      let left = Tensor.randn(
        direction == .inputGradient ? geometry.outputShape : geometry.inputShape, generator: generator)
      let right = Tensor.randn(
        direction == .weightGradient ? geometry.outputShape : geometry.weightShape, generator: generator)
      func result(_ policy: ConvolutionPolicy) throws -> [Double] {
        let tensor =
          switch direction {
          case .forward: try convolve(geometry, left, right, nil, policy: policy)
          case .inputGradient: try convolutionInputGradient(geometry, left, right, policy: policy)
          case .weightGradient: try convolutionWeightGradient(geometry, left, right, policy: policy)
          }
        return tensor.to(.float64).elements(as: Double.self)
      }
      let (measured, exact) = (try result(.measured), try result(.exact))
      let scale = (exact.reduce(0) { $0 + $1 * $1 } / Double(exact.count)).squareRoot()
      let largest = zip(measured, exact).map { abs($0 - $1) }.max() ?? .infinity
      #expect(largest <= 4e-5 * scale, "\(geometry): \(largest / scale)")
    }
  }

  @Test func nothingIsWrittenBeforeSomethingIsMeasured() throws {
    let geometry = try cases()[0]
    _ = try Engine.plan(geometry, .forward, .float32)
    _ = try Engine.plan(geometry, .forward, .float32, policy: .exact)
    #expect(!FileManager.default.fileExists(atPath: path))
    _ = try Engine.plan(geometry, .forward, .float32, policy: .measured)
    #expect(text.split(separator: "\n").count == 2)
  }

  /// What the file says is taken; what cannot compute the case is measured anew.
  @Test func theFileDecides() throws {
    let geometry = try cases()[0]
    _ = try Engine.plan(geometry, .forward, .float32, policy: .measured)
    let line = try #require(text.split(separator: "\n").last)
    let fields = line.split(separator: "\t")
    #expect(fields.count == 3)
    // Other tests change the number of threads meanwhile, which is the end of the case's name.
    let stem = try #require(fields[1].range(of: "threads ")).upperBound
    for name in ["direct", "fourier", "stencil", "measured", "nonsense"] {
      let edited =
        PlanStore.header + "\n"
        + (1...64).map { "\(fields[0])\t\(fields[1][..<stem])\($0)\t\(name)\n" }.joined()
      try edited.write(toFile: path, atomically: false, encoding: .utf8)
      Engine.planStorePath = path
      let plan = try Engine.plan(geometry, .forward, .float32, policy: .measured)
      switch name {
      case "direct", "fourier":
        #expect(plan.algorithm.rawValue == name)
        #expect(text == edited)
      default:
        #expect(plan.algorithm != .stencil)
        #expect(text != edited)
      }
    }
  }

  @Test func anotherProcessorsMeasurementsAreLeftAlone() throws {
    let geometry = try cases()[0]
    _ = try Engine.plan(geometry, .forward, .float32, policy: .measured)
    let fields = try #require(text.split(separator: "\n").last).split(separator: "\t")
    let foreign = "Another Processor, avx\t\(fields[1])\tfourier"
    try "\(PlanStore.header)\n\(foreign)\n".write(toFile: path, atomically: false, encoding: .utf8)
    Engine.planStorePath = path
    _ = try Engine.plan(geometry, .forward, .float32, policy: .measured)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.count == 3 && lines[1] == foreign && lines[2].hasPrefix(String(fields[0])))
  }

  @Test func typesWithoutKernelsNeedNoMeasuring() throws {
    let geometry = try cases()[0]
    #expect(try Engine.plan(geometry, .forward, .int32, policy: .measured).algorithm == .reference)
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
