import APIModel
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded

@testable import ControlAPI

/// Calls of the API without a socket.
enum RouteCall {
  typealias Responder = RouterResponder<APIRequestContext>

  struct Answer {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let text: String

    func error() throws -> APIErrorBody {
      try JSONDecoder().decode(APIErrorBody.self, from: Data(text.utf8))
    }
  }

  static func send(
    _ method: HTTPRequest.Method, _ path: String, authorization: String? = nil, body: String = "",
    to responder: Responder
  ) async throws -> Answer {
    var head = HTTPRequest(method: method, scheme: "https", authority: "h", path: path)
    if let authorization { head.headerFields[.authorization] = authorization }
    var logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
    logger[metadataKey: "hb.request.id"] = "r1"
    let context = APIRequestContext(source: .init(channel: EmbeddedChannel(), logger: logger))
    let request = Request(head: head, body: .init(buffer: ByteBuffer(string: body)))
    let response = try await responder.respond(to: request, context: context)
    let writer = CollectedBody()
    try await response.body.write(writer)
    return Answer(status: response.status, headers: response.headers, text: writer.text)
  }
}

/// Keeps what a response writes.
final class CollectedBody: ResponseBodyWriter {
  private(set) var text = ""
  func write(_ buffer: ByteBuffer) async throws { text += String(buffer: buffer) }
  func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
