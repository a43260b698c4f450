import Testing
import Volute
import VoluteFormats

/// The README's page of the library, with what its comments say is printed.
@Suite struct ReadmeTests {
  @Test func theLibrary() throws {
    let image = Tensor([[30, 30, 30, 0, 0, 0]] as [[Float]]).expanded(6, 6).reshaped(1, 1, 6, 6)
    let edges = Tensor([[2, 0, -2], [2, 0, -2], [2, 0, -2]] as [[Float]]).reshaped(1, 1, 3, 3)
    #expect(
      try conv2d(image, edges).description == """
        tensor([[[[  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.],
                  [  0., 180., 180.,   0.]]]])
        """)

    let shower = Tensor.randn([4, 16, 5, 10, 30], generator: Generator(seed: 0))
    let weight = Tensor.randn([16, 16, 3, 4, 4], generator: Generator(seed: 1))
    let down = try conv3d(
      shower, weight, stride: [1, 2, 2], padding: [.zeros(1), .circular(1), .zeros(1)])
    #expect(down.shape == [4, 16, 5, 5, 15])
    let up = try convTranspose3d(
      down, weight, stride: [1, 3, 2],
      padding: [.zeros(1), .sides(0, 1, mode: .circular), .zeros(1)])
    #expect(up.shape == [4, 16, 5, 15, 30])

    do {
      _ = try conv2d(Tensor.zeros([1, 1, 3, 3]), Tensor.zeros([1, 1, 5, 5]))
      Issue.record("a kernel larger than its input was taken")
    } catch {
      #expect(error.mend == "axis 0 needs 2 more elements of padding")
    }

    let patches = try rearrange(shower, "b c z (p φ) r -> (b p) c z φ r", ["p": 2])
    let energy = try einsum("bczpr,bczpr->bz", shower, shower)
    #expect(patches.shape == [8, 16, 5, 5, 30])
    #expect(energy.shape == [4, 5])
    let brightest = try unravelIndex(shower.argmax(), shower.shape).map { Int($0.item(as: Int64.self)) }
    #expect(
      shower[brightest.map { .init(at: $0) }].item(as: Float.self) == shower.max().item(as: Float.self))
    #expect(shower[0, .ellipsis, 0..<2].mean([0]).shape == [5, 10, 2])
  }
}
