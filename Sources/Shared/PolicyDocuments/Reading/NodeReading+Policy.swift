internal import GatewayModel
internal import PolicyEngine

extension NodeReading {
  /// A policy; `nil` where something is wrong with it.
  func policy(_ node: YAMLNode) -> LocatedPolicy? {
    let what = "a policy"
    guard let keys = keys(node, PolicyDocument.CodingKeys.names, of: what) else { return nil }
    if keys["policy"] == nil { missing("policy", of: what, at: node.place, "policy: orders-prod") }
    let name = name(keys["policy"]) ?? ""
    var document = PolicyDocument(name: name)
    document.mode = word(keys["mode"], PolicyMode.self) ?? .enforce
    if let on = keys["on"] { document.on = scope(on.value) }
    var policy = LocatedPolicy(
      document: document, place: keys["policy"]?.value.place ?? node.place,
      scope: keys["on"]?.place ?? node.place, grants: [], rules: [])
    for node in nodes(keys["grants"]) {
      guard let (grant, place) = grant(node) else { continue }
      policy.document.grants.append(grant)
      policy.grants.append(place)
    }
    for node in nodes(keys["rules"]) {
      guard let (rule, place) = rule(node) else { continue }
      policy.document.rules.append(rule)
      policy.rules.append(place)
    }
    if keys["grants"] == nil, keys["rules"] == nil {
      refuse(node.place, "the policy has no grants and no rules", remedy: "add some")
    }
    checkNames(policy)
    return hasErrors ? nil : policy
  }

  /// Decisions name a grant or a rule by its policy and its own name.
  private func checkNames(_ policy: LocatedPolicy) {
    var first: [String: SourcePlace] = [:]
    let document = policy.document
    let named = zip(
      document.grants.map(\.name) + document.rules.map(\.name), policy.grants + policy.rules)
    for (name, place) in named where !name.isEmpty {
      if let earlier = first[name] {
        refuse(
          place, "the name \"\(name)\" stands twice in the policy",
          remedy: "rename one; the first is in line \(earlier.line)")
      } else {
        first[name] = place
      }
    }
  }

  /// The mappings of a list.
  private func nodes(_ entry: YAMLNode.Entry?) -> [YAMLNode] {
    guard let entry else { return [] }
    guard case .list(let nodes) = entry.value.content else {
      refuse(
        entry.value.place, "\"\(entry.key)\" is \(entry.value.excerpt)",
        remedy: "write a list, each item beginning with \"- name:\"")
      return []
    }
    guard !nodes.isEmpty, nodes.count <= Self.maximumItems else {
      refuse(
        entry.value.place, "\"\(entry.key)\" is a list of \(nodes.count)",
        remedy: nodes.isEmpty
          ? "leave the key out" : "write at most \(Self.maximumItems), and split the policy")
      return []
    }
    return nodes
  }

  private func scope(_ node: YAMLNode) -> ConnectionScope {
    guard let keys = keys(node, ConnectionScope.CodingKeys.names, of: "\"on\"") else {
      return ConnectionScope()
    }
    var scope = ConnectionScope(connections: values(keys["connections"], NamePattern.self))
    guard let labels = keys["labels"] else { return scope }
    guard case .map(let entries) = labels.value.content, !entries.isEmpty else {
      refuse(
        labels.value.place, "\"labels\" is \(labels.value.excerpt)",
        remedy: "write a mapping, such as { env: prod }")
      return scope
    }
    for entry in entries {
      guard !entry.value.isNull else {
        refuse(
          entry.value.place, "the label \(YAMLNode.quoted(entry.key)) has no value",
          remedy: "write one; \"*\" is any")
        continue
      }
      scope.labels[entry.key] = value(entry, NamePattern.self)
    }
    return scope
  }

  func selector(_ entry: YAMLNode.Entry?) -> PrincipalSelector? {
    guard let entry,
      let keys = keys(
        entry.value, PrincipalSelector.CodingKeys.names, of: "\"\(entry.key)\"")
    else { return nil }
    return PrincipalSelector(
      users: values(keys["users"], NamePattern.self),
      services: values(keys["services"], NamePattern.self),
      agents: values(keys["agents"], NamePattern.self),
      subjects: values(keys["subjects"], NamePattern.self),
      groups: values(keys["groups"], NamePattern.self),
      kinds: words(keys["kinds"], Principal.Kind.self))
  }

  func effects(_ entry: YAMLNode.Entry?, inGrant: Bool) -> StatementEffects {
    var effects: StatementEffects = []
    for item in items(entry) {
      if item.text == "all" {
        effects.formUnion(EffectList.all)
      } else if let effect = StatementEffect(rawValue: item.text) {
        guard !inGrant || !StatementEffect.always.contains(StatementEffects(effect)) else {
          refuse(
            item.place, "a grant names the effect \"\(item.text)\"",
            remedy: "leave it out: every session has it")
          continue
        }
        effects.insert(StatementEffects(effect))
      } else {
        refuse(
          item.place, "the effect \(YAMLNode.quoted(item.text)) is unknown",
          remedy: Suggestion.remedy(item.text, StatementEffect.allCases.map(\.rawValue) + ["all"]))
      }
    }
    return effects
  }
}

extension CodingKey where Self: CaseIterable {
  /// As documents write them, in the canonical order.
  static var names: [String] { allCases.map(\.stringValue) }
}
