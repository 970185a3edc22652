import APIModel
import AuditLog
import ControlCore
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Sessions {
    private static func details(
      _ store: PostgresStore, _ session: UInt64, agent: String? = nil, limit: Int = 10
    ) async throws -> [SessionDetail] {
      try await store.sessions(
        SessionDetailQuery(
          id: SessionID(identifier(session)), agentPrefix: agent, limit: limit,
          statementLimit: 10))
    }

    /// Two agents that have recorded a session of the same id, the hostile one first.
    private static func squatted(_ store: PostgresStore) async throws -> (LogWriter, LogWriter) {
      for agent in UInt64(1)...2 { _ = try await store.enrol(agent: agent) }
      var hostile = LogWriter(agent: 2)
      hostile.open(session: 10, principal: "mallory@example.com", connection: "billing")
      _ = try await store.ingest(hostile.batch())
      var honest = LogWriter(agent: 1)
      honest.open(session: 10)
      honest.text("SELECT 1")
      honest.begin(session: 10, statement: 1, "SELECT 1")
      _ = try await store.ingest(honest.batch())
      return (honest, hostile)
    }

    @Test func agentsKeepTheirOwnSessionsOfOneID() async throws {
      try await withStore { store in
        _ = try await Self.squatted(store)
        let details = try await Self.details(store, 10)
        #expect(details.map(\.session.principal) == ["alice@example.com", "mallory@example.com"])
        #expect(details.map(\.session.agent) == [1, 2].map { identifier($0).description })
        #expect(details.map(\.session.statements) == [1, 0])
        #expect(details.map { $0.statements.map(\.principal) } == [["alice@example.com"], []])
        #expect(try await Self.details(store, 10, limit: 1).count == 1)
        let second = identifier(2).description
        #expect(
          try await Self.details(store, 10, agent: second).map(\.session.connection)
            == ["billing"])
        #expect(try await Self.details(store, 10, agent: "ff").isEmpty)
        #expect(try await store.number("SELECT count(*) FROM sallyport.sessions") == 2)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.statements WHERE principal = 'alice@example.com'
              AND connection = 'orders' AND actors @> '[{"subject": "alice@example.com"}]'
            """) == 1)
      }
    }

    @Test func noAgentChangesAnothersSession() async throws {
      try await withStore { store in
        var (honest, hostile) = try await Self.squatted(store)
        let before = try await Self.details(store, 10, agent: identifier(1).description)
        hostile.end(session: 10, statement: 1, .failed)
        hostile.write(
          RefusalRecord(reason: "policy", detail: "lie", statement: StatementID(1)), session: 10)
        hostile.close(session: 10, statements: 99)
        hostile.write(
          LogOpenRecord(log: hostile.log, agentVersion: "0.1", host: "h", continued: true))
        _ = try await store.ingest(hostile.batch())
        #expect(try await Self.details(store, 10, agent: identifier(1).description) == before)

        honest.end(session: 10, statement: 1, rows: 7)
        honest.close(session: 10, statements: 1)
        _ = try await store.ingest(honest.batch())
        let after = try await Self.details(store, 10)
        #expect(after.map(\.session.statements) == [1, 99])
        #expect(after.first?.statements.map(\.outcome) == ["completed"])
        #expect(after.last?.statements.map(\.outcome) == ["refused"])
        #expect(after.last?.statements.map(\.principal) == ["mallory@example.com"])
      }
    }

    @Test func pagesHaveEverySessionOfOneIDAndTime() async throws {
      try await withStore { store in
        for agent in UInt64(1)...5 {
          _ = try await store.enrol(agent: agent)
          var log = LogWriter(agent: agent)
          log.open(session: 10)
          _ = try await store.ingest(log.batch())
        }
        var query = SessionQuery()
        query.limit = 2
        var agents: [String] = []
        repeat {
          let page = try await store.sessions(query)
          agents += page.items.map(\.agent)
          query.cursor = page.nextCursor
        } while query.cursor != nil
        #expect(agents == [5, 4, 3, 2, 1].map { identifier($0).description })
      }
    }

    @Test func sessionOpenedTwiceByItsAgentStaysAsItWasFirst() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.open(session: 10, principal: "bob@example.com")
        log.close(session: 10, statements: 3)
        log.close(session: 10, statements: 4)
        _ = try await store.ingest(log.batch())
        log.open(session: 10, principal: "carol@example.com")
        _ = try await store.ingest(log.batch())
        let details = try await Self.details(store, 10)
        #expect(details.map(\.session.principal) == ["alice@example.com"])
        #expect(details.map(\.session.statements) == [4])
      }
    }

    @Test func everyColumnIsStored() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1, epoch: 4, lane: 2)
        let who = Principal(
          issuer: "sp\u{0}", subject: "bot", displayName: nil,
          groups: ["a\u{0}\"\\", "{b}", ""], kind: .service)
        for session in UInt64(10)...11 {
          log.write(
            SessionOpenRecord(
              principal: session == 10 ? who : Principal(issuer: "", subject: "second"),
              tokenID: "t", actors: ActorChain(principal: who), connection: "c",
              connectionID: identifier(900), database: "d", databaseRole: "r", segment: "s",
              clientAddress: "ca", clientTLS: "ct", serverAddress: "sa", serverTLS: "st",
              applicationName: "an", grant: "g", bundleVersion: .max),
            session: session)
        }
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 2))
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.session WHERE id = '\(identifier(10))'
              AND agent = '\(identifier(1))' AND epoch = 4 AND lane = 2 AND seq = 0
              AND opened_at = '2027-01-15T08:00:00Z' AND closed_at IS NULL
              AND principal = 'bot' AND principal_kind = 'service' AND issuer = E'sp\\uFFFD'
              AND display_name IS NULL AND groups = ARRAY[E'a\\uFFFD"\\\\', '{b}', '']
              AND actors->0->>'subject' = 'bot' AND token_id = 't' AND connection = 'c'
              AND database = 'd' AND database_role = 'r' AND segment = 's'
              AND client_address = 'ca' AND client_tls = 'ct' AND server_address = 'sa'
              AND server_tls = 'st' AND application_name = 'an' AND access_grant = 'g'
              AND bundle_version = 9223372036854775807
            """) == 1)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.session WHERE principal = 'second' AND groups = '{}'
              AND seq = 1 AND opened_at = '2027-01-15T08:00:01Z'
            """) == 1)
      }
    }

    @Test func manySessionsTakeAFewStatements() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        // Counted where they arrive: each statement on the table fires once.
        try await store.transact("testing") { session in
          try session.script(
            """
            CREATE SEQUENCE public.writes;
            CREATE FUNCTION public.count_write() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN PERFORM nextval('public.writes'); RETURN NULL; END $$;
            CREATE TRIGGER writes AFTER INSERT OR UPDATE ON sallyport.session
              FOR EACH STATEMENT EXECUTE FUNCTION public.count_write();
            """)
        }
        var log = LogWriter(agent: 1)
        let count: UInt64 = 5000
        for session in 0..<count {
          log.open(session: session)
          log.close(session: session, statements: session)
        }
        let batch = log.batch()
        #expect(try await store.ingest(batch) == .stored(nextSeq: 2 * count))
        #expect(try await store.number("SELECT last_value FROM public.writes") == 2)
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.session WHERE closed_at IS NOT NULL") == Int(count))
        #expect(
          try await store.number("SELECT sum(statements)::bigint FROM sallyport.session")
            == Int(count * (count - 1) / 2))
      }
    }
  }
}
