import GatewayModel

/// What stands at the head of every audit record.
package struct RecordHeader: Hashable, Sendable {
  /// The record's place in its log, from 0 without gaps.
  package var seq: UInt64
  /// The wall clock at the writer.
  package var time: WallTime
  /// The session it belongs to; `nil` for records of the log itself.
  package var session: SessionID?

  package init(seq: UInt64, time: WallTime, session: SessionID? = nil) {
    self.seq = seq
    self.time = time
    self.session = session
  }
}

/// The kinds of audit record; the raw value is how a kind is named in the store and to auditors.
package enum RecordKind: String, Hashable, Sendable, CaseIterable {
  case sessionOpen = "session.open"
  case sessionClose = "session.close"
  case statementText = "statement.text"
  case statementBegin = "statement.begin"
  case statementEnd = "statement.end"
  case refusal = "refusal"
  case cancel = "cancel"
  case bundleApplied = "policy.applied"
  case bundleRejected = "policy.rejected"
  case logOpen = "log.open"
  case logClose = "log.close"
  case loss = "loss"
  case heartbeat = "heartbeat"
  case witnessConflict = "witness.conflict"
  // The control plane's own log.
  case controlAct = "control.act"
  case auditRead = "audit.read"
  case agentsWitness = "agents.witness"
  case retentionPrune = "retention.prune"
  case equivocation = "equivocation"

  /// Whether a record of this kind lets work begin, so that a full log must not take it.
  ///
  /// The others only tell what has happened; a full log takes them from its reserve.
  package var opensWork: Bool {
    switch self {
    case .sessionOpen, .statementText, .statementBegin: true
    default: false
    }
  }

  /// The kind of an encoded record; `nil` when its bytes are not one.
  package init?(of record: UnsafeRawBufferPointer) {
    guard let decoded = try? RecordDecoder.decode(record) else { return nil }
    self = decoded.kind
  }

  /// The number of the field of `AuditRecord.kind` that holds it.
  package var fieldNumber: UInt32 {
    switch self {
    case .sessionOpen: 10
    case .sessionClose: 11
    case .statementText: 12
    case .statementBegin: 13
    case .statementEnd: 14
    case .refusal: 15
    case .cancel: 16
    case .bundleApplied: 17
    case .bundleRejected: 18
    case .logOpen: 19
    case .logClose: 20
    case .loss: 21
    case .heartbeat: 22
    case .witnessConflict: 41
    case .controlAct: 60
    case .auditRead: 61
    case .agentsWitness: 62
    case .retentionPrune: 63
    case .equivocation: 64
    }
  }
}
