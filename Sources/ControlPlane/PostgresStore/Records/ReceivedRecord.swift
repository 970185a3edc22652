import AuditLog
import Foundation
internal import GatewayModel

/// A record of a batch with what could be read out of it.
struct ReceivedRecord: Sendable {
  let seq: UInt64
  let bytes: Data
  /// `nil` when it cannot be read, or says another seq than its place: it is stored all the same,
  /// as the kind `unknown`.
  let decoded: DecodedRecord?

  static let unknownKind = "unknown"

  init(seq: UInt64, bytes: Data) {
    self.seq = seq
    self.bytes = bytes
    let decoded = try? RecordDecoder.decode(bytes)
    self.decoded = decoded?.header.seq == seq ? decoded : nil
  }

  static let columns =
    "agent, epoch, lane, seq, received_at, at, kind, session, statement, bytes"

  func values(log: LogID, receivedAt: WallTime) -> [SQLValue] {
    [
      .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .number(seq),
      .time(receivedAt), .time(decoded?.header.time ?? receivedAt),
      .text(decoded?.kind.rawValue ?? Self.unknownKind),
      .optional(decoded?.header.session?.value), .optional(decoded?.statement?.rawValue),
      .bytes(Array(bytes)),
    ]
  }
}
