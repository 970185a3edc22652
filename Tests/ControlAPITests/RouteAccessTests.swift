import APIModel
import Foundation
import HTTPTypes
import Hummingbird
import Telemetry
import Testing

@testable import ControlAPI

/// Each route of `Routes`, with and without a token, over a database that is away.
@Suite struct RouteAccessTests {
  static let guarded: [(HTTPRequest.Method, String)] = [
    (.get, "/v1/status"), (.get, "/v1/connections"), (.post, "/v1/connections"),
    (.get, "/v1/connections/orders"), (.delete, "/v1/connections/orders"),
    (.post, "/v1/connections/orders/test"), (.get, "/v1/segments/eu/sealing-keys"),
    (.post, "/v1/agents/invitations"), (.get, "/v1/agents"), (.get, "/v1/agents/01ab"),
    (.delete, "/v1/agents/01ab"), (.post, "/v1/agents/01ab/release"), (.get, "/v1/grants"),
    (.post, "/v1/grants"),
    (.delete, "/v1/grants/g"), (.get, "/v1/policy"), (.post, "/v1/policy"),
    (.post, "/v1/policy/rollback"), (.get, "/v1/policy/versions"),
    (.get, "/v1/policy/versions/1"), (.post, "/v1/tokens"), (.get, "/v1/audit/statements"),
    (.get, "/v1/audit/control"), (.get, "/v1/audit/control/checkpoint"),
    (.get, "/v1/audit/completeness"), (.get, "/v1/retention"), (.post, "/v1/retention"),
    (.get, "/v1/retention/holds"),
    (.post, "/v1/retention/holds"), (.post, "/v1/retention/holds/h/release"),
    (.get, "/v1/retention/days"), (.get, "/v1/retention/days/2026-05-04"),
    (.post, "/v1/retention/days/2026-05-04/prune"),
    (.get, "/v1/sessions"), (.get, "/v1/sessions/00000000-0000-0000-0000-000000000001"),
  ]

  static let open: [(HTTPRequest.Method, String)] = [
    (.get, "/healthz"), (.get, "/readyz"), (.get, "/metrics"), (.get, "/v1/authority"),
    (.post, "/v1/bootstrap"), (.post, "/v1/enroll"), (.post, "/v1/agents/recover"),
  ]

  @Test(arguments: guarded) func `a route wants a token`(
    method: HTTPRequest.Method, path: String
  ) async throws {
    for header in [nil, "Bearer ", "Bearer spt_wrong", "Basic \(AwayStore.apiToken)"] {
      let answer = try await send(method, path, authorization: header)
      #expect(answer.status == .unauthorized)
      #expect(answer.headers[.wwwAuthenticate] == "Bearer")
      #expect(try answer.error().code == "unauthorized")
    }
  }

  @Test(arguments: guarded) func `with a token it is there, and checks its query`(
    method: HTTPRequest.Method, path: String
  ) async throws {
    let bearer = "Bearer \(AwayStore.apiToken)"
    let answer = try await send(method, path, authorization: bearer, body: "{}")
    #expect(![401, 404, 405, 500].contains(answer.status.code))
    let typo = try await send(method, "\(path)?lmit=1", authorization: bearer, body: "{}")
    #expect(typo.status == .badRequest)
    #expect(try typo.error().message.contains("\"lmit\""))
  }

  @Test(arguments: open) func `an open route wants none, and tells a stranger no details`(
    method: HTTPRequest.Method, path: String
  ) async throws {
    let enrolment = EnrollRequest(
      joinSecret: String(repeating: "a", count: 64), csrPEM: "", auditPublicKey: "",
      sealingPublicKey: "", hostname: "", agentVersion: "")
    let body =
      path.hasSuffix("enroll")
      ? String(decoding: try JSONEncoder().encode(enrolment), as: UTF8.self)
      : #"{"bootstrapToken":"spb_1","name":"n"}"#
    let answer = try await send(method, path, body: body)
    #expect(![401, 404, 500].contains(answer.status.code))
    #expect(!answer.text.contains(AwayStore.canary))
    #expect(try await send(method, "\(path)?x=1").status == .badRequest)
  }

  @Test func `a database that is away shows in readiness and not in health`() async throws {
    let ready = try await send(.get, "/readyz")
    #expect(ready.status == .serviceUnavailable)
    #expect(try ready.error().code == "unavailable")
    #expect(try await send(.get, "/healthz").status == .ok)
    let bootstrap = try await send(
      .post, "/v1/bootstrap", body: #"{"bootstrapToken":"spb_1","name":"n"}"#)
    #expect(bootstrap.status == .serviceUnavailable)
    #expect(bootstrap.headers[.retryAfter] != nil)
  }

  @Test(arguments: [
    (HTTPRequest.Method.get, "/"), (.get, "/v1"), (.put, "/v1/status"), (.get, "/v1/agents/a/b"),
    (.post, "/healthz"), (.get, "/v1/%2e%2e/status"),
  ])
  func `what is no route is 404 in JSON`(
    method: HTTPRequest.Method, path: String
  ) async throws {
    let answer = try await send(method, path)
    #expect(answer.status == .notFound)
    #expect(try answer.error().code == "not_found")
    #expect(answer.headers[.contentType] == "application/json; charset=utf-8")
  }

  @Test func `a body that is too large or not JSON is refused without being quoted`() async throws {
    let bearer = "Bearer \(AwayStore.apiToken)"
    let large = try await send(
      .post, "/v1/tokens", authorization: bearer,
      body: String(repeating: "x", count: APILimits.bodyBytes + 1))
    #expect(large.status == .contentTooLarge)
    for body in ["hunter2", #"{"subject": hunter2}"#, #"{"subject": ["hunter2"]}"#, ""] {
      let answer = try await send(.post, "/v1/tokens", authorization: bearer, body: body)
      #expect(answer.status == .badRequest)
      #expect(!answer.text.contains("hunter2"))
    }
    let missing = try await send(.post, "/v1/tokens", authorization: bearer, body: "{}")
    #expect(try missing.error().message.contains("\"subject\" is missing"))
  }

  @Test func `wrong secrets are limited for each address, nothing else is`() async throws {
    let responder = try await responder()
    func bootstrap(_ token: String) async throws -> HTTPResponse.Status {
      try await send(
        .post, "/v1/bootstrap", body: #"{"bootstrapToken":"\#(token)","name":"n"}"#, to: responder
      ).status
    }
    for _ in 0..<40 {
      #expect(try await send(.post, "/v1/enroll", body: "{}", to: responder).status == .badRequest)
      #expect(try await bootstrap("spb_1") == .serviceUnavailable)
    }
    var statuses: [HTTPResponse.Status] = []
    for _ in 0..<40 { statuses.append(try await bootstrap("spb_wrong")) }
    #expect(statuses.first == .unauthorized)
    #expect(statuses.last == .tooManyRequests)
    #expect(try await bootstrap("spb_1") == .tooManyRequests)
  }

  private typealias Responder = RouteCall.Responder

  private func responder() async throws -> Responder {
    APIServer.router(plane: try await AwayStore().plane(), registry: PrometheusRegistry())
      .buildResponder()
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, authorization: String? = nil, body: String = "",
    to responder: Responder? = nil
  ) async throws -> RouteCall.Answer {
    let target: Responder
    if let responder { target = responder } else { target = try await self.responder() }
    return try await RouteCall.send(
      method, path, authorization: authorization, body: body, to: target)
  }
}
