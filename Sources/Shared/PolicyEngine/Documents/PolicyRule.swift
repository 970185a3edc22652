/// What is said of some statements: that they are refused, wait for approval, are allowed more, or
/// have columns masked.
package struct PolicyRule: Hashable, Sendable, Codable {
  package enum Action: Hashable, Sendable {
    case deny(StatementMatch)
    case hold(StatementMatch, HoldTerms)
    /// Adds the effects of the match to what grants cover.
    case allow(StatementMatch)
    case mask(ColumnMask)
  }

  package var name: String
  /// What the client is told.
  package var message: String?
  /// What the client is told to do.
  package var hint: String?
  package var mode: PolicyMode
  /// `nil` for everybody.
  package var to: PrincipalSelector?
  /// Whom it is not for, whatever `to` says.
  package var except: PrincipalSelector?
  package var action: Action

  package init(
    name: String, message: String? = nil, hint: String? = nil, mode: PolicyMode = .enforce,
    to: PrincipalSelector? = nil, except: PrincipalSelector? = nil, action: Action
  ) {
    self.name = name
    self.message = message
    self.hint = hint
    self.mode = mode
    self.to = to
    self.except = except
    self.action = action
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case name, message, hint, mode, to, except, deny, hold, approvers, wait, allow, mask
  }

  /// The keys of which a rule has exactly one.
  package static let actionKeys: [CodingKeys] = [.deny, .hold, .allow, .mask]

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    message = try container.decodeIfPresent(String.self, forKey: .message)
    hint = try container.decodeIfPresent(String.self, forKey: .hint)
    mode = try container.decodeIfPresent(PolicyMode.self, forKey: .mode) ?? .enforce
    to = try container.decodeIfPresent(PrincipalSelector.self, forKey: .to)
    except = try container.decodeIfPresent(PrincipalSelector.self, forKey: .except)
    let present = Self.actionKeys.filter(container.contains)
    guard let key = present.first, present.count == 1 else {
      throw Self.refusal(
        decoder, "has \(present.count) of deny, hold, allow and mask: it needs one")
    }
    let approvers = try container.decodeIfPresent(PrincipalSelector.self, forKey: .approvers)
    let wait = try container.decodeIfPresent(TimeSpan.self, forKey: .wait)
    guard key == .hold || approvers == nil && wait == nil else {
      throw Self.refusal(decoder, "has approvers or wait and no hold: leave them out")
    }
    action =
      switch key {
      case .deny: .deny(try container.decode(StatementMatch.self, forKey: key))
      case .hold:
        .hold(
          try container.decode(StatementMatch.self, forKey: key),
          HoldTerms(approvers: approvers, wait: wait))
      case .allow:
        .allow(try Self.allowed(container.decode(StatementMatch.self, forKey: key), decoder))
      default: .mask(try container.decode(ColumnMask.self, forKey: .mask))
      }
    if let match, match.isEmpty {
      throw Self.refusal(
        decoder, "matches nothing in particular: say what, such as commands: [\"*\"]")
    }
  }

  private static func allowed(
    _ match: StatementMatch, _ decoder: any Decoder
  ) throws -> StatementMatch {
    guard match.applications.isEmpty else {
      throw refusal(decoder, "allows by the application, which anybody can claim: leave it out")
    }
    guard !match.effects.isEmpty else {
      throw refusal(decoder, "allows no effects: say which")
    }
    return match
  }

  private static func refusal(_ decoder: any Decoder, _ what: String) -> DecodingError {
    .dataCorrupted(
      .init(codingPath: decoder.codingPath, debugDescription: "a rule of a policy \(what)"))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(message, forKey: .message)
    try container.encodeIfPresent(hint, forKey: .hint)
    if mode != .enforce { try container.encode(mode, forKey: .mode) }
    try container.encodeIfPresent(to, forKey: .to)
    try container.encodeIfPresent(except, forKey: .except)
    switch action {
    case .deny(let match): try container.encode(match, forKey: .deny)
    case .hold(let match, let terms):
      try container.encode(match, forKey: .hold)
      try container.encodeIfPresent(terms.approvers, forKey: .approvers)
      try container.encodeIfPresent(terms.wait, forKey: .wait)
    case .allow(let match): try container.encode(match, forKey: .allow)
    case .mask(let mask): try container.encode(mask, forKey: .mask)
    }
  }

  /// What statements it is about; `nil` for a mask.
  package var match: StatementMatch? {
    switch action {
    case .deny(let match), .hold(let match, _), .allow(let match): match
    case .mask: nil
    }
  }

  /// What it does, in a word.
  package var verb: PolicyVerb {
    switch action {
    case .deny: .deny
    case .hold: .hold
    case .allow: .allow
    case .mask: .mask
    }
  }
}

/// What a grant or rule does, in a word.
package enum PolicyVerb: String, Hashable, Sendable, Codable, CaseIterable {
  case deny, hold, allow, mask
}

/// Who may let a held statement go, and how long it waits.
package struct HoldTerms: Hashable, Sendable, Codable {
  /// `nil` where the document names none.
  package var approvers: PrincipalSelector?
  /// `nil` where the document names none.
  package var wait: TimeSpan?

  package init(approvers: PrincipalSelector? = nil, wait: TimeSpan? = nil) {
    self.approvers = approvers
    self.wait = wait
  }
}

/// Columns whose values are hidden, and how.
package struct ColumnMask: Hashable, Sendable, Codable {
  package var columns: [ColumnPattern]
  /// The name of the way to mask, such as `email`.
  package var with: String

  package init(columns: [ColumnPattern], with: String) {
    self.columns = columns
    self.with = with
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case columns, with
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    columns = try container.list(.columns)
    with = try container.decode(String.self, forKey: .with)
    guard !columns.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: .columns, in: container, debugDescription: "a mask names no columns: name one")
    }
  }
}
