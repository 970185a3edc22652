package import AuditLog
internal import Crypto
package import Foundation
package import GatewayModel

/// Records of one log as an agent ships them.
package struct ShippedBatch: Sendable {
  package var log: LogID
  /// The seq of the first record.
  package var fromSeq: UInt64
  /// AuditRecord messages, as written.
  package var records: [Data]
  /// A checkpoint of the log after the batch, as a signed note.
  package var checkpoint: Data
  /// The raw Ed25519 key that the agent was enrolled with to sign checkpoints.
  package var auditKey: [UInt8]

  package init(
    log: LogID, fromSeq: UInt64, records: [Data], checkpoint: Data, auditKey: [UInt8]
  ) {
    self.log = log
    self.fromSeq = fromSeq
    self.records = records
    self.checkpoint = checkpoint
    self.auditKey = auditKey
  }

  /// The checkpoint, if the agent has signed it and it is of this log as it is after the batch.
  ///
  /// Whether its root is that of the records only who has those before them can tell.
  /// - Throws: `invalid` naming what is wrong with it.
  package func verifiedCheckpoint() throws(ControlError) -> Checkpoint {
    guard !checkpoint.isEmpty else {
      throw refusal("has no checkpoint", remedy: "Upgrade the agent.")
    }
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: auditKey),
      let signed = Checkpoint(signed: checkpoint, key: key)
    else {
      throw refusal(
        "has a checkpoint that is not signed with the agent's audit key",
        remedy: "Enrol the agent anew if its state folder was made again.")
    }
    guard signed.log == log else {
      throw refusal(
        "has a checkpoint of the log \"\(signed.log)\"", remedy: "Upgrade the agent.")
    }
    let (size, overflow) = fromSeq.addingReportingOverflow(UInt64(records.count))
    guard !overflow, signed.size == size else {
      throw refusal(
        "has a checkpoint of \(signed.size) records", remedy: "Upgrade the agent.")
    }
    return signed
  }

  /// A refusal of the batch as it stands; nothing of it is stored.
  package func refusal(_ what: String, remedy: String) -> ControlError {
    ControlError(
      .invalid,
      "The batch of \(records.count) records from seq \(fromSeq) of the log \"\(log)\" \(what).",
      remedy: remedy)
  }
}

/// What a shipping agent is told.
package enum IngestAnswer: Sendable, Equatable {
  /// Stored and committed; `nextSeq` is behind the batch. Records from `keepFrom` on may be asked
  /// for again, since no backup that was named has them; 0 when none was named.
  case stored(nextSeq: UInt64, keepFrom: UInt64 = 0)
  /// The batch does not begin at the cursor; go on from `nextSeq`. `checkpoint` is the last signed
  /// note of the log that is stored, empty for none.
  case wrongCursor(nextSeq: UInt64, checkpoint: Data = Data(), keepFrom: UInt64 = 0)
  case retryLater(after: Duration)
  /// Nothing is taken from the agent until a person has looked; `isNew` when this batch is why.
  case quarantined(reason: String, isNew: Bool = false)
}
