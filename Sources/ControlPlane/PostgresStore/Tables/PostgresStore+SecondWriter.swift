internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel

// An agent that goes on with an epoch which it has given up has two writers: its host was cloned, or
// its folder was restored and both copies run. An epoch cites what the one before it had; what was
// written by then and comes late is legal, also beyond the citation, which names only what was
// confirmed. So the agent's own clock decides about what is not cited, and only about that.
extension PostgresStore {
  /// How far a record of a lower epoch may lie behind the beginning of a higher one that cites its
  /// log, in seconds: lanes change their epoch one after the other.
  static let epochOverlapSeconds: Int64 = 5

  /// The same where the higher epoch cites nothing of the log, in seconds: nothing but two times of
  /// a clock that may have been set speaks for a second writer then.
  static let uncitedOverlapSeconds: Int64 = 600

  /// Quarantines an agent whose lower epoch goes on after it has begun a higher one; the reason,
  /// or `nil` when there is none for it.
  static func quarantineSecondWriter(
    _ batch: PreparedBatch, _ cursor: LogCursor, _ session: PostgresSession
  ) throws -> String? {
    let found =
      if let found = try goesOnBesideHigher(batch, session) {
        found
      } else {
        try beginsBesideLower(batch, session)
      }
    guard let found else { return nil }
    let detail = "two writers at once: \(found)"
    try quarantine(batch, cursor, size: batch.nextSeq, root: nil, detail, session)
    return detail
  }

  /// What is wrong with a batch of an epoch that the agent has given up, if anything is.
  private static func goesOnBesideHigher(
    _ batch: PreparedBatch, _ session: PostgresSession
  ) throws -> String? {
    let log = batch.log
    guard let last = batch.lastTime, let higher = try higherEpoch(than: log, session),
      last > higher.since.later(bySeconds: epochOverlapSeconds)
    else { return nil }
    let cited = try citedSize(by: higher.nextNumber, of: log, session)
    if let cited {
      guard batch.nextSeq > cited else { return nil }
    } else {
      guard last > higher.since.later(bySeconds: uncitedOverlapSeconds) else { return nil }
    }
    let citation = cited.map { ", which cites its first \($0) records" } ?? ""
    return "the log \(log) goes on at \(TimeText.text(last)), but the agent has "
      + (higher.isReleased
        ? "gone on with epoch \(higher.number)\(citation) since its release at "
        : "begun epoch \(higher.number)\(citation) at ") + TimeText.text(higher.since)
  }

  /// What is wrong with the first batch of a log whose lane has gone on in the epoch before, if
  /// anything is. Other lanes are judged by their own logs, or when they grow.
  private static func beginsBesideLower(
    _ batch: PreparedBatch, _ session: PostgresSession
  ) throws -> String? {
    let log = batch.log
    guard batch.fromSeq == 0, let first = batch.records.first?.decoded,
      let lower = try lowerLog(than: log, session)
    else { return nil }
    let began = first.header.time
    let cited = citedSize(first)
    if let cited {
      guard lower.nextSeq > cited else { return nil }
    }
    let slack = cited == nil ? uncitedOverlapSeconds : epochOverlapSeconds
    guard lower.lastAt > began.later(bySeconds: slack) else { return nil }
    let citation = cited.map { ", citing \($0) records" } ?? ""
    return "the agent has begun the log \(log) at \(TimeText.text(began))\(citation), but its "
      + "epoch \(lower.epoch) went on until \(TimeText.text(lower.lastAt)) and \(lower.nextSeq) records"
  }

  /// An epoch above that of a log, with the time from which on the log must not grow.
  private struct HigherEpoch {
    var number: UInt64
    /// By the agent's clock; for an accepted overlap, the time of the release.
    var since: WallTime
    /// Whether it is one of those that overlapped when the agent was released, and has gone on.
    var isReleased: Bool
    /// The lowest epoch above the log's, which is the one that cites it.
    var nextNumber: UInt64
  }

  /// The higher epoch that ends a log first.
  ///
  /// Of the epochs that overlapped when a person released the agent one may go on, whichever it is:
  /// what was written until the release is accepted, and behind it only one of them may grow.
  private static func higherEpoch(
    than log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> HigherEpoch? {
    try session.row(
      """
      WITH higher AS (
        SELECT c.epoch, c.epoch <= coalesce(a.overlap_accepted_epoch, -1) AS released,
          c.began_at, c.last_at, a.overlap_accepted_at AS accepted_at,
          min(c.epoch) OVER () AS next
        FROM sallyport.log_cursor c JOIN sallyport.agent a ON a.id = c.agent
        WHERE c.agent = $1 AND c.epoch > $2 AND c.next_seq > 0 AND c.began_at IS NOT NULL
      )
      SELECT epoch, CASE WHEN released THEN accepted_at ELSE began_at END AS since, released, next
      FROM higher WHERE NOT released OR last_at > accepted_at
      ORDER BY since LIMIT 1
      """, [.identifier(log.agent.value), .number(log.epoch)]
    ) { row throws(PostgresError) in
      HigherEpoch(
        number: try row.unsigned(), since: try row.time(), isReleased: try row.bool(),
        nextNumber: try row.unsigned())
    }
  }

  /// How much of a log an epoch cites; `nil` when it cites nothing, has no log of that lane, or its
  /// first record is kept no more.
  private static func citedSize(
    by epoch: UInt64, of log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> UInt64? {
    let citing = LogID(agent: log.agent, epoch: epoch, lane: log.lane)
    let bytes = try session.row(
      """
      SELECT bytes FROM sallyport.record
      WHERE agent = $1 AND epoch = $2 AND lane = $3 AND seq = 0
      """, key(citing), { row throws(PostgresError) in try row.bytes() })
    return bytes.flatMap { try? RecordDecoder.decode(Data($0)) }.flatMap(citedSize)
  }

  private static func citedSize(_ record: DecodedRecord) -> UInt64? {
    guard record.header.seq == 0, case .logOpen(let open) = record.body, open.previousSize > 0
    else { return nil }
    return open.previousSize
  }

  /// The same lane's log of the epoch before, unless a person has accepted the overlap.
  private static func lowerLog(
    than log: LogID, _ session: PostgresSession
  ) throws(PostgresError) -> (epoch: UInt64, nextSeq: UInt64, lastAt: WallTime)? {
    try session.row(
      """
      SELECT c.epoch, c.next_seq, c.last_at
      FROM sallyport.log_cursor c JOIN sallyport.agent a ON a.id = c.agent
      WHERE c.agent = $1 AND c.epoch < $2 AND c.lane = $3 AND c.last_at IS NOT NULL
        AND $2 > coalesce(a.overlap_accepted_epoch, -1)
      ORDER BY c.epoch DESC LIMIT 1
      """, key(log)
    ) { row throws(PostgresError) in
      (epoch: try row.unsigned(), nextSeq: try row.unsigned(), lastAt: try row.time())
    }
  }
}

extension WallTime {
  /// Saturates.
  func later(bySeconds seconds: Int64) -> WallTime {
    let (sum, overflow) = unixNanoseconds.addingReportingOverflow(seconds * 1_000_000_000)
    return WallTime(unixNanoseconds: overflow ? .max : sum)
  }
}
