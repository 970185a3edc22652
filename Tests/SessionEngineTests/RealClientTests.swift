import AuditLog
import GatewayModel
import TestSupport
import Testing

/// Drivers and programs as people use them.
@Suite struct RealClientTests {
  private func python(_ script: String, _ rig: GatewayRig) async throws -> Outcome {
    let outcome = try await run(
      "/usr/bin/python3", ["-c", "import psycopg, os, threading, time\n" + script],
      environment: rig.environment(token: try await rig.token()))
    #expect(outcome.succeeded, "\(outcome.errors)")
    return outcome
  }

  @Test func psycopgPipelines() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await python(
      """
      with psycopg.connect() as conn, conn.cursor() as cur:
          cur.execute("CREATE TEMP TABLE t (id int, name text)")
          with conn.pipeline():
              for i in range(300):
                  cur.execute("INSERT INTO t VALUES (%s, %s)", (i, f"n{i}"))
          cur.execute("SELECT count(*), max(id) FROM t")
          print(cur.fetchone())
          try:
              with conn.pipeline():
                  cur.execute("SELECT 1")
                  cur.execute("SELECT 1/0")
                  cur.execute("SELECT 2")
          except psycopg.errors.DivisionByZero as error:
              print(error.sqlstate)
      """, rig)
    #expect(outcome.output == "(300, 299)\n22012\n")
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.begins.count == records.ends.count)
    let inserts = records.begins.filter { $0.parameters.count == 2 }
    #expect(inserts.count == 300)
    #expect(inserts.last?.parameters.last?.value == .text("n299"))
    #expect(records.ends.contains { $0.outcome == .skipped })
    #expect(Set(records.begins.map(\.statement)).count == records.begins.count)
    await rig.end()
  }

  @Test func psycopgCancelsCopiesAndNotifies() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await python(
      """
      with psycopg.connect(autocommit=True) as conn, conn.cursor() as cur:
          threading.Timer(0.5, conn.cancel).start()
          start = time.monotonic()
          try:
              cur.execute("SELECT pg_sleep(30)")
          except psycopg.errors.QueryCanceled as error:
              print(error.sqlstate, time.monotonic() - start < 10)
          cur.execute("CREATE TEMP TABLE t (id int, name text)")
          with cur.copy("COPY t FROM STDIN (FORMAT BINARY)") as copy:
              copy.set_types(["int4", "text"])
              for i in range(5000):
                  copy.write_row((i, "x" * 50))
          cur.execute("SELECT count(*) FROM t", binary=True)
          print(cur.fetchone()[0])
          heard = []
          conn.add_notify_handler(lambda notification: heard.append(notification.payload))
          cur.execute("LISTEN orders")
          cur.execute("NOTIFY orders, 'hello'")
          cur.execute("SELECT 1")
          print(*heard)
          with conn.transaction(), conn.cursor("scroll") as named:
              named.itersize = 100
              named.execute("SELECT id FROM t ORDER BY id")
              print(sum(row[0] for row in named))
      """, rig)
    #expect(outcome.output == "57014 True\n5000\nhello\n12497500\n")
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.cancels.map(\.matched) == [true])
    #expect(records.ends.contains { $0.sqlstate == "57014" })
    await rig.end()
  }

  @Test func dumpAndRestore() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let environment = rig.environment(token: try await rig.token())
    let made = try await rig.psql(
      "CREATE SCHEMA IF NOT EXISTS dumped; CREATE TABLE dumped.rows AS"
        + " SELECT id, md5(id::text) AS hash FROM generate_series(1, 3000) AS id;")
    #expect(made.errors == "")
    let file = rig.folder.file("dump")
    let dump = try await run(
      "pg_dump", ["-Fc", "-n", "dumped", "-f", file], environment: environment)
    #expect(dump.succeeded, "\(dump.errors)")
    #expect(try await rig.psql("DROP SCHEMA dumped CASCADE;").exit == .code(0))
    let restore = try await run("pg_restore", ["-d", "orders", file], environment: environment)
    #expect(restore.succeeded, "\(restore.errors)")
    #expect(try await rig.psql("SELECT count(*) FROM dumped.rows;").output == "3000\n")
    #expect(try await rig.psql("DROP SCHEMA dumped CASCADE;").exit == .code(0))
    await rig.end()
  }
}
