import Foundation
import Testing
import Volute

/// Every cell of operation × rank × type × mode × batched has a case, or a stated reason why not.
@Suite struct GoldenCoverageTests {
  private struct Cell: Hashable {
    var op: String
    var rank: Int
    var dtype: String
    var mode: String
    var isBatched: Bool
  }

  private static let files = [
    "conv", "conv_transpose", "pad", "max_pool", "avg_pool", "lp_pool", "adaptive_pool", "max_unpool",
    "interpolate", "unfold",
  ]

  @Test func everyCellHasACaseOrAReason() throws {
    var covered: Set<Cell> = []
    var count = 0
    for file in Self.files {
      for golden in try GoldenCase.read(file) {
        count += 1
        guard golden.error == nil else { continue }
        covered.insert(
          Cell(
            op: golden.op, rank: golden.rank, dtype: golden.line["dtype"] as? String ?? "",
            mode: golden.line["mode"] as? String ?? "", isBatched: golden.line["batched"] as? Bool ?? true))
      }
    }
    #expect(count >= 600)
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/coverage.json")
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    let table = try #require(json as? [String: Any])
    let operations = try #require(table["operations"] as? [String: [String: Any]])
    let reasons = try #require(table["reasons"] as? [[String: Any]])
    #expect(operations.count >= 12)
    for (op, axes) in operations {
      for rank in axes["ranks"] as? [Int] ?? [] {
        for dtype in axes["dtypes"] as? [String] ?? [] {
          for mode in axes["modes"] as? [String] ?? [] {
            for isBatched in axes["batched"] as? [Bool] ?? [true, false] {
              let cell = Cell(op: op, rank: rank, dtype: dtype, mode: mode, isBatched: isBatched)
              let isExcused = reasons.contains { excuses($0, cell) }
              #expect(covered.contains(cell) || isExcused, "\(cell) has neither a case nor a reason")
            }
          }
        }
      }
    }
    #expect(
      DType.allCases.allSatisfy { dtype in
        operations.values.allSatisfy { ($0["dtypes"] as? [String] ?? []).contains(dtype.rawValue) }
      })
  }

  private func excuses(_ reason: [String: Any], _ cell: Cell) -> Bool {
    guard let text = reason["reason"] as? String, !text.isEmpty else { return false }
    func matches<T: Equatable>(_ key: String, _ value: T) -> Bool {
      guard let stated = reason[key], !(stated is NSNull) else { return true }
      return stated as? T == value
    }
    return matches("op", cell.op) && matches("rank", cell.rank) && matches("dtype", cell.dtype)
      && matches("mode", cell.mode) && matches("batched", cell.isBatched)
  }
}
