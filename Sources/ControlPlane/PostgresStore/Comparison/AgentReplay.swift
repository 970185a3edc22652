internal import AuditLog
internal import GatewayModel

/// A batch of one log as it arrived: its records have one time of arrival.
struct ReplayedBatch: Sendable {
  let log: LogID
  let from: UInt64
  let receivedAt: WallTime
  /// Those that can be read.
  let records: [DecodedRecord]
  /// One behind the last record.
  let next: UInt64

  /// The time that ingest takes for the beginning of the log.
  var beganAt: WallTime {
    records.first { $0.header.seq == from }?.header.time ?? receivedAt
  }
}

/// What the tables must have of statements, sessions and texts, once a batch is in them.
struct ExpectedRows: Sendable {
  /// A row's place: its log and the seq of the record that it stands for.
  struct Place: Hashable, Sendable {
    var log: LogID
    var seq: UInt64
  }

  var statements: [Place: StatementRow] = [:]
  var opened: [Identifier128: SessionRow] = [:]
  var ended: [Identifier128: SessionEnd] = [:]
  /// SHA-256 of the text as it is stored, by the text's digest.
  var texts: [[UInt8]: [UInt8]] = [:]

  var isEmpty: Bool {
    statements.isEmpty && opened.isEmpty && ended.isEmpty && texts.isEmpty
  }
}

/// How a session ended.
struct SessionEnd: Sendable, Equatable {
  var at: WallTime
  var reason: String
  var message: String
  /// `nil` where no record says it.
  var statements: Int64?
}

/// Reads one agent's records again, in the order in which they arrived: pure, and with the projection
/// that ingest has.
///
/// What ingest looks up in the tables stands in memory here, so that nothing in the tables is believed
/// but what belongs to records that were removed.
struct AgentReplay: Sendable {
  struct OpenSession: Sendable {
    var log: LogID
    var seq: UInt64
    var openedAt: WallTime
  }

  /// The most contexts that are held; they can be read again.
  private static let maximumContexts = 20_000

  private(set) var logs: [LogID: ReplayedLog] = [:]
  private(set) var open: [Identifier128: OpenSession] = [:]
  private var contexts: [Identifier128: BatchProjection.SessionContext] = [:]
  /// The highest epoch there is, also where it was not read again yet.
  private(set) var highestEpoch: UInt64 = 0
  /// What the tables must have, since it was taken last.
  var expected = ExpectedRows()

  mutating func add(_ log: ReplayedLog) {
    logs[log.log] = log
    highestEpoch = max(highestEpoch, log.log.epoch)
  }

  mutating func skip(_ log: LogID, to seq: UInt64) {
    logs[log]?.next = seq
  }

  /// Takes a session whose first record was removed and that was open then.
  mutating func carry(_ session: Identifier128, _ opened: OpenSession) { open[session] = opened }

  /// Forgets a session that was opened a second time, which changes nothing.
  mutating func forget(repeated session: Identifier128, _ log: LogID, seq: UInt64) {
    if let known = open[session], known.log == log, known.seq == seq { open[session] = nil }
  }

  /// How many statements and sessions are under way.
  var underWay: Int { logs.values.reduce(open.count) { $0 + $1.pendingCount } }

  /// The sessions that a batch names and that are to be looked up before it is taken.
  func unknownSessions(in batch: ReplayedBatch) -> [Identifier128] {
    var named: Set<Identifier128> = []
    var opened: Set<Identifier128> = []
    for record in batch.records {
      guard let id = record.header.session?.value else { continue }
      if case .sessionOpen = record.body { opened.insert(id) } else { named.insert(id) }
    }
    return named.subtracting(opened).filter { contexts[$0] == nil }
  }

  /// - Parameter known: The sessions that opened before the batch, of those that were asked for.
  mutating func take(
    _ batch: ReplayedBatch, known: [Identifier128: BatchProjection.SessionContext]
  ) {
    guard logs[batch.log] != nil else { return }
    if contexts.count > Self.maximumContexts { contexts = [:] }
    contexts.merge(known) { first, _ in first }
    let newer = newerEpoch(than: batch.log)
    var pending = logs[batch.log]?.takePending(batch.records) ?? []
    if newer != nil { pending += logs[batch.log]?.takeSettledEarly(batch.records) ?? [] }
    var projection = BatchProjection(
      log: batch.log, position: 0, receivedAt: batch.receivedAt,
      sessions: contexts(in: batch), pending: pending)
    for record in batch.records { projection.take(record) }

    if logs[batch.log]?.hasBegun == false { logs[batch.log]?.beganAt = batch.beganAt }
    logs[batch.log]?.next = batch.next
    takeSessions(projection, batch.log)
    takeTexts(logs[batch.log]?.wholeTexts(in: projection) ?? [:])
    for row in projection.settled { settle(row) }
    for row in projection.pendingRows { logs[batch.log]?.hold(row) }
    let opened = batch.records.last { $0.kind == .logOpen }
    if let newest = newer ?? opened.map({ (batch.log.epoch, $0.header.time) }) {
      endEpochs(before: newest.0, at: newest.1, batch.receivedAt)
    }
  }

  /// The contexts that the batch's sessions had before it.
  private func contexts(
    in batch: ReplayedBatch
  ) -> [Identifier128: BatchProjection.SessionContext] {
    var found: [Identifier128: BatchProjection.SessionContext] = [:]
    var opened: Set<Identifier128> = []
    for record in batch.records {
      guard let id = record.header.session?.value else { continue }
      if case .sessionOpen = record.body { opened.insert(id) }
      found[id] = contexts[id]
    }
    for id in opened { found[id] = nil }
    return found
  }

  private func newerEpoch(than log: LogID) -> (UInt64, WallTime)? {
    logs.values.filter { $0.log.epoch > log.epoch && $0.hasBegun }.compactMap { newer in
      newer.beganAt.map { (newer.log.epoch, $0) }
    }.min { first, second in
      first.0 != second.0
        ? first.0 > second.0 : first.1.unixNanoseconds < second.1.unixNanoseconds
    }
  }

  private mutating func takeSessions(_ projection: BatchProjection, _ log: LogID) {
    for session in projection.opened where open[session.id] == nil {
      guard expected.opened[session.id] == nil else { continue }
      open[session.id] = OpenSession(log: log, seq: session.seq, openedAt: session.at)
      expected.opened[session.id] = SessionRow(session, log)
      if contexts[session.id] == nil {
        contexts[session.id] = BatchProjection.SessionContext(session.record)
      }
    }
    for (id, closed) in projection.closed {
      open[id] = nil
      expected.ended[id] = SessionEnd(
        at: closed.at, reason: closed.record.reason, message: closed.record.message,
        statements: Int64(clamping: closed.record.statements))
    }
    guard let stoppedAt = projection.stoppedAt else { return }
    let kept = Set(projection.openedSinceStop)
    for (id, session) in open where session.log == log && !kept.contains(id) {
      end(id, session, at: stoppedAt)
    }
  }

  private mutating func end(_ id: Identifier128, _ session: OpenSession, at time: WallTime) {
    open[id] = nil
    let opened = session.openedAt
    expected.ended[id] = SessionEnd(
      at: time.unixNanoseconds < opened.unixNanoseconds ? opened : time,
      reason: "agent_stopped", message: "", statements: nil)
  }

  private mutating func settle(_ row: StatementRow) {
    expected.statements[.init(log: row.log, seq: row.seq)] = row
    if row.log.epoch < highestEpoch { logs[row.log]?.note(settled: row) }
  }

  private mutating func endEpochs(
    before epoch: UInt64, at time: WallTime, _ receivedAt: WallTime
  ) {
    for (id, session) in open where session.log.epoch < epoch { end(id, session, at: time) }
    for log in logs.keys where log.epoch < epoch {
      for var row in logs[log]?.takeAllPending() ?? [] {
        row.receivedAt = receivedAt
        settle(row)
      }
    }
  }

  private mutating func takeTexts(_ texts: [StatementDigest: [UInt8]]) {
    for (digest, text) in texts {
      // As it is stored: what is no UTF-8 and what PostgreSQL cannot hold is replaced.
      var stored: [UInt8] = []
      SQLValue.text(String(decoding: text, as: UTF8.self)).append(to: &stored)
      expected.texts[digest.bytes] = StatementDigest(of: stored).bytes
    }
  }
}
