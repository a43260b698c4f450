import Foundation
import Testing
import Volute

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The pictures that `volute apply --picture` draws.
@Suite struct PictureTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func picture(_ words: String) throws -> String {
    let apply = try Command("apply \(words) --picture {}/y.svg", in: folder)
    #expect(apply.status == 0, "\(apply.error)")
    let text = try folder.text("y.svg")
    #expect(XMLDocumentCheck.isWellFormed(text))
    return text
  }

  @Test func threeMiddleSlicesOfAVolume() throws {
    let text = try picture("conv3d")
    for caption in [
      "axis 0 at 32", "axis 1 at 32", "axis 2 at 32", "axis 0 at 31", "axis 1 at 31", "axis 2 at 31",
    ] {
      #expect(text.contains(">\(caption)<"))
    }
    #expect(text.contains(">input [1, 1, 64, 64, 64] float32<"))
    #expect(text.contains(">output [1, 1, 62, 62, 62] float32<"))
    #expect(text.contains("prefers-color-scheme:dark"))
  }

  /// The runs of a 2x3 image: the largest value has the last colour, NaN its own.
  @Test func runsOfColor() throws {
    try folder.write("x.npy", Tensor([0, 0, 8, .nan, 8, 8] as [Float], shape: [1, 1, 2, 3]))
    let text = try picture("pad --input {}/x.npy --pad 0,0")
    #expect(text.contains("<path class=\"v0\" d=\"M0 0h2v1h-2z\"/>"))
    #expect(text.contains("<path class=\"v31\" d=\"M2 0h1v1h-1zM1 1h2v1h-2z\"/>"))
    #expect(text.contains("<path class=\"v32\" d=\"M0 1h1v1h-1z\"/>"))
    #expect(text.contains(">8</text>"))
  }

  @Test func aLineIsACurve() throws {
    let text = try picture("avg-pool1d")
    #expect(text.contains("<path class=\"line\""))
    #expect(text.contains(">from 0 at the bottom to 1 at the top<"))
  }

  @Test func largeImagesAreThinned() throws {
    try folder.write("x.npy", numbers([1, 1, 300, 1000]))
    let text = try picture("pad --input {}/x.npy --pad 0,0")
    #expect(text.contains("every 8th element of the sides above 128"))
    #expect(text.utf8.count < 200_000)
  }

  @Test func namesAreEscaped() throws {
    try folder.write("a&<b>.npy", numbers([1, 1, 2, 2]))
    #expect(try picture("pad --input {}/a&<b>.npy --pad 0,0").contains("a&amp;&lt;b&gt;.npy"))
  }

  @Test func emptyTensorsHaveNoSlices() throws {
    try folder.write("x.npy", numbers([0, 1, 4, 4]))
    #expect(
      try picture("max-pool2d --input {}/x.npy --kernel-size 2").contains("nothing: the tensor is empty"))
  }
}

enum XMLDocumentCheck {
  static func isWellFormed(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }
}
