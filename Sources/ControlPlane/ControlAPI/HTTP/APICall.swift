import APIModel
internal import ControlCore
import Foundation
internal import Hummingbird

/// A request on its way to a handler, its query checked.
struct APICall: Sendable {
  let request: Request
  let context: APIRequestContext
  let query: QueryItems

  /// A part of the path, percent-decoded.
  func path(_ name: String) throws -> String {
    let raw = try context.parameters.require(name)
    guard let value = raw.removingPercentEncoding, !value.isEmpty else {
      throw ControlError(
        .invalid, "The \(name) \"\(raw)\" in the path is not percent-encoded UTF-8.",
        remedy: "Encode it as RFC 3986 says.")
    }
    return value
  }

  /// The body, read as JSON.
  ///
  /// - Throws: `ControlError` `invalid` that names the key that is missing or wrong.
  func body<Value: Decodable>(_ type: Value.Type) async throws -> Value {
    let bytes = try await request.body.collect(upTo: context.maxUploadSize)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
    } catch let error as DecodingError {
      throw ControlError(
        .invalid, "The request's body is not what this route takes: \(Self.reason(error)).",
        remedy: "Send a JSON object as docs/api.md says.")
    }
  }

  /// What is wrong, without the values: a body may hold secrets.
  private static func reason(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { key in
        key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
      }.joined()
      return path.isEmpty ? "the top" : "\"\(path.drop { $0 == "." })\""
    }
    return switch error {
    case .keyNotFound(let key, let context):
      "\"\(key.stringValue)\" is missing at \(place(context))"
    case .valueNotFound(_, let context): "\(place(context)) is null"
    case .typeMismatch(_, let context): "\(place(context)) has the wrong type"
    case .dataCorrupted(let context):
      context.codingPath.isEmpty ? "it is not JSON" : "\(place(context)) cannot be read"
    @unknown default: "it cannot be read"
    }
  }
}

/// The forms of an answer.
extension Response {
  /// JSON with the status; keys in order, so that equal answers are equal bytes.
  static func json(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let bytes = try encoder.encode(value)
    var headers = headers
    headers[.contentType] = "application/json; charset=utf-8"
    headers[.contentLength] = "\(bytes.count)"
    headers[.cacheControl] = "no-store"
    return Response(
      status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  static func page<Item: Codable & Sendable>(_ items: [Item]) throws -> Response {
    try json(Page(items: items))
  }

  static var noContent: Response { Response(status: .noContent) }
}
