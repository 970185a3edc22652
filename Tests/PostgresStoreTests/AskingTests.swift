import APIModel
import AuditLog
import ControlCore
import Foundation
import GatewayModel
import StatementAnalysis
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// Each filter finds its own rows and no others.
  @Suite struct Asking {
    private static let bot = Actor(subject: "ci-bot", kind: .service, verified: false)

    private static func filled(_ store: PostgresStore) async throws {
      _ = try await store.enrol(agent: 1, segment: "prod")
      _ = try await store.enrol(agent: 2, segment: "test")
      var first = LogWriter(agent: 1)
      first.session(10, ["SELECT * FROM public.orders", "DELETE FROM Orders WHERE id = 1"])
      _ = try await store.ingest(first.batch())
      var second = LogWriter(agent: 2, startingAt: 1000)
      second.open(
        session: 20, principal: "carol@example.com", connection: "billing",
        actors: [bot, Actor(subject: "dave@example.com", kind: .user, verified: true)])
      second.text("DROP TABLE billing.bills")
      second.begin(session: 20, statement: 1, "DROP TABLE billing.bills")
      second.end(session: 20, statement: 1, .failed)
      second.text("SELEC 1")
      second.begin(session: 20, statement: 2, "SELEC 1")
      second.end(session: 20, statement: 2, rows: 5000)
      second.write(
        RefusalRecord(
          reason: "no_grant", detail: "no grant", sqlstate: "28000", message: "refused",
          subject: "ci-bot", connection: "orders", clientAddress: "10.1.1.1:1", groups: [],
          principalKind: .service))
      _ = try await store.ingest(second.batch())
      try await analyse(store)
    }

    /// Does what the control plane does in the background.
    static func analyse(_ store: PostgresStore) async throws {
      while true {
        let texts = try await store.claimTexts(
          limit: 2, maximumBytes: StatementAnalysis.maximumFormBytes)
        guard !texts.isEmpty else { return }
        try await store.settle(
          texts.map { text in
            AnalysedText(
              digest: text.digest,
              result: Result { () throws(AnalysisFailure) in
                guard let sql = text.sql else { throw .tooLong(bytes: text.bytes) }
                return try StatementAnalysis.textFacts(of: sql)
              })
          })
      }
    }

    private static func texts(
      _ store: PostgresStore, _ change: (inout StatementQuery) -> Void
    ) async throws -> [String] {
      var query = StatementQuery()
      change(&query)
      let newest = try await store.statements(query).items
      query.order = .oldest
      let oldest = try await store.statements(query).items
      #expect(Set(newest.map(\.record)) == Set(oldest.map(\.record)))
      return newest.map { $0.sql ?? $0.reason ?? "" }.sorted()
    }

    private static func table(_ name: String) -> [TableName] {
      TableName(text: name).map { [$0] } ?? []
    }

    @Test func peopleAreFound() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let drop = ["DROP TABLE billing.bills", "SELEC 1"]
        #expect(try await Self.texts(store) { $0.actors = ["dave@example.com"] } == drop)
        #expect(try await Self.texts(store) { $0.actors = ["carol@example.com"] } == drop)
        // The refused entry has no chain; its principal stands for it.
        #expect(try await Self.texts(store) { $0.actors = ["ci-bot"] } == drop + ["no_grant"])
        #expect(try await Self.texts(store) { $0.principals = ["ci-bot"] } == ["no_grant"])
        #expect(try await Self.texts(store) { $0.roots = ["dave@example.com"] } == drop)
        #expect(try await Self.texts(store) { $0.roots = ["ci-bot"] } == ["no_grant"])
        #expect(try await Self.texts(store) { $0.roots = ["carol@example.com"] }.isEmpty)
        #expect(try await Self.texts(store) { $0.actors = ["ci"] }.isEmpty)
        #expect(
          try await Self.texts(store) {
            $0.principals = ["alice@example.com", "carol@example.com"]
          }.count == 4)
        #expect(
          try await Self.texts(store) {
            $0.actors = ["ci-bot"]
            $0.roots = ["dave@example.com"]
          } == drop)
      }
    }

    @Test func placesAndVerdictsAreFound() async throws {
      try await withStore { store in
        try await Self.filled(store)
        #expect(try await Self.texts(store) { $0.segments = ["prod"] }.count == 2)
        #expect(try await Self.texts(store) { $0.segments = ["test", "prod"] }.count == 5)
        #expect(try await Self.texts(store) { $0.segments = ["none"] }.isEmpty)
        #expect(try await Self.texts(store) { $0.decision = .refused } == ["no_grant"])
        #expect(try await Self.texts(store) { $0.decision = .allowed }.count == 4)
        #expect(try await Self.texts(store) { $0.rules = ["analysts-read"] }.count == 4)
        #expect(try await Self.texts(store) { $0.rules = ["x"] }.isEmpty)
        #expect(try await Self.texts(store) { $0.outcomes = [.failed, .refused] }.count == 2)
        #expect(try await Self.texts(store) { $0.rowsOver = 4999 } == ["SELEC 1"])
        #expect(try await Self.texts(store) { $0.rowsOver = 5000 }.isEmpty)
        #expect(try await Self.texts(store) { $0.sqlstates = ["28000"] } == ["no_grant"])
        #expect(
          try await Self.texts(store) { $0.sqlstates = ["42"] } == ["DROP TABLE billing.bills"])
        #expect(
          try await Self.texts(store) { $0.sqlstates = ["42", "28000"] }.count == 2)
        let digest = StatementDigest(of: Array("SELEC 1".utf8)).bytes
        #expect(try await Self.texts(store) { $0.digests = [digest] } == ["SELEC 1"])
      }
    }

    @Test func textsAreFoundByTheirFacts() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let orders = ["DELETE FROM Orders WHERE id = 1", "SELECT * FROM public.orders"]
        #expect(try await Self.texts(store) { $0.tables = Self.table("ORDERS") } == orders)
        #expect(
          try await Self.texts(store) { $0.tables = Self.table("public.orders") }
            == [orders[1]])
        #expect(try await Self.texts(store) { $0.tables = Self.table("\"Orders\"") }.isEmpty)
        #expect(
          try await Self.texts(store) {
            $0.tables = Self.table("orders")
            $0.commands = ["DELETE"]
          } == [orders[0]])
        #expect(try await Self.texts(store) { $0.commands = ["DROP"] }.count == 1)
        #expect(try await Self.texts(store) { $0.commands = ["DROP TABLE"] }.count == 1)
        #expect(try await Self.texts(store) { $0.commands = ["TABLE"] }.isEmpty)
        #expect(try await Self.texts(store) { $0.effects = [.write] } == [orders[0]])
        #expect(
          try await Self.texts(store) { $0.effects = [.write, .ddl] }
            == [orders[0], "DROP TABLE billing.bills"])
      }
    }

    @Test func commandTagsStandInForTextsWithoutFacts() async throws {
      try await withStore { store in
        try await Self.filled(store)
        // "SELEC 1" has no facts; the server said SELECT 5000.
        #expect(
          try await Self.texts(store) { $0.commands = ["SELECT"] }
            == ["SELEC 1", "SELECT * FROM public.orders"])
        var log = LogWriter(agent: 1, lane: 9, startingAt: 2000)
        log.session(30, ["TABLE waiting"])
        _ = try await store.ingest(log.batch())
        #expect(try await Self.texts(store) { $0.commands = ["SELECT"] }.count == 3)
        #expect(try await Self.texts(store) { $0.tables = Self.table("waiting") }.isEmpty)
        try await Self.analyse(store)
        #expect(try await Self.texts(store) { $0.commands = ["SELECT"] }.count == 3)
        #expect(try await Self.texts(store) { $0.tables = Self.table("waiting") }.count == 1)
      }
    }

    @Test func wordsAreFoundBeforeAndAfterTheyAreIndexed() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        let long = "SELECT 'needle' /*" + String(repeating: "x", count: 70_000) + "*/"
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 'a needle, 100%_of \\it'", long, "SELECT 1"])
        _ = try await store.ingest(log.batch())
        for _ in 0..<2 {
          #expect(try await Self.texts(store) { $0.words = ["NEEDLE"] }.count == 2)
          #expect(try await Self.texts(store) { $0.words = ["needle", "xxxx"] } == [long])
          #expect(try await Self.texts(store) { $0.words = ["100%_OF"] }.count == 1)
          #expect(try await Self.texts(store) { $0.words = ["1__%"] }.isEmpty)
          #expect(try await Self.texts(store) { $0.words = ["\\it"] }.count == 1)
          #expect(try await Self.texts(store) { $0.words = ["\\\\it"] }.isEmpty)
          try await Self.analyse(store)
        }
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.statement_text WHERE analysis = 1") == 2)
        #expect(
          try await store.number(
            "SELECT count(*) FROM pg_indexes WHERE indexname = 'statement_text_words'") == 1)
      }
    }

    @Test func rowsTellTheirFacts() async throws {
      try await withStore { store in
        try await Self.filled(store)
        let rows = try await store.statements(StatementQuery()).items
        let drop = try #require(rows.first { $0.sql == "DROP TABLE billing.bills" })
        #expect(drop.commands == ["DROP TABLE"])
        #expect(drop.tables == ["billing.bills"])
        #expect(drop.effects == ["ddl"])
        let broken = try #require(rows.first { $0.sql == "SELEC 1" })
        #expect(broken.commands == nil)
      }
    }

    @Test func whatIsRefusedIsSoBeforeItsEndIsKnown() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        log.begin(session: 10, statement: 1, "SELECT 1")
        log.write(
          RefusalRecord(
            reason: "policy", detail: "no", sqlstate: "42501", message: "refused",
            statement: StatementID(1)), session: 10)
        _ = try await store.ingest(log.batch())
        var query = StatementQuery()
        query.decision = .refused
        #expect(try await store.statements(query).items.map(\.kind) == ["refusal"])
      }
    }
  }

  /// Texts wait for their analysis, and none is lost or tried for ever.
  @Suite struct WaitingTexts {
    @Test func textsAreGivenOutOnceAndThenOnceMoreAlone() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1", "SELECT 2", "SELECT 3"])
        _ = try await store.ingest(log.batch())
        let first = try await store.claimTexts(limit: 2, maximumBytes: 100)
        #expect(first.count == 2)
        #expect(try await store.claimTexts(limit: 2, maximumBytes: 4).map(\.sql) == [nil])
        #expect(try await store.claimTexts(limit: 2, maximumBytes: 100).isEmpty)
        // The program ended, and a minute has passed.
        let age =
          "UPDATE sallyport.statement_facts SET claimed_at = claimed_at - interval '2 minutes'"
        try await store.run(age)
        var second: [WaitingText] = []
        for _ in 0..<3 {
          let texts = try await store.claimTexts(limit: 2, maximumBytes: 100)
          #expect(texts.count == 1)
          second += texts
        }
        #expect(Set(second.compactMap(\.sql)) == ["SELECT 1", "SELECT 2", "SELECT 3"])
        try await store.run(age)
        for _ in 0..<3 {
          #expect(try await store.claimTexts(limit: 2, maximumBytes: 100).isEmpty)
        }
        #expect(
          try await store.number(
            "SELECT count(*) FROM sallyport.statement_facts WHERE failure LIKE 'given up%'") == 3)
        try await store.run(age)
        #expect(try await store.claimTexts(limit: 2, maximumBytes: 100).isEmpty)
      }
    }

    @Test func textsOfOneFormShareIt() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1", "SELECT 2"])
        _ = try await store.ingest(log.batch())
        try await Asking.analyse(store)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement_form") == 1)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.statement_facts f
            JOIN sallyport.statement_form m USING (fingerprint) WHERE m.text = 'SELECT $1'
            """) == 2)
      }
    }
  }

  @Suite struct SessionPages {
    @Test func pagesCoverASessionOnce() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.open(session: 10)
        for number in UInt64(1)...7 {
          log.begin(session: 10, statement: number, "SELECT \(number)")
          if number != 4 { log.end(session: 10, statement: number) }
        }
        log.write(
          RefusalRecord(
            reason: "protocol", detail: "odd", sqlstate: "08P01", message: "refused"),
          session: 10)
        log.write(
          CancelRecord(matched: true, clientAddress: "10.0.0.1:1", statement: StatementID(4)),
          session: 10)
        log.write(CancelRecord(matched: false, clientAddress: "10.0.0.2:1"))
        for (from, to) in [(-10, -5), (3, 5), (90, 95)] as [(Int64, Int64)] {
          log.write(
            LossRecord(
              reason: "damaged", firstLostSeq: 5, lostAtMost: 9, from: time(from), to: time(to)))
        }
        log.close(session: 10, statements: 7)
        _ = try await store.ingest(log.batch())
        var query = SessionDetailQuery(
          id: SessionID(identifier(10)), limit: 4, statementLimit: 3)
        var numbers: [Int?] = []
        var pages: [SessionDetail] = []
        while pages.count < 10 {
          let detail = try #require(try await store.sessions(query).first)
          pages.append(detail)
          numbers += detail.statements.map(\.statement)
          guard let next = detail.nextCursor else { break }
          query.cursor = next
          query.agentPrefix = detail.session.agent
        }
        #expect(pages.count == 3)
        #expect(numbers == Array(1...7))
        #expect(pages[0].refusals.map(\.reason) == ["protocol"])
        #expect(pages[0].events.map(\.kind) == ["cancel", "loss"])
        #expect(pages[0].events.first?.statement == 4)
        #expect(pages[0].events.last?.lostAtMost == 9)
        #expect(pages[0].circumstances?.tokenID == "token-1")
        #expect(pages[0].circumstances?.actors.map(\.subject) == ["alice@example.com"])
        #expect(pages[1].circumstances == nil)
        #expect(pages[1].events.isEmpty && pages[1].refusals.isEmpty)
      }
    }

    @Test func foreignCursorsAreRefused() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        let query = SessionDetailQuery(
          id: SessionID(identifier(10)), limit: 4, statementLimit: 3, cursor: "bi8x")
        let error = await #expect(throws: ControlError.self) { try await store.sessions(query) }
        #expect(error?.code == .invalid)
      }
    }

    @Test func theEndOfTheTrailGrows() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        let before = try await store.trailEnd()
        var log = LogWriter(agent: 1)
        log.session(10, ["SELECT 1"])
        _ = try await store.ingest(log.batch())
        #expect(try await store.trailEnd() > before)
      }
    }
  }
}
