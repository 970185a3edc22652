internal import APIModel
internal import GatewayModel

extension StatementQuery {
  static let maximumWords = 20

  /// Reads the filters as they stand in a URL.
  ///
  /// - Throws: `invalid` naming the filter.
  init(_ filter: StatementFilter) throws(ControlError) {
    self.init()
    principal = filter.principal
    connection = filter.connection
    agentPrefix = try filter.agent.map(FilterText.agentPrefix)
    session = try filter.session.map(FilterText.session)
    since = try filter.since.map { text throws(ControlError) in
      try FilterText.time(text, field: "since")
    }
    until = try filter.until.map { text throws(ControlError) in
      try FilterText.time(text, field: "until")
    }
    words = (filter.words ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count <= Self.maximumWords else {
      throw Check.invalid(
        "words", "\(words.count) words", "Use at most \(Self.maximumWords) words.")
    }
    if let text = filter.outcome {
      guard let outcome = Outcome(rawValue: text) else {
        let known = Outcome.allCases.map(\.rawValue).joined(separator: ", ")
        throw Check.invalid("outcome", text, "Use one of \(known).")
      }
      self.outcome = outcome
    }
    if let text = filter.order {
      guard let order = Order(rawValue: text) else {
        throw Check.invalid("order", text, "Use \"newest\" or \"oldest\".")
      }
      self.order = order
    }
    limit = try FilterText.limit(filter.limit)
    cursor = filter.cursor
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
