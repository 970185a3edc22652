import Foundation
import TestSupport
import Testing

/// The flags of `sallyport-agent serve` that bound its sessions and its way to servers.
@Suite(.serialized) struct LimitTests {
  private func fleet() async throws -> Fleet {
    try await Fleet(agentFlags: [
      "--max-sessions", "1", "--idle-timeout", "2", "--server-protocol", "3.0",
      "--server-channel-binding", "require",
    ])
  }

  @Test func sessionsAreCountedAndSilentOnesEnd() async throws {
    let fleet = try await fleet()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    // Longer than the silence that is allowed: a statement is none.
    async let first = fleet.psql("select 'first', pg_sleep(4);", token: token)
    try await eventually("the first statement at the server") {
      try await fleet.cluster.sql(
        "select count(*) from pg_stat_activity where query like 'select ''first''%'") == "1"
    }
    let second = try await fleet.psql("select 1;", token: token)
    #expect(second.exit == .code(2))
    #expect(second.errors.contains("sorry, too many clients already"), "\(second.errors)")
    #expect(try await first.output == "first|\n")
    let silent = try await fleet.psql(
      "select 'before';\n\\! sleep 5\nselect 'after';\n", token: token)
    #expect(silent.output == "before\n")
    #expect(
      silent.errors.contains("terminating connection due to idle-session timeout"),
      "\(silent.errors)")
  }

  @Test(arguments: [
    ("--max-sessions", "0", "--max-sessions 0 is not from 1 to 1000000"),
    ("--idle-timeout", "0", "--idle-timeout 0 is not from 1 to 31536000"),
    ("--server-protocol", "3.1", "The value '3.1' is invalid for '--server-protocol"),
    ("--server-channel-binding", "disable", "The value 'disable' is invalid for '--server-"),
  ])
  func whatIsNoLimitIsRefused(_ flag: String, _ value: String, _ said: String) async throws {
    let folder = try ScratchFolder()
    let outcome = try await run(
      Fleet.program("sallyport-agent"), ["serve", "--state", folder.file("s"), flag, value])
    #expect(outcome.exit == .code(64))
    #expect(outcome.errors.contains(said), "\(outcome.errors)")
  }
}
