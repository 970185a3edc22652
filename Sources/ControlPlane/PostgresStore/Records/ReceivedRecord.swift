internal import AuditLog
import Foundation
internal import GatewayModel

/// A record of a batch with what could be read out of it.
struct ReceivedRecord: Sendable {
  let seq: UInt64
  let bytes: Data
  /// `nil` when it cannot be read, or says another seq than its place: it is stored all the same,
  /// as the kind `unknown`.
  let decoded: DecodedRecord?
  /// Its leaf in the log's Merkle tree.
  let leaf: Hash256

  static let unknownKind = "unknown"

  init(seq: UInt64, bytes: Data) {
    self.seq = seq
    self.bytes = bytes
    decoded = Self.decoded(bytes, seq: seq)
    leaf = bytes.withUnsafeBytes { MerkleTree.leaf($0) }
  }

  /// What can be read of a record at its place.
  static func decoded(_ bytes: some Collection<UInt8>, seq: UInt64) -> DecodedRecord? {
    let decoded = try? RecordDecoder.decode(bytes)
    return decoded?.header.seq == seq ? decoded : nil
  }

  static let columns =
    "agent, epoch, lane, seq, received_at, at, kind, session, statement, bytes"

  /// The row, with the time of arrival left open: it is known under the lock of the log's cursor.
  func append(to rows: inout CopyRows, log: LogID) {
    let open = SQLValue.time(WallTime(unixNanoseconds: 0))
    rows.append(
      [
        .identifier(log.agent.value), .number(log.epoch), .integer(Int64(log.lane)), .number(seq),
        open, decoded.map { .time($0.header.time) } ?? open,
        .text(decoded?.kind.rawValue ?? Self.unknownKind),
        .optional(decoded?.header.session?.value), .optional(decoded?.statement?.rawValue),
        .bytes(Array(bytes)),
      ], stamped: decoded == nil ? [4, 5] : [4])
  }
}
