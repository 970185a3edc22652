import GatewayModel

@testable import PolicyEngine

/// Requests and facts for the tests.
enum Sample {
  /// Monday, 2026-01-05 12:00:00 UTC.
  static let noon = time(0)
  /// Hours after ``noon``.
  static func time(_ hours: Double) -> WallTime {
    WallTime(unixNanoseconds: 1_767_614_400_000_000_000 + Int64(hours * 3600) * 1_000_000_000)
  }

  static func request(
    _ subject: String = "alice", kind: Principal.Kind = .user, groups: [String] = [],
    actors: [(String, Principal.Kind)]? = nil, connection: String = "orders",
    labels: [String: String] = ["env": "prod"], role: String? = nil, address: String = "10.1.2.3:5",
    application: String = "psql", at: WallTime = noon
  ) -> EntryRequest {
    let principal = Principal(issuer: "t", subject: subject, groups: groups, kind: kind)
    let chain =
      actors.map { hops in
        ActorChain(actors: hops.map { Actor(subject: $0.0, kind: $0.1, verified: true) })
      } ?? ActorChain(principal: principal)
    return EntryRequest(
      principal: principal, actors: chain, connection: connection, labels: labels,
      requestedRole: role, clientAddress: address, application: application, at: at)
  }

  static func facts(
    _ effects: StatementEffects, _ commands: [String] = [], reads: [String] = [],
    writes: [String] = [], other: [String] = [], columns: [String] = [],
    functions: [String] = [], known: [String] = [], calls: [(String, StatementEffects)] = [],
    opacity: StatementFacts.Opacity? = nil, unfiltered: Bool = false, openEnded: Bool = false,
    settings: [String] = []
  ) -> StatementFacts {
    func parts(_ text: String) -> [String] { text.split(separator: ".").map(String.init) }
    func uses(_ names: [String], _ access: StatementFacts.TableUse.Access)
      -> [StatementFacts.TableUse]
    {
      names.map { .init(name: TableName(parts: parts($0)), access: access) }
    }
    return StatementFacts(
      commands: commands, effects: effects,
      tables: uses(reads, .read) + uses(writes, .write) + uses(other, .other),
      columns: columns.map { .init(parts: parts($0)) },
      functions: functions.map { .init(parts: parts($0), effects: .unknown) }
        + known.map { .init(parts: parts($0), effects: []) }
        + calls.map { .init(parts: parts($0.0), effects: $0.1) },
      opacity: opacity, isUnfiltered: unfiltered, isOpenEnded: openEnded, settings: settings)
  }

  static let select = facts(.read, ["SELECT"], reads: ["public.orders"])
  static let delete = facts(.write, ["DELETE"], writes: ["orders"], unfiltered: true)
  static let code = facts(.unknown, ["DO"], opacity: .code)

  static func grant(
    _ name: String, to: PrincipalSelector = .everybody, role: String = "app",
    _ effects: StatementEffects, tables: [TablePattern] = [], functions: [TablePattern] = []
  ) -> PolicyGrant {
    PolicyGrant(
      name: name, to: to, role: role, effects: effects, functions: functions, tables: tables)
  }

  static func grant(
    to: PrincipalSelector = .everybody, _ effects: StatementEffects, tables: [TablePattern] = [],
    functions: [TablePattern] = []
  ) -> PolicyGrant {
    grant("g", to: to, effects, tables: tables, functions: functions)
  }

  static func deny(_ name: String, _ match: StatementMatch) -> PolicyRule {
    PolicyRule(name: name, action: .deny(match))
  }

  static func deny(_ match: StatementMatch) -> PolicyRule { deny("d", match) }

  static func policy(
    _ grants: [PolicyGrant], _ rules: [PolicyRule] = [], name: String = "p"
  ) -> PolicyDocument {
    PolicyDocument(name: name, grants: grants, rules: rules)
  }

  static func decide(
    _ documents: [PolicyDocument], _ facts: StatementFacts, _ request: EntryRequest = request(),
    role: String = "app", at time: WallTime = noon
  ) -> PolicyDecision {
    PolicySet(documents).session(request, role: role).decide(facts, at: time)
  }
}

// Literals that the tests write are well formed; one that is not fails every test that uses it.
extension TablePattern: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension ColumnPattern: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension NamePattern: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension CommandPattern: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension SettingPattern: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension TimeWindow: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension Network: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
extension TimeSpan: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { try! self.init(text: value) }
}
