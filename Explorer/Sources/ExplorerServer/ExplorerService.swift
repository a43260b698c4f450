import Foundation
import Volute
import VoluteInsight

/// The questions that the page asks, without a network: a path and a body in, a status and a body out.
public struct ExplorerService: Sendable {
  public struct Reply: Sendable {
    public var status: Int
    public var type: String
    public var body: [UInt8]

    init(status: Int = 200, json: JSON) {
      self.status = status
      type = "application/json; charset=utf-8"
      body = Array(json.description.utf8)
    }

    init(svg: String) {
      status = 200
      type = "image/svg+xml"
      body = Array(svg.utf8)
    }
  }

  /// The largest body that is read.
  public static let largestBody = 256 * 1024

  public init() {}

  /// The answer to a request: 200, 400 for what is no request, 404 for an unknown path, 405 for the wrong method, 422
  /// with the command's sentence and mends for what is impossible.
  public func reply(method: String, path: String, body: [UInt8]) -> Reply {
    let isQuestion = ["/api/layer", "/api/element", "/api/picture", "/api/stack", "/api/solve"].contains(path)
    let isPlain = ["/api/presets"].contains(path)
    guard isQuestion || isPlain else { return failure(404, "there is nothing at \(path.prefix(200))") }
    guard method == (isQuestion ? "POST" : "GET") else {
      return failure(405, "\(path) takes \(isQuestion ? "POST" : "GET")")
    }
    do {
      switch path {
      case "/api/presets": return Reply(json: Presets.json)
      case "/api/stack": return Reply(json: try decoded(StackRequest.self, body).answer())
      case "/api/solve": return Reply(json: try decoded(SolveRequest.self, body).answer())
      default: return try layer(path, try decoded(LayerRequest.self, body))
      }
    } catch let error as RequestError {
      return failure(400, error.description)
    } catch let error as ShapeError {
      return failure(422, error.description, parameter: error.parameter)
    } catch {
      return failure(400, "the request is no JSON of the form that \(path) takes: see API.md")
    }
  }

  private func layer(_ path: String, _ request: LayerRequest) throws -> Reply {
    do {
      let answers = try LayerAnswers(request)
      switch path {
      case "/api/element": return Reply(json: try answers.element())
      case "/api/picture": return Reply(svg: try Animation(answers.layer).svg)
      default: return Reply(json: try answers.json())
      }
    } catch let error as ShapeError {
      return failure(
        422, error.description, parameter: error.parameter, mends: LayerMends(request: request).json)
    }
  }

  private func decoded<Request: Decodable>(_ type: Request.Type, _ body: [UInt8]) throws -> Request {
    guard body.count <= Self.largestBody else { throw RequestError("the body is larger than 256 kB") }
    return try JSONDecoder().decode(type, from: Data(body))
  }

  private func failure(_ status: Int, _ sentence: String, parameter: String? = nil, mends: JSON? = nil)
    -> Reply
  {
    var pairs: [(String, JSON)] = [("error", .string(sentence))]
    if let parameter { pairs.append(("parameter", .string(parameter))) }
    if let mends { pairs.append(("mends", mends)) }
    return Reply(status: status, json: .object(pairs))
  }
}
