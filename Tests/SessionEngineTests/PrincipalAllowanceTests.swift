import AuditLog
import GatewayModel
import NIOCore
import PostgresWire
import TestSupport
import Testing

@testable import SessionEngine

/// Who is known by name and refused all the same cannot fill the log either.
@Suite struct PrincipalAllowanceTests {
  private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
  }

  private func expect(
    _ allowances: PrincipalAllowances, _ sums: [(String, UInt64)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(allowances.leftOut.map(\.subject) == sums.map(\.0), sourceLocation: sourceLocation)
    #expect(allowances.leftOut.map(\.count) == sums.map(\.1), sourceLocation: sourceLocation)
  }

  @Test func eachPrincipalHasAnAllowanceOfItsOwnInEachSecond() {
    var allowances = PrincipalAllowances(perSecond: 2)
    let alice = (0..<4).map { allowances.admits("alice", at: at(5_000 + $0)) }
    #expect(alice == [true, true, false, false])
    let bob = allowances.admits("bob", at: at(5_900))
    #expect(bob)
    expect(allowances, [("alice", 2)])
    let next = (0..<3).map { _ in allowances.admits("alice", at: at(6_000)) }
    #expect(next == [true, true, false])
    expect(allowances, [("alice", 3)])
    allowances.forgetLeftOut("alice")
    expect(allowances, [])
    // What is said does not give the second's allowance back.
    let again = allowances.admits("alice", at: at(6_999))
    #expect(!again)
  }

  @Test func theTableIsBoundedAndKeepsWhatIsNotSaid() {
    var allowances = PrincipalAllowances(perSecond: 1, maximumPrincipals: 2)
    for name in ["a", "b", "b", "c", "c", "d"] { _ = allowances.admits(name, at: at(1_000)) }
    #expect(allowances.count == 2)
    expect(allowances, [("b", 1), ("", 3)])
    // In the next second there is room again, but not of what is still to be said.
    let second = ["c", "d"].map { allowances.admits($0, at: at(2_000)) }
    #expect(second == [true, false])
    #expect(allowances.count == 2)
    expect(allowances, [("b", 1), ("", 4)])
    allowances.forgetLeftOut("")
    allowances.forgetLeftOut("b")
    let third = ["d", "a"].map { allowances.admits($0, at: at(3_000)) }
    #expect(third == [true, true])
    expect(allowances, [])
  }

  private var options: GatewayRig.Options {
    var options = GatewayRig.Options()
    options.threads = 1
    options.limits.principalRefusalsPerSecond = 0
    return options
  }

  /// How a token with a good signature does not let in.
  private func refusedTokens(_ rig: GatewayRig) async throws -> [(String, String)] {
    [
      ("ann@example.com", try await rig.token("ann@example.com", secondsAgo: 3_600)),
      ("ben@example.com", try await rig.token("ben@example.com", connections: ["billing"])),
      ("eve@example.com", try await rig.token("eve@example.com", groups: ["interns"])),
    ]
  }

  @Test func refusalsOfTokensThatAreGoodForNothingAreCountedByName() async throws {
    let (rig, _) = try await GatewayRig.serving(options)
    for (index, (_, token)) in try await refusedTokens(rig).enumerated() {
      for _ in 0...index {
        #expect(try await rig.psql("SELECT 1;", token: token).exit == .code(2))
      }
    }
    let records = try await rig.records("all counted") {
      $0.refusals.reduce(0) { $0 + $1.leftOut } == 6
    }
    #expect(records.refusals.allSatisfy { $0.reason == "refusals_left_out" })
    var sums: [String: UInt64] = [:]
    for refusal in records.refusals { sums[refusal.subject, default: 0] += refusal.leftOut }
    #expect(sums == ["ann@example.com": 1, "ben@example.com": 2, "eve@example.com": 3])
    #expect(rig.gateway.statistics.refusedLogins == 6)
    // Nobody is kept out by that.
    #expect(try await rig.psql("SELECT 1;").output == "1\n")
    await rig.end()
  }

  @Test func aLoopWithOneExpiredTokenIsRecordedUpToItsAllowance() async throws {
    var options = options
    options.limits.principalRefusalsPerSecond = 1
    let (rig, _) = try await GatewayRig.serving(options)
    let token = try await rig.token(secondsAgo: 3_600)
    let context = try rig.pki.clientContext()
    let begun = ContinuousClock.now
    for _ in 0..<40 {
      let client = try await ScriptedClient(
        .loopback(port: rig.port), security: .negotiated(context))
      let welcome = try await client.logIn(user: "app", database: "orders", password: token)
      #expect(welcome.refusal?.sqlState == "28000")
    }
    let records = try await rig.records("all recorded or counted") {
      $0.refusals.reduce(0) { $0 + max($1.leftOut, 1) } == 40
    }
    let single = records.refusals.filter { $0.leftOut == 0 }
    #expect(single.allSatisfy { $0.reason == "token_expired" })
    // One in each second of the event loop's clock that the attempts took, and one more.
    let spent = ContinuousClock.now - begun
    #expect(Int64(single.count) <= spent.components.seconds + 2)
    #expect(records.refusals.contains { $0.leftOut > 0 && $0.subject == "alice@example.com" })
    await rig.end()
  }

  /// The allowance is for logins: what an open session was refused has all its records.
  @Test func anOpenSessionsRefusalIsNotCountedButRecorded() async throws {
    let (rig, _) = try await GatewayRig.serving(options)
    let client = try await ScriptedClient(
      .loopback(port: rig.port), security: .negotiated(try rig.pki.clientContext()))
    _ = try await client.logIn(user: "app", database: "orders", password: try await rig.token())
    try await client.peer.send { buffer in
      buffer.writeBytes([UInt8(ascii: "%"), 0, 0, 0, 4])
    }
    _ = try await client.peer.receiveClose(within: GatewayRig.patience)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.refusals.map(\.reason) == ["protocol_violation"])
    #expect(records.refusals.first?.subject == "alice@example.com")
    #expect(records.refusals.first?.leftOut == 0)
    #expect(rig.gateway.statistics.refusedLogins == 0)
    await rig.end()
  }
}
