import Hummingbird
import HummingbirdTesting
import Testing

import ExplorerServer

/// The routes, without sockets.
@Suite struct RouteTests {
  private func test(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
    let application = try ExplorerServer().application(port: 0)
    try await application.test(.router, body)
  }

  @Test func page() async throws {
    try await test { client in
      for (path, type) in [
        ("/", "text/html"), ("/main.js", "text/javascript"), ("/style.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
      ] {
        try await client.execute(uri: path, method: .get) { response in
          #expect(response.status == .ok)
          #expect(response.headers[.contentType]?.hasPrefix(type) == true)
          let policy = response.headers[.contentSecurityPolicy] ?? ""
          #expect(policy.contains("script-src 'self'") && !policy.contains("unsafe-inline"))
          #expect(response.body.readableBytes > 0)
        }
        try await client.execute(uri: path, method: .head) { response in
          #expect(response.status == .ok)
          #expect(response.body.readableBytes == 0)
        }
      }
    }
  }

  /// The page has no inline script or style, and asks nobody else.
  @Test func noInlineScript() throws {
    let files = try PageFiles()
    let html = String(decoding: files["/index.html"]!.bytes, as: UTF8.self)
    #expect(!html.contains("<style") && !html.contains("style=") && !html.contains(" onclick"))
    #expect(html.components(separatedBy: "<script").count == 2)
    for name in ["main", "api", "dom", "grid", "layer", "ring", "solver", "stack", "state", "volume"] {
      let script = String(decoding: files["/\(name).js"]!.bytes, as: UTF8.self)
      #expect(!script.contains("https://") && !script.contains("innerHTML") && !script.contains("eval("))
    }
  }

  @Test func wrongAddresses() async throws {
    try await test { client in
      for path in [
        "/nothing", "/../Package.swift", "/%2e%2e/Package.swift", "/main.js/", "/api", "/api/layer/x",
      ] {
        try await client.execute(uri: path, method: .get) { #expect($0.status == .notFound, "\(path)") }
      }
      for method in [HTTPRequest.Method.put, .delete, .patch] {
        try await client.execute(uri: "/api/layer", method: method) {
          #expect($0.status == .methodNotAllowed)
        }
      }
      try await client.execute(uri: "/", method: .post) { #expect($0.status == .notFound) }
    }
  }

  @Test func questions() async throws {
    try await test { client in
      let body = ByteBuffer(string: #"{"operation":"conv","size":[5],"kernel":[9],"stride":[1]}"#)
      try await client.execute(uri: "/api/layer", method: .post, body: body) { response in
        #expect(response.status.code == 422)
        #expect(String(buffer: response.body).contains("Kernel size can't be greater than actual input size"))
        #expect(response.headers[.contentSecurityPolicy] != nil)
      }
      let large = ByteBuffer(repeating: 32, count: 300_000)
      try await client.execute(uri: "/api/layer", method: .post, body: large) {
        #expect($0.status.code == 413)
      }
      try await client.execute(uri: "/api/presets", method: .get) { #expect($0.status == .ok) }
    }
  }

  /// One at work, one waiting: the third is turned away, and who leaves lets the waiting one in.
  @Test func gate() async {
    let gate = Gate(working: 1, waiting: 1)
    #expect(await gate.enter())
    let second = Task { await gate.enter() }
    while await gate.waitingCount == 0 { await Task.yield() }
    #expect(await !gate.enter())
    await gate.leave()
    #expect(await second.value)
    await gate.leave()
    #expect(await gate.enter())
  }
}
