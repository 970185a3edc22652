import APIModel
internal import ControlCore
import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Telemetry

/// Turns what a handler throws into the API's error body with the right status.
///
/// What is not meant for the caller stays in the log, under the request's id.
struct FailureAnswers: RouterMiddleware {
  typealias Context = APIRequestContext

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as ControlError {
      if error.code == .internal {
        context.logger.error(
          "request failed", metadata: [LogKey.error: "\(error)"])
      }
      return try Self.answer(error)
    } catch let limit as AttemptLimit {
      return try .json(
        APIErrorBody(
          code: "unavailable", message: "Too many attempts from this address.",
          remedy: "Try again in \(limit.retryAfterSeconds) seconds."),
        status: .tooManyRequests, headers: [.retryAfter: "\(limit.retryAfterSeconds)"])
    } catch let error as any HTTPResponseError {
      return try Self.answer(status: error.status, to: request)
    } catch is CancellationError {
      return try Self.answer(
        ControlError(
          .unavailable, "The control plane is shutting down.", remedy: "Try again in a moment."))
    } catch {
      context.logger.error(
        "request failed", metadata: [LogKey.error: "\(error)"])
      return try Self.answer(
        ControlError(
          .internal, "The control plane failed to do this.",
          remedy: "Look for request \(context.requestID) in its log."))
    }
  }

  private static func answer(_ error: ControlError) throws -> Response {
    let headers: HTTPFields =
      switch error.code {
      case .unauthorized: [.wwwAuthenticate: "Bearer"]
      case .unavailable: [.retryAfter: "1"]
      default: [:]
      }
    return try .json(error.body, status: status(of: error.code), headers: headers)
  }

  /// For failures that the HTTP layer itself found.
  private static func answer(
    status: HTTPResponse.Status, to request: Request
  ) throws -> Response {
    let body =
      switch status {
      case .notFound:
        APIErrorBody(
          code: "not_found", message: "There is no route \(request.method) \(request.uri.path).",
          remedy: "The routes stand in docs/api.md.")
      case .contentTooLarge:
        APIErrorBody(
          code: "invalid",
          message: "The request's body is larger than \(APILimits.bodyBytes) bytes.",
          remedy: "Send less.")
      default:
        APIErrorBody(
          code: status.kind == .serverError ? "internal" : "invalid",
          message: "The request failed: \(status.reasonPhrase).")
      }
    return try .json(body, status: status)
  }

  static func status(of code: ControlError.Code) -> HTTPResponse.Status {
    switch code {
    case .notFound: .notFound
    case .invalid: .badRequest
    case .conflict: .conflict
    case .unauthorized: .unauthorized
    case .forbidden: .forbidden
    case .unavailable: .serviceUnavailable
    case .internal: .internalServerError
    }
  }
}
