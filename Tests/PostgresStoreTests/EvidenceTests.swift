import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  @Suite struct Evidence {
    private static func log(_ numbers: Range<UInt64>, agent: UInt64 = 1) -> LogWriter {
      var log = LogWriter(agent: agent)
      for number in numbers {
        log.write(HeartbeatRecord(openSessions: number, backlogRecords: 0))
      }
      return log
    }

    private static func refusal(
      _ batch: ShippedBatch, _ store: PostgresStore
    ) async -> ControlError? {
      do {
        _ = try await store.ingest(batch)
        return nil
      } catch {
        return error
      }
    }

    // MARK: Checkpoints

    @Test func checkpointThatDoesNotFitStoresNothing() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var log = Self.log(0..<10)
        let batch = log.batch()
        let other = LogWriter(agent: 1, lane: 3).log
        func with(_ checkpoint: Data) -> ShippedBatch {
          var changed = batch
          changed.checkpoint = checkpoint
          return changed
        }
        let good = Checkpoint(log: log.log, of: log.tree)
        let cases: [(ShippedBatch, String)] = [
          (with(Data()), "no checkpoint"), (with(Data("checkpoint".utf8)), "not signed"),
          (with(TestKey.note(good, key: Curve25519.Signing.PrivateKey())), "not signed"),
          (with(TestKey.note(Checkpoint(log: other, of: log.tree))), "of the log"),
          (with(TestKey.note(Checkpoint(log: log.log, size: 9, root: log.tree.root))), "of 9"),
          (
            with(
              TestKey.note(Checkpoint(log: log.log, size: 10, root: MerkleTree.emptyRoot))),
            "whose root"
          ),
        ]
        for (changed, text) in cases {
          let error = await Self.refusal(changed, store)
          #expect(error?.code == .invalid)
          #expect(error?.message.contains(text) == true, "\(String(describing: error))")
        }
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 0)
        #expect(try await store.number("SELECT count(*) FROM sallyport.equivocation") == 0)
        #expect(try await store.ingest(batch) == .stored(nextSeq: 10))
      }
    }

    // MARK: Two histories

    /// Stores ten records; gives a copy of the log as it was after the first five.
    private static func forked(_ store: PostgresStore) async throws -> LogWriter {
      _ = try await store.enrol(agent: 1)
      var log = log(0..<5)
      _ = try await store.ingest(log.batch())
      let fork = log
      for number in UInt64(5)..<10 {
        log.write(HeartbeatRecord(openSessions: number, backlogRecords: 0))
      }
      _ = try await store.ingest(log.batch())
      return fork
    }

    @Test(arguments: [3, 5, 8])
    func anotherHistoryIsKeptAsEvidence(count: Int) async throws {
      try await withStore { store in
        var fork = try await Self.forked(store)
        for _ in 0..<count { fork.write(HeartbeatRecord(openSessions: 99, backlogRecords: 9)) }
        let batch = fork.batch()
        let reason = try await store.ingest(batch).quarantineReason
        #expect(reason?.contains("record 5 of the log") == true)
        #expect(
          try await store.number(
            """
            SELECT count(*) FROM sallyport.equivocation
            WHERE octet_length(stored_root) = 32 AND size = \(min(10, 5 + count))
              AND checkpoint = decode('\(batch.checkpoint.base64EncodedString())', 'base64')
              AND convert_from(stored_checkpoint, 'UTF8') LIKE 'sallyport/%'
            """) == 1)
        #expect(try await store.agent(AgentID(identifier(1)))?.quarantine?.reason == reason)

        // Nothing is taken any more, of no lane.
        var lane = LogWriter(agent: 1, lane: 1)
        lane.write(HeartbeatRecord(openSessions: 0, backlogRecords: 0))
        let next = lane.batch()
        #expect(try await store.ingest(next) == .quarantined(reason: reason ?? ""))
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 10)
        #expect(try await store.number("SELECT count(*) FROM sallyport.equivocation") == 1)

        #expect(try await store.release(AgentID(identifier(1))))
        #expect(try await !store.release(AgentID(identifier(1))))
        #expect(try await store.agent(AgentID(identifier(1)))?.quarantine == nil)
        #expect(try await store.ingest(next) == .stored(nextSeq: 1))
      }
    }

    @Test func rootThatIsNotOursIsEvidenceAlsoWithEqualRecords() async throws {
      try await withStore { store in
        var fork = try await Self.forked(store)
        for number in UInt64(5)..<8 {
          fork.write(HeartbeatRecord(openSessions: number, backlogRecords: 0))
        }
        var batch = fork.batch()
        batch.checkpoint = TestKey.note(
          Checkpoint(log: fork.log, size: 8, root: MerkleTree.emptyRoot))
        let reason = try await store.ingest(batch).quarantineReason
        #expect(reason?.contains("two roots of its first 8 records") == true)
      }
    }

    @Test func damagedRecordsAreNoEvidence() async throws {
      try await withStore { store in
        var fork = try await Self.forked(store)
        for number in UInt64(5)..<12 {
          fork.write(HeartbeatRecord(openSessions: number, backlogRecords: 0))
        }
        var batch = fork.batch()
        batch.records[1] = Data([1, 2, 3])
        // Signed over the honest records, damaged on the way or on the agent's disk.
        let error = await Self.refusal(batch, store)
        #expect(error?.code == .invalid)
        batch.records.removeLast(4)
        batch.checkpoint = TestKey.note(
          Checkpoint(
            log: fork.log, size: 8,
            root: try await store.root(fork.log, size: 8)))
        #expect(await Self.refusal(batch, store)?.code == .invalid)
        #expect(try await store.agent(AgentID(identifier(1)))?.quarantine == nil)
      }
    }

    // MARK: Two writers

    /// A log with a beat a second; it begins with a citation where one is given.
    private static func epoch(
      _ number: UInt64, lane: UInt32 = 0, at seconds: Int64, _ count: Int,
      citing size: UInt64? = nil
    ) -> LogWriter {
      var log = LogWriter(agent: 1, epoch: number, lane: lane, startingAt: seconds)
      if let size {
        log.write(
          LogOpenRecord(
            log: log.log, agentVersion: "1", host: "gw1", continued: false,
            previousRoot: MerkleTree.emptyRoot.bytes, previousSize: size))
      }
      log.beat(count)
      return log
    }

    @Test func backlogOfALowerEpochIsTaken() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var first = Self.epoch(1, at: 0, 3)
        _ = try await store.ingest(first.batch())
        var second = Self.epoch(2, at: 20, 0, citing: 3)
        _ = try await store.ingest(second.batch())
        // Written from 3 to 24 seconds, the last within what lanes may overlap.
        first.beat(22)
        #expect(try await store.ingest(first.batch()) == .stored(nextSeq: 25))
      }
    }

    /// The agent's clock was an hour ahead until its epoch changed.
    @Test func clockThatIsPutBackMakesNoSecondWriter() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var first = Self.epoch(1, at: 3600, 5)
        var lane = Self.epoch(1, lane: 1, at: 3600, 5)
        _ = try await store.ingest(first.batch())
        _ = try await store.ingest(lane.batch())
        first.beat(3)
        // A lane that the new epoch has not begun yet says nothing.
        var second = Self.epoch(2, at: 60, 1, citing: 8)
        #expect(try await store.ingest(second.batch()) == .stored(nextSeq: 2))
        // What is cited was written before, whatever the clock said.
        #expect(try await store.ingest(first.batch()) == .stored(nextSeq: 8))
        var secondLane = Self.epoch(2, lane: 1, at: 61, 1, citing: 5)
        #expect(try await store.ingest(secondLane.batch()) == .stored(nextSeq: 2))
      }
    }

    /// One record had a wrong time; those behind it have not.
    @Test func glitchOfTheClockDoesNotStay() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var first = Self.epoch(1, at: 7200, 1)
        _ = try await store.ingest(first.batch())
        first.setClock(1)
        first.beat(3)
        _ = try await store.ingest(first.batch())
        var second = Self.epoch(2, at: 20, 1)
        #expect(try await store.ingest(second.batch()) == .stored(nextSeq: 1))
      }
    }

    @Test func epochThatCitesNothingNeedsTenMinutes() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var second = Self.epoch(2, at: 20, 1)
        _ = try await store.ingest(second.batch())
        var first = Self.epoch(1, at: 500, 120)
        #expect(try await store.ingest(first.batch()) == .stored(nextSeq: 120))
        first.beat(2)
        #expect(try await store.ingest(first.batch()).quarantineReason != nil)
      }
    }

    @Test func lowerEpochThatGoesOnIsASecondWriter() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var second = Self.epoch(2, at: 20, 0, citing: 20)
        _ = try await store.ingest(second.batch())
        var first = Self.epoch(1, at: 0, 27)
        let batch = first.batch()
        let reason = try await store.ingest(batch).quarantineReason
        #expect(reason?.contains("two writers at once") == true)
        #expect(reason?.contains("cites its first 20 records") == true)
        #expect(try await store.number("SELECT count(*) FROM sallyport.record") == 1)
        // A person has looked: the same batch is not found again.
        _ = try await store.release(AgentID(identifier(1)))
        #expect(try await store.ingest(batch) == .stored(nextSeq: 27))
      }
    }

    @Test func epochThatBeginsBeforeTheLastEndedIsASecondWriter() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var first = Self.epoch(1, at: 0, 27)
        _ = try await store.ingest(first.batch())
        var second = Self.epoch(2, at: 20, 0, citing: 20)
        let batch = second.batch()
        #expect(
          try await store.ingest(batch).quarantineReason?.contains("its epoch 1 went on") == true)
        _ = try await store.release(AgentID(identifier(1)))
        #expect(try await store.ingest(batch) == .stored(nextSeq: 1))
      }
    }

    // MARK: Release

    /// Two epochs that overlapped, released; `later` is behind the release.
    private static func released(
      _ store: PostgresStore
    ) async throws -> (first: LogWriter, second: LogWriter, later: Int64) {
      _ = try await store.enrol(agent: 1)
      var first = epoch(1, at: 0, 27)
      _ = try await store.ingest(first.batch())
      var second = epoch(2, at: 20, 0, citing: 20)
      let batch = second.batch()
      #expect(try await store.ingest(batch).quarantineReason != nil)
      #expect(try await store.release(AgentID(identifier(1))))
      _ = try await store.ingest(batch)
      let later = try await store.number(
        """
        SELECT ceil(extract(epoch FROM overlap_accepted_at))::bigint - \(time(0).unixNanoseconds)
          / 1000000000 + 60 FROM sallyport.agent
        """)
      return (first, second, Int64(later))
    }

    @Test func oneEpochGoesOnBehindARelease() async throws {
      try await withStore { store in
        var (first, second, later) = try await Self.released(store)
        // A backlog from before, of any lane.
        first.beat(3)
        #expect(try await store.ingest(first.batch()) == .stored(nextSeq: 30))
        var lane = Self.epoch(1, lane: 7, at: 700, 100)
        #expect(try await store.ingest(lane.batch()) == .stored(nextSeq: 100))
        // Also the lower one may be the one that was kept.
        first.setClock(later)
        first.beat(1)
        #expect(try await store.ingest(first.batch()) == .stored(nextSeq: 31))
        second.setClock(later)
        second.beat(1)
        _ = try await store.ingest(second.batch())
        first.beat(1)
        let reason = try await store.ingest(first.batch()).quarantineReason
        #expect(reason?.contains("since its release") == true)
      }
    }

    @Test func epochsBehindAReleaseAreJudgedAsEver() async throws {
      try await withStore { store in
        var (_, second, later) = try await Self.released(store)
        var third = Self.epoch(3, at: later, 0, citing: 1)
        #expect(try await store.ingest(third.batch()) == .stored(nextSeq: 1))
        second.setClock(later + 60)
        second.beat(1)
        let reason = try await store.ingest(second.batch()).quarantineReason
        #expect(reason?.contains("begun epoch 3") == true)
      }
    }

    @Test func releaseOfAnAgentInGoodStandingAcceptsNothing() async throws {
      try await withStore { store in
        _ = try await store.enrol(agent: 1)
        var first = Self.epoch(1, at: 0, 5)
        _ = try await store.ingest(first.batch())
        var second = Self.epoch(2, at: 20, 0, citing: 5)
        _ = try await store.ingest(second.batch())
        #expect(try await !store.release(AgentID(identifier(1))))
        first.setClock(90)
        first.beat(1)
        #expect(try await store.ingest(first.batch()).quarantineReason != nil)
      }
    }

    /// A batch has the lock of its log's cursor when it comes to quarantine the agent.
    @Test func releaseWaitsForABatchBeforeItLocksTheAgent() async throws {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        try await withStore(at: url) { other in
          _ = try await store.enrol(agent: 1)
          var first = Self.epoch(1, at: 0, 5)
          _ = try await store.ingest(first.batch())
          try await store.run("UPDATE sallyport.agent SET quarantined_at = now()")
          let log = first.log
          let released = try await store.transact("holding a cursor") { session in
            _ = try PostgresStore.lockCursor(log, session)
            let release = Task { try await other.release(log.agent) }
            var waiting: Int64? = 0
            for _ in 0..<500 where waiting == 0 {
              try session.script("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")
              waiting = try session.row(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """, [], { row throws(PostgresError) in try row.integer() })
            }
            #expect(waiting == 1)
            try session.script("SELECT FROM sallyport.agent FOR UPDATE NOWAIT")
            return release
          }
          #expect(try await released.value)
        }
      }
    }
  }
}
