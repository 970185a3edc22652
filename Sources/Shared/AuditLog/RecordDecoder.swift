import AuditRecordProto
import GatewayModel
import SwiftProtobuf

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An audit record read back from its bytes.
package struct DecodedRecord: Hashable, Sendable {
  /// The bodies, one case for each ``RecordKind``.
  package enum Body: Hashable, Sendable {
    case sessionOpen(SessionOpenRecord)
    case sessionClose(SessionCloseRecord)
    case statementText(StatementTextRecord)
    case statementBegin(StatementBeginRecord)
    case statementEnd(StatementEndRecord)
    case refusal(RefusalRecord)
    case cancel(CancelRecord)
    case bundleApplied(BundleAppliedRecord)
    case bundleRejected(BundleRejectedRecord)
    case logOpen(LogOpenRecord)
    case logClose(LogCloseRecord)
    case loss(LossRecord)
    case heartbeat(HeartbeatRecord)
    case witnessConflict(WitnessConflictRecord)
    case controlAct(ControlActRecord)
    case auditRead(AuditReadRecord)
    case agentsWitness(AgentsWitnessRecord)
    case retentionPrune(RetentionPruneRecord)
    case equivocation(EquivocationRecord)
  }

  package var header: RecordHeader
  package var body: Body
}

extension DecodedRecord {
  package var kind: RecordKind {
    switch body {
    case .sessionOpen: .sessionOpen
    case .sessionClose: .sessionClose
    case .statementText: .statementText
    case .statementBegin: .statementBegin
    case .statementEnd: .statementEnd
    case .refusal: .refusal
    case .cancel: .cancel
    case .bundleApplied: .bundleApplied
    case .bundleRejected: .bundleRejected
    case .logOpen: .logOpen
    case .logClose: .logClose
    case .loss: .loss
    case .heartbeat: .heartbeat
    case .witnessConflict: .witnessConflict
    case .controlAct: .controlAct
    case .auditRead: .auditRead
    case .agentsWitness: .agentsWitness
    case .retentionPrune: .retentionPrune
    case .equivocation: .equivocation
    }
  }

  /// The statement that the record is about, where it is about one.
  package var statement: StatementID? {
    switch body {
    case .statementBegin(let begin): begin.statement
    case .statementEnd(let end): end.statement
    case .refusal(let refusal): refusal.statement
    case .cancel(let cancel): cancel.statement
    default: nil
    }
  }

  /// The digest of the text that the record holds or names.
  package var digest: StatementDigest? {
    switch body {
    case .statementText(let text): text.digest
    case .statementBegin(let begin): begin.digest
    case .refusal(let refusal): refusal.digest
    default: nil
    }
  }

  /// The subject of the principal that the record names; records of a session that was opened
  /// before name none.
  package var subject: String? {
    switch body {
    case .sessionOpen(let open): open.principal.subject
    case .refusal(let refusal): refusal.subject.isEmpty ? nil : refusal.subject
    default: nil
    }
  }
}

/// Why bytes are not an audit record.
package struct RecordDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// Not protobuf, or fields of another type.
    case malformed
    /// No body, or a kind that this version does not know.
    case unknownKind
    /// A field has a value that no writer writes.
    case invalidValue
  }

  package let code: Code
  package let message: String
  package var description: String { message }
}

/// Reads audit records.
package enum RecordDecoder {
  /// Reads one record.
  ///
  /// Fields that this version does not know are allowed inside a body, since a later version may
  /// add some; an unknown kind is refused, so that nothing is stored that cannot be shown.
  package static func decode(_ bytes: some Collection<UInt8>) throws(RecordDecodingError)
    -> DecodedRecord
  {
    let message: Sallyport_Audit_V1_AuditRecord
    do {
      message = try Sallyport_Audit_V1_AuditRecord(serializedBytes: Data(bytes))
    } catch {
      throw RecordDecodingError(
        code: .malformed,
        message: "cannot read an audit record of \(bytes.count) bytes: \(error); "
          + "the log it comes from is damaged or was not written by an agent")
    }
    let session: SessionID?
    if message.session.isEmpty {
      session = nil
    } else {
      session = SessionID(try identifier(message.session, field: "session", seq: message.seq))
    }
    let header = RecordHeader(
      seq: message.seq,
      time: WallTime(unixNanoseconds: Int64(bitPattern: message.unixNanoseconds)),
      session: session)
    return DecodedRecord(header: header, body: try body(message))
  }

  /// Reads only the seq of a record; `nil` when the bytes do not begin as a record does.
  ///
  /// For who walks a log and must see a gap without decoding every record.
  package static func seq(of record: UnsafeRawBufferPointer) -> UInt64? {
    // Layout in RecordEncoder: 08 and a varint, or no field when the seq is 0.
    guard let first = record.first else { return nil }
    // Without a seq the record begins with its time, session or body, the latter two of wire type 2.
    guard first == 0x08 else { return first == 0x11 || (first & 7 == 2 && first > 0x0A) ? 0 : nil }
    var value: UInt64 = 0
    var shift: UInt64 = 0
    for byte in record.dropFirst() {
      guard shift < 63 || (shift == 63 && byte <= 1) else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }

  static func identifier(
    _ data: Data, field: String, seq: UInt64
  ) throws(RecordDecodingError) -> Identifier128 {
    guard let value = Identifier128(bytes: data) else {
      throw invalid(field, "\(data.count) bytes, not 16", seq)
    }
    return value
  }

  static func digest(
    _ data: Data, field: String, seq: UInt64
  ) throws(RecordDecodingError) -> StatementDigest {
    guard let value = StatementDigest(bytes: data) else {
      throw invalid(field, "\(data.count) bytes, not 32", seq)
    }
    return value
  }

  static func invalid(_ field: String, _ what: String, _ seq: UInt64) -> RecordDecodingError {
    RecordDecodingError(
      code: .invalidValue,
      message: "cannot read field \(field) of the audit record with seq \(seq): \(what); "
        + "upgrade the control plane before the agents, or look for damage in the log")
  }
}
