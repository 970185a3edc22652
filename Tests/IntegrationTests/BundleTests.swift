import Foundation
import TestSupport
import Testing

/// Bundles that must not be accepted: the last good one stays in force, and `agents list` shows
/// what was refused and why. The tampering is done in the control plane's own store.
@Suite(.serialized) struct BundleTests {
  /// Puts `envelope` (an SQL expression) in a newer version's place and waits for the agent's NACK.
  private func expectRejection(reason: String, envelope: String) async throws {
    let fleet = try await Fleet()
    let before = try await fleet.agentInfo()
    try await fleet.cluster.sql(
      """
      insert into sallyport.bundle
        (segment, version, changes, envelope, payload_hash, issued_at, expires_at, root_version)
      select segment, version + 1000, changes, \(envelope), payload_hash, issued_at, expires_at,
        root_version
      from sallyport.bundle where segment = 'test' order by version desc limit 1
      """, database: "sallyport")
    try await eventually("the refusal of the bundle in the listing") {
      try await fleet.agentInfo().rejectedBundle?.reason == reason
    }
    let after = try await fleet.agentInfo()
    #expect(after.bundleVersion == before.bundleVersion)
    let listing = try await fleet.cli(["agents", "list"])
    #expect(listing.contains(reason), "\(listing)")
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql("select 'still here'", token: token)
    #expect(outcome.output == "still here\n", "\(outcome.errors)")
  }

  @Test func badSignature() async throws {
    try await expectRejection(
      reason: "signature",
      envelope: """
        convert_to(regexp_replace(convert_from(envelope, 'UTF8'), \
        '"sig": ?"....', '"sig":"AAAA'), 'UTF8')
        """)
  }

  @Test func notABundleAtAll() async throws {
    try await expectRejection(reason: "malformed", envelope: "'nonsense'::bytea")
  }

  @Test func olderVersion() async throws {
    try await expectRejection(
      reason: "version",
      envelope: """
        (select older.envelope from sallyport.bundle as older where older.segment = 'test' \
        order by older.version limit 1)
        """)
  }

  @Test func otherAudience() async throws {
    let fleet = try await Fleet()
    let token = try await AgentProcess.joinToken(
      control: fleet.control, segment: "elsewhere", port: try FreePort.next())
    _ = try await AgentProcess.enroll(
      control: fleet.control, token: token, state: fleet.folder.file("elsewhere"))
    try await eventually("a bundle of the other segment") {
      try await fleet.cluster.sql(
        "select count(*) > 0 from sallyport.bundle where segment = 'elsewhere'",
        database: "sallyport") == "t"
    }
    let before = try await fleet.agentInfo()
    // With the segment's own count of changes: else the control plane issues a newer one at once.
    try await fleet.cluster.sql(
      """
      insert into sallyport.bundle
        (segment, version, changes, envelope, payload_hash, issued_at, expires_at, root_version)
      select 'test', version + 1000, (select max(changes) from sallyport.bundle where segment = 'test'),
        envelope, payload_hash, issued_at, expires_at, root_version
      from sallyport.bundle where segment = 'elsewhere' order by version desc limit 1
      """, database: "sallyport")
    try await eventually("the refusal of the bundle") {
      try await fleet.agentInfo().rejectedBundle?.reason == "audience"
    }
    let after = try await fleet.agentInfo()
    #expect(after.bundleVersion == before.bundleVersion)
    let alice = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql("select 'still here'", token: alice)
    #expect(outcome.output == "still here\n", "\(outcome.errors)")
    // And judges: what it does not grant is still refused.
    let bob = try await fleet.token("bob@example.com")
    #expect(try await fleet.psql("select 1", token: bob).exit == .code(2))
  }

  @Test func whatWasRefusedComesAgainWithTheNextLease() async throws {
    let fleet = try await Fleet(controlFlags: ["--lease-lifetime", "3s"])
    _ = try await fleet.agent.stop()
    try await fleet.cli([
      "grants", "add", "--principal", "carol@example.com", "--connection", "shop", "--role",
      "readonly",
    ])
    try await fleet.cluster.sql(
      """
      create table public.kept as select segment, version, envelope from sallyport.bundle
        where segment = 'test' order by version desc limit 1;
      update sallyport.bundle b set envelope = 'nonsense' from public.kept k
        where b.segment = k.segment and b.version = k.version;
      """, database: "sallyport")
    try await fleet.agent.start()
    try await eventually("the refusal of the bundle") {
      try await fleet.agentInfo().rejectedBundle != nil
    }
    // What was wrong has passed, as a full disk does; the link is the same.
    try await fleet.cluster.sql(
      """
      update sallyport.bundle b set envelope = k.envelope from public.kept k
        where b.segment = k.segment and b.version = k.version;
      """, database: "sallyport")
    try await fleet.waitForBundle()
    #expect(try await fleet.agentInfo().rejectedBundle == nil)
    let carol = try await fleet.token("carol@example.com")
    let outcome = try await fleet.psql("select 'in'", token: carol)
    #expect(outcome.output == "in\n", "\(outcome.errors)")
    #expect(!fleet.agent.log.contains("link down"))
  }

  @Test func agentStartsFromItsPersistedBundle() async throws {
    let fleet = try await Fleet()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    _ = try await fleet.agent.stop()
    _ = try await fleet.control.stop()
    try await fleet.agent.start()
    let outcome = try await fleet.psql("select 'alone'", token: token)
    #expect(outcome.output == "alone\n", "\(outcome.errors)")
    try await fleet.control.start()
    try await eventually("the record of the time alone") {
      try await !fleet.statements(["--words", "alone"]).isEmpty
    }
  }
}
