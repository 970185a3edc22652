import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel
import Glibc
import Logging
import PostgresStore

/// Measures how fast batches are stored: `ingest-measure URL AGENTS BATCHES RECORDS`.
///
/// The database must be empty. Everything an agent does is done before the clock starts; statements
/// are pairs of begin and end records of 20 different texts.
@main
struct IngestMeasure {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let agents = UInt64(arguments[2]), let batches = Int(arguments[3]),
      let size = Int(arguments[4]), agents > 0, batches > 0, size > 1
    else {
      print("ingest-measure URL AGENTS BATCHES RECORDS")
      exit(64)
    }
    let logger = Logger(label: "measure") { _ in SwiftLogNoOpLogHandler() }
    let store = try await PostgresStore.open(url: arguments[1], logger: logger)
    var prepared: [[ShippedBatch]] = []
    for number in 1...agents {
      var agent = MeasuredAgent(number: number)
      try await agent.enrol(store)
      prepared.append(try (0..<batches).map { _ in try agent.batch(size) })
    }
    let cpu = clock()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for batches in prepared {
        group.addTask {
          for batch in batches {
            guard case .stored = try await store.ingest(batch) else { exit(70) }
          }
        }
      }
      try await group.waitForAll()
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let own = Double(clock() - cpu) / Double(CLOCKS_PER_SEC)
    let records = Double(Int(agents) * batches * size)
    print(
      "\(agents) agents, batches of \(size): \(Int(records / seconds)) records/s,",
      String(
        format: "%.1f µs a record, of them %.1f µs CPU of this process,",
        seconds / records * 1e6, own / records * 1e6),
      String(format: "%.1f ms a batch and agent", seconds / Double(batches) * 1e3))
    await store.close()
  }
}

private struct MeasuredAgent {
  let log: LogID
  let key = Curve25519.Signing.PrivateKey()
  private let session: SessionID
  private var tree = MerkleFrontier()
  private var statement: UInt64 = 0

  init(number: UInt64) {
    let id = Identifier128(high: 1, low: number)
    log = LogID(agent: AgentID(id), epoch: 1, lane: 0)
    session = SessionID(id)
  }

  func enrol(_ store: PostgresStore) async throws {
    let log = log
    let auditKey = Array(key.publicKey.rawRepresentation)
    let secret = Array(SHA256.hash(data: Data("\(log)".utf8)))
    let now = WallTime(unixNanoseconds: Int64(Date().timeIntervalSince1970) * 1_000_000_000)
    let later = WallTime(unixNanoseconds: now.unixNanoseconds + 3_600_000_000_000)
    try await store.invite(
      StoredInvitation(
        secretHash: secret, segment: "prod", clientAddress: "gateway:5432", names: [],
        createdAt: now, expiresAt: later))
    _ = try await store.enrol(secretHash: secret, at: now) { invitation throws(ControlError) in
      EnrolledAgent(
        id: log.agent, segment: invitation.segment, hostname: "host",
        clientAddress: invitation.clientAddress, names: [], version: "0.1", auditKey: auditKey,
        sealingKey: [], certificateFingerprint: "sha256:00", certificateExpiresAt: later,
        enrolledAt: now)
    }
  }

  /// The next batch of the log.
  mutating func batch(_ size: Int) throws -> ShippedBatch {
    let from = tree.size
    var records: [Data] = []
    for index in 0..<size {
      let header = RecordHeader(
        seq: from + UInt64(index),
        time: WallTime(unixNanoseconds: 1_800_000_000_000_000_000 + Int64(from) + Int64(index)),
        session: session)
      let bytes = record(header)
      tree.append(MerkleTree.leaf(bytes))
      records.append(Data(bytes))
    }
    let note = try Checkpoint(log: log, of: tree).signed(with: key)
    return ShippedBatch(
      log: log, fromSeq: from, records: records, checkpoint: Data(note.bytes),
      auditKey: Array(key.publicKey.rawRepresentation))
  }

  private mutating func record(_ header: RecordHeader) -> [UInt8] {
    if header.seq == 0 {
      let who = Principal(
        issuer: "sallyport", subject: "alice@example.com", displayName: "Alice", groups: ["dba"])
      return RecordEncoder.encode(
        SessionOpenRecord(
          principal: who, tokenID: "token-1", actors: ActorChain(principal: who),
          connection: "orders", connectionID: session.value, database: "orders",
          databaseRole: "readonly", segment: "prod", clientAddress: "10.0.0.9:4242",
          applicationName: "psql", grant: "analysts-read", bundleVersion: 3), header: header)
    }
    let text = Array(
      "SELECT id, total FROM orders WHERE customer = $1 LIMIT \(statement % 20)".utf8)
    if header.seq % 2 == 1 {
      statement += 1
      return RecordEncoder.encode(
        StatementBeginRecord(
          statement: StatementID(statement), digest: StatementDigest(of: text),
          wireProtocol: .extended,
          parameters: [BoundParameter(typeOID: 20, value: .text("\(header.seq)"))],
          transactionStatus: "I", rule: "analysts-read", bundleVersion: 3), header: header)
    }
    return RecordEncoder.encode(
      StatementEndRecord(
        statement: StatementID(statement), outcome: .completed, commandTag: "SELECT 1", rows: 1,
        serverNanoseconds: 1_500_000, totalNanoseconds: 2_000_000), header: header)
  }
}
