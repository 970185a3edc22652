internal import APIModel
internal import GatewayModel
internal import PolicyEngine

extension GrantDraft {
  /// The longest name: that of its document has a prefix, and 63 letters at most.
  private static let maximumName = 63 - PolicyDocument.grantPrefix.utf8.count

  /// The document that says the same, and what the log is told of it.
  ///
  /// - Throws: `invalid` naming the field.
  func checked() throws(ControlError) -> (PolicyDocument, ActDetail) {
    try Check.name(connection, field: "connection")
    try Check.serverName(role, field: "role")
    let (grantee, holder) = try grantee()
    let name = name ?? generatedName(for: holder)
    try Check.name(name, field: "name")
    guard name.utf8.count <= Self.maximumName else {
      throw Check.invalid("name", name, "Use at most \(Self.maximumName) letters.")
    }
    let grant = Grant(
      name: name, to: grantee, connection: connection, role: role, effects: try checkedEffects())
    var document: PolicyDocument
    do {
      document = try PolicyDocument(grant)
    } catch {
      throw ControlError(
        .invalid, "\(group == nil ? "principal" : "group"): \(error.message).",
        remedy: error.remedy)
    }
    if let maximumRows {
      guard (1...Int(Int32.max)).contains(maximumRows) else {
        throw Check.invalid(
          "maximumRows", "\(maximumRows)", "Use a number from 1 to \(Int32.max).")
      }
      document.grants[0].limits.maximumRows = maximumRows
    }
    let detail: ActDetail = [
      group == nil ? "principal" : "group": .text(holder), "connection": .text(connection),
      "role": .text(role), "effects": .texts(EffectList.names(grant.effects)),
      "maximum_rows": maximumRows.map { .number($0) },
    ]
    return (document, detail)
  }

  private func grantee() throws(ControlError) -> (Grant.Grantee, String) {
    switch (principal, group) {
    case (let principal?, nil):
      try Check.label(principal, field: "principal")
      return (.principal(principal), principal)
    case (nil, let group?):
      try Check.label(group, field: "group")
      return (.group(group), group)
    default:
      throw ControlError(
        .invalid, "principal, group: a grant is for exactly one of them.",
        remedy: "Name either a principal or a group.")
    }
  }

  private func checkedEffects() throws(ControlError) -> StatementEffects {
    guard let effects else { return EffectList.all }
    var checked: StatementEffects = []
    for name in effects {
      if name == "all" {
        checked.formUnion(EffectList.all)
      } else if let effect = StatementEffect(rawValue: name),
        !StatementEffect.always.contains(StatementEffects(effect))
      {
        checked.insert(StatementEffects(effect))
      } else {
        let known = StatementEffect.allCases
          .filter { !StatementEffect.always.contains(StatementEffects($0)) }.map(\.rawValue)
        throw Check.invalid("effects", name, "Use all, or of \(known.joined(separator: ", ")).")
      }
    }
    guard !checked.isEmpty else {
      throw ControlError(
        .invalid, "effects: a grant without effects lets nobody do anything.",
        remedy: "Name at least one, such as read, or leave them out for all.")
    }
    return checked
  }

  /// `<grantee>-<connection>-<role>` in the letters that names have, cut to their length.
  private func generatedName(for holder: String) -> String {
    let text = "\(holder)-\(connection)-\(role)".lowercased()
    let kept = text.unicodeScalars.map { scalar -> Character in
      let isKept =
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "."
        || scalar == "_" || scalar == "-"
      return isKept ? Character(scalar) : "-"
    }
    return String(kept.drop { !$0.isLetter && !$0.isNumber }.prefix(Self.maximumName))
  }
}

extension GrantInfo {
  init(_ grant: PolicyGrant, of document: PolicyDocument, since: WallTime) {
    self.init(
      name: grant.name, principal: grant.to.onlySubject, group: grant.to.onlyGroup,
      connection: document.on.words, role: grant.role,
      createdAt: TimeText.text(since), policy: document.name,
      effects: EffectList.names(grant.effects), to: grant.to.words,
      mode: document.mode == .observe ? PolicyMode.observe.rawValue : grant.mode.rawValue,
      maximumRows: grant.limits.maximumRows)
  }
}

extension ConnectionScope {
  /// `orders, billing-* (env: prod)`.
  fileprivate var words: String {
    let names = connections.isEmpty ? "*" : connections.map(\.text).joined(separator: ", ")
    guard !labels.isEmpty else { return names }
    let told = labels.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }
    return "\(names) (\(told.joined(separator: ", ")))"
  }
}

extension PrincipalSelector {
  fileprivate var onlySubject: String? {
    guard let subject = subjects.first, self == PrincipalSelector(subjects: [subject]) else {
      return nil
    }
    return subject.isExact ? subject.text : nil
  }

  fileprivate var onlyGroup: String? {
    guard let group = groups.first, self == PrincipalSelector(groups: [group]) else { return nil }
    return group.isExact ? group.text : nil
  }

  /// `users alice, bob; groups dba`.
  fileprivate var words: String {
    let lists: [(String, [String])] = [
      ("users", users.map(\.text)), ("services", services.map(\.text)),
      ("agents", agents.map(\.text)), ("subjects", subjects.map(\.text)),
      ("groups", groups.map(\.text)), ("kinds", kinds.map(\.rawValue)),
    ]
    return lists.filter { !$0.1.isEmpty }
      .map { "\($0.0) \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
  }
}
