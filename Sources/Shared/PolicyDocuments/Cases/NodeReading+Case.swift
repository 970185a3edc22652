internal import Foundation
internal import GatewayModel
internal import PolicyEngine

extension NodeReading {
  private static let requestKeys = [
    "who", "connection", "role", "application", "address", "at", "sql",
  ]

  /// The cases of one document: `defaults`, if there are any, and `cases`.
  func cases(_ node: YAMLNode) -> [PolicyCase] {
    guard let keys = keys(node, ["defaults", "cases"], of: "a test file") else { return [] }
    var defaults: [String: YAMLNode.Entry] = [:]
    if let entry = keys["defaults"] {
      defaults = self.keys(entry.value, Self.requestKeys, of: "\"defaults\"") ?? [:]
    }
    guard let entry = keys["cases"], case .list(let nodes) = entry.value.content, !nodes.isEmpty
    else {
      missing("cases", of: "the test file", at: node.place, "a list, each item with sql and expect")
      return []
    }
    return nodes.compactMap { policyCase($0, defaults) }
  }

  private func policyCase(
    _ node: YAMLNode, _ defaults: [String: YAMLNode.Entry]
  ) -> PolicyCase? {
    let what = "a case"
    guard let own = keys(node, ["name"] + Self.requestKeys + ["expect"], of: what) else {
      return nil
    }
    let keys = defaults.merging(own) { $1 }
    for key in ["who", "connection", "expect"] where keys[key] == nil {
      missing(key, of: what, at: node.place, Self.examples[key] ?? "")
    }
    guard let who = who(keys["who"]), let connection = connection(keys["connection"]),
      let expected = expectation(keys["expect"]), let at = time(keys["at"])
    else { return nil }
    let sql = sql(keys["sql"])
    if sql == nil, expected.verdict == .deny || expected.verdict == .hold {
      refuse(
        node.place, "the case expects \(expected.verdict.rawValue) and has no sql",
        remedy: "add sql, or expect entry-denied")
      return nil
    }
    return PolicyCase(
      name: text(keys["name"]) ?? sql.map { String($0.prefix(60)) } ?? "entry", place: node.place,
      request: EntryRequest(
        principal: who.principal, actors: who.actors, connection: connection.name,
        labels: connection.labels, requestedRole: text(keys["role"]),
        clientAddress: text(keys["address"]) ?? "127.0.0.1:5432",
        application: text(keys["application"]) ?? "", at: at),
      sql: sql, expected: expected)
  }

  private static let examples = [
    "who": "who: { user: alice@example.com, groups: [analysts] }",
    "connection": "connection: orders", "expect": "expect: { decision: allow }",
  ]

  /// SQL may have lines and be long.
  private func sql(_ entry: YAMLNode.Entry?) -> String? {
    guard let entry else { return nil }
    guard case .scalar(let text, _) = entry.value.content else {
      refuse(entry.value.place, "\"sql\" is \(entry.value.excerpt)", remedy: "write one text")
      return nil
    }
    return text
  }

  private func who(_ entry: YAMLNode.Entry?) -> (principal: Principal, actors: ActorChain)? {
    guard let entry,
      let keys = keys(
        entry.value, ["user", "service", "agent", "groups", "actors"], of: "\"who\""),
      let actor = actor(keys, of: "\"who\"", entry.value.place)
    else { return nil }
    let principal = Principal(
      issuer: "test", subject: actor.subject, groups: items(keys["groups"]).map(\.text),
      kind: actor.kind)
    guard let chain = keys["actors"] else { return (principal, ActorChain(principal: principal)) }
    guard case .list(let nodes) = chain.value.content, !nodes.isEmpty else {
      refuse(
        chain.value.place, "\"actors\" is \(chain.value.excerpt)",
        remedy: "write a list, the current actor first, such as [{ agent: bot }, { user: alice }]")
      return nil
    }
    let actors = nodes.compactMap { node -> Actor? in
      guard
        let keys = self.keys(node, ["user", "service", "agent", "verified"], of: "an actor"),
        var actor = self.actor(keys, of: "an actor", node.place)
      else { return nil }
      actor.verified = flag(keys["verified"]) ?? true
      return actor
    }
    return actors.count == nodes.count ? (principal, ActorChain(actors: actors)) : nil
  }

  private func actor(
    _ keys: [String: YAMLNode.Entry], of what: String, _ place: SourcePlace
  ) -> Actor? {
    let kinds: [(key: String, kind: Principal.Kind)] = [
      ("user", .user), ("service", .service), ("agent", .aiAgent),
    ]
    let given = kinds.filter { keys[$0.key] != nil }
    guard let first = given.first, given.count == 1 else {
      refuse(
        place, "\(what) has \(given.count) of user, service and agent",
        remedy: "write exactly one, such as user: alice@example.com")
      return nil
    }
    return text(keys[first.key]).map { Actor(subject: $0, kind: first.kind, verified: true) }
  }

  private func connection(_ entry: YAMLNode.Entry?) -> (name: String, labels: [String: String])? {
    guard let entry else { return nil }
    if case .scalar = entry.value.content { return text(entry).map { ($0, [:]) } }
    guard let keys = keys(entry.value, ["name", "labels"], of: "\"connection\"") else { return nil }
    guard let name = text(keys["name"]) else {
      missing("name", of: "\"connection\"", at: entry.value.place, "name: orders")
      return nil
    }
    guard let labels = keys["labels"] else { return (name, [:]) }
    guard case .map(let entries) = labels.value.content else {
      refuse(
        labels.value.place, "\"labels\" is \(labels.value.excerpt)",
        remedy: "write a mapping, such as { env: prod }")
      return nil
    }
    return (name, entries.reduce(into: [:]) { $0[$1.key] = text($1) ?? "" })
  }

  /// A Monday at noon where none is given.
  private func time(_ entry: YAMLNode.Entry?) -> WallTime? {
    guard let entry else { return WallTime(unixNanoseconds: 1_767_614_400_000_000_000) }
    guard let text = text(entry) else { return nil }
    guard let date = try? Date(text, strategy: .iso8601),
      abs(date.timeIntervalSince1970) < 8_000_000_000
    else {
      refuse(
        entry.value.place, "\"at\" is \(entry.value.excerpt)",
        remedy: "write a time such as 2026-01-05T12:00:00Z")
      return nil
    }
    return WallTime(unixNanoseconds: Int64(date.timeIntervalSince1970) * 1_000_000_000)
  }

  private func expectation(_ entry: YAMLNode.Entry?) -> PolicyCase.Expectation? {
    guard let entry,
      let keys = keys(
        entry.value, ["decision", "rule", "masks", "max_rows", "observed"], of: "\"expect\"")
    else { return nil }
    guard let decision = keys["decision"] else {
      missing("decision", of: "\"expect\"", at: entry.value.place, "decision: allow")
      return nil
    }
    guard let verdict = word(decision, PolicyCase.Verdict.self) else { return nil }
    return PolicyCase.Expectation(
      verdict: verdict, rule: ruleName(keys["rule"]), masks: names(keys["masks"]),
      maximumRows: count(keys["max_rows"]), observed: names(keys["observed"]))
  }

  private func ruleName(_ entry: YAMLNode.Entry?) -> String? {
    guard let entry, let text = text(entry) else { return nil }
    guard text == "none" || text.split(separator: "/").count == 2 else {
      refuse(
        entry.value.place, "\"rule\" is \(entry.value.excerpt)",
        remedy: "write the policy and the rule or grant, such as orders-prod/app, or none")
      return nil
    }
    return text
  }

  /// A list that may be empty: that none is expected says something.
  private func names(_ entry: YAMLNode.Entry?) -> [String]? {
    guard let entry else { return nil }
    if case .list(let nodes) = entry.value.content, nodes.isEmpty { return [] }
    return items(entry).map(\.text)
  }
}
