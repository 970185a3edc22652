import Foundation
import TestSupport
import Testing

/// Real clients through the agent, and what the trail says of them.
@Suite(.serialized) struct ClientTests {
  private static let fleet = SharedFleet()

  private func bob(_ fleet: Fleet) async throws -> [String: String] {
    let token = try await fleet.token(
      "bob@example.com", groups: "developers", connections: ["shop-app"])
    return fleet.clientEnvironment(
      token: token, connection: "shop-app", user: "bob@example.com")
  }

  private func python(_ script: String) async throws -> Outcome {
    let fleet = try await Self.fleet.get()
    let outcome = try await run(
      "/usr/bin/python3", ["-c", script], environment: try await bob(fleet))
    #expect(
      !outcome.errors.contains("No module named"), "apt-get install python3-psycopg")
    #expect(outcome.succeeded, "\(outcome.errors)")
    return outcome
  }

  @Test func parametersAreDecoded() async throws {
    let fleet = try await Self.fleet.get()
    _ = try await python(
      """
      import psycopg, datetime, decimal, uuid
      with psycopg.connect("") as c:
          for binary in (False, True):
              cur = c.cursor(binary=binary)
              cur.execute("select %s::int4, %s::text, %s::numeric, %s::timestamptz, %s::uuid, %s::bool, %s::bytea, %s::int[], 'params'",
                  (42, "grüße", decimal.Decimal("12.50"), datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
                   uuid.UUID(int=7), None, b"\\x00\\xff", [1, 2]))
              print(cur.fetchone())
      """)
    try await eventually("both statements") {
      try await fleet.statements(["--words", "params", "--outcome", "completed"]).count == 2
    }
    for statement in try await fleet.statements(["--words", "params"]) {
      let texts = statement.parameters.map(\.text)
      try #require(texts.count == 8)
      #expect(texts[0] == "42")
      #expect(texts[1] == "grüße")
      #expect(texts[2] == "12.50")
      #expect(texts[3]?.hasPrefix("2026-01-02 03:04:05") == true)
      #expect(texts[4] == "00000000-0000-0000-0000-000000000007")
      #expect(texts[5] == nil)
      #expect(texts[6] == "\\x00ff")
      #expect(texts[7]?.replacingOccurrences(of: " ", with: "") == "{1,2}")
      #expect(statement.rows == 1)
    }
  }

  @Test func copyBothWaysIsRecordedWithItsRows() async throws {
    let fleet = try await Self.fleet.get()
    let outcome = try await python(
      """
      import psycopg
      with psycopg.connect("") as c:
          with c.cursor().copy("copy marks from stdin") as copy:
              for n in range(5000):
                  copy.write_row((-n - 1,))
          with c.cursor().copy("copy (select n from marks where n < 0) to stdout") as copy:
              print(sum(1 for _ in copy.rows()))
      """)
    #expect(outcome.output == "5000\n")
    try await eventually("both COPYs with 5,000 rows") {
      try await fleet.statements(["--words", "copy marks"]).filter {
        $0.rows == 5000 && $0.outcome == "completed"
      }.count == 2
    }
  }

  @Test func pipelineWithAnErrorSkipsTheRest() async throws {
    let fleet = try await Self.fleet.get()
    let outcome = try await python(
      """
      import psycopg
      c = psycopg.connect("", autocommit=True)
      try:
          with c.pipeline():
              c.execute("select 1 as pipe_one")
              c.execute("select 1/0 as pipe_two")
              c.execute("select 3 as pipe_three")
      except psycopg.errors.DivisionByZero:
          pass
      print(c.execute("select 4 as pipe_four").fetchone()[0])
      """)
    #expect(outcome.output == "4\n")
    try await eventually("the four outcomes") {
      let all = try await fleet.statements(["--words", "pipe"])
      func outcome(_ word: String) -> String? {
        all.first { $0.sql?.contains(word) == true }?.outcome
      }
      return outcome("pipe_one") == "completed" && outcome("pipe_two") == "failed"
        && outcome("pipe_three") == "skipped" && outcome("pipe_four") == "completed"
    }
    let failed = try #require(try await fleet.statements(["--words", "pipe_two"]).first)
    #expect(failed.sqlstate == "22012")
  }

  @Test func cancelReachesTheServerAndTheTrail() async throws {
    let fleet = try await Self.fleet.get()
    let outcome = try await python(
      """
      import psycopg, threading
      c = psycopg.connect("", autocommit=True)
      timer = threading.Timer(1.0, c.cancel)
      timer.start()
      try:
          c.execute("select pg_sleep(30) as cancel_me")
      except psycopg.errors.QueryCanceled:
          print("cancelled")
      print(c.execute("select 1").fetchone()[0])
      """)
    #expect(outcome.output == "cancelled\n1\n")
    try await eventually("the cancelled statement") {
      try await fleet.statements(["--words", "cancel_me"]).first?.sqlstate == "57014"
    }
  }

  @Test(arguments: ["simple", "extended", "prepared"])
  func pgbenchInItsThreeModes(mode: String) async throws {
    let fleet = try await Self.fleet.get()
    let script = try fleet.folder.write(
      "\\set n random(1, 10000)\nselect status from orders where id = :n /* bench_\(mode) */;\n",
      to: "bench-\(mode).sql")
    let outcome = try await run(
      "pgbench", ["-n", "-c", "4", "-t", "50", "-M", mode, "-f", script, "shop-app"],
      environment: try await bob(fleet))
    #expect(outcome.succeeded, "\(outcome.errors)")
    #expect(outcome.output.contains("processed: 200/200"), "\(outcome.output)")
    try await eventually("200 completed statements") {
      try await fleet.statements(["--words", "bench_\(mode)", "--outcome", "completed"]).count
        == 200
    }
  }

  @Test func errorsAreTheServersOwn() async throws {
    let fleet = try await Self.fleet.get()
    let token = try await fleet.token("alice@example.com", groups: "analysts")
    let outcome = try await fleet.psql(
      "\\set VERBOSITY verbose\ndelete from orders;\nselect 'goes on';", token: token)
    #expect(outcome.errors.contains("42501"))
    #expect(outcome.output.contains("goes on"))
    try await eventually("the failed statement") {
      try await fleet.statements(["--words", "delete orders"]).first?.sqlstate == "42501"
    }
  }

  @Test func connectOpensPsql() async throws {
    let fleet = try await Self.fleet.get()
    let output = try await fleet.cli([
      "connect", "shop", "--subject", "alice@example.com", "--groups", "analysts", "--", "-X",
      "-A", "-t", "-c", "select 'connected'",
    ])
    #expect(output == "connected\n")
  }
}
