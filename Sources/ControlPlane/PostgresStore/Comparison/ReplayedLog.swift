internal import AuditLog
internal import GatewayModel

/// How far one log is read again, and what is under way in it there.
struct ReplayedLog: Sendable {
  let log: LogID
  /// The first record that is stored; those before it were removed.
  let first: UInt64
  /// The first record that was not read again yet.
  var next: UInt64
  /// The time of its first record by the agent's clock; `nil` while it has none.
  var beganAt: WallTime?
  /// The statements that are pending, by their session and their seq.
  private(set) var pending: [Identifier128: [UInt64: StatementRow]] = [:]
  /// Statements that were settled without an end, which a late end may still correct.
  private(set) var unsettled: [Identifier128: [UInt64: StatementRow]] = [:]
  private(set) var pendingCount = 0
  private var unsettledCount = 0
  private var chunks = UnfinishedTexts()

  /// The most statements of a log that are held for a late end.
  private static let maximumUnsettled = 50_000

  /// - Parameters:
  ///   - beganAt: Where the first records were removed, as the log's cursor says.
  ///   - carried: Statements whose first record was removed, as they were before their end.
  init(log: LogID, first: UInt64, beganAt: WallTime?, carried: [StatementRow]) {
    self.log = log
    self.first = first
    next = first
    self.beganAt = first > 0 ? beganAt : nil
    for row in carried { hold(row) }
  }

  var hasBegun: Bool { next > 0 }

  /// The pending statements by their seq.
  var pendingBySeq: [UInt64: StatementRow] {
    pending.values.reduce(into: [:]) { all, rows in all.merge(rows) { first, _ in first } }
  }

  mutating func hold(_ row: StatementRow) {
    guard let session = row.session else { return }
    if pending[session, default: [:]].updateValue(row, forKey: row.seq) == nil {
      pendingCount += 1
    }
  }

  /// Takes the pending statements that records can settle or describe further, as
  /// `PostgresStore.takePending` does.
  mutating func takePending(_ records: [DecodedRecord]) -> [StatementRow] {
    if records.contains(where: { $0.kind == .logOpen || $0.kind == .logClose }) {
      return takeAllPending()
    }
    let ended = EndedStatements(records)
    var rows: [StatementRow] = []
    for (session, statement) in zip(ended.sessions, ended.statements) {
      for (seq, row) in pending[session] ?? [:] where row.isOf(statement) {
        rows.append(row)
        drop(seq, of: session)
      }
    }
    for record in records {
      guard case .sessionClose = record.body, let session = record.header.session?.value else {
        continue
      }
      let closed = pending.removeValue(forKey: session) ?? [:]
      pendingCount -= closed.count
      rows += closed.values
    }
    return rows.sorted { $0.seq < $1.seq }
  }

  mutating func takeAllPending() -> [StatementRow] {
    let rows = pending.values.flatMap(\.values).sorted { $0.seq < $1.seq }
    pending = [:]
    pendingCount = 0
    return rows
  }

  private mutating func drop(_ seq: UInt64, of session: Identifier128) {
    guard pending[session]?.removeValue(forKey: seq) != nil else { return }
    pendingCount -= 1
    if pending[session]?.isEmpty == true { pending[session] = nil }
  }

  /// Notes a statement that was settled, in case a record of it comes late.
  mutating func note(settled row: StatementRow) {
    guard row.kind == "statement", row.outcome == "unknown", row.endSeq == nil,
      let session = row.session, unsettledCount < Self.maximumUnsettled
    else { return }
    if unsettled[session, default: [:]].updateValue(row, forKey: row.seq) == nil {
      unsettledCount += 1
    }
  }

  /// Takes back what was settled early, as `PostgresStore.takeSettledEarly` does.
  mutating func takeSettledEarly(_ records: [DecodedRecord]) -> [StatementRow] {
    let ended = EndedStatements(records)
    var rows: [StatementRow] = []
    for (session, statement) in zip(ended.sessions, ended.statements) {
      for (seq, row) in unsettled[session] ?? [:] where row.isOf(statement) {
        rows.append(row)
        unsettled[session]?[seq] = nil
        unsettledCount -= 1
      }
    }
    return rows.sorted { $0.seq < $1.seq }
  }

  /// The texts that are whole with these records.
  mutating func wholeTexts(in projection: BatchProjection) -> [StatementDigest: [UInt8]] {
    chunks.take(
      projection.texts, isStopped: projection.stoppedAt != nil,
      unfinished: projection.unfinishedText)
  }
}

/// The chunks of long texts whose last chunk has not come yet, as `PostgresStore.store` and
/// `dropChunks` keep them.
struct UnfinishedTexts: Sendable {
  private var chunks: [StatementDigest: [UInt32: [UInt8]]] = [:]

  /// Takes the chunks of a batch and gives the texts that have the digest they came with.
  mutating func take(
    _ records: [StatementTextRecord], isStopped: Bool, unfinished: StatementDigest?
  ) -> [StatementDigest: [UInt8]] {
    var texts: [StatementDigest: [UInt8]] = [:]
    for record in records {
      if record.isWhole {
        if StatementDigest(of: record.text) == record.digest { texts[record.digest] = record.text }
        continue
      }
      chunks[record.digest, default: [:]][record.chunk] = record.text
      guard record.isLast else { continue }
      let parts = chunks.removeValue(forKey: record.digest) ?? [:]
      let whole = parts.sorted { $0.key < $1.key }.flatMap(\.value)
      if StatementDigest(of: whole) == record.digest { texts[record.digest] = whole }
    }
    if isStopped || records.contains(where: { !$0.isWhole }) {
      chunks = chunks.filter { $0.key == unfinished }
    }
    return texts
  }
}

extension StatementRow {
  /// Whether it has that number in its session, as the table has it.
  fileprivate func isOf(_ statement: Int64) -> Bool {
    self.statement.map { Int64(clamping: $0) } == statement
  }
}
