import ExplorerServer
import Foundation
import Testing

/// The questions of the page, without a network.
@Suite struct ServiceTests {
  private let service = ExplorerService()

  private func ask(_ path: String, _ body: String) -> (status: Int, answer: [String: Any]) {
    let reply = service.reply(method: "POST", path: path, body: Array(body.utf8))
    let value = try? JSONSerialization.jsonObject(with: Data(reply.body))
    return (reply.status, value as? [String: Any] ?? [:])
  }

  private func values(_ answer: [String: Any], _ name: String) -> [Double]? {
    (answer[name] as? [String: Any])?["values"] as? [Double]
  }

  /// The notebook's half-bright image: 0, 180, 180, 0 in every row.
  @Test func layer() {
    let image = (0..<36).map { $0 % 6 < 3 ? "30" : "0" }.joined(separator: ",")
    let (status, answer) = ask(
      "/api/layer",
      #"{"operation":"conv","size":[6,6],"kernel":[3,3],"stride":[1,1],"input":[\#(image)],"weight":[2,0,-2,2,0,-2,2,0,-2]}"#
    )
    #expect(status == 200)
    #expect(values(answer, "output") == Array(repeating: [0, 180, 180, 0], count: 4).flatMap { $0 })
    #expect(
      answer["formulas"] as? [String]
        == Array(repeating: "floor((6 + 2·0 - 1·(3 - 1) - 1) / 1) + 1 = 4", count: 2))
    #expect(answer["parameters"] as? Int == 10)
    #expect(answer["multiplyAdds"] as? Double == 144)
    #expect((answer["reads"] as? [Double])?.prefix(6) == [1, 2, 3, 3, 2, 1])
    #expect(answer["algorithm"] as? String != nil)
  }

  @Test func element() {
    let layer = #""operation":"conv","size":[4],"kernel":[2],"stride":[1],"input":[1,2,3,4],"weight":[10,-1]"#
    let (status, output) = ask("/api/element", "{\(layer),\"output\":[1]}")
    #expect(status == 200)
    #expect(output["sum"] as? String == "2·10 + 3·(-1) = 17")
    #expect(output["window"] as? [[Int]] == [[1, 2]])
    let (_, input) = ask("/api/element", "{\(layer),\"reached\":[0]}")
    #expect((input["outputs"] as? [Any])?.count == 1)
    #expect(ask("/api/element", "{\(layer),\"output\":[3]}").status == 422)
    #expect(ask("/api/element", "{\(layer)}").status == 400)
  }

  /// Every mend that is offered makes the layer possible.
  @Test(arguments: [
    #"{"operation":"conv","size":[3,9],"kernel":[5,3],"stride":[1,1]}"#,
    #"{"operation":"conv","size":[3],"kernel":[3],"stride":[0]}"#,
    #"{"operation":"conv","size":[3],"kernel":[3],"stride":[1],"padding":[[4,4]],"mode":["reflect"]}"#,
    #"{"operation":"conv","size":[5],"kernel":[3],"stride":[1],"dilation":[4]}"#,
    #"{"operation":"conv-transpose","size":[5],"kernel":[3],"stride":[2],"outputPadding":[2]}"#,
    #"{"operation":"conv-transpose","size":[1,1],"kernel":[2,2],"stride":[1,1],"padding":[[2,2],[1,1]]}"#,
    #"{"operation":"max-pool","size":[5],"kernel":[2],"stride":[2],"padding":[[2,2]]}"#,
  ])
  func mends(body: String) throws {
    let (status, answer) = ask("/api/layer", body)
    #expect(status == 422)
    let sentence = try #require(answer["error"] as? String)
    #expect(sentence.contains(body.contains("conv") ? "conv" : "pool"))
    let mends = try #require(answer["mends"] as? [[String: Any]])
    #expect(!mends.isEmpty)
    var request = try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    for mend in mends {
      let parameter = try #require(mend["parameter"] as? String)
      let before = request[parameter]
      request[parameter] = mend["values"]
      let mended = try JSONSerialization.data(withJSONObject: request)
      #expect(ask("/api/layer", String(decoding: mended, as: UTF8.self)).status == 200, "\(mend)")
      request[parameter] = before
    }
  }

  @Test func presets() throws {
    let reply = service.reply(method: "GET", path: "/api/presets", body: [])
    let all = try #require(
      try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: [[String: Any]]])
    let layers = try #require(all["layers"])
    let stacks = try #require(all["stacks"])
    #expect(layers.count == 10 && stacks.count == 6)
    for preset in layers {
      let state = try JSONSerialization.data(withJSONObject: try #require(preset["state"]))
      #expect(
        ask("/api/layer", String(decoding: state, as: UTF8.self)).status == 200, "\(preset["name"] ?? "")")
      let picture = service.reply(method: "POST", path: "/api/picture", body: Array(state))
      #expect(picture.status == 200)
      #expect(picture.type == "image/svg+xml")
    }
    var sizes: [[Int]] = []
    for preset in stacks {
      let state = try JSONSerialization.data(withJSONObject: try #require(preset["state"]))
      let (status, answer) = ask("/api/stack", String(decoding: state, as: UTF8.self))
      #expect(status == 200, "\(answer)")
      #expect(answer["meets"] as? Bool == true, "\(preset["name"] ?? "")")
      sizes.append((answer["steps"] as? [[String: Any]])?.last?["size"] as? [Int] ?? [])
    }
    #expect(sizes == [[5, 10, 30], [7, 10, 23], [45, 16, 9], [45, 50, 18], [3, 8, 8], [16, 16, 16]])
  }

  /// A U-Net that does not meet, and the mend.
  @Test func stack() throws {
    let items = { (extra: Int) in
      """
      {"size":[15],"layers":[{"operation":"save"},{"operation":"conv","kernel":[4],"stride":[2],"padding":[[1,1]]},
      {"operation":"conv-transpose","kernel":[4],"stride":[2],"padding":[[1,1]],"outputPadding":[\(extra)]},
      {"operation":"join"}],"output":[3]}
      """
    }
    let (status, answer) = ask("/api/stack", items(0))
    #expect(status == 200)
    #expect(answer["meets"] as? Bool == false)
    let join = try #require((answer["steps"] as? [[String: Any]])?.last)
    let mend = try #require((join["mends"] as? [[[String: Any]]])?.first?.first)
    #expect(mend["outputPadding"] as? Int == 1)
    let (_, mended) = ask("/api/stack", items(1))
    #expect(mended["meets"] as? Bool == true)
    #expect(mended["sees"] != nil)
    let (wrong, refusal) = ask(
      "/api/stack", #"{"size":[3],"layers":[{"operation":"save"},{"operation":"conv","kernel":[9]}]}"#)
    #expect(wrong == 422)
    #expect((refusal["error"] as? String)?.contains("layer 2") == true)
  }

  @Test func solver() {
    let (status, size) = ask(
      "/api/solve", #"{"question":"size","unknown":"kernel","input":500,"output":16,"stride":[16]}"#)
    #expect(status == 200)
    #expect(((size["solutions"] as? [[String: Any]])?.first?["kernel"] as? Int) == 260)
    let (_, none) = ask(
      "/api/solve", #"{"question":"size","unknown":"padding","input":10,"output":10,"kernel":[4]}"#)
    #expect(none["exact"] as? String == "3/2")
    #expect((none["nearest"] as? [Any])?.count == 2)
    let (_, trip) = ask(
      "/api/solve",
      #"{"question":"round-trip","size":[15,16],"kernel":[4,4],"stride":[2,2],"padding":[[1,1],[1,1]],"levels":1}"#
    )
    let levels = (trip["axes"] as? [[[String: Any]]]) ?? []
    #expect(levels.map { $0.map { $0["meets"] as? Bool } } == [[false], [true]])
    let (_, ring) = ask("/api/solve", #"{"question":"ring","input":10,"stride":[2,2],"kernel":[4]}"#)
    #expect(ring["possible"] as? Bool == false)
    #expect((ring["plans"] as? [[String: Any]])?.first?["sizes"] as? [Int] == [10, 5, 5])
    #expect(ask("/api/solve", #"{"question":"why"}"#).status == 400)
    #expect(ask("/api/solve", #"{"question":"ring","input":10,"stride":[0]}"#).status == 422)
  }

  @Test func wrongRequests() {
    #expect(service.reply(method: "GET", path: "/api/nothing", body: []).status == 404)
    #expect(service.reply(method: "GET", path: "/api/layer", body: []).status == 405)
    #expect(service.reply(method: "POST", path: "/api/presets", body: []).status == 405)
    #expect(ask("/api/layer", "").status == 400)
    #expect(ask("/api/layer", "[]").status == 400)
    #expect(
      ask("/api/layer", #"{"operation":"conv","size":[5],"kernel":[1e300],"stride":[1]}"#).status == 400)
    #expect(ask("/api/layer", #"{"operation":"mix","size":[5],"kernel":[3],"stride":[1]}"#).status == 400)
    #expect(ask("/api/layer", #"{"operation":"conv","size":[5],"kernel":[3,3],"stride":[1]}"#).status == 400)
    #expect(ask("/api/layer", #"{"operation":"conv","size":[],"kernel":[],"stride":[]}"#).status == 400)
    #expect(ask("/api/layer", String(repeating: "[", count: 100_000)).status == 400)
    #expect(ask("/api/layer", String(repeating: " ", count: 300_000)).status == 400)
  }

  /// 10,000 requests, random, hostile, or nearly right: each is answered, with a status below 500.
  @Test func hostileRequests() {
    var counts: [Int: Int] = [:]
    var slowest = Duration.zero
    for _ in 0..<10_000 {
      let (path, body) = Self.request()
      let took = ContinuousClock().measure {
        let reply = service.reply(method: "POST", path: path, body: Array(body.utf8))
        counts[reply.status, default: 0] += 1
        if !(200..<500).contains(reply.status) { Issue.record("\(reply.status) for \(path) \(body)") }
        if path != "/api/picture" || reply.status != 200 {
          let isJSON = (try? JSONSerialization.jsonObject(with: Data(reply.body))) != nil
          if !isJSON { Issue.record("no JSON for \(path) \(body)") }
        }
      }
      slowest = max(slowest, took)
    }
    #expect(counts[200, default: 0] > 300)
    #expect(counts[422, default: 0] > 500)
    print("10,000 requests:", counts, "slowest", slowest)
    #expect(slowest < .seconds(5))
  }

  private static func request() -> (String, String) {
    let path = ["/api/layer", "/api/element", "/api/picture", "/api/stack", "/api/solve"].randomElement()!
    func number() -> String {
      let wild = [
        "-1", "0", "4097", "512", "1.5", "null", "\"3\"", "65536", "9223372036854775807",
        "-9223372036854775808",
        "1e400", "[]",
      ]
      if Int.random(in: 0..<60) == 0 { return wild.randomElement()! }
      let most = [2, 4, 9, 70].randomElement()!
      return "\(Int.random(in: 0...most))"
    }
    func list(_ count: Int, _ one: () -> String) -> String {
      let count = Int.random(in: 0..<40) == 0 ? Int.random(in: 0...5) : count
      return "[\((0..<count).map { _ in one() }.joined(separator: ","))]"
    }
    let rank = Int.random(in: 1...3)
    let operations = [
      "conv", "conv", "conv-transpose", "conv-transpose", "max-pool", "avg-pool", "save", "mix",
    ]
    let modes = ["zeros", "reflect", "replicate", "circular", "none"]
    func fields() -> [String] {
      var fields = [
        "\"operation\":\"\(operations.randomElement()!)\"", "\"kernel\":\(list(rank, number))",
        "\"stride\":\(list(rank, number))",
      ]
      let others: [() -> String] = [
        { "\"dilation\":\(list(rank, number))" },
        { "\"padding\":\(list(rank) { "[\(number()),\(number())]" })" },
        { "\"mode\":\(list(rank) { "\"\(modes.randomElement()!)\"" })" },
        { "\"outputPadding\":\(list(rank, number))" }, { "\"ceil\":true" }, { "\"groups\":\(number())" },
        { "\"outputChannels\":\(number())" }, { "\"inputChannels\":\(number())" },
        { "\"input\":\(list(6, number))" },
      ]
      for other in others where Bool.random() && Bool.random() {
        fields.append(other())
      }
      return fields
    }
    var all: [String]
    switch path {
    case "/api/stack":
      let layers = (0..<Int.random(in: 0...9)).map { _ in
        "{\(fields().joined(separator: ","))}"
      }
      all = [
        "\"size\":\(list(rank, number))", "\"layers\":[\(layers.joined(separator: ","))]",
        "\"output\":\(list(rank, number))",
      ]
    case "/api/solve":
      let unknowns = [
        "output", "input", "kernel", "stride", "dilation", "padding", "sides", "causal", "output-padding",
        "?",
      ]
      all =
        fields() + [
          "\"question\":\"\(["size", "size", "round-trip", "ring", "?"].randomElement()!)\"",
          "\"unknown\":\"\(unknowns.randomElement()!)\"",
          "\"transposed\":\(Bool.random())",
          "\"input\":\(number())", "\"output\":\(number())", "\"size\":\(list(rank, number))",
          "\"levels\":\(number())",
        ]
      all.removeAll { $0.hasPrefix("\"input\":[") }
    default:
      all = fields() + ["\"size\":\(list(rank, number))", "\"output\":\(list(rank, number))"]
    }
    var body = "{\(all.joined(separator: ","))}"
    if Int.random(in: 0..<30) == 0 {
      body = String(body.prefix(Int.random(in: 0...body.count)))
    }
    return (path, body)
  }
}
