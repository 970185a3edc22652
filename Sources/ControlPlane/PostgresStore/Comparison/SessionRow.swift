internal import AuditLog
import Foundation
internal import GatewayModel

/// What `sallyport.session` has of a session from its opening.
struct SessionRow: Sendable, Equatable {
  let log: LogID
  let id: Identifier128
  let seq: UInt64
  let openedAt: WallTime
  let record: SessionOpenRecord
  let actors: [StoredActor]
  let groups: [String]

  init(_ session: BatchProjection.OpenedSession, _ log: LogID) {
    self.log = log
    id = session.id
    seq = session.seq
    openedAt = session.at
    record = session.record
    actors = session.record.actors.actors.map(StoredActor.init)
    groups = session.record.principal.groups.map(JSONBText.storable)
  }

  var principal: String { IndexedText.clipped(record.principal.subject) }
  var connection: String { IndexedText.clipped(record.connection) }

  /// The columns that are compared, in the order of ``values``.
  static let columnNames = [
    "epoch", "lane", "seq", "opened_at", "principal", "principal_kind", "issuer", "display_name",
    "groups", "actors", "token_id", "connection", "database", "database_role", "segment",
    "client_address", "client_tls", "server_address", "server_tls", "application_name",
    "access_grant", "bundle_version", "policy", "policy_stale", "read_only",
  ]

  var values: [SQLValue] {
    let actors = (try? JSONEncoder().encode(actors)).map { String(decoding: $0, as: UTF8.self) }
    return [
      .number(log.epoch), .integer(Int64(log.lane)), .number(seq), .time(openedAt),
      .text(principal), .text(record.principal.kind.rawValue), .text(record.principal.issuer),
      .optional(record.principal.displayName), .texts(groups), .json(actors ?? "[]"),
      .text(record.tokenID), .text(connection), .text(record.database),
      .text(record.databaseRole), .text(record.segment), .text(record.clientAddress),
      .text(record.clientTLS), .text(record.serverAddress), .text(record.serverTLS),
      .text(record.applicationName), .text(record.grant), .number(record.bundleVersion),
      .text(record.policy), .bool(record.isPolicyStale), .bool(record.isReadOnly),
    ]
  }

  /// The columns that say how a session ended.
  static let endNames = ["closed_at", "close_reason", "close_message", "statements"]
}

extension SessionEnd {
  /// In the order of ``SessionRow/endNames``.
  var values: [SQLValue] {
    [.time(at), .text(reason), .text(message), .optional(statements)]
  }

  /// Those of a session that is open.
  static let openValues: [SQLValue] = [.null, .null, .null, .null]
}

extension BatchProjection.SessionContext {
  init(_ record: SessionOpenRecord) {
    self.init(
      principal: IndexedText.clipped(record.principal.subject),
      principalKind: record.principal.kind.rawValue,
      connection: IndexedText.clipped(record.connection))
  }
}
