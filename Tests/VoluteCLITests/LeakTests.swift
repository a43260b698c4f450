import Foundation
import Testing

/// A process of its own trains: what other tests do at the same time does not count.
@Suite struct LeakTests {
  @Test func aThousandStepsHoldNoMoreMemoryThanFifty() throws {
    let check = try Command("50 1000", program: "LeakCheck")
    #expect(check.status == 0 && check.error == "", "\(check.error)")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(check.output.utf8)) as? [String: Any])
    #expect(result["steps"] as? Int == 1_000)
    let before = try #require(result["before"] as? [String: Int])
    let after = try #require(result["after"] as? [String: Int])
    // Weights and the memory of AdamW are in use, so the counter counts.
    #expect(before["engine", default: 0] > 10_000)
    #expect(before["engine"] == after["engine"])
    let (start, end) = (Double(before["resident", default: 0]), Double(after["resident", default: 0]))
    #expect(start > 1e6 && end <= start * 1.01, "resident memory grew from \(start) to \(end) bytes")
    // The steps were steps.
    let (first, last) = (result["first_loss"] as? Double ?? 0, result["last_loss"] as? Double ?? .infinity)
    #expect(last < first)
  }
}
