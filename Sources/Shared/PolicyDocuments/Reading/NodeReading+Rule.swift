internal import GatewayModel
internal import PolicyEngine

extension NodeReading {
  /// A rule and where its name stands; `nil` where it does nothing.
  func rule(_ node: YAMLNode) -> (PolicyRule, SourcePlace)? {
    let what = "a rule"
    guard let keys = keys(node, PolicyRule.CodingKeys.names, of: what) else { return nil }
    if keys["name"] == nil { missing("name", of: what, at: node.place, "name: no-schema-changes") }
    let actions = PolicyRule.actionKeys.compactMap { keys[$0.stringValue] }
    guard let entry = actions.first, actions.count == 1 else {
      refuse(
        actions.dropFirst().first?.place ?? node.place,
        actions.isEmpty
          ? "the rule does nothing"
          : "the rule has \(actions.map { "\"\($0.key)\"" }.joined(separator: " and "))",
        remedy: "write exactly one of deny, hold, allow and mask")
      return nil
    }
    for key in ["approvers", "wait"] where entry.key != "hold" {
      guard let stray = keys[key] else { continue }
      refuse(
        stray.place, "the rule has \"\(key)\" and no \"hold\"",
        remedy: "leave it out, or write hold instead of \(entry.key)")
    }
    guard let action = action(entry, keys) else { return nil }
    return (
      PolicyRule(
        name: name(keys["name"]) ?? "", message: text(keys["message"]), hint: text(keys["hint"]),
        mode: word(keys["mode"], PolicyMode.self) ?? .enforce, to: selector(keys["to"]),
        except: selector(keys["except"]), action: action),
      keys["name"]?.value.place ?? node.place
    )
  }

  private func action(
    _ entry: YAMLNode.Entry, _ keys: [String: YAMLNode.Entry]
  ) -> PolicyRule.Action? {
    switch entry.key {
    case "mask": mask(entry).map { .mask($0) }
    case "hold":
      match(entry).map {
        .hold(
          $0,
          HoldTerms(
            approvers: selector(keys["approvers"]), wait: value(keys["wait"], TimeSpan.self)))
      }
    case "allow": match(entry).map { .allow($0) }
    default: match(entry).map { .deny($0) }
    }
  }

  private func mask(_ entry: YAMLNode.Entry) -> ColumnMask? {
    let what = "\"mask\""
    guard let keys = keys(entry.value, ColumnMask.CodingKeys.names, of: what) else { return nil }
    if keys["columns"] == nil {
      missing("columns", of: what, at: entry.value.place, "columns: [public.customers.email]")
    }
    if keys["with"] == nil { missing("with", of: what, at: entry.value.place, "with: email") }
    return ColumnMask(
      columns: values(keys["columns"], ColumnPattern.self), with: name(keys["with"]) ?? "")
  }

  private func match(_ entry: YAMLNode.Entry) -> StatementMatch? {
    guard
      let keys = keys(entry.value, StatementMatch.CodingKeys.names, of: "\"\(entry.key)\"")
    else { return nil }
    if entry.key == "allow" {
      if keys["effects"] == nil {
        missing("effects", of: "\"allow\"", at: entry.value.place, "effects: [session]")
      }
      if let applications = keys["applications"] {
        refuse(
          applications.place, "\"allow\" asks for \"applications\"",
          remedy: "leave it out: a client calls itself what it likes")
      }
    }
    return StatementMatch(
      effects: effects(keys["effects"], inGrant: false), commands: commands(keys["commands"]),
      tables: values(keys["tables"], TablePattern.self),
      reads: values(keys["reads"], TablePattern.self),
      writes: values(keys["writes"], TablePattern.self),
      columns: values(keys["columns"], ColumnPattern.self),
      functions: values(keys["functions"], TablePattern.self), opaque: flag(keys["opaque"]),
      unfiltered: flag(keys["unfiltered"]), settings: values(keys["settings"], SettingPattern.self),
      times: values(keys["times"], TimeWindow.self),
      networks: values(keys["networks"], Network.self),
      kinds: words(keys["kinds"], Principal.Kind.self), depth: depth(keys["depth"]),
      applications: values(keys["applications"], NamePattern.self))
  }

  private func commands(_ entry: YAMLNode.Entry?) -> [CommandPattern] {
    items(entry).compactMap { item in
      guard let command: CommandPattern = value(item.text, item.place) else { return nil }
      guard CommandNames.matched(by: command) else {
        refuse(
          item.place, "no command is called \(YAMLNode.quoted(item.text))",
          remedy: Suggestion.nearest(to: item.text, in: CommandNames.all)
            .map { "did you mean \"\($0)\"?" }
            ?? "write a command such as DROP TABLE, or a pattern such as \"DROP *\"")
        return nil
      }
      return command
    }
  }

  private func depth(_ entry: YAMLNode.Entry?) -> DepthRange? {
    guard let entry,
      let keys = keys(entry.value, DepthRange.CodingKeys.names, of: "\"depth\"")
    else { return nil }
    let range = DepthRange(
      minimum: count(keys["min"], 0...100), maximum: count(keys["max"], 0...100))
    if let minimum = range.minimum, let maximum = range.maximum, minimum > maximum {
      refuse(
        entry.value.place, "\"depth\" is from \(minimum) to \(maximum)",
        remedy: "write a min that is not above max")
    }
    return range
  }
}
