import AuditLog
import ControlCore
import Crypto
import Foundation
import GatewayModel

@testable import PostgresStore

/// The audit key of every agent in these tests.
enum TestKey {
  static let key = Curve25519.Signing.PrivateKey()
  static var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

  static func note(
    _ checkpoint: Checkpoint, key: Curve25519.Signing.PrivateKey = key
  ) -> Data {
    Data((try? checkpoint.signed(with: key).bytes) ?? [])
  }
}

extension IngestAnswer {
  /// What a wrong cursor should be, for any checkpoint.
  var wrongCursorSeq: UInt64? {
    if case .wrongCursor(let next, _, _) = self { next } else { nil }
  }

  var quarantineReason: String? {
    if case .quarantined(let reason, _) = self { reason } else { nil }
  }
}

extension ShippedBatch {
  /// The batch as if it stood elsewhere in its log, signed with a root that is not its own.
  func moved(to seq: UInt64) -> ShippedBatch {
    var batch = self
    batch.fromSeq = seq
    batch.checkpoint = TestKey.note(
      Checkpoint(
        log: log, size: seq + UInt64(records.count), root: MerkleTree.emptyRoot))
    return batch
  }
}

/// Writes the records of one log as an agent does.
struct LogWriter {
  let log: LogID
  private(set) var records: [Data] = []
  private var shipped: UInt64 = 0
  private(set) var tree = MerkleFrontier()
  private var clock: Int64

  init(agent: UInt64, epoch: UInt64 = 1, lane: UInt32 = 0, startingAt: Int64 = 0) {
    log = LogID(agent: AgentID(identifier(agent)), epoch: epoch, lane: lane)
    clock = startingAt
  }

  var nextSeq: UInt64 { shipped + UInt64(records.count) }

  mutating func write(_ body: some RecordBody, session: UInt64? = nil) {
    let header = RecordHeader(
      seq: nextSeq, time: time(clock), session: session.map { SessionID(identifier($0)) })
    records.append(Data(RecordEncoder.encode(body, header: header)))
    clock += 1
  }

  /// Sets the agent's clock to that many seconds.
  mutating func setClock(_ seconds: Int64) { clock = seconds }

  /// Writes heartbeats, one a second.
  mutating func beat(_ count: Int) {
    for _ in 0..<count { write(HeartbeatRecord(openSessions: 0, backlogRecords: 0)) }
  }

  mutating func write(raw bytes: [UInt8]) { records.append(Data(bytes)) }

  /// The records written since the last batch.
  mutating func batch() -> ShippedBatch {
    for record in records { tree.append(record.withUnsafeBytes { MerkleTree.leaf($0) }) }
    let batch = ShippedBatch(
      log: log, fromSeq: shipped, records: records,
      checkpoint: TestKey.note(Checkpoint(log: log, of: tree)), auditKey: TestKey.publicKey)
    shipped += UInt64(records.count)
    records = []
    return batch
  }

  mutating func open(
    session: UInt64, principal: String = "alice@example.com", connection: String = "orders",
    actors: [Actor]? = nil
  ) {
    let who = Principal(
      issuer: "sallyport", subject: principal, displayName: "Alice", groups: ["analysts", "dba"])
    write(
      SessionOpenRecord(
        principal: who, tokenID: "token-1",
        actors: actors.map(ActorChain.init) ?? ActorChain(principal: who),
        connection: connection, connectionID: identifier(900), database: "orders_db",
        databaseRole: "readonly", segment: "prod", clientAddress: "10.0.0.9:4242",
        applicationName: "psql", grant: "analysts-read", bundleVersion: 3),
      session: session)
  }

  mutating func text(_ sql: String) {
    let bytes = Array(sql.utf8)
    write(
      StatementTextRecord(
        digest: StatementDigest(of: bytes), chunk: 0, isLast: true, text: bytes))
  }

  mutating func begin(
    session: UInt64, statement: UInt64, _ sql: String, parameters: [BoundParameter] = []
  ) {
    write(
      StatementBeginRecord(
        statement: StatementID(statement), digest: StatementDigest(of: Array(sql.utf8)),
        wireProtocol: .extended, parameters: parameters, transactionStatus: "I",
        rule: "analysts-read", bundleVersion: 3),
      session: session)
  }

  mutating func end(
    session: UInt64, statement: UInt64, _ outcome: StatementEndRecord.Outcome = .completed,
    rows: UInt64 = 1
  ) {
    write(
      StatementEndRecord(
        statement: StatementID(statement), outcome: outcome,
        sqlstate: outcome == .failed ? "42P01" : "",
        message: outcome == .failed ? "relation does not exist" : "",
        commandTag: outcome == .completed ? "SELECT \(rows)" : "", rows: rows,
        serverNanoseconds: 1_500_000, totalNanoseconds: 2_000_000),
      session: session)
  }

  mutating func close(session: UInt64, statements: UInt64) {
    write(
      SessionCloseRecord(reason: "client_terminated", statements: statements), session: session)
  }

  /// A session with statements, each with its text, begun and ended.
  mutating func session(
    _ session: UInt64, principal: String = "alice@example.com", connection: String = "orders",
    _ statements: [String]
  ) {
    open(session: session, principal: principal, connection: connection)
    for (index, sql) in statements.enumerated() {
      text(sql)
      begin(session: session, statement: UInt64(index) + 1, sql)
      end(session: session, statement: UInt64(index) + 1)
    }
    close(session: session, statements: UInt64(statements.count))
  }
}

extension PostgresStore {
  /// Enrols an agent with that number, as the record tables want one.
  func enrol(agent: UInt64, segment: String = "prod") async throws -> EnrolledAgent {
    let hash = [UInt8](repeating: UInt8(truncatingIfNeeded: agent), count: 32)
    try await invite(
      StoredInvitation(
        secretHash: hash, segment: segment, clientAddress: "gw\(agent):5432",
        names: ["gw\(agent)"], createdAt: time(0), expiresAt: time(900)))
    let enrolled = try await enrol(secretHash: hash, at: time(1)) { invitation in
      Self.agent(agent, invitation)
    }
    guard let enrolled else { throw ControlError(.notFound, "no invitation") }
    return enrolled
  }

  static func agent(_ number: UInt64, _ invitation: StoredInvitation) -> EnrolledAgent {
    EnrolledAgent(
      id: AgentID(identifier(number)), segment: invitation.segment, hostname: "host\(number)",
      clientAddress: invitation.clientAddress, names: invitation.names, version: "0.1",
      auditKey: TestKey.publicKey, sealingKey: [UInt8](repeating: 2, count: 32),
      certificateFingerprint: "sha256:00", certificateExpiresAt: time(86_400),
      enrolledAt: time(1))
  }
}
