import Foundation
import NIOCore
import PostgresWire
import TestSupport
import Testing

/// Against a real PostgreSQL: what the codecs say is what the server means.
@Suite("Live server") struct LiveServerTests {
  private func frames(
    _ client: ScriptedClient, _ mechanism: ScramMechanism, _ scram: inout ScramClient
  ) async throws -> BackendMessage.Diagnostic? {
    let first = FrontendMessage.SASLInitialResponse(
      mechanism: mechanism.rawValue, data: try scram.firstMessage())
    try await client.peer.send(first.encode)
    while true {
      let frame = try await client.peer.receive(BackendMessageType.self)
      switch frame.type {
      case .errorResponse: return try .init(decoding: frame.body)
      case .readyForQuery: return nil
      case .authentication:
        switch try BackendMessage.Authentication(decoding: frame.body) {
        case .saslContinue(let data):
          let final = try scram.finalMessage(answering: data)
          try await client.peer.send(FrontendMessage.SASLResponse(data: final).encode)
        case .saslFinal(let data): try scram.verify(serverFinal: data)
        default: break
        }
      default: break
      }
    }
  }

  @Test("Logins, bound and not, and what the server refuses")
  func logins() async throws {
    let cluster = try await PostgresCluster()
    try await cluster.sql(
      """
      CREATE ROLE alice LOGIN PASSWORD 'gr\u{FC}n\u{2168} pass';
      SET password_encryption = 'md5'; CREATE ROLE bob LOGIN PASSWORD 'secret';
      """)
    let address = ScriptedClient.Address.loopback(port: cluster.port)

    let alice = try await ScriptedClient(address)
    let welcome = try await alice.logIn(
      user: "alice", database: "postgres", password: "gru\u{308}nIX pass")
    #expect(welcome.refusal == nil)
    #expect(welcome.settings["client_encoding"] == "UTF8")
    #expect(welcome.cancelKey?.secret.bytes.count == 4)
    let reply = try await alice.execute("select $1::int + 1, null", ["41"])
    #expect(reply.rows == [["42", nil]])
    #expect(reply.tags == ["SELECT 1"])
    let failed = try await alice.query("select nonexistent")
    #expect(failed.sqlStates == ["42703"])
    #expect(failed.status == .idle)
    try await alice.terminate()

    let mallory = try await ScriptedClient(address)
    let refused = try await mallory.logIn(user: "alice", database: "postgres", password: "wrong")
    #expect(refused.refusal?.sqlState == "28P01")

    try await boundLogin(cluster)
  }

  /// SCRAM-SHA-256-PLUS with the hash of the server's certificate, and with a wrong hash.
  private func boundLogin(_ cluster: PostgresCluster) async throws {
    let pem = try String(contentsOfFile: cluster.authorityFile, encoding: .utf8)
    let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
    let der = [UInt8](try #require(Data(base64Encoded: base64)))
    let hash = try #require(TLSServerEndPoint.binding(certificateDER: der))
    let tls = try TestPKI().clientContext(verification: .none)
    for (endPoint, isRight) in [(hash, true), (hash.reversed(), false)] {
      let client = try await ScriptedClient(
        .loopback(port: cluster.port), security: .negotiated(tls))
      let startup = StartupMessage(parameters: [
        .init(name: "user", value: cluster.superuser), .init(name: "database", value: "postgres"),
      ])
      try await client.peer.send(startup.encode)
      let frame = try await client.peer.receive(BackendMessageType.self)
      guard case .sasl(let list) = try BackendMessage.Authentication(decoding: frame.body) else {
        Issue.record("no SASL request")
        return
      }
      let (mechanism, binding) = try ScramMechanism.select(
        from: list, mode: .require, endPoint: endPoint)
      var scram = ScramClient(
        password: cluster.superuserPassword.utf8, randomNonce: Array(0..<18), binding: binding)
      let refusal = try await frames(client, mechanism, &scram)
      #expect((refusal == nil) == isRight)
      #expect(scram.isVerified == isRight)
      await client.peer.close()
    }
  }

  @Test("A cancel request with the session's key ends its statement")
  func cancel() async throws {
    let cluster = try await PostgresCluster()
    let client = try await ScriptedClient(.loopback(port: cluster.port))
    let welcome = try await client.logIn(
      user: cluster.superuser, database: "postgres", password: cluster.superuserPassword)
    let key = try #require(welcome.cancelKey)
    try await client.peer.send(FrontendMessage.Query(sql: "select pg_sleep(60)").encode)
    try await eventually("the statement runs") {
      try await cluster.sql(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "1"
    }
    let canceller = try await ScriptedClient(.loopback(port: cluster.port))
    try await canceller.peer.send { StartupPacket.writeCancelRequest(key, into: &$0) }
    let reply = try await client.reply()
    #expect(reply.sqlStates == ["57014"])
  }
}
