package import GatewayModel

/// The permission to enter a connection as a database role and to do there what its effects name.
package struct PolicyGrant: Hashable, Sendable, Codable {
  package var name: String
  /// For people who read the decision.
  package var message: String?
  package var mode: PolicyMode
  package var to: PrincipalSelector
  /// The database role that sessions run as.
  package var role: String
  package var effects: StatementEffects
  /// Functions that are known to do nothing but read, besides PostgreSQL's own.
  package var functions: [TablePattern]
  /// Where it is not empty all tables of a statement have to match, surely.
  package var tables: [TablePattern]
  package var when: GrantConditions
  /// The most hops of delegation; `nil` for any number.
  package var maximumDepth: Int?
  package var limits: GrantLimits

  package init(
    name: String, message: String? = nil, mode: PolicyMode = .enforce, to: PrincipalSelector,
    role: String, effects: StatementEffects, functions: [TablePattern] = [],
    tables: [TablePattern] = [], when: GrantConditions = GrantConditions(),
    maximumDepth: Int? = nil, limits: GrantLimits = GrantLimits()
  ) {
    self.name = name
    self.message = message
    self.mode = mode
    self.to = to
    self.role = role
    self.effects = effects
    self.functions = functions
    self.tables = tables
    self.when = when
    self.maximumDepth = maximumDepth
    self.limits = limits
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case name, message, mode, to, role, effects, functions, tables, when, delegation
    case maximumRows = "max_rows"
    case maximumStatementBytes = "max_statement_bytes"
    case statementTimeout = "statement_timeout"
    case idleTimeout = "idle_timeout"
    case maximumSessions = "max_sessions"
  }

  /// The keys of `delegation`.
  package enum DelegationKeys: String, CodingKey, CaseIterable {
    case maximumDepth = "max_depth"
  }

  private struct Delegation: Codable {
    var maximumDepth: Int
    init(maximumDepth: Int) { self.maximumDepth = maximumDepth }
    init(from decoder: any Decoder) throws {
      let container = try decoder.strictContainer(keyedBy: DelegationKeys.self)
      guard let depth = try container.count(.maximumDepth, orZero: true) else {
        throw DecodingError.keyNotFound(
          DelegationKeys.maximumDepth,
          .init(codingPath: decoder.codingPath, debugDescription: "delegation says no max_depth"))
      }
      maximumDepth = depth
    }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: DelegationKeys.self)
      try container.encode(maximumDepth, forKey: .maximumDepth)
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    message = try container.decodeIfPresent(String.self, forKey: .message)
    mode = try container.decodeIfPresent(PolicyMode.self, forKey: .mode) ?? .enforce
    to = try container.decode(PrincipalSelector.self, forKey: .to)
    role = try container.decode(String.self, forKey: .role)
    effects = try EffectList.decode(container, .effects)
    guard !effects.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: .effects, in: container,
        debugDescription: "the grant \"\(name)\" names no effects: say which, such as [\"read\"]")
    }
    functions = try container.list(.functions)
    tables = try container.list(.tables)
    when = try container.decodeIfPresent(GrantConditions.self, forKey: .when) ?? GrantConditions()
    maximumDepth = try container.decodeIfPresent(Delegation.self, forKey: .delegation)?.maximumDepth
    limits = GrantLimits(
      maximumRows: try container.count(.maximumRows),
      maximumStatementBytes: try container.count(.maximumStatementBytes),
      statementTimeout: try container.decodeIfPresent(TimeSpan.self, forKey: .statementTimeout),
      idleTimeout: try container.decodeIfPresent(TimeSpan.self, forKey: .idleTimeout),
      maximumSessions: try container.count(.maximumSessions))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(message, forKey: .message)
    if mode != .enforce { try container.encode(mode, forKey: .mode) }
    try container.encode(to, forKey: .to)
    try container.encode(role, forKey: .role)
    try container.encode(list: EffectList.names(effects), .effects)
    try container.encode(list: functions, .functions)
    try container.encode(list: tables, .tables)
    if when != GrantConditions() { try container.encode(when, forKey: .when) }
    try container.encodeIfPresent(maximumDepth.map(Delegation.init), forKey: .delegation)
    try container.encodeIfPresent(limits.maximumRows, forKey: .maximumRows)
    try container.encodeIfPresent(limits.maximumStatementBytes, forKey: .maximumStatementBytes)
    try container.encodeIfPresent(limits.statementTimeout, forKey: .statementTimeout)
    try container.encodeIfPresent(limits.idleTimeout, forKey: .idleTimeout)
    try container.encodeIfPresent(limits.maximumSessions, forKey: .maximumSessions)
  }
}

/// When, and from where, a grant holds.
package struct GrantConditions: Hashable, Sendable, Codable {
  package var times: [TimeWindow]
  package var networks: [Network]

  package init(times: [TimeWindow] = [], networks: [Network] = []) {
    self.times = times
    self.networks = networks
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case times, networks
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    times = try container.list(.times)
    networks = try container.list(.networks)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(list: times, .times)
    try container.encode(list: networks, .networks)
  }
}

/// What a grant limits; `nil` where it says nothing.
package struct GrantLimits: Hashable, Sendable {
  /// The most rows that one statement returns.
  package var maximumRows: Int?
  /// The longest statement.
  package var maximumStatementBytes: Int?
  package var statementTimeout: TimeSpan?
  package var idleTimeout: TimeSpan?
  /// The most sessions of one principal by this grant.
  package var maximumSessions: Int?

  package init(
    maximumRows: Int? = nil, maximumStatementBytes: Int? = nil, statementTimeout: TimeSpan? = nil,
    idleTimeout: TimeSpan? = nil, maximumSessions: Int? = nil
  ) {
    self.maximumRows = maximumRows
    self.maximumStatementBytes = maximumStatementBytes
    self.statementTimeout = statementTimeout
    self.idleTimeout = idleTimeout
    self.maximumSessions = maximumSessions
  }

  /// The settings of the server that these limits rely on, in small letters. Idle time is the agent's own
  /// matter.
  package var pinnedSettings: [String] { statementTimeout == nil ? [] : ["statement_timeout"] }
}
