internal import GatewayModel
internal import PolicyEngine

extension NodeReading {
  /// A grant and where its name stands; `nil` where the node is no mapping.
  func grant(_ node: YAMLNode) -> (PolicyGrant, SourcePlace)? {
    let what = "a grant"
    guard let keys = keys(node, PolicyGrant.CodingKeys.names, of: what) else { return nil }
    if keys["name"] == nil { missing("name", of: what, at: node.place, "name: analysts-read") }
    if keys["to"] == nil {
      missing(
        "to", of: what, at: node.place, "to: { groups: [analysts] }; everybody is subjects: [\"*\"]"
      )
    }
    if keys["role"] == nil { missing("role", of: what, at: node.place, "role: readonly") }
    if keys["effects"] == nil { missing("effects", of: what, at: node.place, "effects: [read]") }
    var grant = PolicyGrant(
      name: name(keys["name"]) ?? "", to: selector(keys["to"]) ?? PrincipalSelector(),
      role: text(keys["role"], maximumBytes: 63) ?? "",
      effects: effects(keys["effects"], inGrant: true))
    grant.message = text(keys["message"])
    grant.mode = word(keys["mode"], PolicyMode.self) ?? .enforce
    grant.functions = values(keys["functions"], TablePattern.self)
    grant.tables = values(keys["tables"], TablePattern.self)
    grant.when = conditions(keys["when"])
    grant.maximumDepth = maximumDepth(keys["delegation"])
    grant.limits = GrantLimits(
      maximumRows: count(keys["max_rows"]),
      maximumStatementBytes: count(keys["max_statement_bytes"], SizeLimits.statementBytes),
      statementTimeout: value(keys["statement_timeout"], TimeSpan.self),
      idleTimeout: value(keys["idle_timeout"], TimeSpan.self),
      maximumSessions: count(keys["max_sessions"]))
    return (grant, keys["name"]?.value.place ?? node.place)
  }

  private func conditions(_ entry: YAMLNode.Entry?) -> GrantConditions {
    guard let entry,
      let keys = keys(entry.value, GrantConditions.CodingKeys.names, of: "\"when\"")
    else { return GrantConditions() }
    return GrantConditions(
      times: values(keys["times"], TimeWindow.self),
      networks: values(keys["networks"], Network.self))
  }

  private func maximumDepth(_ entry: YAMLNode.Entry?) -> Int? {
    guard let entry,
      let keys = keys(entry.value, PolicyGrant.DelegationKeys.names, of: "\"delegation\"")
    else { return nil }
    if keys["max_depth"] == nil {
      missing("max_depth", of: "\"delegation\"", at: entry.value.place, "max_depth: 2")
    }
    return count(keys["max_depth"], 0...100)
  }
}
