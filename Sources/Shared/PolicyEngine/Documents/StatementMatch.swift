package import GatewayModel

/// Which statements a rule is about: all keys that are given must match, and of a key's values one.
package struct StatementMatch: Hashable, Sendable, Codable {
  package var effects: StatementEffects
  package var commands: [CommandPattern]
  package var tables: [TablePattern]
  package var reads: [TablePattern]
  package var writes: [TablePattern]
  package var columns: [ColumnPattern]
  package var functions: [TablePattern]
  /// Whether the statement was not understood; `false` asks for those that were.
  package var opaque: Bool?
  /// Whether it reaches every row of what it writes.
  package var unfiltered: Bool?
  package var settings: [SettingPattern]
  package var times: [TimeWindow]
  package var networks: [Network]
  /// Kinds of the current actor.
  package var kinds: [Principal.Kind]
  package var depth: DepthRange?
  /// As the client calls itself, which nobody vouches for; never in a rule that allows.
  package var applications: [NamePattern]

  package init(
    effects: StatementEffects = [], commands: [CommandPattern] = [], tables: [TablePattern] = [],
    reads: [TablePattern] = [], writes: [TablePattern] = [], columns: [ColumnPattern] = [],
    functions: [TablePattern] = [], opaque: Bool? = nil, unfiltered: Bool? = nil,
    settings: [SettingPattern] = [], times: [TimeWindow] = [], networks: [Network] = [],
    kinds: [Principal.Kind] = [], depth: DepthRange? = nil, applications: [NamePattern] = []
  ) {
    self.effects = effects
    self.commands = commands
    self.tables = tables
    self.reads = reads
    self.writes = writes
    self.columns = columns
    self.functions = functions
    self.opaque = opaque
    self.unfiltered = unfiltered
    self.settings = settings
    self.times = times
    self.networks = networks
    self.kinds = kinds
    self.depth = depth
    self.applications = applications
  }

  /// In the order in which they are looked at and written.
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case effects, opaque, unfiltered, commands, tables, reads, writes, columns, functions, settings
    case times, networks, kinds, depth, applications
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    effects =
      container.contains(.effects) ? try EffectList.decode(container, .effects) : []
    commands = try container.list(.commands)
    tables = try container.list(.tables)
    reads = try container.list(.reads)
    writes = try container.list(.writes)
    columns = try container.list(.columns)
    functions = try container.list(.functions)
    opaque = try container.decodeIfPresent(Bool.self, forKey: .opaque)
    unfiltered = try container.decodeIfPresent(Bool.self, forKey: .unfiltered)
    settings = try container.list(.settings)
    times = try container.list(.times)
    networks = try container.list(.networks)
    kinds = try container.list(.kinds)
    depth = try container.decodeIfPresent(DepthRange.self, forKey: .depth)
    applications = try container.list(.applications)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(list: EffectList.names(effects), .effects)
    try container.encodeIfPresent(opaque, forKey: .opaque)
    try container.encodeIfPresent(unfiltered, forKey: .unfiltered)
    try container.encode(list: commands, .commands)
    try container.encode(list: tables, .tables)
    try container.encode(list: reads, .reads)
    try container.encode(list: writes, .writes)
    try container.encode(list: columns, .columns)
    try container.encode(list: functions, .functions)
    try container.encode(list: settings, .settings)
    try container.encode(list: times, .times)
    try container.encode(list: networks, .networks)
    try container.encode(list: kinds, .kinds)
    try container.encodeIfPresent(depth, forKey: .depth)
    try container.encode(list: applications, .applications)
  }

  package var isEmpty: Bool { self == StatementMatch() }
}

/// How many hops of delegation: actors less one.
package struct DepthRange: Hashable, Sendable, Codable {
  package var minimum: Int?
  package var maximum: Int?

  package init(minimum: Int? = nil, maximum: Int? = nil) {
    self.minimum = minimum
    self.maximum = maximum
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case minimum = "min"
    case maximum = "max"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    minimum = try container.count(.minimum, orZero: true)
    maximum = try container.count(.maximum, orZero: true)
  }

  package func contains(_ depth: Int) -> Bool {
    depth >= minimum ?? 0 && depth <= maximum ?? .max
  }
}

/// A pattern for commands, `DROP TABLE` or `ALTER *`, in capitals whatever way it is written.
package struct CommandPattern: PolicyText {
  package let pattern: NamePattern

  package init(text: String) throws(PatternFailure) {
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    pattern = try NamePattern(text: words.uppercased())
  }

  package var description: String { pattern.text }
}

/// A pattern for settings, in small letters whatever way it is written.
package struct SettingPattern: PolicyText {
  package let pattern: NamePattern

  package init(text: String) throws(PatternFailure) {
    pattern = try NamePattern(text: text.lowercased())
  }

  package var description: String { pattern.text }
}
