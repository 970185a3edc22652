internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel

// An agent that has signed two histories of one log, or writes a log that it has given up, is not
// one agent any more: its host was cloned, or it lies. Nothing is taken from it until a person has
// looked.
extension PostgresStore {
  /// How far a record of a lower epoch may lie behind the beginning of a higher one, in seconds:
  /// lanes change their epoch one after the other.
  static let epochOverlapSeconds: Int64 = 5

  /// Answers a batch that does not begin at the cursor.
  ///
  /// What is sent again has to be what is stored. It is compared leaf by leaf, which is as good as
  /// byte by byte and can be done when the records themselves were removed.
  /// - Throws: `invalid` when the records are not those of their own checkpoint.
  static func answerOther(
    _ batch: PreparedBatch, of shipped: ShippedBatch, _ cursor: LogCursor,
    _ session: PostgresSession
  ) throws -> IngestAnswer {
    let answer = IngestAnswer.wrongCursor(
      nextSeq: cursor.nextSeq, checkpoint: Data(cursor.note), keepFrom: cursor.horizonSeq)
    guard batch.fromSeq < cursor.nextSeq else { return answer }
    let log = batch.log
    let end = min(batch.nextSeq, cursor.nextSeq)
    let stored = try leaves(batch.fromSeq..<end, log, session)
    let other = zip(stored, batch.records).first { $0 != $1.leaf }?.1.seq
    if batch.nextSeq <= cursor.nextSeq {
      let root = try root(log, size: batch.nextSeq, session)
      if root == batch.checkpoint.root, other == nil { return answer }
      if root != batch.checkpoint.root {
        return try equivocation(
          batch, cursor, at: batch.nextSeq, root, Self.detail(batch, other), session)
      }
    } else if other == nil {
      return answer
    }
    // The records differ. Were they what the agent has signed?
    let before = MerkleProof.subtrees(of: 0..<batch.fromSeq)
    let frontier = MerkleFrontier(
      size: batch.fromSeq, subtrees: try hashes(of: before, log, session))
    guard let grown = frontier.flatMap(batch.growth.joined(to:)),
      grown.frontier.root == batch.checkpoint.root
    else {
      throw shipped.refusal(
        "has a checkpoint whose root is not that of the records",
        remedy: "Look for damage in the agent's record log, or for a second writer of it.")
    }
    return try equivocation(
      batch, cursor, at: cursor.nextSeq, try root(log, size: cursor.nextSeq, session),
      Self.detail(batch, other), session)
  }

  private static func detail(_ batch: PreparedBatch, _ other: UInt64?) -> String {
    other.map { "record \($0) of the log \(batch.log) came twice with different contents" }
      ?? "the log \(batch.log) was signed with two roots of its first \(batch.nextSeq) records"
  }

  private static func equivocation(
    _ batch: PreparedBatch, _ cursor: LogCursor, at size: UInt64, _ root: Hash256,
    _ detail: String, _ session: PostgresSession
  ) throws -> IngestAnswer {
    try quarantine(batch, cursor, size: size, root: root, detail, session)
    return .quarantined(reason: detail, isNew: true)
  }

  /// Quarantines an agent whose lower epoch goes on after it has begun a higher one; the reason,
  /// or `nil` when there is none for it.
  ///
  /// A backlog of the lower epoch may come at any time; what counts is when its records were
  /// written, by the agent's own clock.
  static func quarantineSecondWriter(
    _ batch: PreparedBatch, _ cursor: LogCursor, _ session: PostgresSession
  ) throws -> String? {
    guard !cursor.overlapAccepted else { return nil }
    let log = batch.log
    var found: String?
    if let latest = batch.latestTime, let next = try earliestEpoch(above: log, session),
      latest > next.beganAt.later(bySeconds: epochOverlapSeconds)
    {
      found =
        "the log \(log) goes on at \(TimeText.text(latest)), but the agent has begun epoch "
        + "\(next.number) at \(TimeText.text(next.beganAt))"
    } else if batch.fromSeq == 0, let began = batch.records.first?.decoded?.header.time,
      let earlier = try latestRecord(below: log, session),
      earlier.at > began.later(bySeconds: epochOverlapSeconds)
    {
      found =
        "the agent has begun the log \(log) at \(TimeText.text(began)), but its epoch "
        + "\(earlier.epoch) went on until \(TimeText.text(earlier.at))"
    }
    guard let found else { return nil }
    let detail = "two writers at once: \(found)"
    try quarantine(batch, cursor, size: batch.nextSeq, root: nil, detail, session)
    return detail
  }

  private static func earliestEpoch(
    above log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> Epoch? {
    try session.row(
      """
      SELECT epoch, began_at FROM sallyport.log_cursor
      WHERE agent = $1 AND epoch > $2 AND began_at IS NOT NULL AND NOT overlap_accepted
      ORDER BY began_at LIMIT 1
      """, [.identifier(log.agent.value), .number(log.epoch)]
    ) { row throws(PostgresError) in
      Epoch(number: try row.unsigned(), beganAt: try row.time())
    }
  }

  private static func latestRecord(
    below log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> (epoch: UInt64, at: WallTime)? {
    try session.row(
      """
      SELECT epoch, last_at FROM sallyport.log_cursor
      WHERE agent = $1 AND epoch < $2 AND last_at IS NOT NULL AND NOT overlap_accepted
      ORDER BY last_at DESC LIMIT 1
      """, [.identifier(log.agent.value), .number(log.epoch)]
    ) { row throws(PostgresError) in (epoch: try row.unsigned(), at: try row.time()) }
  }
}

extension WallTime {
  /// Saturates.
  func later(bySeconds seconds: Int64) -> WallTime {
    let (sum, overflow) = unixNanoseconds.addingReportingOverflow(seconds * 1_000_000_000)
    return WallTime(unixNanoseconds: overflow ? .max : sum)
  }
}
