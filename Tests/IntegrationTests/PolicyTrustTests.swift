import APIModel
import Foundation
import TestSupport
import Testing

/// Leases, the rotation of keys, and who an agent is, with the real programs.
@Suite(.serialized) struct PolicyTrustTests {
  private func openRecord(_ fleet: Fleet, _ words: String) async throws -> StatementInfo? {
    try await fleet.statements(["--words", words]).first
  }

  @Test func withheldPolicyIsSeenByTheEndOfTheLease() async throws {
    let fleet = try await Fleet(
      controlFlags: ["--lease-lifetime", "3s", "--max-stale", "8s"])
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    #expect(try await fleet.psql("select 'fresh'", token: token).output == "fresh\n")
    // Longer than a lease: it is renewed.
    try await Task.sleep(for: .seconds(5))
    #expect(try await fleet.agent.health().status == "200")
    #expect(try await !fleet.agent.health().body.contains("stale"))

    _ = try await fleet.control.stop()
    try await eventually("the agent's word of stale policy", within: .seconds(20)) {
      try await fleet.agent.health().body.contains("the policy is stale")
    }
    // Stale policy lets in, for a while, and says so.
    #expect(try await fleet.psql("select 'stale'", token: token).output == "stale\n")
    try await eventually("the end of what may be stale", within: .seconds(20)) {
      try await fleet.psql("select 1", token: token).exit == .code(2)
    }
    #expect(fleet.agent.log.contains("policy_stale"), "\(fleet.agent.log.suffix(2000))")

    try await fleet.control.start()
    try await eventually("fresh policy", within: .seconds(30)) {
      try await fleet.psql("select 'again'", token: token).output == "again\n"
    }
    // Field 23 of the opening. The session of the fresh policy and that of the new lease are not
    // marked, and all between them are. The last record that comes is of the new lease.
    try await eventually("two openings under fresh policy, others under stale") {
      try await fleet.cluster.sql(
        """
        select bool_or(marked), count(*) filter (where not marked) from ( \
        select position('\\xb80101'::bytea in bytes) > 0 as marked from sallyport.record \
        where kind = 'session.open') opening
        """, database: "sallyport") == "t|2"
    }
  }

  @Test func keysRotateUnderLoadWithoutADroppedSession() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("bob@example.com", connections: ["shop-app"])
    let before = try await fleet.agentInfo().bundleVersion
    async let load = fleet.psql(
      (0..<60).map { "insert into marks values (\($0)); select pg_sleep(0.1);" }
        .joined(separator: "\n"), token: token, connection: "shop-app", user: "app")
    for kind in ["policy", "root", "lease", "policy"] {
      try await fleet.control.rotate(kind)
    }
    try await eventually("the bundle under the newest keys", within: .seconds(20)) {
      let info = try await fleet.agentInfo()
      return info.bundleVersion > before && info.bundleVersion == info.currentBundleVersion
        && info.rejectedBundle == nil
    }
    let outcome = try await load
    #expect(outcome.succeeded, "\(outcome.errors)")
    #expect(
      try await fleet.cluster.sql("select count(*) from marks", database: "shop") == "60")
    // An agent that was away follows the whole chain, and its kept bundle stays good meanwhile.
    _ = try await fleet.agent.stop()
    for kind in ["root", "policy", "root"] { try await fleet.control.rotate(kind) }
    try await fleet.agent.start()
    try await fleet.cli([
      "grants", "add", "--principal", "carol@example.com", "--connection", "shop", "--role",
      "readonly",
    ])
    try await fleet.waitForBundle()
    #expect(try await fleet.agentInfo().rejectedBundle == nil)
    let carol = try await fleet.token("carol@example.com")
    #expect(try await fleet.psql("select 'in'", token: carol).output == "in\n")
    _ = try await fleet.agent.stop()
    _ = try await fleet.control.stop()
    try await fleet.agent.start()
    #expect(try await fleet.psql("select 'kept'", token: carol).output == "kept\n")
  }

  @Test func aClonedStateFolderIsLockedAtItsRenewal() async throws {
    let fleet = try await Fleet(controlFlags: ["--certificate-lifetime", "30s"])
    _ = try await fleet.agent.stop()
    let clone = fleet.folder.file("clone")
    try FileManager.default.copyItem(atPath: fleet.agent.state, toPath: clone)
    try await fleet.agent.start()
    let fingerprints = "select generation from sallyport.agent"
    let first = try await fleet.cluster.sql(fingerprints, database: "sallyport")
    try await eventually("the genuine agent's renewal", within: .seconds(40)) {
      try await fleet.cluster.sql(fingerprints, database: "sallyport") != first
    }
    _ = try await fleet.agent.stop()
    let copy = try AgentProcess(beside: fleet.agent, state: clone)
    try await copy.start()
    try await eventually("the lock of the identity", within: .seconds(60)) {
      let info = try await fleet.agentInfo()
      return info.link == "locked" && info.quarantine?.reason.contains("cloned") == true
    }
    #expect(try await fleet.cli(["agents", "list"]).contains("locked"))
    _ = try await copy.stop()
    // The genuine one is not let in either, until a person has looked.
    try await fleet.agent.start()
    try await eventually("the refusal of the genuine agent", within: .seconds(20)) {
      fleet.agent.log.contains("is locked")
    }
    let id = try await fleet.agentInfo().id
    try await fleet.cli(["agents", "release", id, "--reason", "the copy is gone"])
    try await eventually("the return of the genuine agent", within: .seconds(60)) {
      try await fleet.agentInfo().link == "online"
    }
    #expect(
      try await fleet.cli(["audit", "control", "--format", "jsonl"]).contains("agent.lock"))
  }

  @Test func anAgentThatWasAwayLongerThanItsCertificateRecovers() async throws {
    let fleet = try await Fleet(controlFlags: ["--certificate-lifetime", "20s"])
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    _ = try await fleet.control.stop()
    #expect(try await fleet.psql("select 'backlog'", token: token).output == "backlog\n")
    try await eventually("the end of the certificate", within: .seconds(60)) {
      try await fleet.agent.health().body.contains("certificate has expired")
    }
    try await fleet.control.start()
    try await eventually("the agent's return", within: .seconds(60)) {
      try await fleet.agentInfo().link == "online"
    }
    try await eventually("its backlog") { try await openRecord(fleet, "backlog") != nil }
    #expect(fleet.agent.log.contains("certificate recovered"))
  }

  @Test func removalReachesAnAgentWhoseCertificateHasExpired() async throws {
    let fleet = try await Fleet(controlFlags: ["--certificate-lifetime", "20s"])
    let token = try await fleet.token("bob@example.com", connections: ["shop-app"])
    async let open = fleet.psql(
      "select pg_sleep(150)", token: token, connection: "shop-app", user: "app")
    try await eventually("the open session") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where query like 'select pg_sleep%'") == "1"
    }
    _ = try await fleet.control.stop()
    try await eventually("the end of the certificate", within: .seconds(60)) {
      try await fleet.agent.health().body.contains("certificate has expired")
    }
    try await fleet.cluster.sql(
      "update sallyport.agent set removed_at = now()", database: "sallyport")
    try await fleet.control.start()
    let outcome = try await open
    #expect(outcome.errors.contains("this gateway was removed"), "\(outcome.errors)")
    #expect(fleet.agent.log.contains("was removed"), "\(fleet.agent.log.suffix(2000))")
  }

  @Test func certificatesRenewAtHalfTheirLife() async throws {
    let fleet = try await Fleet(controlFlags: ["--certificate-lifetime", "10s"])
    let token = try await fleet.token("bob@example.com", connections: ["shop-app"])
    // One session over several certificates.
    let outcome = try await fleet.psql(
      "select pg_sleep(22); select 'whole';", token: token, connection: "shop-app", user: "app")
    #expect(outcome.output.contains("whole"), "\(outcome.errors)")
    let generation = try await fleet.cluster.sql(
      "select generation from sallyport.agent", database: "sallyport")
    // At about every fifth second, not in a loop.
    #expect((4...9).contains(Int(generation) ?? 0), "\(generation)")
  }

  @Test func removalEndsTheSessionsOfAnAgent() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("bob@example.com", connections: ["shop-app"])
    async let open = fleet.psql(
      "select pg_sleep(30)", token: token, connection: "shop-app", user: "app")
    try await eventually("the open session") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where query like 'select pg_sleep%'") == "1"
    }
    let began = ContinuousClock.now
    try await fleet.cli(["agents", "remove", try await fleet.agentInfo().id])
    let outcome = try await open
    #expect(outcome.errors.contains("this gateway was removed"), "\(outcome.errors)")
    #expect(ContinuousClock.now - began < .seconds(10))
    let late = try await fleet.psql("select 1", token: token, connection: "shop-app", user: "app")
    #expect(late.exit == .code(2))
    // Also after a restart, before the control plane has said it again.
    _ = try await fleet.agent.stop()
    _ = try await fleet.control.stop()
    try await fleet.agent.start()
    #expect(
      try await fleet.psql("select 1", token: token, connection: "shop-app", user: "app").exit
        == .code(2))
    #expect(fleet.agent.log.contains("agent_removed"))
  }
}
