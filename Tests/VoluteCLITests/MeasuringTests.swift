import Foundation
import Testing
import Volute

/// `volute plan` and `volute bench`: what they say, not how long things take.
@Suite struct MeasuringTests {
  private func object(_ words: String) throws -> [String: Any] {
    let bench = try Command(words)
    #expect(bench.error == "" && bench.status == 0)
    return try #require(JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [String: Any])
  }

  @Test(arguments: ["forward", "input-gradient", "weight-gradient"]) func benchIsOneObject(direction: String)
    throws
  {
    let result = try object(
      "bench conv2d --input-shape 2,3,9,8 --weight-shape 4,3,3,3 --stride 2 --padding 1 --direction \(direction) "
        + "--threads 1 --repeat 3 --json")
    let least = try #require(result["min_ms"] as? Double)
    let median = try #require(result["median_ms"] as? Double)
    let most = try #require(result["max_ms"] as? Double)
    #expect(0 < least && least <= median && median <= most)
    #expect(result["direction"] as? String == direction)
    #expect(result["output_shape"] as? [Int] == [2, 4, 5, 4])
    #expect(result["threads"] as? Int == 1 && result["repeat"] as? Int == 3)
    #expect((result["gflops"] as? Double ?? 0) > 0)
    #expect((result["workspace_bytes"] as? Int ?? 0) > 0)
    #expect((result["peak_resident_bytes"] as? Int ?? 0) > 1 << 20)
    #expect((result["algorithm"] as? String)?.isEmpty == false)
    #expect(result["transposed"] as? Bool == false && result["dtype"] as? String == "float32")
  }

  @Test func aTransposedConvolutionMayBeAskedForEitherWay() throws {
    let shapes = "--input-shape 1,2,4,4 --weight-shape 2,3,4,4 --stride 2 --padding 1 --repeat 1 --json"
    for words in ["bench conv-transpose2d \(shapes)", "bench conv2d --transposed \(shapes)"] {
      let result = try object(words)
      #expect(result["transposed"] as? Bool == true)
      #expect(result["output_shape"] as? [Int] == [1, 3, 8, 8])
    }
  }

  @Test func aNamedAlgorithmIsTheOneThatRuns() throws {
    let shapes = "--input-shape 1,8,12,12 --weight-shape 8,8,3,3 --repeat 1 --json"
    for name in ["reference", "direct", "winograd2", "winograd4", "fourier"] {
      #expect(try object("bench conv2d \(shapes) --algorithm \(name)")["algorithm"] as? String == name)
    }
  }

  @Test func planShowsEveryCandidateAndWhy() throws {
    let plan = try Command("plan conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50")
    #expect(plan.status == 0)
    let rows = plan.lines.filter { $0.hasPrefix("* ") || $0.hasPrefix("  ") }
    #expect(rows.contains { $0.hasPrefix("* fourier ") && $0.contains("3.3e-07, 1.6e-06") })
    #expect(rows.contains { $0.hasPrefix("  winograd4    cannot: a kernel of 50 taps, not 3") })
    #expect(plan.output.contains("taken: fourier, the least predicted time of those that fit the limit"))
    let exact = try Command(
      "plan conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50 --algorithm exact")
    #expect(exact.output.contains("taken: stencil, the least predicted time of those that add up"))
  }

  @Test func theLimitIsSaidAndKept() throws {
    let plan = try Command(
      "plan conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50 --workspace-limit 10000000")
    #expect(plan.output.contains("10 MB of workspace"))
    #expect(
      plan.lines.contains {
        $0.hasPrefix("  fourier      cannot: it needs") && $0.contains("the limit of 10000000")
      })
  }

  /// `plan --measure` fills the store that `--algorithm measured` reads.
  @Test func measuredTimesStandBeside() throws {
    let folder = try Folder()
    let environment = ["VOLUTE_CACHE_DIR": folder.path + "/cache"]
    let shapes = "conv2d --input-shape 1,4,8,8 --weight-shape 4,4,3,3"
    #expect(try Command("plan \(shapes)", environment: environment).status == 0)
    #expect(try folder.names == [])
    let plan = try Command("plan \(shapes) --measure", environment: environment)
    #expect(plan.lines.contains { $0.contains("predicted") && $0.contains("measured") })
    #expect(plan.lines.filter { $0.contains(" ms ") }.count >= 4)
    let remembered = try #require(plan.lines.last { $0.contains("remembered for --algorithm measured: ") })
    let text = try folder.text("cache/plans")
    #expect(text.split(separator: "\n").count == 2)
    let taken = try Command("plan \(shapes) --algorithm measured", environment: environment)
    let name = try #require(remembered.split(separator: " ").last)
    #expect(taken.output.contains("taken: \(name), the least time that was measured"))
    #expect(try folder.text("cache/plans") == text)
  }

  @Test func measuredIsTakenByBenchAndApply() throws {
    let folder = try Folder()
    let environment = ["VOLUTE_CACHE_DIR": folder.path]
    let bench = "bench conv2d --input-shape 1,3,9,9 --weight-shape 2,3,3,3 --repeat 1 --json"
    #expect(try Command("\(bench) --algorithm measured", environment: environment).status == 0)
    let text = try folder.text("plans")
    #expect(text.hasPrefix("volute plans ") && text.split(separator: "\n").count == 2)
    // A damaged file is written anew.
    try folder.write("plans", text: "volute plans of another kind\n\u{0}\t\t")
    #expect(try Command("\(bench) --algorithm measured", environment: environment).status == 0)
    #expect(try folder.text("plans").hasPrefix("volute plans "))
    #expect(try folder.text("plans").split(separator: "\n").count == 2)
    try folder.write("x.npy", numbers([1, 3, 9, 9]))
    try folder.write("w.npy", numbers([2, 3, 3, 3]))
    for name in ["measured", "exact", "direct"] {
      let apply = try Command(
        "apply conv2d --input {}/x.npy --weight {}/w.npy --algorithm \(name) --output {}/\(name).npy",
        in: folder, environment: environment)
      #expect(apply.status == 0 && apply.error == "")
    }
    let exact = try folder.read("exact.npy")
    #expect(try folder.read("direct.npy").isEqual(to: exact))
    let difference = (try folder.read("measured.npy") - exact).abs().max().item(as: Float.self)
    #expect(difference <= exact.abs().max().item(as: Float.self) * 1e-5)
    let refused = try Command("apply max-pool2d --algorithm exact")
    #expect(refused.status == 64 && refused.error.contains("--algorithm means nothing to max-pool2d"))
  }

  @Test func packedWeightsAreKeptWhereAskedFor() throws {
    let shapes = "bench conv2d --input-shape 1,16,12,12 --weight-shape 16,16,3,3 --repeat 3 --json"
    let fresh = try object(shapes)
    #expect(fresh["prepacked"] as? Bool == false)
    let kept = try object("\(shapes) --prepacked")
    #expect(kept["prepacked"] as? Bool == true)
    #expect((kept["packed_bytes"] as? Int ?? 0) >= 16 * 16 * 9 * 4)
    #expect((kept["packed_hits"] as? Int ?? 0) >= 3 && fresh["packed_hits"] as? Int == 0)
  }

  @Test func overheadIsOneObject() throws {
    let result = try object(
      "bench conv2d --input-shape 1,8,16,16 --weight-shape 8,8,3,3 --padding 1 --overhead --json")
    let call = try #require(result["call_us"] as? Double)
    let smallest = try #require(result["smallest_call_us"] as? Double)
    #expect(call > 0 && smallest > 0)
    #expect(result["smallest_input_shape"] as? [Int] == [1, 1, 3, 3])
    let refused = try Command(
      "bench conv2d --transposed --input-shape 1,8,9,9 --weight-shape 8,8,3,3 --overhead")
    #expect(refused.status == 64 && refused.error.contains("--overhead is of forward convolutions"))
  }

  @Test(arguments: [
    ("bench max-pool2d --input-shape 1,1,4,4 --weight-shape 1,1,2,2", 64, "name a convolution"),
    ("bench conv2d --input-shape 1,1,4,4 --weight-shape 1,1,2,2 --repeat 0", 64, "--repeat 0 is none"),
    ("bench conv2d --input-shape 1,1,4,4 --weight-shape 1,1,2,2 --threads 0", 64, "--threads 0 is none"),
    (
      "bench conv2d --input-shape 1,1,4,4 --weight-shape 1,1,2,2 --algorithm fastest", 64,
      "there are automatic"
    ),
    ("bench conv2d --input-shape 1,1,4,4 --weight-shape 1,1,2,2 --direction back", 64, "there are forward"),
    (
      "bench conv2d --input-shape 1,1,4,4 --weight-shape 1,1,2 --repeat 1", 65, "expected a weight of 4 sizes"
    ),
    ("plan conv2d --input-shape 1,2,4,4 --weight-shape 1,1,2,2", 65, "expected input"),
    (
      "plan conv2d --input-shape 1,1,9,9 --weight-shape 1,1,4,4 --algorithm winograd2", 65,
      "winograd2 cannot compute this forward: a kernel of 4 taps, not 3"
    ),
  ]) func wrongWordsAreRefused(words: String, status: Int32, text: String) throws {
    let command = try Command(words)
    #expect(command.status == status)
    #expect(command.output == "")
    #expect(command.error.contains(text), "\(command.error)")
  }
}
