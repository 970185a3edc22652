import AuditLog
import GatewayModel
import TestSupport
import Testing

/// What a session does is in the log, whole and in order.
@Suite struct RecordedSessionTests {
  @Test func aSimpleQueryIsRecordedBeginBeforeEnd() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await rig.psql("SELECT 40 + 2 AS answer;")
    #expect(outcome.errors == "")
    #expect(outcome.output == "42\n")
    let records = try await rig.records("session closed") { !$0.closes.isEmpty }
    let open = try #require(records.opens.first)
    #expect(open.principal.subject == "alice@example.com")
    #expect(open.principal.groups == ["analysts"])
    #expect(open.connection == "orders")
    #expect(open.databaseRole == "app")
    #expect(open.database == "shop")
    #expect(open.grant == "analysts-app")
    #expect(open.clientTLS == "TLSv1.3")
    #expect(open.serverTLS == "TLSv1.3")
    #expect(open.applicationName == "rig")
    #expect(open.clientAddress.hasPrefix("127.0.0.1:"))
    let begin = try #require(records.begin(of: "SELECT 40 + 2 AS answer;"))
    #expect(begin.wireProtocol == .simple)
    #expect(begin.rule == "analysts-app")
    #expect(begin.transactionStatus == "I")
    let end = try #require(records.ends.first { $0.statement == begin.statement })
    #expect(end.outcome == .completed)
    #expect(end.commandTag == "SELECT 1")
    #expect(end.rows == 1)
    #expect(end.serverNanoseconds > 0)
    #expect(records.closes.first?.reason == "client_terminated")
    let kinds = records.filter { $0.header.session != nil }.map(\.kind)
    #expect(kinds.first == .sessionOpen)
    #expect(kinds.last == .sessionClose)
    let positions = [RecordKind.statementText, .statementBegin, .statementEnd].compactMap { kind in
      records.firstIndex { $0.kind == kind }
    }
    #expect(positions.count == 3)
    #expect(positions == positions.sorted())
    await rig.end()
  }

  @Test func parametersAreDecoded() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let bench = try await rig.bench("\\set a 40\nSELECT :a::int + 2, :word::text;\n")
    #expect(bench.succeeded, "\(bench.errors)")
    let records = try await rig.records("sessions closed") { $0.closes.count == 2 }
    let begin = try #require(records.begins.first { !$0.parameters.isEmpty })
    #expect(begin.wireProtocol == .extended)
    #expect(begin.parameters.first?.value == .text("40"))
    #expect(begin.parameters.last?.value == .text("żółć"))
    await rig.end()
  }

  @Test func anErrorKeepsTheSessionAndIsRecorded() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let outcome = try await rig.psql("SELECT 1/0;\nSELECT 7;")
    #expect(outcome.output == "7\n")
    #expect(outcome.errors.contains("22012"))
    let records = try await rig.records("session closed") { !$0.closes.isEmpty }
    let failed = try #require(records.ends.first { $0.outcome == .failed })
    #expect(failed.sqlstate == "22012")
    #expect(failed.message == "division by zero")
    await rig.end()
  }

  @Test func copyPassesBothWays() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let rows = (1...20_000).map { "\($0)\tname \($0)\n" }.joined()
    let outcome = try await rig.psql(
      """
      CREATE TEMP TABLE pairs (id int, name text);
      COPY pairs FROM STDIN;
      \(rows)\\.
      SELECT count(*), sum(id) FROM pairs;
      COPY (SELECT id FROM pairs ORDER BY id LIMIT 3) TO STDOUT;
      """)
    #expect(outcome.errors == "")
    #expect(outcome.output == "20000|200010000\n1\n2\n3\n")
    let records = try await rig.records("session closed") { !$0.closes.isEmpty }
    let begin = try #require(records.begin(of: "COPY pairs FROM STDIN;"))
    let end = try #require(records.ends.first { $0.statement == begin.statement })
    #expect(end.commandTag == "COPY 20000")
    #expect(end.rows == 20_000)
    await rig.end()
  }

  @Test(arguments: ["simple", "extended", "prepared"])
  func pgbenchRunsInEveryMode(_ mode: String) async throws {
    let (rig, _) = try await GatewayRig.serving()
    let bench = try await rig.bench(
      "\\set a random(1, 100)\nSELECT :a + 1;\n",
      arguments: ["-M", mode, "-c", "4", "-j", "2", "-t", "50"])
    #expect(bench.succeeded, "\(bench.errors)")
    #expect(bench.output.contains("number of transactions actually processed: 200/200"))
    let records = try await rig.records("all sessions closed") { $0.closes.count == 5 }
    #expect(records.begins.count == 200)
    #expect(records.ends.count == 200)
    #expect(records.ends.allSatisfy { $0.outcome == .completed })
    #expect(records.texts.values.allSatisfy { $0.hasPrefix("SELECT ") })
    await rig.end()
  }
}

extension GatewayRig {
  /// Runs pgbench with a script (it opens one connection of its own beside those of its clients); without other arguments one transaction in extended mode.
  func bench(
    _ script: String, arguments: [String] = ["-M", "extended", "-t", "1", "-D", "word=żółć"]
  ) async throws -> Outcome {
    let file = try folder.write(script, to: "bench.sql")
    return try await run(
      "pgbench", ["-n", "-f", file] + arguments,
      environment: environment(token: try await token()))
  }
}
