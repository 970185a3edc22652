import AuditLog
import ControlCore
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// What the policy was as sessions opened and statements began.
  @Suite struct Circumstances {
    /// A session with a stale policy and a statement that has ended and one that has not, and a
    /// session without anything to say.
    private static func filled(_ store: PostgresStore) async throws {
      _ = try await store.enrol(agent: 1)
      var log = LogWriter(agent: 1)
      log.openLog()
      let alice = Principal(issuer: "sallyport", subject: "alice")
      var open = SessionOpenRecord(
        principal: alice, tokenID: "t", actors: ActorChain(principal: alice),
        connection: "orders", connectionID: identifier(900), database: "d", databaseRole: "r",
        segment: "prod", clientAddress: "10.0.0.9:4242", applicationName: "", grant: "g",
        bundleVersion: 3)
      open.isPolicyStale = true
      open.isReadOnly = true
      log.write(open, session: 10)
      log.text("SELECT 1")
      for statement in UInt64(1)...2 {
        var begin = StatementBeginRecord(
          statement: StatementID(statement),
          digest: StatementDigest(of: Array("SELECT 1".utf8)), wireProtocol: .simple,
          transactionStatus: "I", rule: "g", bundleVersion: 3)
        begin.isPolicyStale = true
        log.write(begin, session: 10)
      }
      log.end(session: 10, statement: 1)
      log.session(11, ["SELECT 1"])
      _ = try await store.ingest(log.batch())
      try await store.analyseTexts()
    }

    @Test func `they are found and shown`() async throws {
      try await withStore { store in
        try await Self.filled(store)
        var query = StatementQuery()
        let all = try await store.statements(query).items
        #expect(all.map(\.policyStale) == [nil, true, true])
        query.staleOnly = true
        #expect(try await store.statements(query).items.map(\.statement) == [2, 1])
        query.order = .oldest
        #expect(try await store.statements(query).items.map(\.statement) == [1])
        for (session, expected) in [(UInt64(10), true), (11, nil)] {
          let details = try await store.sessions(
            SessionDetailQuery(
              id: SessionID(identifier(session)), limit: 1, statementLimit: 10))
          let circumstances = details.first?.circumstances
          #expect(circumstances != nil)
          #expect(circumstances?.policyStale == expected)
          #expect(circumstances?.readOnly == expected)
        }
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.sessions WHERE policy_stale AND read_only") == 1)
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.statements WHERE policy_stale") == 2)
      }
    }

    @Test(arguments: [
      ("statement SET policy_stale = NULL", "policy_stale"),
      ("statement SET policy_stale = false", "policy_stale"),
      ("statement SET policy_stale = true", "policy_stale"),
      ("pending_statement SET policy_stale = NULL", "policy_stale"),
      ("session SET policy_stale = false", "policy_stale"),
      ("session SET read_only = NOT read_only", "read_only"),
    ])
    func `a change of them is found`(change: String, column: String) async throws {
      try await withStore { store in
        try await Self.filled(store)
        #expect(try await store.compared().findings == [])
        try await store.tamper("UPDATE sallyport.\(change)")
        let findings = try await store.compared().findings
        #expect(findings.contains { $0.message.contains("column \(column)") }, "\(findings)")
      }
    }
  }
}
