import AuditLog
import ControlCore
import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import PostgresStore

/// A log at an agent, from which batches can be cut anywhere.
private struct WholeLog: Sendable {
  let log: LogID
  let records: [Data]
  /// The tree after each count of records.
  let trees: [MerkleFrontier]

  init(agent: UInt64, lane: UInt32, sessions: Int) {
    var writer = LogWriter(agent: agent, lane: lane)
    for number in 0..<sessions {
      writer.session(
        agent << 32 | UInt64(lane) << 16 | UInt64(number), ["SELECT \(number)", "SELECT 1"])
    }
    self.init(log: writer.log, records: writer.records)
  }

  init(log: LogID, records: [Data]) {
    self.log = log
    self.records = records
    var tree = MerkleFrontier()
    var trees = [tree]
    for record in records {
      tree.append(MerkleTree.leaf(Array(record)))
      trees.append(tree)
    }
    self.trees = trees
  }

  func batch(from: UInt64, count: Int) -> ShippedBatch {
    let end = min(records.count, Int(from) + count)
    return ShippedBatch(
      log: log, fromSeq: from, records: Array(records[Int(from)..<end]),
      checkpoint: TestKey.note(Checkpoint(log: log, of: trees[end])),
      auditKey: TestKey.publicKey)
  }

  /// Ships all of it; of the calls, 30 % are lost, come twice, or come late.
  func ship(to stores: [PostgresStore], seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    var cursor: UInt64 = 0
    var late: [ShippedBatch] = []
    while cursor < records.count {
      let batch = batch(from: cursor, count: Int.random(in: 1...9, using: &random))
      let store = stores.randomElement(using: &random) ?? stores[0]
      var answer: IngestAnswer?
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<6: break  // The call is lost.
      case 6..<12: _ = try await store.ingest(batch)  // Its answer is.
      case 12..<22:
        let other = stores.randomElement(using: &random) ?? store
        async let first = store.ingest(batch)
        async let second = other.ingest(batch)
        answer = try await [first, second].randomElement(using: &random)
      case 22..<30:
        late.append(batch)
      default: answer = try await store.ingest(batch)
      }
      if late.count > 3 { _ = try await store.ingest(late.removeFirst()) }
      switch answer {
      case .stored(let next, _), .wrongCursor(let next, _, _): cursor = next
      case .retryLater, nil: break
      case .quarantined(let reason, _): throw TestFailure("quarantined: \(reason)")
      }
    }
    for batch in late { _ = try await stores[0].ingest(batch) }
  }

  func expectStored(in store: PostgresStore) async throws {
    let stored = try await store.transact("testing") { session in
      try session.rows(
        """
        SELECT bytes FROM sallyport.record WHERE agent = $1 AND epoch = $2 AND lane = $3
        ORDER BY seq
        """, PostgresStore.key(log)
      ) { row throws(PostgresError) in Data(try row.bytes()) }
    }
    #expect(stored == records)
    #expect(
      try await store.root(log, size: UInt64(records.count)) == trees[records.count].root)
  }
}

extension DatabaseTests {
  @Suite struct Replicas {
    @Test func whatIsSentIsStoredOnceWhateverTheCallsSuffer() async throws {
      let url = try await ClusterTrait.newDatabase()
      var stores: [PostgresStore] = []
      for _ in 0..<3 {
        stores.append(try await PostgresStore.open(url: url, maximumConnections: 3, logger: quiet))
      }
      let replicas = stores
      let logs = [(1, 0), (1, 1), (2, 0), (3, 0)].map { agent, lane in
        WholeLog(agent: UInt64(agent), lane: UInt32(lane), sessions: 12)
      }
      for agent in UInt64(1)...3 { _ = try await replicas[0].enrol(agent: agent) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, log) in logs.enumerated() {
          group.addTask { try await log.ship(to: replicas, seed: UInt64(index) + 11) }
        }
        try await group.waitForAll()
      }
      for log in logs { try await log.expectStored(in: replicas[1]) }
      // Also what is read out of the records is there once.
      #expect(
        try await replicas[2].number(
          "SELECT count(*) FROM sallyport.statement WHERE outcome = 'completed'") == 4 * 12 * 2)
      #expect(try await replicas[2].number("SELECT count(*) FROM sallyport.equivocation") == 0)
      for store in replicas { await store.close() }
    }

    @Test(arguments: [CutProxy.Cut.before, .after])
    func connectionCutAtCommitLosesAndDoublesNothing(cut: CutProxy.Cut) async throws {
      let url = try await ClusterTrait.newDatabase()
      var parts = try #require(URLComponents(string: url))
      let proxy = try CutProxy(to: UInt16(try #require(parts.port)))
      defer { proxy.stop() }
      parts.port = Int(proxy.port)
      parts.query = "sslmode=disable&gssencmode=disable"
      try await withStore(at: try #require(parts.string), connections: 2) { store in
        _ = try await store.enrol(agent: 1)
        let log = WholeLog(agent: 1, lane: 0, sessions: 4)
        _ = try await store.ingest(log.batch(from: 0, count: 10))
        proxy.cutNextCommit(cut)
        let batch = log.batch(from: 10, count: 10)
        let error = await #expect(throws: ControlError.self) { _ = try await store.ingest(batch) }
        #expect(error?.code == .unavailable)
        let again = try await store.ingest(batch)
        switch cut {
        case .before: #expect(again == .stored(nextSeq: 20))
        case .after: #expect(again == .wrongCursor(nextSeq: 20, checkpoint: batch.checkpoint))
        }
        _ = try await store.ingest(log.batch(from: 20, count: 100))
        try await log.expectStored(in: store)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 8)
      }
    }

    @Test func databaseRestoredFromABackupGetsTheRestAgain() async throws {
      let url = try await ClusterTrait.newDatabase()
      let cluster = try #require(ClusterTrait.cluster)
      let name = try #require(url.split(separator: "/").last)
      let log = WholeLog(agent: 1, lane: 0, sessions: 8)
      try await withStore(at: url) { store in
        _ = try await store.enrol(agent: 1)
        _ = try await store.ingest(log.batch(from: 0, count: 17))
      }
      try await cluster.sql("CREATE DATABASE \(name)_backup TEMPLATE \(name)")
      try await withStore(at: url) { store in
        _ = try await store.ingest(log.batch(from: 17, count: 100))
        try await log.expectStored(in: store)
      }
      try await withStore(at: url + "_backup") { store in
        // The agent goes on where it was, and is told where the database is.
        let behind = log.batch(from: 30, count: 5)
        let answer = try await store.ingest(behind)
        #expect(answer.wrongCursorSeq == 17)
        try await log.ship(to: [store], seed: 3)
        try await log.expectStored(in: store)
        #expect(try await store.number("SELECT count(*) FROM sallyport.statement") == 16)
      }
    }
  }
}
