import HTTPTypes
internal import Hummingbird
internal import Logging
import Metrics
internal import Telemetry

/// One log line and one measurement for each request.
///
/// The line has the route and not the path's values or the query: those hold names and words that
/// people look for.
struct AccessLog: RouterMiddleware {
  typealias Context = APIRequestContext

  static let requestIDHeader = HTTPField.Name("x-request-id")
  /// Asked for so often by machines that their lines would hide the others.
  private static let quietRoutes: Set<String> = ["/healthz", "/readyz", "/metrics"]
  private static let knownMethods: Set<HTTPRequest.Method> = [
    .get, .post, .put, .patch, .delete, .head, .options,
  ]

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response = try await next(request, context)
    let duration = ContinuousClock.now - start
    if let header = Self.requestIDHeader { response.headers[header] = context.requestID }

    let matched = context.endpointPath.flatMap { $0 == "NotFound" ? nil : $0 }
    let route = matched ?? "none"
    let method = Self.knownMethods.contains(request.method) ? request.method.rawValue : "other"
    MetricName.controlRequests.counter([
      (MetricName.Label.method, matched == nil ? "other" : method),
      (MetricName.Label.route, route),
      (MetricName.Label.status, "\(response.status.code)"),
    ]).increment()
    MetricName.controlRequestSeconds.timer([(MetricName.Label.route, route)])
      .record(duration: duration)

    let level: Logger.Level =
      response.status.kind == .serverError
      ? .warning : Self.quietRoutes.contains(route) ? .debug : .info
    context.logger.log(
      level: level, "request",
      metadata: [
        LogKey.method: "\(method)", LogKey.route: "\(route)",
        LogKey.status: "\(response.status.code)",
        LogKey.clientAddress: "\(context.clientAddress.text)",
        LogKey.milliseconds: "\(Int((duration / .milliseconds(1)).rounded()))",
      ])
    return response
  }
}
