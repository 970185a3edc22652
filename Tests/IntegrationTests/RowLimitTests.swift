import Foundation
import TestSupport
import Testing

/// A connection whose statements may return 100 rows, with a real client and a real server.
@Suite struct RowLimitTests {
  @Test func aLongResultIsCutRefusedAndRecorded() async throws {
    let fleet = try await Fleet()
    try await fleet.cli(
      [
        "connections", "add", "limited", "--segment", "test", "--host", "127.0.0.1", "--port",
        "\(fleet.cluster.port)", "--database", "shop", "--ca-file", fleet.cluster.authorityFile,
        "--role", "app", "--password-stdin", "--max-rows", "100",
      ], input: "\(Fleet.appPassword)\n")
    try await fleet.cli([
      "grants", "add", "--principal", "bob@example.com", "--connection", "limited", "--role", "app",
    ])
    try await fleet.waitForBundle()
    #expect(
      try await fleet.cli(["connections", "show", "limited"])
        .contains("at most 100 of one statement"))
    let token = try await fleet.token("bob@example.com", connections: ["limited"])
    let outcome = try await run(
      "/usr/bin/python3",
      [
        "-c",
        """
        import psycopg
        c = psycopg.connect("", autocommit=True)
        def attempt(name, body):
            rows = 0
            try:
                for row in body():
                    rows += 1
                print(name, rows, "complete")
            except psycopg.errors.InsufficientPrivilege as e:
                print(name, rows, e.sqlstate, e.diag.message_detail)
        def copy(sql):
            with c.cursor().copy(sql) as rows:
                yield from rows
        attempt("all", lambda: c.execute("select n from generate_series(1, 1000000) as n /* limit_all */"))
        attempt("next", lambda: c.execute("select n from generate_series(1, 100) as n /* limit_next */"))
        attempt("stream", lambda: c.cursor().stream("select n from generate_series(1, 1000000) as n /* limit_stream */"))
        attempt("copy", lambda: copy("copy (select n from generate_series(1, 1000000) as n /* limit_copy */) to stdout"))
        c.autocommit = False
        c.execute("insert into marks values (-77)")
        attempt("transaction", lambda: c.execute("select n from generate_series(1, 1000000) as n"))
        print(c.info.transaction_status.name)
        c.rollback()
        print(c.execute("select count(*) from marks where n = -77").fetchone()[0])
        """,
      ],
      environment: fleet.clientEnvironment(
        token: token, connection: "limited", user: "bob@example.com"))
    let detail = "42501 Connection \"limited\" allows 100 rows of one statement."
    #expect(
      outcome.output == """
        all 0 \(detail)
        next 100 complete
        stream 100 \(detail)
        copy 100 \(detail)
        transaction 0 \(detail)
        INERROR
        0

        """, "\(outcome.errors)")
    for word in ["limit_all", "limit_stream", "limit_copy"] {
      try await eventually("the refusal of \(word)") {
        try await fleet.statements(["--words", word, "--outcome", "refused"]).count == 1
      }
      let refused = try #require(try await fleet.statements(["--words", word]).first)
      #expect(refused.rows == 100 && refused.sqlstate == "42501")
    }
    #expect(
      try await fleet.statements(["--words", "limit_next"]).map(\.outcome) == ["completed"])
  }
}
