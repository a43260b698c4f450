import Testing
import Volute

@Suite struct IndexingTests {
  private let x = Tensor(Array(0..<24), shape: [2, 3, 4])

  @Test func partsShareThePythonRules() {
    #expect(x[1].shape == [3, 4])
    #expect(x[.all, 1].integers() == [4, 5, 6, 7, 16, 17, 18, 19])
    #expect(x[.ellipsis, 0..<2].shape == [2, 3, 2])
    #expect(x[.ellipsis, -1].integers() == [3, 7, 11, 15, 19, 23])
    #expect(x[0, .newAxis, 2].integers() == [8, 9, 10, 11])
    #expect(x[0, .newAxis, 2].shape == [1, 4])
    #expect(x[0, 0, .stepping(0..., by: 3)].integers() == [0, 3])
    #expect(x[0, 0, 1...].integers() == [1, 2, 3])
    #expect(x[0, 0, ...(-2)].integers() == [0, 1, 2])
    #expect(x[0, 0, 2..<9].integers() == [2, 3])
  }

  @Test func assigningBroadcastsAndLeavesOthersAlone() {
    var y = x
    y[.all, 1] = Tensor([9, 9, 9, 9])
    #expect(y[.all, 1].integers() == Array(repeating: 9, count: 8))
    #expect(y[.all, 0].isEqual(to: x[.all, 0]))
    #expect(x[0, 1].integers() == [4, 5, 6, 7], "a tensor is a value: the original stays")
    y.fill(0, at: 1)
    #expect(y[1].sum().item(as: Int64.self) == 0)
    // A part assigned to an overlapping part reads what was there before.
    var z = Tensor([1, 2, 3, 4])
    z[1...] = z[..<3]
    #expect(z.integers() == [1, 1, 2, 3])
  }

  @Test func viewsKeepWhatTheySaw() {
    var y = x
    let row = y[0, 0]
    y[0, 0, 0] = Tensor(100)
    #expect(row.integers() == [0, 1, 2, 3])
    #expect(y[0, 0, 0].item(as: Int64.self) == 100)
  }

  @Test func reshapingSharesBytesWhereStridesAllow() throws {
    let turned = x.permuted(0, 2, 1)
    #expect(turned.reshaped(2, 2, 2, 3).isEqual(to: turned.contiguous().reshaped(2, 2, 2, 3)))
    #expect(turned.reshaped(-1).isEqual(to: turned.contiguous().reshaped(24)))
    #expect(turned[0..., 1..<3].reshaped(2, 6).isEqual(to: turned[0..., 1..<3].contiguous().reshaped(2, 6)))
    let wide = try expand(Tensor([1, 2, 3]).reshaped(3, 1), [3, 4])
    #expect(wide.reshaped(12).integers() == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
    #expect(wide.reshaped(3, 2, 2).shape == [3, 2, 2])
  }
}
