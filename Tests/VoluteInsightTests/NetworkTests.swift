import Testing
import Volute
import VoluteInsight
import VoluteModels

@Suite struct NetworkTests {
  private let net = Sequential(
    Conv2d(inChannels: 1, outChannels: 4, kernelSize: 3, stride: 2, padding: 1, groups: 1), ReLU(),
    ConvTranspose2d(inChannels: 4, outChannels: 2, kernelSize: 4, stride: 2, padding: 1, groups: 2),
    Flatten(),
    Linear(inFeatures: 128, outFeatures: 10))

  @Test func theSummaryCountsWhatIsThere() throws {
    let summary = try summary(net, inputSize: [2, 1, 8, 8])
    #expect(
      summary.rows.map(\.type) == ["Sequential", "Conv2d", "ReLU", "ConvTranspose2d", "Flatten", "Linear"])
    #expect(summary.rows[1].output == [2, 4, 4, 4])
    #expect(summary.rows[1].kernel == [3, 3])
    #expect(summary.rows[1].parameters == 40)
    #expect(summary.rows[1].multiplyAdds == 2 * 4 * 16 * 9)
    // Each input of a group is spread over 1 output channel and 16 taps.
    #expect(summary.rows[3].multiplyAdds == 2 * 4 * 16 * 16)
    #expect(summary.rows[5].multiplyAdds == 2 * 128 * 10)
    #expect(summary.parameters == 40 + 66 + 1290)
    #expect(summary.inputBytes == 512)
    #expect("\(summary)".contains("Parameters: 1,396, of which 1,396 are learned"))
  }

  @Test func theTraceShowsWhatWraps() throws {
    let layer = Sequential(
      CylindricalConv(inChannels: 1, outChannels: 2, kernelSize: [1, 3, 1], padding: [0, 1, 0]))
    let text = "\(try trace(layer, inputSize: [1, 1, 2, 4, 3]))"
    #expect(
      text == """
        Sequential: [1, 1, 2, 4, 3] → [1, 2, 2, 4, 3]
          0 CylindricalConv: [1, 1, 2, 4, 3] → [1, 2, 2, 4, 3]
            conv Conv3d: [1, 1, 2, 4, 3] → [1, 2, 2, 4, 3]
              padded: [1, 1, 2, 6, 3]
        """)
  }

  @Test func errorsInATraceNameTheLayer() {
    let error = #expect(throws: ShapeError.self) { try summary(net, inputSize: [1, 1, 9, 9]) }
    #expect(error?.path == "4")
  }

  @Test func theGraphHasEveryOperationOnce() throws {
    let x = Tensor.ones([1, 1, 8, 8])
    let y = try net(x).sum()
    let graph = GradientGraph(of: y, names: net.namedParameters)
    let titles = graph.nodes.map(\.title)
    #expect(titles.filter { $0 == "ConvolutionBackward" }.count == 2)
    #expect(titles.contains("4.weight") && titles.last == "SumBackward")
    #expect(graph.dot.hasPrefix("digraph gradients {\n  rankdir=LR;"))
    #expect(graph.dot.split(separator: "\n").count { $0.contains("->") } == graph.edges.count)
    #expect(graph.svg.contains("0.weight") && graph.svg.hasSuffix("</svg>\n"))
    for edge in graph.edges { #expect(edge.from < edge.to) }
  }

  @Test func theUNetsShapesAreThePublishedOnes() throws {
    let net = CylindricalUNet(.dataset2)
    let scalars = Tensor.zeros([4])
    let calls = try recordCalls(of: net) { () throws(ShapeError) in
      try net(Tensor.zeros([4, 3, 45, 16, 9]), energy: scalars, time: scalars)
    }
    func output(_ path: String) -> [Int]? { calls.first { $0.path == path }?.output }
    #expect(output("init_conv") == [4, 16, 45, 16, 9])
    #expect(output("downs.0.2") == [4, 16, 23, 8, 4])
    #expect(output("downs.1.2") == [4, 16, 12, 4, 2])
    #expect(output("mid_block2") == [4, 32, 12, 4, 2])
    #expect(output("ups.0.2") == [4, 16, 23, 8, 4])
    #expect(output("ups.1.2") == [4, 16, 45, 16, 9])
    #expect(output("final_conv.1") == [4, 1, 45, 16, 9])
  }
}
