internal import ControlCore
import HTTPTypes
internal import Hummingbird
internal import Logging
import Metrics
internal import Telemetry

/// Puts routes into the router so that none is open by oversight: a route wants a good API token
/// unless it is registered with ``open(_:_:query:handle:)``.
struct APIRoutes {
  let router: Router<APIRequestContext>
  let access: AccessService
  let log: ControlLog
  private let unauthorized = MetricName.controlUnauthorized.counter()

  init(router: Router<APIRequestContext>, access: AccessService, log: ControlLog) {
    self.router = router
    self.access = access
    self.log = log
  }

  /// A route for callers with an API token; `query` names the parameters it takes, `repeatable`
  /// those of them that may stand there several times.
  func on(
    _ method: HTTPRequest.Method, _ path: String, query known: [String] = [],
    repeatable: [String] = [],
    handle: @escaping @Sendable (APICall, Caller) async throws -> Response
  ) {
    let (access, log, unauthorized) = (access, log, unauthorized)
    router.on(RouterPath(path), method: method) { request, context in
      let address = context.clientAddress.text
      let caller: Caller
      do {
        caller = try await access.authenticate(
          bearer: Self.bearer(of: request), from: address)
      } catch let error as ControlError {
        if error.code == .unauthorized { unauthorized.increment() }
        await Self.note(error, at: "\(method) \(path)", from: address, log)
        throw Self.forStrangers(error, context)
      }
      let query = try QueryItems(request.uri.query, known: known, repeatable: repeatable)
      do {
        return try await handle(
          APICall(request: request, context: context, query: query), caller)
      } catch let error as ControlError {
        await Self.note(error, at: "\(method) \(path)", from: address, caller: caller, log)
        throw error
      }
    }
  }

  /// A route for everybody.
  func open(
    _ method: HTTPRequest.Method, _ path: String, query known: [String] = [],
    handle: @escaping @Sendable (APICall) async throws -> Response
  ) {
    let log = log
    router.on(RouterPath(path), method: method) { request, context in
      let query = try QueryItems(request.uri.query, known: known)
      do {
        return try await handle(APICall(request: request, context: context, query: query))
      } catch let error as ControlError {
        await Self.note(
          error, at: "\(method) \(path)", from: context.clientAddress.text, log)
        throw Self.forStrangers(error, context)
      }
    }
  }

  /// Has a refusal for who the caller is recorded; the route stands without its parameters, so that
  /// nothing the caller wrote gets into the log.
  private static func note(
    _ error: ControlError, at route: String, from address: String, caller: Caller? = nil,
    _ log: ControlLog
  ) async {
    guard error.code == .unauthorized || error.code == .forbidden else { return }
    await log.refused(route, error.code, from: address, caller: caller)
  }

  /// An error as somebody without an API token may see it: where the database is, and what it
  /// said, stays in the log.
  private static func forStrangers(
    _ error: ControlError, _ context: APIRequestContext
  ) -> ControlError {
    guard error.code == .unavailable || error.code == .internal else { return error }
    context.logger.warning("request failed", metadata: [LogKey.error: "\(error)"])
    return ControlError(
      error.code,
      error.code == .internal
        ? "The control plane failed to do this." : "The database does not answer.",
      remedy: "Look for request \(context.requestID) in the control plane's log.")
  }

  /// The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1); `nil` for any other.
  static func bearer(of request: Request) -> String? {
    guard let header = request.headers[.authorization] else { return nil }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return parts[1].trimmingPrefix { $0 == " " }.description
  }
}
