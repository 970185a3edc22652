import Foundation
import TestSupport
import Testing

/// What goes wrong between the agent and the server: each with a clear error to the client, and the
/// exact reason in the record.
@Suite(.serialized) struct ServerLegTests {
  private static let fleet = SharedFleet()

  private func expectRefusal(
    _ connection: String, reason: String, detail: String, sqlstate: String = "08006",
    prepare: (Fleet) async throws -> Void
  ) async throws {
    let fleet = try await Self.fleet.get()
    try await prepare(fleet)
    try await fleet.cli([
      "grants", "add", "--group", "analysts", "--connection", connection, "--role", "readonly",
    ])
    try await fleet.waitForBundle()
    let token = try await fleet.token(
      "alice@example.com", groups: "analysts", connections: [connection])
    let outcome = try await fleet.psql(
      "select 1", token: token, connection: connection, flags: ["-v", "VERBOSITY=verbose"])
    #expect(outcome.exit == .code(2))
    // The wording is one for all failures: what is behind the gateway stays there.
    #expect(
      outcome.errors.contains(
        "FATAL:  \(Self.message(connection))\nHINT:  Try again later;"), "\(outcome.errors)")
    #expect(!outcome.errors.contains(Fleet.readonlyPassword))
    try await eventually("the record of \(reason)") {
      try await fleet.statements(["--outcome", "refused", "--connection", connection]).contains {
        $0.reason == reason && $0.sqlstate == sqlstate
          && $0.message?.contains(detail) == true
      }
    }
    // psql does not show the SQLSTATE of a refused login.
    let client = try await ScriptedClient(
      .loopback(port: fleet.agent.port),
      security: .negotiated(try TestPKI.clientContext(trusting: fleet.control.authorityFile)))
    let refusal = try await client.logIn(
      user: "readonly", database: connection, password: token
    ).refusal
    #expect(refusal?.sqlState == sqlstate)
    #expect(refusal?.message == Self.message(connection))
  }

  private static func message(_ connection: String) -> String {
    "the database of connection \"\(connection)\" is not available"
  }

  @Test func serverDown() async throws {
    let port = try FreePort.next()
    try await expectRefusal("down", reason: "server_unreachable", detail: "127.0.0.1:\(port)") {
      try await $0.addConnection("down", role: "readonly", password: "x", port: port)
    }
  }

  @Test func wrongServerPassword() async throws {
    try await expectRefusal(
      "wrong-password", reason: "server_authentication", detail: "password authentication failed"
    ) {
      try await $0.addConnection("wrong-password", role: "readonly", password: "not-it-canary")
    }
  }

  @Test func serverCertificateNotTrusted() async throws {
    try await expectRefusal("untrusted", reason: "server_tls", detail: "certificate") {
      try await $0.addConnection(
        "untrusted", role: "readonly", password: Fleet.readonlyPassword,
        authority: $0.control.authorityFile)
    }
  }

  @Test func connectionsTestNamesWhatFails() async throws {
    let fleet = try await Self.fleet.get()
    let good = try await fleet.cli(["connections", "test", "shop"])
    #expect(good.contains("PostgreSQL") || good.contains("ok"), "\(good)")
    try await fleet.addConnection("test-me", role: "readonly", password: "not-it-canary")
    try await fleet.waitForBundle()
    let bad = try await fleet.control.cliOutcome(["connections", "test", "test-me"])
    #expect(!bad.succeeded)
    #expect((bad.output + bad.errors).contains("password"), "\(bad.output) \(bad.errors)")
  }

  @Test func serverThatDiesLeavesTheOutcomeUnknown() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("mallory@example.com", groups: "analysts")
    let client = try ChildProcess(
      "psql", ["-X", "-c", "select pg_sleep(30), 'dies'"],
      environment: fleet.clientEnvironment(token: token))
    try await eventually("the sleeping statement at the server") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where query like '%dies%' and usename = 'readonly'")
        == "1"
    }
    try await fleet.cluster.stop(mode: "immediate")
    let exit = try await client.wait()
    #expect(exit != .code(0))
    try await fleet.cluster.start()
    // The control plane keeps its store in the same cluster: this shows that it comes back too.
    try await eventually("the statement with an unknown or failed outcome", within: .seconds(40)) {
      guard let found = try? await fleet.statements(["--words", "dies"]) else { return false }
      return found.contains { $0.outcome == "unknown" || $0.outcome == "failed" }
    }
  }
}
