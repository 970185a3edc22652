package import GatewayModel

/// Effects as documents list them: by name, or `all`, which is every effect but those that change who
/// the session is and those that need no grant.
package enum EffectList {
  /// What `all` stands for.
  package static let all = StatementEffects.grantable

  /// The names in a document's order; `["all"]` for ``all``.
  package static func names(_ effects: StatementEffects) -> [String] {
    effects == all ? ["all"] : effects.effects.map(\.rawValue)
  }

  static func decode<Key: CodingKey>(
    _ container: KeyedDecodingContainer<Key>, _ key: Key
  ) throws -> StatementEffects {
    let names: [String] = try container.list(key)
    var effects: StatementEffects = []
    for name in names {
      if name == "all" {
        effects.formUnion(all)
      } else if let effect = StatementEffect(rawValue: name) {
        effects.insert(StatementEffects(effect))
      } else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container,
          debugDescription: "the effect \"\(name)\" is not known to this version: update it")
      }
    }
    return effects
  }
}
