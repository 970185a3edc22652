internal import APIModel
internal import ControlCore
import Foundation
internal import GatewayModel

/// A row of a page with what its cursors need.
struct TrailItem: Sendable {
  var info: StatementInfo
  var digest: [UInt8]?
  var at: WallTime
  var log: LogID
  var seq: UInt64
  var position: Int64
  var ordinal: Int64

  var newestCursor: TrailCursor { .newest(at: at, log: log, seq: seq) }
  /// Where a page of the statements of a session ends with this one.
  var sessionCursor: TrailCursor {
    .session(
      statement: Int64(info.statement ?? 0), epoch: log.epoch, lane: log.lane, seq: seq)
  }
  var oldestCursor: TrailCursor { .oldest(position: position, ordinal: ordinal) }
}

extension PostgresStore {
  /// The rows of some tables of statements that meet a search, without their texts.
  static func rows(
    of tables: [String], _ search: StatementSearch, order: String, limit: Int,
    _ session: PostgresSession
  ) throws(PostgresError) -> [TrailItem] {
    // Each table gives its first rows by its own index; the outer order merges them.
    let parts = tables.flatMap { table in
      search.branches.map { condition in
        "(SELECT s.* FROM \(table) s WHERE \(condition) ORDER BY \(order) LIMIT \(limit))"
      }
    }
    let outer = order.split(separator: ",").map {
      "s." + $0.trimmingCharacters(in: .whitespaces)
    }.joined(separator: ", ")
    return try session.rows(
      """
      SELECT s.agent, s.epoch, s.lane, s.seq, s.position, s.ordinal, s.kind, s.at, s.session,
        s.statement, coalesce(s.principal, n.principal),
        coalesce(s.principal_kind, n.principal_kind), coalesce(s.groups, n.groups), n.actors,
        coalesce(s.connection, n.connection), n.database,
        coalesce(s.database_role, n.database_role), coalesce(s.client_address, n.client_address),
        coalesce(s.application_name, n.application_name), s.digest, s.parameters, s.outcome,
        s.sqlstate, s.message, s.reason, s.command_tag, s.rows, s.server_nanoseconds,
        s.total_nanoseconds, s.rule, s.bundle_version, s.policy, s.bundle_hash, s.observed,
        s.policy_stale
      FROM (\(parts.joined(separator: " UNION ALL "))) s
      LEFT JOIN sallyport.session n ON n.id = s.session AND n.agent = s.agent
      ORDER BY \(outer) LIMIT \(limit)
      """, search.values, item)
  }

  private static func item(_ row: inout RowReader) throws(PostgresError) -> TrailItem {
    let agent = AgentID(try row.identifier())
    let epoch = try row.unsigned()
    let log = LogID(agent: agent, epoch: epoch, lane: UInt32(clamping: try row.integer()))
    let seq = try row.unsigned()
    let position = try row.integer()
    let ordinal = try row.integer()
    let kind = try row.text()
    let at = try row.time()
    let session = try row.optionalIdentifier()
    let statement = try row.optionalInteger()
    let principal = try row.optionalText()
    let principalKind = try row.optionalText()
    let groups = try row.texts()
    let actors = actors(json: try row.optionalJSON())
    let connection = try row.optionalText()
    let database = try row.optionalText()
    let role = try row.optionalText()
    let client = try row.optionalText()
    let application = try row.optionalText()
    let digest = try row.optionalBytes()
    let parameters = ParameterText.parameters(json: try row.optionalJSON())
    let info = StatementInfo(
      kind: kind, at: TimeText.text(at), session: session?.description,
      statement: statement.map { Int($0) }, principal: principal, principalKind: principalKind,
      groups: groups, actors: actors, connection: connection, database: database,
      databaseRole: role, agent: agent.description, clientAddress: present(client),
      applicationName: present(application), sql: nil, digest: digest.map(Self.hexadecimal),
      parameters: parameters, outcome: try row.text(), sqlstate: try row.optionalText(),
      message: try row.optionalText(), reason: try row.optionalText(),
      commandTag: try row.optionalText(), rows: try row.optionalInteger().map { Int($0) },
      serverMilliseconds: try row.optionalInteger().map { Double($0) / 1e6 },
      totalMilliseconds: try row.optionalInteger().map { Double($0) / 1e6 },
      rule: present(try row.optionalText()),
      bundleVersion: try row.optionalInteger().map { Int($0) },
      policy: present(try row.optionalText()),
      bundleHash: try row.optionalBytes().map(Self.hexadecimal),
      observed: ObservedText.observed(json: try row.optionalJSON()),
      policyStale: try row.optionalBool(),
      record: "\(epoch)/\(log.lane)/\(seq)")
    return TrailItem(
      info: info, digest: digest, at: at, log: log, seq: seq, position: position,
      ordinal: ordinal)
  }

  /// The items with their texts, as many from the first as the bound on texts lets through.
  static func page(
    _ items: [TrailItem], _ session: PostgresSession
  ) throws(PostgresError) -> [TrailItem] {
    let digests = Set(items.compactMap(\.digest))
    guard !digests.isEmpty else { return items }
    let sizes = Dictionary(
      try session.rows(
        "SELECT digest, octet_length(text) FROM sallyport.statement_text WHERE digest = ANY ($1)",
        [.byteStrings(Array(digests))],
        { row throws(PostgresError) in (try row.bytes(), Int(try row.integer())) }),
      uniquingKeysWith: max)
    var total = 0
    var shown: [TrailItem] = []
    for item in items {
      total += item.digest.flatMap { sizes[$0] } ?? 0
      if total > maximumPageTextBytes, !shown.isEmpty { break }
      shown.append(item)
    }
    let texts = try texts(Set(shown.compactMap(\.digest)), session)
    for index in shown.indices {
      guard let text = shown[index].digest.flatMap({ texts[$0] }) else { continue }
      shown[index].info.sql = text.sql
      shown[index].info.commands = text.commands
      shown[index].info.tables = text.tables
      shown[index].info.effects = text.effects
    }
    return shown
  }

  private struct TextWithFacts {
    var sql: String
    var commands: [String]?
    var tables: [String]?
    var effects: [String]?
  }

  private static func texts(
    _ digests: Set<[UInt8]>, _ session: PostgresSession
  ) throws(PostgresError) -> [[UInt8]: TextWithFacts] {
    let found = try session.rows(
      """
      SELECT t.digest, t.text, f.commands, f.tables, f.effects FROM sallyport.statement_text t
      LEFT JOIN sallyport.statement_facts f ON f.digest = t.digest WHERE t.digest = ANY ($1)
      """, [.byteStrings(Array(digests))]
    ) { row throws(PostgresError) in
      (
        try row.bytes(),
        TextWithFacts(
          sql: try row.text(), commands: try row.optionalTexts(), tables: try row.optionalTexts(),
          effects: try row.optionalTexts())
      )
    }
    return Dictionary(found, uniquingKeysWith: { first, _ in first })
  }

  static func actors(json: [UInt8]?) -> [ActorInfo] {
    guard let json else { return [] }
    return (try? JSONDecoder().decode([ActorInfo].self, from: Data(json))) ?? []
  }

  static func present(_ text: String?) -> String? { text?.isEmpty == true ? nil : text }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0x0F)]] }, as: UTF8.self)
  }
}
