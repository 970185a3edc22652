internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel

/// The rows of one agent held against its records, step by step: what is known between two steps.
///
/// Each step is one transaction with one snapshot: it reads records on from where the last stopped
/// and compares the rows that they mean. The tables can be ahead of the records that were read; a row
/// that differs is therefore only doubted until the step that comes to the end of all logs in its own
/// snapshot, where both must be the same.
struct AgentComparison: Sendable {
  /// As many records as a step reads, and the batch that it has begun.
  static let stepRecords = 4096
  /// The most statements and sessions that may be under way at once; more are not compared.
  static let maximumUnderWay = 200_000
  /// The most rows that are doubted; what differs beyond them is told at once. A row is rightly ahead
  /// of the records when its statement or session was under way, so there are no more of these.
  static let maximumDoubts = maximumUnderWay

  let agent: AgentID
  var replay = AgentReplay()
  var found = FindingList()
  private(set) var records = 0
  var rows = 0
  /// Texts that are stored with characters replaced, so that they have not their own digest.
  var replacedTexts: Set<[UInt8]> = []
  var doubted = ExpectedRows()
  private(set) var isDone = false
  /// Whether it was given up before the end of the records.
  private(set) var isCut = false
  /// Whether rows or epochs have come or gone in a way that needs another beginning.
  private(set) var isStale = false

  private var buffers: [LogID: ArraySlice<StoredRecord>] = [:]
  private var sizes: [LogID: UInt64] = [:]
  private var oldestDay: String??

  init(agent: AgentID) { self.agent = agent }

  /// Reads on and compares.
  mutating func step(_ session: PostgresSession) throws {
    try PostgresStore.beginComparison(session)
    try lookForChanges(session)
    guard !isStale else { return }
    let begins = replay.logs.mapValues(\.next)
    var left = Self.stepRecords
    while left > 0, let batch = try nextBatch(session) {
      let known = try contexts(of: replay.unknownSessions(in: batch), before: batch, session)
      replay.take(batch, known: known)
      left -= batch.records.count + 1
    }
    isDone = left > 0
    guard replay.underWay <= Self.maximumUnderWay else {
      found.add(
        "statement",
        "the rows of the agent \(agent) cannot be compared: by its records more than"
          + " \(Self.maximumUnderWay) statements and sessions are under way")
      isDone = true
      isCut = true
      return
    }
    var expected = replay.expected
    replay.expected = ExpectedRows()
    if isDone { expected.add(doubted) }
    try compareStatements(&expected.statements, begins, session)
    try compareSessions(expected, session)
    try compareTexts(expected.texts, session)
    if isDone { try finish(session) }
  }

  // MARK: Records

  /// Takes the cursors as they are in this snapshot, and logs that are new.
  private mutating func lookForChanges(_ session: PostgresSession) throws(PostgresError) {
    let oldest = try session.row("SELECT min(day)::text FROM sallyport.stored_days()") {
      row throws(PostgresError) in try row.optionalText()
    }
    let cursors = try session.rows(
      """
      SELECT epoch, lane, next_seq, began_at FROM sallyport.log_cursor
      WHERE agent = $1 AND next_seq > 0 ORDER BY epoch, lane
      """, [.identifier(agent.value)]
    ) { [agent] row throws(PostgresError) in
      (
        log: LogID(
          agent: agent, epoch: try row.unsigned(), lane: UInt32(clamping: try row.integer())),
        size: try row.unsigned(), beganAt: try row.optionalTime()
      )
    }
    let highest = cursors.map(\.log.epoch).max() ?? 0
    if let known = oldestDay, known != oldest ?? nil { isStale = true }
    if oldestDay != nil, highest > replay.highestEpoch { isStale = true }
    guard !isStale else { return }
    oldestDay = .some(oldest ?? nil)
    for cursor in cursors {
      sizes[cursor.log] = cursor.size
      guard replay.logs[cursor.log] == nil else { continue }
      let first = try PostgresStore.firstStored(of: cursor.log, session) ?? cursor.size
      let carried = try carriedStatements(of: cursor.log, before: first, session)
      replay.add(
        ReplayedLog(
          log: cursor.log, first: min(first, cursor.size), beganAt: cursor.beganAt,
          carried: carried))
      try carrySessions(of: cursor.log, before: first, session)
    }
  }

  /// The oldest batch of all logs that was not read yet; `nil` when all are at their end.
  private mutating func nextBatch(
    _ session: PostgresSession
  ) throws(PostgresError) -> ReplayedBatch? {
    for log in replay.logs.keys where buffers[log]?.isEmpty ?? true { try fill(log, session) }
    let oldest = buffers.filter { !$0.value.isEmpty }.min { first, second in
      let times = (first.value.first?.receivedAt, second.value.first?.receivedAt)
      guard let one = times.0, let other = times.1, one == other else {
        return (times.0?.unixNanoseconds ?? 0) < (times.1?.unixNanoseconds ?? 0)
      }
      return (first.key.epoch, first.key.lane) < (second.key.epoch, second.key.lane)
    }
    guard let (log, buffer) = oldest, let first = buffer.first else { return nil }
    var batch: [DecodedRecord] = []
    var count = 0
    var next = first.seq
    while let record = buffers[log]?.first, record.receivedAt == first.receivedAt,
      count < AuditService.maximumBatchRecords
    {
      _ = buffers[log]?.popFirst()
      count += 1
      next = max(next, record.seq &+ 1)
      if let decoded = ReceivedRecord.decoded(record.bytes, seq: record.seq) {
        batch.append(decoded)
      }
      if buffers[log]?.isEmpty == true { try fill(log, from: next, session) }
    }
    records += count
    return ReplayedBatch(
      log: log, from: first.seq, receivedAt: first.receivedAt, records: batch, next: next)
  }

  /// Reads the next records of a log.
  ///
  /// - Parameter seq: The first of them; where the replay stands when `nil`.
  private mutating func fill(
    _ log: LogID, from seq: UInt64? = nil, _ session: PostgresSession
  ) throws(PostgresError) {
    guard let next = seq ?? replay.logs[log]?.next, let size = sizes[log], next < size else {
      return
    }
    let page = try PostgresStore.page(
      of: log, "seq >= $6 AND seq < $7", [.number(next), .number(size)], limit: 256,
      bytes: 1 << 20, session)
    buffers[log] = page.map(\.record)[...]
    // What is absent there is for the verification of the records to say.
    if page.isEmpty, seq == nil { replay.skip(log, to: size) }
  }

  /// The sessions among `ids` that the agent had opened before a batch.
  ///
  /// What their records say; of a session whose record was removed, what its row says.
  private func contexts(
    of ids: [Identifier128], before batch: ReplayedBatch, _ session: PostgresSession
  ) throws(PostgresError) -> [Identifier128: BatchProjection.SessionContext] {
    guard !ids.isEmpty else { return [:] }
    let found = try session.rows(
      """
      SELECT n.id, n.epoch, n.lane, n.seq, n.principal, n.principal_kind, n.connection,
        r.bytes, r.received_at
      FROM sallyport.session n
      LEFT JOIN sallyport.record r ON r.agent = n.agent AND r.epoch = n.epoch
        AND r.lane = n.lane AND r.seq = n.seq
      WHERE n.id = ANY ($1) AND n.agent = $2
      """, [.identifiers(ids), .identifier(agent.value)]
    ) { row throws(PostgresError) in try OpenedBefore(reading: &row, agent: agent) }
    var contexts: [Identifier128: BatchProjection.SessionContext] = [:]
    for opened in found {
      let first = replay.logs[opened.log]?.first ?? 0
      contexts[opened.id] = opened.context(before: batch, firstStored: first)
    }
    return contexts
  }
}

extension ExpectedRows {
  /// Adds what is not known to have changed.
  mutating func add(_ doubted: ExpectedRows) {
    statements.merge(doubted.statements) { new, _ in new }
    ended.merge(doubted.ended) { new, _ in new }
  }
}

/// A session that was opened before, as its row and the record say that the row names.
private struct OpenedBefore {
  let id: Identifier128
  let log: LogID
  private let seq: UInt64
  private let row: BatchProjection.SessionContext
  private let bytes: [UInt8]?
  private let receivedAt: WallTime?

  init(reading row: inout RowReader, agent: AgentID) throws(PostgresError) {
    id = try row.identifier()
    log = LogID(
      agent: agent, epoch: try row.unsigned(), lane: UInt32(clamping: try row.integer()))
    seq = try row.unsigned()
    self.row = BatchProjection.SessionContext(
      principal: try row.text(), principalKind: try row.text(), connection: try row.text())
    bytes = try row.optionalBytes()
    receivedAt = try row.optionalTime()
  }

  func context(
    before batch: ReplayedBatch, firstStored: UInt64
  ) -> BatchProjection.SessionContext? {
    guard let bytes, let receivedAt else { return seq < firstStored ? row : nil }
    guard let record = ReceivedRecord.decoded(bytes, seq: seq),
      record.header.session?.value == id, case .sessionOpen(let open) = record.body,
      log == batch.log ? seq < batch.from : receivedAt <= batch.receivedAt
    else { return nil }
    return BatchProjection.SessionContext(open)
  }
}
