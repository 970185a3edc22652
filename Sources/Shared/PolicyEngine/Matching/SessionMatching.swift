internal import GatewayModel

extension ConnectionScope {
  func mismatch(_ session: SessionContext) -> MatchKey? {
    guard connections.isEmpty || connections.contains(where: { $0.matches(session.connection) })
    else { return .connection }
    return firstWrongLabel(session.labels) == nil ? nil : .label
  }

  /// In the order of their names.
  func firstWrongLabel(_ given: [String: String]) -> String? {
    labels.keys.sorted().first { name in
      guard let value = given[name], let pattern = labels[name] else { return true }
      return !pattern.matches(value)
    }
  }
}

extension PrincipalSelector {
  /// Whether it selects who acts in a session.
  ///
  /// Where it refuses (``Certainty/possible``) any actor of the chain can be the one that is named;
  /// where it allows, the principal alone is.
  func mismatch(_ session: SessionContext, _ certainty: Certainty) -> MatchKey? {
    if isEmpty { return certainty == .possible ? nil : .principal }
    if hasNames, match(session, certainty) == nil { return .principal }
    return kinds.isEmpty || kinds.contains(session.kind) ? nil : .kind
  }

  /// What of it is the first to match, in words: `group dba`.
  func words(_ session: SessionContext, _ certainty: Certainty) -> String {
    hasNames ? match(session, certainty) ?? "" : "kind \(session.kind.rawValue)"
  }

  private func match(_ session: SessionContext, _ certainty: Certainty) -> String? {
    let principal = session.principal
    if let words = match(subject: principal.subject, kind: principal.kind) { return words }
    if certainty == .possible {
      for actor in session.actors {
        if let words = match(subject: actor.subject, kind: actor.kind) { return words }
      }
    }
    for pattern in groups {
      if let group = principal.groups.first(where: pattern.matches) { return "group \(group)" }
    }
    return nil
  }

  private func match(subject: String, kind: Principal.Kind) -> String? {
    let ofKind =
      switch kind {
      case .user: users
      case .service: services
      case .aiAgent: agents
      }
    if ofKind.contains(where: { $0.matches(subject) }) { return "\(kind.rawValue) \(subject)" }
    return subjects.contains { $0.matches(subject) } ? "subject \(subject)" : nil
  }
}

extension PolicyGrant {
  /// What keeps it from being the session's, whatever the time; the role is not looked at.
  func mismatch(_ session: SessionContext) -> MatchKey? {
    if let key = to.mismatch(session, .sure) { return key }
    if let maximumDepth, session.depth > maximumDepth { return .depth }
    return when.networks.isEmpty || when.networks.contains { $0.contains(session.address) }
      ? nil : .network
  }

  func isOpen(_ time: WallTime) -> Bool {
    when.times.isEmpty || when.times.contains { $0.contains(time) }
  }
}

extension StatementMatch {
  /// What of it cannot match in this session, whatever the statement.
  func mismatch(_ session: SessionContext, _ certainty: Certainty) -> MatchKey? {
    guard kinds.isEmpty || kinds.contains(session.kind) else { return .kind }
    guard depth?.contains(session.depth) ?? true else { return .depth }
    guard
      networks.isEmpty || networks.contains(where: { $0.contains(session.address) })
        || certainty == .possible && session.address == .unknown
    else { return .network }
    return applications.isEmpty || applications.contains { $0.matches(session.application) }
      ? nil : .application
  }
}

extension PolicyRule {
  /// How it takes what is open.
  var certainty: Certainty { verb == .allow ? .sure : .possible }

  /// What keeps it from being about the session; exemptions are not looked at.
  func mismatch(_ session: SessionContext) -> MatchKey? {
    if let key = to?.mismatch(session, certainty) { return key }
    return match?.mismatch(session, certainty)
  }

  /// Who is exempt, in words; `nil` when the session is not.
  func exemption(_ session: SessionContext) -> String? {
    guard let except, except.mismatch(session, .sure) == nil else { return nil }
    return except.words(session, .sure)
  }
}
