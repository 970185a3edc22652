import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Testing

@testable import PostgresStore

extension DatabaseTests {
  /// The control plane's own log in the database.
  @Suite struct ControlLogs {
    private static let key = Curve25519.Signing.PrivateKey()
    private static let log = LogID(agent: AgentID(identifier(700)), epoch: 1, lane: 0)

    private static func entry(_ subject: String) -> ControlLogEntry {
      ControlLogEntry(log: log, key: key) {
        .act(
          ControlActRecord(
            caller: RecordedCaller(tokenID: "t", name: "ci", role: "admin"),
            action: ControlAction.addGrant.rawValue, subject: subject))
      }
    }

    /// The log's records, in their order.
    private static func records(_ store: PostgresStore) async throws -> [[UInt8]] {
      try await store.transact("testing") { session in
        try session.rows(
          "SELECT bytes FROM sallyport.record WHERE agent = $1 ORDER BY seq",
          [.identifier(log.agent.value)], { row throws(PostgresError) in try row.bytes() })
      }
    }

    private static func head(_ store: PostgresStore) async throws -> Checkpoint {
      let head = try #require(try await store.checkpoint(of: log))
      return try #require(Checkpoint(signed: head.note, key: key.publicKey))
    }

    @Test func `of many entries from two replicas none is lost, doubled or unsigned`() async throws
    {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url, connections: 4) { first in
        try await withStore(at: url, connections: 4) { second in
          try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<300 {
              group.addTask {
                try await (number % 2 == 0 ? first : second).append(Self.entry("\(number)"))
              }
            }
          }
          let records = try await Self.records(first)
          var tree = MerkleFrontier()
          var subjects: Set<String> = []
          var last = WallTime(unixNanoseconds: 0)
          for (index, bytes) in records.enumerated() {
            let record = try RecordDecoder.decode(bytes)
            #expect(record.header.seq == UInt64(index))
            #expect(record.header.time.unixNanoseconds >= last.unixNanoseconds)
            last = record.header.time
            guard case .controlAct(let act) = record.body else {
              Issue.record("\(record.kind)")
              continue
            }
            subjects.insert(act.subject)
            tree.append(MerkleTree.leaf(bytes))
          }
          #expect(subjects == Set((0..<300).map { "\($0)" }))
          #expect(records.count == 300)
          let head = try await Self.head(second)
          #expect(head == Checkpoint(log: Self.log, of: tree))
          for known in [UInt64(1), 7, 255, 256, 257, 299] {
            var prefix = MerkleFrontier()
            for bytes in records.prefix(Int(known)) { prefix.append(MerkleTree.leaf(bytes)) }
            let proof = try #require(
              try await second.consistency(of: Self.log, from: known, to: 300))
            #expect(
              MerkleProof.isConsistent(
                (known, prefix.root), (300, head.root), path: proof), "\(known)")
          }
          #expect(try await second.consistency(of: Self.log, from: 1, to: 301) == nil)
        }
      }
    }

    @Test func `an act that does not happen leaves no entry`() async throws {
      try await withStore { store in
        let recording = store.recording(Self.entry("act"))
        #expect(try await recording.removePolicy("none") == nil)
        #expect(try await recording.removeConnection(named: "none") == false)
        #expect(try await recording.remove(AgentID(identifier(1)), at: time(0)) == false)
        #expect(
          try await recording.redeemBootstrapToken(
            hash: [9],
            for: StoredAPIToken(
              id: identifier(5), name: "a", hash: [1], role: .admin, createdAt: time(0))) == false)
        await #expect(throws: ControlError.self) {
          _ = try await recording.changePolicy { _ throws(ControlError) in
            throw ControlError(.invalid, "No.")
          }
        }
        #expect(try await store.checkpoint(of: Self.log) == nil)
        // The entry goes where the act goes: one that cannot be recorded does not happen.
        try await store.run(
          "ALTER TABLE sallyport.control_entry ADD CONSTRAINT none CHECK (subject <> 'act')")
        await #expect(throws: ControlError.self) {
          try await recording.createBootstrapToken(hash: [1], at: time(0))
        }
        #expect(try await store.hasBootstrapToken() == false)
        #expect(try await Self.records(store).isEmpty)
        #expect(try await store.number("SELECT count(*) FROM sallyport.log_cursor") == 0)
      }
    }

    @Test func `entries are found by caller, action and time, page by page`() async throws {
      try await withStore { store in
        for number in 0..<5 { try await store.append(Self.entry("\(number)")) }
        let read = ControlLogEntry(log: Self.log, key: Self.key) {
          .read(
            AuditReadRecord(
              caller: RecordedCaller(
                tokenID: "t2", name: "eve", role: "admin", address: "10.0.0.1"),
              what: "statements", question: #"{"principal":["alice"]}"#))
        }
        try await store.append(read)
        var query = ControlLogQuery()
        query.limit = 4
        let first = try await store.entries(query)
        #expect(first.map(\.seq) == [5, 4, 3, 2])
        #expect(first[0].summary.action == "audit.read")
        #expect(first[0].summary.detail == #"{"principal":["alice"]}"#)
        #expect(first[0].summary.caller.address == "10.0.0.1")
        query.before = 2
        #expect(try await store.entries(query).map(\.seq) == [1, 0])
        query = ControlLogQuery()
        for (caller, count) in [("eve", 1), ("t2", 1), ("t", 5), ("nobody", 0)] {
          query.caller = [caller]
          #expect(try await store.entries(query).count == count, "\(caller)")
        }
        query = ControlLogQuery()
        for (action, count) in [
          ("grant.add", 5), ("grant", 5), ("gran", 0), ("audit.read", 1), ("audit", 1),
        ] {
          query.action = [action]
          #expect(try await store.entries(query).count == count, "\(action)")
        }
        query = ControlLogQuery()
        query.since = first[1].at
        query.until = first[0].at
        #expect(try await store.entries(query).map(\.seq) == [4])
      }
    }

    @Test func `every change that is made through a recording store has its entry`() async throws {
      try await withStore { store in
        var expected: [String] = []
        func recording(_ what: String) -> PostgresStore {
          expected.append(what)
          return store.recording(Self.entry(what))
        }
        let token = StoredAPIToken(
          id: identifier(5), name: "a", hash: [1], role: .admin, createdAt: time(0))
        let rejected = BundleVerdictReport(
          version: 4, accepted: false, reason: "expired", detail: "")
        _ = try await recording("create").createBootstrapToken(hash: [1], at: time(0))
        try await recording("withdraw").withdrawBootstrapToken(hash: [1])
        try await recording("replace").replaceBootstrapToken(hash: [2], at: time(0))
        _ = try await recording("redeem").redeemBootstrapToken(hash: [2], for: token)
        let hash = [UInt8](repeating: 1, count: 32)
        try await recording("invite").invite(
          StoredInvitation(
            secretHash: hash, segment: "prod", clientAddress: "gw:5432", names: ["gw"],
            createdAt: time(0), expiresAt: time(900)))
        let agent = try #require(
          try await recording("enrol").enrol(secretHash: hash, at: time(1)) {
            PostgresStore.agent(1, $0)
          })
        _ = try await recording("renew").renew(agent.id, at: time(2)) { _ in
          .issued(
            RenewedCertificate(
              chainPEM: "", authoritiesPEM: "", generation: 2, key: [1],
              fingerprint: "sha256:01", expiresAt: time(2)))
        }
        try await recording("reject").judged(agent.id, rejected, at: time(2))
        // Said again, and accepted at last: neither is news.
        try await store.recording(Self.entry("again")).judged(agent.id, rejected, at: time(3))
        let connection = Connection(
          id: identifier(8), name: "orders", segment: "prod", host: "db", port: 5432,
          database: "d", tls: .require, roles: [DatabaseRole(name: "app")])
        _ = try await recording("add").add(connection, at: time(1), replace: false)
        try await recording("grant").addPolicy("g")
        let sign: @Sendable (SegmentContents, UInt64) throws(ControlError) -> IssuedBundle = {
          contents, version throws(ControlError) in
          IssuedBundle(
            segment: contents.segment, version: version, envelope: [1], payloadHash: [2],
            issuedAt: time(0), expiresAt: time(100), rootVersion: 1)
        }
        _ = try await recording("issue").issue(
          segment: "prod", refreshBefore: time(-1), at: time(0), sign: sign)
        // Not due again.
        _ = try await store.recording(Self.entry("again")).issue(
          segment: "prod", refreshBefore: time(-1), at: time(0), sign: sign)
        try await recording("skip").skipVersions(upTo: 50, segment: "prod")
        try await recording("ungrant").removePolicy("g")
        _ = try await recording("disconnect").removeConnection(named: "orders")
        try await store.run("UPDATE sallyport.agent SET quarantined_at = now()")
        _ = try await recording("release").release(agent.id)
        _ = try await recording("remove").remove(agent.id, at: time(5))
        let subjects = try await store.entries(ControlLogQuery()).map(\.summary.subject)
        #expect(subjects.reversed() == expected)
      }
    }

    @Test func `an equivocation gets its entry once`() async throws {
      try await withStore { store in
        try await store.run(
          """
          INSERT INTO sallyport.equivocation
            (agent, epoch, lane, size, stored_root, stored_checkpoint, checkpoint, at, detail)
          VALUES (gen_random_uuid(), 1, 0, 5, sha256('x'), 'a', 'b', now(), 'two roots'),
            (gen_random_uuid(), 2, 3, 6, NULL, 'a', 'b', now(), 'two writers')
          """)
        let entry: @Sendable (FoundEquivocation) -> ControlLogEntry = { found in
          Self.entry("\(found.storedRoot == nil ? "writers" : "roots") \(found.size)")
        }
        try await store.tellEquivocations(entry)
        try await store.tellEquivocations(entry)
        let subjects = try await store.entries(ControlLogQuery()).map(\.summary.subject)
        #expect(subjects == ["writers 6", "roots 5"])
      }
    }

    @Test func `the heads of logs that have grown are witnessed once, by one replica`() async throws
    {
      let url = try await ClusterTrait.newDatabase()
      try await withStore(at: url) { store in
        try await store.run(
          "UPDATE sallyport.control_plane SET id = '\(Self.log.agent)'")
        _ = try await store.enrol(agent: 1)
        var writer = LogWriter(agent: 1)
        writer.session(1, ["SELECT 1"])
        _ = try await store.ingest(writer.batch())
        let entry: @Sendable (AgentsWitnessRecord) -> ControlLogEntry = { record in
          ControlLogEntry(log: Self.log, key: Self.key) { .witness(record) }
        }
        try await withStore(at: url) { other in
          async let one = store.witness(limit: 10, entry)
          async let two = other.witness(limit: 10, entry)
          let heads = try await [one, two]
          #expect(heads.reduce(0, +) == 1)
        }
        #expect(try await store.witness(limit: 10, entry) == 0)
        let record = try RecordDecoder.decode(try #require(try await Self.records(store).first))
        guard case .agentsWitness(let witness) = record.body else {
          Issue.record("\(record.kind)")
          return
        }
        let head = try #require(witness.heads.first)
        #expect(witness.heads.count == 1)
        #expect(head.log == writer.log)
        #expect(head.size == writer.nextSeq)
        let signed = try #require(SignedNote(bytes: head.checkpoint))
        #expect(
          Checkpoint(text: signed.text)
            == Checkpoint(log: head.log, size: head.size, root: head.root))
        writer.session(2, ["SELECT 2"])
        _ = try await store.ingest(writer.batch())
        #expect(try await store.witness(limit: 10, entry) == 1)
      }
    }

    @Test func `a round witnesses every log once, whatever the limit`() async throws {
      try await withStore { store in
        try await store.run("UPDATE sallyport.control_plane SET id = '\(Self.log.agent)'")
        var logs: [LogID] = []
        for agent in UInt64(1)...2 {
          _ = try await store.enrol(agent: agent)
          for (epoch, lane) in [(1, 0), (1, 1), (2, 0)] as [(UInt64, UInt32)] {
            var writer = LogWriter(
              agent: agent, epoch: epoch, lane: lane, startingAt: Int64(epoch) * 10)
            writer.beat(2)
            _ = try await store.ingest(writer.batch())
            logs.append(writer.log)
          }
        }
        let count = try await store.witness(limit: 2) { record in
          ControlLogEntry(log: Self.log, key: Self.key) { .witness(record) }
        }
        #expect(count == 6)
        let witnessed = try await Self.records(store).map { bytes in
          guard case .agentsWitness(let witness) = try RecordDecoder.decode(bytes).body else {
            return [LogID]()
          }
          return witness.heads.map(\.log)
        }
        #expect(witnessed.map(\.count) == [2, 2, 2])
        #expect(witnessed.flatMap { $0 } == logs)
      }
    }
  }
}
