import APIModel
import Foundation
import GatewayModel
import PolicyEngine
import StatementAnalysis

/// Judges recorded statements by other policies than those of their time.
///
/// What it keeps is bounded: the differences by their limit, what is known of texts and sessions by
/// counts, all else by how many rules there are.
struct PolicyReplay {
  /// A statement that would have been decided otherwise.
  struct Difference: Encodable, Equatable {
    var at: String
    var session: String?
    var statement: Int?
    var principal: String
    var connection: String
    /// `allowed` or `refused`.
    var was: String
    /// `allow`, `deny`, `hold`, `mask`, `row_limit`, `too_large` or `entry_denied`.
    var decision: String
    /// `policy/rule`; empty where no grant covers the statement.
    var rule: String
    var message: String
    /// Absent for an entry.
    var sql: String?
    /// The agent, and `epoch/lane/seq`.
    var record: String
  }

  struct SummaryLine: Encodable, Equatable {
    var decision: String
    var rule: String
    var statements: Int
    var otherwise: Int
  }

  struct Report: Encodable {
    var judged: Int
    var otherwise: Int
    var withoutText: Int
    var otherReasons: Int
    var summary: [SummaryLine]
    var differences: [Difference]
  }

  private struct Judgement {
    var decision: String
    var rule: String
    var message = ""
    var isAllowed: Bool { decision == "allow" }
  }

  private struct SessionJudge {
    var entry: EntryDecision
    /// `nil` when the session would not have begun.
    var policy: SessionPolicy?
  }

  private static let maximumSessions = 5000
  private static let maximumTexts = 20_000
  /// The reasons of refusals that policy gives.
  private static let policyReasons: Set<String> = [
    ReasonCode.policy.rawValue, ReasonCode.noGrant.rawValue, ReasonCode.roleNotGranted.rawValue,
    ReasonCode.grantRevoked.rawValue, ReasonCode.protectedSetting.rawValue,
    ReasonCode.rowLimit.rawValue,
  ]

  private let set: PolicySet
  private let connections: [String: ReplayedConnection]
  private let limit: Int
  private var sessions: [String: SessionJudge] = [:]
  private var facts: [String: StatementFacts] = [:]
  private var counts: [String: [String: (statements: Int, otherwise: Int)]] = [:]
  private(set) var judged = 0
  private(set) var otherwise = 0
  private(set) var withoutText = 0
  private(set) var otherReasons = 0
  private(set) var differences: [Difference] = []

  /// - Parameter connections: By their names.
  init(_ set: PolicySet, connections: [String: ReplayedConnection], limit: Int) {
    self.set = set
    self.connections = connections
    self.limit = limit
  }

  /// Statements that were taken, judged or not.
  var total: Int { judged + withoutText + otherReasons }

  /// By decision and what decided; the most frequent first.
  var summary: [SummaryLine] {
    counts.flatMap { decision, rules in
      rules.map { rule, count in
        SummaryLine(
          decision: decision, rule: rule, statements: count.statements,
          otherwise: count.otherwise)
      }
    }.sorted { ($1.statements, $0.decision, $0.rule) < ($0.statements, $1.decision, $1.rule) }
  }

  var report: Report {
    Report(
      judged: judged, otherwise: otherwise, withoutText: withoutText,
      otherReasons: otherReasons, summary: summary, differences: differences)
  }

  mutating func take(_ item: StatementInfo) {
    let wasAllowed = item.outcome != "refused"
    if !wasAllowed, !Self.policyReasons.contains(item.reason ?? "") || isOverItsConnection(item) {
      otherReasons += 1
      return
    }
    guard let request = request(item) else {
      withoutText += 1
      return
    }
    let isEntry = item.statement == nil && item.digest == nil
    guard isEntry || item.sql != nil else {
      withoutText += 1
      return
    }
    let judgement = isEntry ? judge(entry: request) : judge(item, request)
    judged += 1
    let isOtherwise = judgement.isAllowed != wasAllowed
    counts[judgement.decision, default: [:]][judgement.rule, default: (0, 0)].statements += 1
    guard isOtherwise else { return }
    otherwise += 1
    counts[judgement.decision, default: [:]][judgement.rule, default: (0, 0)].otherwise += 1
    guard differences.count < limit else { return }
    differences.append(
      Difference(
        at: item.at, session: item.session, statement: item.statement,
        principal: item.principal ?? "", connection: item.connection ?? "",
        was: wasAllowed ? "allowed" : "refused", decision: judgement.decision,
        rule: judgement.rule, message: judgement.message, sql: item.sql,
        record: "\(item.agent) \(item.record)"))
  }

  private func judge(entry request: EntryRequest) -> Judgement {
    Self.judgement(set.entry(request))
  }

  private mutating func judge(_ item: StatementInfo, _ request: EntryRequest) -> Judgement {
    let judge = session(item, request)
    guard let policy = judge.policy else { return Self.judgement(judge.entry) }
    let decision = policy.decide(facts(item), at: request.at)
    let rule = decision.policy.isEmpty ? "" : "\(decision.policy)/\(decision.rule)"
    switch decision.verdict {
    case .deny: return Judgement(decision: "deny", rule: rule, message: decision.message)
    case .hold: return Judgement(decision: "hold", rule: rule, message: decision.message)
    case .allow:
      if let mask = decision.masks.first {
        return Judgement(decision: "mask", rule: "\(mask.policy)/\(mask.rule)")
      }
      if let bytes = policy.limits.maximumStatementBytes, let sql = item.sql,
        Self.isTooLarge(sql, bytes)
      {
        return Judgement(
          decision: "too_large", rule: Self.judgement(judge.entry).rule,
          message: "\(sql.utf8.count) bytes of text, and \(bytes) of a message at most")
      }
      if let rows = decision.maximumRows, let count = item.rows, Self.isOver(item, count, rows) {
        return Judgement(
          decision: "row_limit", rule: rule, message: "\(count) rows, and \(rows) at most")
      }
      return Judgement(decision: "allow", rule: rule)
    }
  }

  /// Whether a statement has more rows than a limit. Of one that was refused for its rows those are
  /// recorded that the client got, and there was one more.
  private static func isOver(_ item: StatementInfo, _ count: Int, _ limit: Int) -> Bool {
    isRefusedForRows(item) ? count >= limit : count > limit
  }

  private static func isRefusedForRows(_ item: StatementInfo) -> Bool {
    item.reason == ReasonCode.rowLimit.rawValue
  }

  /// Whether a statement was refused by the connection's own limit of rows, which no policy changes.
  private func isOverItsConnection(_ item: StatementInfo) -> Bool {
    guard Self.isRefusedForRows(item), let count = item.rows,
      let limit = item.connection.flatMap({ connections[$0]?.maximumRows })
    else { return false }
    return Self.isOver(item, count, limit)
  }

  /// Whether no message that fits has room for a text: a Query has five bytes around it, a Parse
  /// more.
  private static func isTooLarge(_ sql: String, _ limit: Int) -> Bool {
    let range = SizeLimits.statementBytes
    return sql.utf8.count + 5 > min(max(limit, range.lowerBound), range.upperBound)
  }

  private static func judgement(_ decision: EntryDecision) -> Judgement {
    switch decision {
    case .allow(let policy, let grant, _):
      Judgement(decision: "allow", rule: "\(policy)/\(grant)")
    case .deny(_, let detail): Judgement(decision: "entry_denied", rule: "", message: detail)
    }
  }

  private mutating func session(_ item: StatementInfo, _ request: EntryRequest) -> SessionJudge {
    let key = item.session.map { "\(item.agent) \($0)" }
    if let key, let known = sessions[key] { return known }
    var judge = SessionJudge(entry: set.entry(request))
    if case .allow(_, _, let role) = judge.entry {
      judge.policy = set.session(request, role: role)
    }
    if let key {
      if sessions.count >= Self.maximumSessions { sessions = [:] }
      sessions[key] = judge
    }
    return judge
  }

  private mutating func facts(_ item: StatementInfo) -> StatementFacts {
    let sql = item.sql ?? ""
    guard let digest = item.digest else { return StatementAnalysis.facts(of: sql) }
    if let known = facts[digest] { return known }
    if facts.count >= Self.maximumTexts { facts = [:] }
    let found = StatementAnalysis.facts(of: sql)
    facts[digest] = found
    return found
  }

  /// `nil` where the record does not say who it was, or where.
  private func request(_ item: StatementInfo) -> EntryRequest? {
    guard let subject = item.principal, let connection = item.connection,
      let kind = Principal.Kind(rawValue: item.principalKind ?? Principal.Kind.user.rawValue),
      let at = TimeText.date(item.at)
    else { return nil }
    let principal = Principal(
      issuer: "recorded", subject: subject, groups: item.groups, kind: kind)
    let actors = item.actors.compactMap { actor in
      Principal.Kind(rawValue: actor.kind).map {
        Actor(subject: actor.subject, kind: $0, verified: actor.verified)
      }
    }
    return EntryRequest(
      principal: principal,
      actors: actors.isEmpty ? ActorChain(principal: principal) : ActorChain(actors: actors),
      connection: connection, labels: connections[connection]?.labels ?? [:],
      requestedRole: item.databaseRole, clientAddress: item.clientAddress ?? "",
      application: item.applicationName ?? "", at: WallTime(at))
  }
}

/// What a replay has to know of a connection.
struct ReplayedConnection {
  var labels: [String: String]
  /// Of one statement, whatever the policies say.
  var maximumRows: Int?
}
