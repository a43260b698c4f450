import Hummingbird

/// The page and its questions over HTTP.
public struct ExplorerServer: Sendable {
  /// How many requests are worked on at a time; more wait, and far more are turned away.
  private let gate = Gate(working: 4, waiting: 64)
  private let service = ExplorerService()
  private let files: PageFiles

  public init() throws { files = try PageFiles() }

  /// The application, which runs until SIGINT or SIGTERM.
  ///
  /// - Parameters:
  ///   - host: where it listens; nothing but this machine reaches 127.0.0.1.
  ///   - started: told the port once it listens.
  public func application(
    host: String = "127.0.0.1", port: Int, started: @escaping @Sendable (Int) -> Void = { _ in }
  ) -> some ApplicationProtocol {
    Application(
      router: router,
      server: .http1(configuration: .init(idleTimeout: .seconds(30))),
      configuration: .init(address: .hostname(host, port: port), serverName: nil),
      onServerRunning: { started($0.localAddress?.port ?? port) })
  }

  /// What every reply carries: scripts and styles from this server only, no framing, nothing kept.
  private static let headers: HTTPFields = {
    var headers = HTTPFields()
    headers[.contentSecurityPolicy] =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
      + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers[.xContentTypeOptions] = "nosniff"
    headers[.cacheControl] = "no-store"
    return headers
  }()

  var router: Router<BasicRequestContext> {
    let router = Router()
    // One route for everything: the service and the table of files know what there is.
    for method in [HTTPRequest.Method.get, .head, .post, .put, .delete, .patch, .options] {
      router.on("/**", method: method) { request, _ in await reply(to: request) }
      router.on("/", method: method) { request, _ in await reply(to: request) }
    }
    return router
  }

  private func reply(to request: Request) async -> Response {
    let path = request.uri.path
    if request.method == .get || request.method == .head, let file = files[path] {
      return response(200, file.type, file.bytes, isHead: request.method == .head)
    }
    guard await gate.enter() else {
      return response(
        429, "application/json; charset=utf-8", Array(#"{"error":"too many requests at once"}"#.utf8))
    }
    let reply = await answer(request, path)
    await gate.leave()
    return response(reply.status, reply.type, reply.body)
  }

  private func answer(_ request: Request, _ path: String) async -> ExplorerService.Reply {
    switch await body(of: request) {
    case .read(let bytes): return service.reply(method: request.method.rawValue, path: path, body: bytes)
    case .tooLarge:
      return ExplorerService.Reply(status: 413, json: ["error": "the body is larger than 256 kB"])
    case .tooSlow:
      return ExplorerService.Reply(status: 408, json: ["error": "the body did not come within ten seconds"])
    }
  }

  private enum Body: Sendable {
    case read([UInt8])
    case tooLarge, tooSlow
  }

  private func body(of request: Request) async -> Body {
    await withTaskGroup(of: Body.self) { group in
      group.addTask {
        do {
          let buffer = try await request.body.collect(upTo: ExplorerService.largestBody)
          return .read(Array(buffer.readableBytesView))
        } catch {
          return .tooLarge
        }
      }
      group.addTask {
        try? await Task.sleep(for: .seconds(10))
        return .tooSlow
      }
      let first = await group.next() ?? .tooSlow
      group.cancelAll()
      return first
    }
  }

  private func response(_ status: Int, _ type: String, _ bytes: [UInt8], isHead: Bool = false) -> Response {
    var headers = Self.headers
    headers[.contentType] = type
    return Response(
      status: .init(code: status), headers: headers,
      body: isHead ? .init() : .init(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

/// Lets a few in, makes some wait, and turns the others away.
package actor Gate {
  private var free: Int
  private let most: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init(working: Int, waiting: Int) {
    free = working
    most = waiting
  }

  package var waitingCount: Int { waiting.count }

  package func enter() async -> Bool {
    if free > 0 {
      free -= 1
      return true
    }
    guard waiting.count < most else { return false }
    await withCheckedContinuation { waiting.append($0) }
    return true
  }

  package func leave() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
