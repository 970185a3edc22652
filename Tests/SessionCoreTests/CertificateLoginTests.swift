import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// What the session makes of a role that logs in by a client certificate.
@Suite struct CertificateLoginTests {
  private static let certificate = ClientCertificate(
    chainPEM: "chain", keyPEM: Secret(text: "key-canary"))
  private static let alone = ServerCredential(password: nil, certificate: certificate)

  @Test func theServersWordIsEnough() {
    var session = SessionHarness.authenticating(.tls, credential: Self.alone)
    session.server(Server.authenticationOk, Server.status("client_encoding", "UTF8"))
    session.server(Server.key(4711, [1, 2, 3, 4]), Server.ready())
    #expect(session.core.isReady)
    #expect(session.toServer.readableBytes == 0)
  }

  @Test(arguments: [
    BackendMessage.Authentication.cleartextPassword, .md5Password(salt: [1, 2, 3, 4]),
    .sasl(mechanisms: ["SCRAM-SHA-256"]),
  ])
  func aPasswordThatIsNotThereIsToldApart(_ asked: BackendMessage.Authentication) throws {
    var session = SessionHarness.authenticating(.tls, credential: Self.alone)
    session.server(Server.authentication(asked))
    #expect(session.clientErrors == ["08006"])
    let refusal = try #require(session.refusals.first)
    #expect(refusal.reason == .serverAuthentication)
    #expect(refusal.detail.contains("has a client certificate only"), "\(refusal.detail)")
    #expect(session.toServer.readableBytes == 0)

    var none = SessionHarness.authenticating(.tls, credential: ServerCredential(password: nil))
    none.server(Server.authentication(asked))
    #expect(none.refusals.first?.detail.contains("has none; add its credential") == true)
  }

  @Test func bothAreShown() {
    var session = SessionHarness.authenticating(
      .tls,
      credential: ServerCredential(password: Secret(text: "pw"), certificate: Self.certificate))
    session.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    #expect(types(session.toServer) == "p")
    #expect(!session.core.isClosed)
  }

  @Test func aCertificateIsNoChannelBinding() throws {
    var machine = ServerAuthentication(
      role: "app", credential: Self.alone, connected: SessionHarness.connected(.tls),
      binding: .require, iterationCap: 100_000)
    guard case .failed(let detail) = machine.receive(.ok) else {
      Issue.record("logged in without channel binding")
      return
    }
    #expect(detail.contains("requires channel binding"))
  }

  @Test func aLegWhoseTLSBreaksDuringTheLoginSaysWhy() {
    var session = SessionHarness.authenticating(.tls, credential: Self.alone)
    session.send(
      .serverConnectFailed(ServerConnectFailure(reason: .serverTLS, detail: "unknown authority")))
    session.send(.serverClosed)
    #expect(session.clientErrors == ["08006"])
    #expect(session.refusals.map(\.reason) == [.serverTLS])
    #expect(session.refusals.map(\.detail) == ["unknown authority"])
    #expect(session.closes.count == 1)
    #expect(session.serverCloses == 1)
  }

  @Test func aServerThatJustLeavesIsSaidToDislikeTheCertificate() {
    var session = SessionHarness.authenticating(.tls, credential: Self.alone)
    session.send(.serverClosed)
    #expect(session.refusals.map(\.reason) == [.serverTLS])
    #expect(session.refusals.first?.detail.contains("ssl_ca_file") == true)

    // One that has asked for something took the certificate.
    var asked = SessionHarness.authenticating(
      .tls,
      credential: ServerCredential(password: Secret(text: "pw"), certificate: Self.certificate))
    asked.server(Server.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    asked.send(.serverClosed)
    #expect(asked.refusals.map(\.reason) == [.serverUnreachable])

    var without = SessionHarness.authenticating(.tls)
    without.send(.serverClosed)
    #expect(without.refusals.map(\.reason) == [.serverUnreachable])
  }

  @Test func afterTheLoginNothingIsLeftToRefuse() {
    var session = SessionHarness.ready()
    session.send(
      .serverConnectFailed(ServerConnectFailure(reason: .serverTLS, detail: "late")))
    #expect(session.audit.isEmpty && !session.core.isClosed)
  }
}
