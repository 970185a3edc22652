import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import TestSupport
import Testing

@testable import SessionEngine

/// Whoever reaches the port cannot fill the log, and is counted all the same.
@Suite struct StrangerTests {
  @Test func anAllowanceHoldsForEachSecondAndCountsTheRest() {
    var allowance = RecordAllowance(perSecond: 2)
    func at(_ milliseconds: Int64) -> MonotonicTime {
      MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }
    let first = [5_000, 5_100, 5_200, 5_999].map { allowance.admits(at: at($0)) }
    #expect(first == [true, true, false, false])
    #expect(allowance.leftOut == 2)
    let second = [6_000, 6_001, 6_002].map { allowance.admits(at: at($0)) }
    #expect(second == [true, true, false])
    #expect(allowance.leftOut == 3)
    allowance.forgetLeftOut()
    #expect(allowance.leftOut == 0)
    let third = allowance.admits(at: at(6_003))
    #expect(!third && allowance.leftOut == 1)
  }

  /// Each is refused because it stays without TLS.
  private func refusals(_ count: Int, by rig: GatewayRig) async throws {
    for _ in 0..<count {
      let client = try await ScriptedClient(.loopback(port: rig.port))
      try await client.peer.send(
        StartupMessage(parameters: [.init(name: "user", value: "app")]).encode)
      _ = try await client.peer.receiveClose(within: GatewayRig.patience)
    }
  }

  @Test func refusalsBeyondTheLimitAreCounted() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.strangerRefusalsPerSecond = 0
    let (rig, _) = try await GatewayRig.serving(options)
    try await refusals(12, by: rig)
    let records = try await rig.records("all counted") {
      $0.refusals.reduce(0) { $0 + $1.leftOut } == 12
    }
    #expect(records.refusals.allSatisfy { $0.reason == "refusals_left_out" && $0.leftOut > 0 })
    #expect(records.refusals.first?.detail.contains("more refusals") == true)
    #expect(rig.gateway.statistics.refusedLogins == 12)
    // Who shows a good token is known, and has an allowance of his own.
    _ = try await rig.psql("SELECT 1;", user: "reader")
    let known = try await rig.records("a refusal") { $0.refusals.contains { $0.leftOut == 0 } }
    #expect(known.refusals.last?.subject == "alice@example.com")
    await rig.end()
  }

  @Test func whatIsCountedIsSaidBeforeTheLogCloses() async throws {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.strangerRefusalsPerSecond = 0
    let (rig, _) = try await GatewayRig.serving(options)
    try await refusals(3, by: rig)
    await rig.end()
    #expect(try rig.records().refusals.reduce(0) { $0 + $1.leftOut } == 3)
  }

  @Test func whatAStrangerSaysIsCut() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    let name = "u" + String(repeating: "é", count: 1_000)
    let welcome = try await client.logIn(
      user: name, database: name, password: "hunter2",
      parameters: ["application_name": String(repeating: "p", count: 3_000)])
    #expect(welcome.refusal?.message.contains(name) == true)
    let records = try await rig.records("a refusal") { !$0.refusals.isEmpty }
    let refusal = try #require(records.refusals.first)
    #expect(refusal.connection == "u" + String(repeating: "é", count: 127))
    #expect(refusal.databaseRole == refusal.connection)
    #expect(refusal.applicationName == String(repeating: "p", count: 256))
    #expect(refusal.message.utf8.count <= 1_024 && refusal.message.hasPrefix("login to connection"))
    await rig.end()
  }
}
