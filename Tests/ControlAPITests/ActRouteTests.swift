import APIModel
import ControlCore
import Crypto
import Foundation
import GatewayModel
import HTTPTypes
import Hummingbird
import PeerIdentity
import Telemetry
import Testing

@testable import ControlAPI

/// Each route that changes something hands what it does to the control plane's own log.
@Suite struct ActRouteTests {
  struct Act: Sendable, CustomStringConvertible {
    var method: HTTPRequest.Method
    /// As it is registered.
    var route: String
    var action: ControlAction
    var body = "{}"
    var path: String {
      route.replacing("{name}", with: "orders").replacing("{id}", with: "0190")
        .replacing("{day}", with: "2026-05-04")
    }
    var description: String { "\(method) \(route)" }
  }

  /// A route that is added to the API has to be added here, with the act it records.
  static let acts = [
    Act(
      method: .post, route: "/v1/bootstrap", action: .createAPIToken,
      body: #"{"bootstrapToken":"spb_1","name":"n"}"#),
    Act(method: .post, route: "/v1/enroll", action: .enrolAgent, body: enrolment),
    Act(
      method: .post, route: "/v1/connections", action: .addConnection,
      body: """
        {"name":"orders","segment":"eu","host":"db","port":5432,"database":"d","tls":"require",
        "labels":{},"roles":[{"name":"app","credentials":[]}],"replace":false}
        """),
    Act(method: .delete, route: "/v1/connections/{name}", action: .removeConnection),
    Act(method: .post, route: "/v1/connections/{name}/test", action: .testConnection),
    Act(
      method: .post, route: "/v1/agents/invitations", action: .inviteAgent,
      body: #"{"segment":"eu","clientAddress":"gw:5432","names":[]}"#),
    Act(method: .delete, route: "/v1/agents/{id}", action: .removeAgent),
    Act(
      method: .post, route: "/v1/agents/{id}/release", action: .releaseAgent,
      body: #"{"reason":"looked at"}"#),
    Act(
      method: .post, route: "/v1/grants", action: .addGrant,
      body: #"{"group":"dba","connection":"orders","role":"app"}"#),
    Act(method: .delete, route: "/v1/grants/{name}", action: .removeGrant),
    Act(
      method: .post, route: "/v1/policy", action: .applyPolicy,
      body:
        #"{"documents":[{"path":"p","text":"policy: p\nrules:\n - {name: r, deny: {effects: [ddl]}}"}]}"#
    ),
    Act(
      method: .post, route: "/v1/policy/rollback", action: .rollBackPolicy,
      body: #"{"version":1}"#),
    Act(
      method: .post, route: "/v1/retention", action: .setRetention, body: #"{"days":90}"#),
    Act(
      method: .post, route: "/v1/retention/holds", action: .addHold,
      body: #"{"name":"case-7","reason":"asked by counsel"}"#),
    Act(
      method: .post, route: "/v1/retention/holds/{name}/release", action: .releaseHold,
      body: #"{"reason":"settled"}"#),
    Act(
      method: .post, route: "/v1/retention/days/{day}/prune", action: .pruneDay,
      body: """
        {"exportFile":"f","exportSHA256":"\(String(repeating: "0", count: 64))","logs":[]}
        """),
    Act(
      method: .post, route: "/v1/tokens", action: .issueSessionToken,
      body: """
        {"subject":"alice","groups":[],"kind":"user","connections":["orders"],"lifetimeSeconds":60}
        """),
  ]

  private static var enrolment: String {
    let request = EnrollRequest(
      joinSecret: String(repeating: "a", count: 64),
      csrPEM: (try? CertificateRequest.make(key: P256.Signing.PrivateKey(), commonName: "a")) ?? "",
      auditPublicKey: Data(repeating: 1, count: 32).base64EncodedString(),
      sealingPublicKey: Data(repeating: 2, count: 32).base64EncodedString(), hostname: "h",
      agentVersion: "1")
    return (try? JSONEncoder().encode(request)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// What is recorded only when the caller has proved which agent it is; see RecoveryTests.
  static let proven = ["POST /v1/agents/recover"]

  @Test func `every route that changes something is known here`() async throws {
    let router = APIServer.router(
      plane: try await AwayStore().plane(), registry: PrometheusRegistry())
    let changing = router.routes.filter { $0.method != .get && $0.method != .head }
    #expect(
      Set(changing.map { "\($0.method) \($0.path)" })
        == Set(Self.acts.map(\.description) + Self.proven))
  }

  @Test(arguments: acts) func `the act is told to the log`(act: Act) async throws {
    let store = AwayStore(showsFleet: true)
    let router = APIServer.router(plane: try await store.plane(), registry: PrometheusRegistry())
    let answer = try await RouteCall.send(
      act.method, act.path, authorization: "Bearer \(AwayStore.apiToken)", body: act.body,
      to: router.buildResponder())
    // The store is away for the act itself; by then it has been given the entry.
    #expect(answer.status == .serviceUnavailable, "\(answer.text)")
    #expect(store.actions == [act.action.rawValue], "\(answer.text)")
  }

  @Test func `a caller who is refused is told to the log, without what he wrote`() async throws {
    let store = AwayStore()
    let router = APIServer.router(plane: try await store.plane(), registry: PrometheusRegistry())
    let answer = try await RouteCall.send(
      .delete, "/v1/grants/canary-name", authorization: "Bearer spt_canary-token", body: "{}",
      to: router.buildResponder())
    #expect(answer.status == .unauthorized)
    let entry = try #require(store.summaries.first)
    #expect(entry.action == "api.call")
    #expect(entry.subject == "DELETE /v1/grants/{name}")
    #expect(entry.refusal == "unauthorized")
    #expect(!"\(entry)".contains("canary"))
  }
}
