internal import Foundation
package import PolicyEngine

/// What changes between two sets of policies.
package struct PolicyDifference: Hashable, Sendable, Codable {
  package enum Change: String, Hashable, Sendable, Codable, CaseIterable {
    case added, removed, changed, moved
  }

  package enum Part: String, Hashable, Sendable, Codable, CaseIterable {
    case policy, grant, rule
  }

  /// A key whose value changes; `nil` where there is none.
  package struct Key: Hashable, Sendable, Codable {
    /// `to.groups`, `deny.effects`.
    package var name: String
    package var from: String?
    package var to: String?
  }

  package struct Item: Hashable, Sendable, Codable {
    package var change: Change
    package var part: Part
    package var policy: String
    /// Of the grant or rule; empty for a policy.
    package var name: String
    /// All that an added or removed part says, and what of a changed one is different.
    package var keys: [Key]
  }

  package var items: [Item]

  package var isEmpty: Bool { items.isEmpty }

  package init(from old: [PolicyDocument], to new: [PolicyDocument]) {
    items = []
    let oldNames = old.map(\.name)
    let newNames = new.map(\.name)
    for document in old where !newNames.contains(document.name) {
      items.append(Self.item(.removed, .policy, document.name, "", [:], [:]))
    }
    for document in new {
      guard let before = old.first(where: { $0.name == document.name }) else {
        items.append(
          Self.item(.added, .policy, document.name, "", [:], Self.head(document)))
        items += Self.parts(PolicyDocument(name: document.name), document)
        continue
      }
      let (from, to) = (Self.head(before), Self.head(document))
      if from != to { items.append(Self.item(.changed, .policy, document.name, "", from, to)) }
      items += Self.parts(before, document)
    }
    // Grants are looked at in the order of the policies, too.
    let kept = newNames.filter(oldNames.contains)
    if kept != oldNames.filter(newNames.contains) {
      for name in Self.moved(oldNames.filter(newNames.contains), kept) {
        items.append(Self.item(.moved, .policy, name, "", [:], [:]))
      }
    }
  }

  private static func parts(_ old: PolicyDocument, _ new: PolicyDocument) -> [Item] {
    parts(
      .grant, new.name, old.grants.map { ($0.name, FlatKeys.of($0)) },
      new.grants.map { ($0.name, FlatKeys.of($0)) })
      + parts(
        .rule, new.name, old.rules.map { ($0.name, FlatKeys.of($0)) },
        new.rules.map { ($0.name, FlatKeys.of($0)) })
  }

  private static func parts(
    _ part: Part, _ policy: String, _ old: [(name: String, keys: [String: String])],
    _ new: [(name: String, keys: [String: String])]
  ) -> [Item] {
    var items: [Item] = []
    for entry in old where !new.contains(where: { $0.name == entry.name }) {
      items.append(item(.removed, part, policy, entry.name, entry.keys, [:]))
    }
    for entry in new {
      guard let before = old.first(where: { $0.name == entry.name }) else {
        items.append(item(.added, part, policy, entry.name, [:], entry.keys))
        continue
      }
      if before.keys != entry.keys {
        items.append(item(.changed, part, policy, entry.name, before.keys, entry.keys))
      }
    }
    let (oldNames, newNames) = (old.map(\.name), new.map(\.name))
    for name in moved(oldNames.filter(newNames.contains), newNames.filter(oldNames.contains)) {
      items.append(item(.moved, part, policy, name, [:], [:]))
    }
    return items
  }

  /// The first name that stands elsewhere: one is enough to say that the order is another.
  private static func moved(_ old: [String], _ new: [String]) -> [String] {
    zip(old, new).first { $0 != $1 }.map { [$1] } ?? []
  }

  private static func item(
    _ change: Change, _ part: Part, _ policy: String, _ name: String, _ from: [String: String],
    _ to: [String: String]
  ) -> Item {
    let keys = Set(from.keys).union(to.keys).sorted().filter { from[$0] != to[$0] && $0 != "name" }
    return Item(
      change: change, part: part, policy: policy, name: name,
      keys: keys.map { Key(name: $0, from: from[$0], to: to[$0]) })
  }

  /// What a policy says besides its grants and rules.
  private static func head(_ document: PolicyDocument) -> [String: String] {
    var head = document
    head.grants = []
    head.rules = []
    return FlatKeys.of(head).filter { $0.key != "policy" }
  }

  /// For people: a line for each part, and one for each key below it.
  package var text: String {
    items.map(\.text).joined(separator: "\n")
  }
}

extension PolicyDifference.Item {
  package var text: String {
    let sign =
      switch change {
      case .added: "+"
      case .removed: "-"
      case .changed: "~"
      case .moved: ">"
      }
    let title = "\(sign) \(part.rawValue) \(policy)\(name.isEmpty ? "" : "/\(name)")"
    let note = change == .moved ? " stands elsewhere in the order" : ""
    guard change != .removed else { return title }
    return ([title + note] + keys.map { "    \($0.text)" }).joined(separator: "\n")
  }
}

extension PolicyDifference.Key {
  package var text: String {
    switch (from, to) {
    case (let from?, let to?): "\(name): \(from) -> \(to)"
    case (nil, let to?): "\(name): \(to)"
    case (let from?, nil): "\(name): \(from) -> (none)"
    case (nil, nil): name
    }
  }
}

/// What a part says, as keys with dots and values on one line.
enum FlatKeys {
  static func of(_ value: some Encodable) -> [String: String] {
    // The documents' own JSON form has the keys of the YAML form. It cannot fail on them: they are
    // texts, numbers and lists.
    guard let data = try? JSONEncoder().encode(value),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return [:] }
    var keys: [String: String] = [:]
    flatten(object, "", into: &keys)
    return keys
  }

  private static func flatten(
    _ object: [String: Any], _ prefix: String, into keys: inout [String: String]
  ) {
    for (name, value) in object {
      let path = prefix.isEmpty ? name : "\(prefix).\(name)"
      if let inner = value as? [String: Any] {
        flatten(inner, path, into: &keys)
      } else if let list = value as? [Any] {
        keys[path] = "[" + list.map { "\($0)" }.joined(separator: ", ") + "]"
      } else if let flag = value as? Bool, path.hasSuffix("opaque") || path.hasSuffix("unfiltered")
      {
        keys[path] = flag ? "true" : "false"
      } else {
        keys[path] = "\(value)"
      }
    }
  }
}
