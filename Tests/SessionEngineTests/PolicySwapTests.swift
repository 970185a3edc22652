import AuditLog
import GatewayModel
import NIOCore
import PolicyEngine
import PostgresWire
import SessionEngine
import Synchronization
import TestSupport
import Testing

/// Policy that changes while sessions run.
@Suite struct PolicySwapTests {
  private static let allowed = """
    [{"policy": "orders", "grants": [
      {"name": "g", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["all"]}]}]
    """
  private static let denied = """
    [{"policy": "orders", "grants": [
      {"name": "g", "to": {"groups": ["analysts"]}, "role": "app", "effects": ["all"]}],
     "rules": [{"name": "no-seven", "deny": {"functions": ["version"]}}]}]
    """

  /// A statement prepared before is judged by what is in force when it is executed.
  @Test func theNextExecutionIsJudgedByTheNewPolicy() async throws {
    let (rig, database) = try await GatewayRig.serving()
    let connections = [try database.connection(agent: rig.agent)]
    let (client, _) = try await rig.client()
    #expect(try await client.prepare("p", "SELECT version()").sqlStates.isEmpty)
    #expect(try await client.executePrepared("p").sqlStates.isEmpty)
    await rig.apply(connections, policies: try PolicyTests.documents(Self.denied), version: 2)
    #expect(try await client.executePrepared("p").sqlStates == ["42501"])
    await rig.apply(connections, policies: try PolicyTests.documents(Self.allowed), version: 3)
    #expect(try await client.executePrepared("p").sqlStates.isEmpty)
    try await client.terminate()
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.refusals.map(\.bundleVersion) == [2])
    #expect(records.begins.last?.bundleVersion == 3)
    await rig.end()
  }

  private static let readers = allowed.replacing(#"["all"]"#, with: #"["read"]"#)
  private static let hasty = allowed.replacing(
    #"["all"]"#, with: #"["all"], "statement_timeout": "5s""#)

  /// What a session was given at its login cannot be made narrower while it runs: it ends, and the
  /// next has it. What becomes wider leaves it be.
  @Test(arguments: [readers, hasty])
  func aSessionEndsThatWouldHaveToBeNarrower(_ narrower: String) async throws {
    let (rig, database) = try await GatewayRig.serving()
    let connections = [try database.connection(agent: rig.agent)]
    await rig.apply(connections, policies: try PolicyTests.documents(narrower), version: 2)
    let (narrow, _) = try await rig.client()
    await rig.apply(connections, policies: try PolicyTests.documents(Self.allowed), version: 3)
    let (wide, _) = try await rig.client()
    await rig.apply(connections, policies: try PolicyTests.documents(narrower), version: 4)
    #expect(try await wide.peer.receiveError().sqlState == "57P01")
    #expect(try await narrow.query("SELECT 1").rows.count == 1)
    try await narrow.terminate()
    let records = try await rig.records("closed") { $0.closes.count == 2 }
    #expect(Set(records.closes.map(\.reason)) == ["grant_revoked", "client_terminated"])
    await rig.end()
  }

  @Test func aSessionEndsWhoseConnectionAllowsLess() async throws {
    let (rig, database) = try await GatewayRig.serving()
    var connection = try database.connection(agent: rig.agent)
    let policies = try PolicyTests.documents(Self.allowed)
    connection.allowsFunctionCalls = true
    await rig.apply([connection], policies: policies, version: 2)
    let (calls, _) = try await rig.client()
    connection.allowsFunctionCalls = false
    await rig.apply([connection], policies: policies, version: 3)
    #expect(try await calls.peer.receiveError().sqlState == "57P01")
    let (counts, _) = try await rig.client()
    connection.maximumRows = 5
    await rig.apply([connection], policies: policies, version: 4)
    #expect(try await counts.peer.receiveError().sqlState == "57P01")
    await rig.end()
  }

  /// 40 sessions work while the policy changes 60 times; none is dropped, and each statement is
  /// judged by one of the two policies.
  @Test func aSwapUnderLoadDropsNobody() async throws {
    let (rig, database) = try await GatewayRig.serving()
    let connections = [try database.connection(agent: rig.agent)]
    let swaps = Swaps()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<40 {
        let (client, _) = try await rig.client()
        group.addTask {
          while !swaps.areDone {
            let reply = try await client.query("SELECT version()")
            switch reply.sqlStates {
            case []: swaps.note(refused: false)
            case ["42501"]: swaps.note(refused: true)
            default: throw TestFailure("a session got \(reply.sqlStates)")
            }
          }
          #expect(try await client.query("SELECT 1").rows.count == 1)
        }
      }
      group.addTask {
        for version in 2..<62 {
          let policies = version.isMultiple(of: 2) ? Self.denied : Self.allowed
          await rig.apply(
            connections, policies: try PolicyTests.documents(policies), version: UInt64(version))
          try await Task.sleep(for: .milliseconds(20))
        }
        swaps.end()
      }
      try await group.waitForAll()
    }
    let (allowed, refused) = swaps.counts
    #expect(allowed > 100 && refused > 100, "\(allowed) passed, \(refused) were refused")
    let records = try rig.records()
    #expect(records.closes.allSatisfy { $0.reason == "client_closed" })
    for begin in records.begins where begin.bundleVersion > 1 {
      let isDenied = begin.bundleVersion.isMultiple(of: 2)
      #expect(begin.rule == (isDenied ? "no-seven" : "g"))
    }
    await rig.end()
  }
}

/// What the sessions of a test saw while the policy changed.
private final class Swaps: Sendable {
  private let state = Mutex((done: false, allowed: 0, refused: 0))

  var areDone: Bool { state.withLock { $0.done } }
  var counts: (allowed: Int, refused: Int) { state.withLock { ($0.allowed, $0.refused) } }

  func end() { state.withLock { $0.done = true } }

  func note(refused: Bool) {
    state.withLock { if refused { $0.refused += 1 } else { $0.allowed += 1 } }
  }
}

extension ScriptedClient {
  fileprivate func prepare(_ name: String, _ sql: String) async throws -> Reply {
    try await peer.send { buffer in
      FrontendMessage.Parse(name: WireName(name), sql: ByteBuffer(string: sql)).encode(
        into: &buffer)
      FrontendMessage.writeSync(into: &buffer)
    }
    return try await reply(within: GatewayRig.patience)
  }

  fileprivate func executePrepared(_ name: String) async throws -> Reply {
    try await peer.send { buffer in
      FrontendMessage.Bind(statement: WireName(name)).encode(into: &buffer)
      FrontendMessage.Execute().encode(into: &buffer)
      FrontendMessage.writeSync(into: &buffer)
    }
    return try await reply(within: GatewayRig.patience)
  }
}
