import GatewayModel

/// Who calls the control plane.
package struct RecordedCaller: Hashable, Sendable {
  /// Of the API token; empty for the control plane itself and for what is open to all.
  package var tokenID: String
  package var name: String
  package var role: String
  package var address: String

  package init(tokenID: String, name: String, role: String, address: String = "") {
    self.tokenID = tokenID
    self.name = name
    self.role = role
    self.address = address
  }

  func writeFields(to fields: inout FieldWriter) {
    fields.string(1, tokenID)
    fields.string(2, name)
    fields.string(3, role)
    fields.string(4, address)
  }
}

/// `control.act`: something was done, or asked for and refused, at the control plane.
package struct ControlActRecord: RecordBody {
  package static var kind: RecordKind { .controlAct }

  package var caller: RecordedCaller
  /// Resource and verb, as in `connection.add`.
  package var action: String
  /// What it was done to: a name or an id.
  package var subject: String
  /// The particulars as a JSON object; never a secret.
  package var detail: String
  /// Empty when it was done; else the code of the refusal.
  package var refusal: String

  package init(
    caller: RecordedCaller, action: String, subject: String, detail: String = "",
    refusal: String = ""
  ) {
    self.caller = caller
    self.action = action
    self.subject = subject
    self.detail = detail
    self.refusal = refusal
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.message(1) { caller.writeFields(to: &$0) }
    fields.string(2, action)
    fields.string(3, subject)
    fields.string(4, detail)
    fields.string(5, refusal)
  }
}

/// `audit.read`: audit data is about to be read.
package struct AuditReadRecord: RecordBody {
  package static var kind: RecordKind { .auditRead }

  package var caller: RecordedCaller
  /// `statements`, `sessions`, `session`, `export`, `proof`, `completeness`, …
  package var what: String
  /// The question as a JSON object.
  package var question: String

  package init(caller: RecordedCaller, what: String, question: String) {
    self.caller = caller
    self.what = what
    self.question = question
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.message(1) { caller.writeFields(to: &$0) }
    fields.string(2, what)
    fields.string(3, question)
  }
}

/// `retention.prune`: records were exported and verified and are about to be removed.
package struct RetentionPruneRecord: RecordBody {
  package static var kind: RecordKind { .retentionPrune }

  /// The removed prefix of what was left of one log.
  package struct PrunedLog: Hashable, Sendable {
    package var log: LogID
    package var firstSeq: UInt64
    /// One behind the last that is removed.
    package var nextSeq: UInt64
    /// The subtrees of the tree of `nextSeq` leaves: what is needed to go on behind it.
    package var frontier: [Hash256]

    package init(log: LogID, firstSeq: UInt64, nextSeq: UInt64, frontier: [Hash256]) {
      self.log = log
      self.firstSeq = firstSeq
      self.nextSeq = nextSeq
      self.frontier = frontier
    }
  }

  /// The UTC day of arrival, `YYYY-MM-DD`.
  package var day: String
  package var logs: [PrunedLog]
  package var records: UInt64
  package var exportFile: String
  package var exportSHA256: [UInt8]

  package init(
    day: String, logs: [PrunedLog], records: UInt64, exportFile: String, exportSHA256: [UInt8]
  ) {
    self.day = day
    self.logs = logs
    self.records = records
    self.exportFile = exportFile
    self.exportSHA256 = exportSHA256
  }

  package func writeFields(to fields: inout FieldWriter) {
    fields.string(1, day)
    for pruned in logs {
      fields.message(2) { fields in
        fields.log(pruned.log)
        fields.varint(4, pruned.firstSeq)
        fields.varint(5, pruned.nextSeq)
        for hash in pruned.frontier { fields.element(6, hash.bytes) }
      }
    }
    fields.varint(3, records)
    fields.string(4, exportFile)
    fields.bytes(5, exportSHA256)
  }
}
