internal import AuditLog
internal import ControlCore
import Foundation
internal import GatewayModel

// An agent that has signed two histories of one log is not one agent any more: its host was cloned,
// or it lies. Nothing is taken from it until a person has looked.
extension PostgresStore {
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
}
