internal import APIModel
internal import GatewayModel

extension StatementQuery {
  static let maximumWords = 20
  /// The most seconds that an answer waits for a first row.
  static let maximumWaitSeconds = 30

  /// Reads the filters as they stand in a URL.
  ///
  /// - Throws: `invalid` naming the filter.
  init(_ filter: StatementFilter) throws(ControlError) {
    self.init()
    principals = try FilterText.names(filter.principal, field: "principal")
    actors = try FilterText.names(filter.actor, field: "actor")
    roots = try FilterText.names(filter.root, field: "root")
    connections = try FilterText.names(filter.connection, field: "connection")
    segments = try FilterText.names(filter.segment, field: "segment")
    rules = try FilterText.names(filter.rule, field: "rule")
    policies = try FilterText.names(filter.policy, field: "policy")
    observedOnly = try FilterText.flag(filter.observed, field: "observed")
    staleOnly = try FilterText.flag(filter.stale, field: "stale")
    agentPrefix = try filter.agent.map(FilterText.agentPrefix)
    session = try filter.session.map(FilterText.session)
    try readTimes(filter)
    try readText(filter)
    try readVerdict(filter)
    if let number = filter.rowsOver {
      guard number >= 0 else {
        throw Check.invalid("rowsOver", "\(number)", "Use 0 or more.")
      }
      rowsOver = Int64(number)
    }
    if let text = filter.order {
      order = try FilterText.choice(text, field: "order")
    }
    limit = try FilterText.limit(filter.limit)
    cursor = filter.cursor
    try readWait(filter)
  }

  private mutating func readTimes(_ filter: StatementFilter) throws(ControlError) {
    since = try filter.since.map { text throws(ControlError) in
      try FilterText.time(text, field: "since")
    }
    until = try filter.until.map { text throws(ControlError) in
      try FilterText.time(text, field: "until")
    }
    if let since, let until, let text = filter.until, until <= since {
      throw Check.invalid("until", text, "Use a time after since; until itself is left out.")
    }
  }

  /// What is asked of the SQL text.
  private mutating func readText(_ filter: StatementFilter) throws(ControlError) {
    words = (filter.words ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count <= Self.maximumWords else {
      throw Check.invalid(
        "words", "\(words.count) words", "Use at most \(Self.maximumWords) words.")
    }
    tables = try FilterText.list(filter.table, field: "table") { text throws(ControlError) in
      guard let name = TableName(text: text) else {
        throw Check.invalid(
          "table", text, "Write it as in SQL: orders, public.orders or \"Orders\".")
      }
      return name
    }
    commands = try FilterText.list(filter.command, field: "command") {
      text throws(ControlError) in
      let words = text.uppercased().split(separator: " ")
      guard (1...4).contains(words.count), text.utf8.count <= 60,
        words.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isLetter } })
      else {
        throw Check.invalid("command", text, "Use a command such as DELETE or DROP TABLE.")
      }
      return words.joined(separator: " ")
    }
    effects = try FilterText.list(filter.effect, field: "effect") { text throws(ControlError) in
      try FilterText.choice(text, field: "effect")
    }
    digests = try FilterText.list(filter.digest, field: "digest") { text throws(ControlError) in
      guard text.utf8.count == 64, let bytes = Hexadecimal.bytes(text.lowercased()) else {
        throw Check.invalid("digest", text, "Use 64 hexadecimal digits.")
      }
      return bytes
    }
  }

  /// What is asked of the decision and the outcome.
  private mutating func readVerdict(_ filter: StatementFilter) throws(ControlError) {
    decision = try filter.decision.map { text throws(ControlError) in
      try FilterText.choice(text, field: "decision")
    }
    outcomes = try FilterText.list(filter.outcome, field: "outcome") {
      text throws(ControlError) in
      try FilterText.choice(text, field: "outcome")
    }
    sqlstates = try FilterText.list(filter.sqlstate, field: "sqlstate") {
      text throws(ControlError) in
      let state = text.uppercased()
      guard [2, 5].contains(state.utf8.count),
        state.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
      else {
        throw Check.invalid(
          "sqlstate", text, "Use five letters and digits, or the first two for a class.")
      }
      return state
    }
  }

  private mutating func readWait(_ filter: StatementFilter) throws(ControlError) {
    guard let seconds = filter.wait else { return }
    guard (1...Self.maximumWaitSeconds).contains(seconds) else {
      throw Check.invalid("wait", "\(seconds)", "Use 1 to \(Self.maximumWaitSeconds) seconds.")
    }
    guard order == .oldest, cursor != nil else {
      throw Check.invalid(
        "wait", "\(seconds)", "Wait with order=oldest and the cursor of an earlier answer.")
    }
    patience = .seconds(seconds)
  }
}

extension SessionQuery {
  /// Reads the filters as they stand in a URL.
  ///
  /// - Throws: `invalid` naming the filter.
  init(_ filter: SessionFilter) throws(ControlError) {
    self.init()
    principal = filter.principal
    connection = filter.connection
    agentPrefix = try filter.agent.map(FilterText.agentPrefix)
    since = try filter.since.map { text throws(ControlError) in
      try FilterText.time(text, field: "since")
    }
    until = try filter.until.map { text throws(ControlError) in
      try FilterText.time(text, field: "until")
    }
    switch filter.state {
    case nil, "all": openOnly = false
    case "open": openOnly = true
    case let text?: throw Check.invalid("state", text, "Use \"open\" or \"all\".")
    }
    limit = try FilterText.limit(filter.limit)
    cursor = filter.cursor
  }
}

/// Readers of filters that several questions have.
enum FilterText {
  /// The most values of one filter.
  static let maximumValues = 50

  static func list<Value>(
    _ texts: [String], field: String, _ read: (String) throws(ControlError) -> Value
  ) throws(ControlError) -> [Value] {
    guard texts.count <= maximumValues else {
      throw Check.invalid(
        field, "\(texts.count) values", "Give at most \(maximumValues) values.")
    }
    var values: [Value] = []
    for text in texts { values.append(try read(text)) }
    return values
  }

  /// Texts that stand for themselves.
  static func names(_ texts: [String], field: String) throws(ControlError) -> [String] {
    try list(texts, field: field) { text throws(ControlError) in
      guard (1...4096).contains(text.utf8.count) else {
        throw Check.invalid(field, text, "Use 1 to 4096 bytes.")
      }
      return text
    }
  }

  /// One of the cases.
  static func choice<Value: RawRepresentable & CaseIterable>(
    _ text: String, field: String
  ) throws(ControlError) -> Value where Value.RawValue == String {
    guard let value = Value(rawValue: text) else {
      let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw Check.invalid(field, text, "Use one of \(known).")
    }
    return value
  }

  /// Absent for false.
  static func flag(_ text: String?, field: String) throws(ControlError) -> Bool {
    switch text {
    case nil, "false": false
    case "true": true
    case let text?: throw Check.invalid(field, text, "Use true, or leave it out.")
    }
  }

  static func agentPrefix(_ text: String) throws(ControlError) -> String {
    let digits = text.lowercased()
    guard (1...36).contains(digits.utf8.count),
      digits.filter({ $0 != "-" }).count <= 32,
      digits.allSatisfy({ ($0.isASCII && $0.isHexDigit) || $0 == "-" })
    else { throw Check.invalid("agent", text, "Use an agent's id, or its first characters.") }
    return digits
  }

  static func session(_ text: String) throws(ControlError) -> SessionID {
    guard let id = Identifier128(text: text) else {
      throw Check.invalid("session", text, "Use a session's id: 32 hexadecimal digits.")
    }
    return SessionID(id)
  }

  static func time(_ text: String, field: String) throws(ControlError) -> WallTime {
    guard let time = TimeText.time(text) else {
      throw Check.invalid(
        field, text, "Use RFC 3339, for example 2026-01-31T03:12:00Z.")
    }
    return time
  }

  static func limit(_ number: Int?) throws(ControlError) -> Int {
    guard let number else { return 100 }
    guard (1...1000).contains(number) else {
      throw Check.invalid("limit", "\(number)", "Use 1 to 1000.")
    }
    return number
  }
}
