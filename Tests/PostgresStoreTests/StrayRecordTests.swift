import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// Rows that no log has a place for are in the export, and so are findings.
  @Suite struct StrayRecords {
    private static func verified(_ plane: ControlPlane) async throws -> VerificationReport {
      let export = try await plane.evidence.export(
        agents: [], since: nil, until: nil, by: TestPlane.caller)
      let written = Mutex(Data())
      try await export.write { bytes in written.withLock { $0.append(bytes) } }
      var verifier = ExportVerifier()
      for line in written.withLock({ $0 }).split(separator: 10) { verifier.take(Data(line)) }
      return verifier.finish()
    }

    /// Rows as somebody with the database in his hands writes them.
    private enum Rows {
      /// Copies the record `from` of agent 1 to another place.
      static func copy(
        _ from: Int, to place: String, later: Int = 1, epoch: Int = 1, agent: UInt64 = 1
      ) -> String {
        """
        INSERT INTO sallyport.record
          (agent, epoch, lane, seq, received_at, at, kind, session, statement, bytes)
        SELECT '\(AgentID(identifier(agent)))', \(epoch), lane, \(place),
          received_at + interval '\(later) microsecond', at, kind, session, statement, bytes
        FROM sallyport.record
        WHERE agent = '\(AgentID(identifier(1)))' AND epoch = 1 AND seq = \(from)
        ORDER BY received_at LIMIT 1
        """
      }
    }

    @Test(arguments: [
      ("at the end of a page", Rows.copy(255, to: "255")), ("in a page", Rows.copy(17, to: "17")),
      ("the last one", Rows.copy(599, to: "599")), ("behind the end", Rows.copy(599, to: "600")),
      ("far behind the end", Rows.copy(3, to: "9223372036854775807")),
      ("before the beginning", Rows.copy(3, to: "-1")),
      ("a log without a cursor", Rows.copy(0, to: "0", epoch: 9)),
      ("an agent that nobody knows", Rows.copy(0, to: "0", agent: 77)),
    ])
    func areFindings(what: String, insertion: String) async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.beat(600)
        #expect(try await store.ingest(log.batch()) == .stored(nextSeq: 600))
        let plane = try await TestPlane.over(store)
        let sound = try await Self.verified(plane)
        #expect(sound.findings == [])
        #expect(sound.logs.last?.size == 600)
        try await store.run(insertion)
        let report = try await Self.verified(plane)
        #expect(!report.isSound, "\(what)")
        #expect(report.findings.allSatisfy { $0.code != .unreadable }, "\(report.findings)")
        let records = report.logs.filter { !$0.isOfControlPlane }.map(\.facts.records)
        #expect(records.reduce(0, +) == 601)
      }
    }

    @Test func manyInOnePlaceComeTogether() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = LogWriter(agent: 1)
        log.beat(3)
        _ = try await store.ingest(log.batch())
        for later in 1...5 { try await store.run(Rows.copy(1, to: "1", later: later)) }
        for later in 1...4 { try await store.run(Rows.copy(2, to: "-7", later: later)) }
        try await store.run(Rows.copy(2, to: "3"))
        let found = try await store.records(of: log.log, from: 0, before: 3, limit: 2)
        #expect(found.map(\.seq) == [0, 1, 1, 1, 1, 1, 1])
        let strays = try await store.strayRecords(of: log.log, behind: nil, limit: 1)
        #expect(strays.map(\.place) == [-7, -7, -7, -7])
        let behind = try await store.strayRecords(of: log.log, behind: -7, limit: 1)
        #expect(behind.map(\.place) == [3])
        #expect(try await store.strayRecords(of: log.log, behind: 3, limit: 1).isEmpty)
      }
    }
  }
}
